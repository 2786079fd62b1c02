"""Exact Shapley values of trees and of sums of trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ExplainError

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
ROWS = 4096
"""Rows that walk down a tree together."""


@dataclass(frozen=True)
class Tree:
    """A binary tree: node 0 is the root, ``left`` and ``right`` are negative at leaves.

    Attributes
    ----------
    left, right, feature : ndarray of shape (n_nodes,), int32
    threshold, value : ndarray of shape (n_nodes,), float64
        A row goes left if its value is not above the threshold.
    """

    left: Ints
    right: Ints
    feature: Ints
    threshold: Floats
    value: Floats

    @property
    def depth(self) -> int:
        """Splits on the longest path."""
        level = np.zeros(len(self.left), np.int64)
        for node in np.flatnonzero(self.left >= 0):  # parents come before their children
            level[self.left[node]] = level[self.right[node]] = level[node] + 1
        return int(level.max())


@dataclass(frozen=True)
class Trees:
    """A sum of trees and a constant."""

    trees: tuple[Tree, ...]
    offset: float

    def predict(self, x: NDArray[Any]) -> Floats:
        """Sum over the trees for every row of ``x`` (n_rows, n_columns), shape (n_rows,)."""
        from zoo.explain._tree_kernel import sum_of_leaves

        columns = np.ascontiguousarray(np.asarray(x, np.float64).T)
        out = np.full(columns.shape[1], self.offset)
        for tree in self.trees:
            sum_of_leaves(tree.left, tree.right, tree.feature, tree.threshold, tree.value, columns, out)
        return out

    def shapley(self, x: NDArray[Any], background: NDArray[Any]) -> Floats:
        """Interventional Shapley values, exact but for rounding.

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_columns)
            Finite.
        background : ndarray of shape (n_background, n_columns)
            What absent columns are replaced by: the mean over its rows is taken.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), float64
            With the mean of ``predict`` over the background they add up to ``predict``.

        Raises
        ------
        ExplainError
            More than 64 different columns decide on one path of a tree.
        """
        absent = np.ascontiguousarray(np.asarray(background, np.float64).T)
        values = np.empty(np.shape(x), np.float64)
        walks = [_Walk(tree) for tree in self.trees]
        for first in range(0, len(values), ROWS):
            columns = np.ascontiguousarray(np.asarray(x[first : first + ROWS], np.float64).T)
            phi = np.zeros(columns.shape[::-1])
            for walk in walks:
                walk.add(columns, absent, phi)
            values[first : first + ROWS] = phi
        return values


class _Walk:
    """A tree made ready for rows, as columns: of rows that meet the same of its conditions only one walks down."""

    def __init__(self, tree: Tree) -> None:
        self.tree, self.depth, self.value = tree, tree.depth, _shifted(tree)
        inner = np.flatnonzero(tree.left >= 0)
        self.conditions = list(dict.fromkeys(zip(tree.feature[inner], tree.threshold[inner], strict=True)))

    def add(self, x: Floats, background: Floats, phi: Floats) -> None:
        """Add the values of the rows of ``x``, (n_columns, n_rows), to ``phi``, (n_rows, n_columns)."""
        if 2 ** len(self.conditions) > x.shape[1]:
            self._add(x, background, phi)
            return
        met = np.zeros(x.shape[1], np.int64)
        for bit, (column, border) in enumerate(self.conditions):
            met |= (x[column] <= border).astype(np.int64) << bit
        number = np.full(2 ** len(self.conditions), -1)
        first = np.full(len(number), -1)
        first[met[::-1]] = np.arange(len(met))[::-1]
        found = np.flatnonzero(first >= 0)
        number[found] = np.arange(len(found))
        of_patterns = np.zeros((len(found), len(x)))
        self._add(np.ascontiguousarray(x[:, first[found]]), background, of_patterns)
        for column in {column for column, _ in self.conditions}:
            phi[:, column] += of_patterns[number[met], column]

    def _add(self, x: Floats, background: Floats, phi: Floats) -> None:
        from zoo.explain._tree_kernel import MOST_COLUMNS, SHARES, add_tree

        shape = self.tree.left, self.tree.feature, self.tree.threshold, self.tree.right
        if not add_tree(*shape, self.value, self.depth, x, background, SHARES, phi):
            raise ExplainError(
                f"a path of a tree may ask about {MOST_COLUMNS} different columns at most: limit the depth of the "
                "trees (mode tuned does)"
            )


def _shifted(tree: Tree) -> Floats:
    """Values of the leaves less the most frequent one: a constant changes no difference, and zeros cost nothing."""
    leaf = tree.left < 0
    found, times = np.unique(tree.value[leaf], return_counts=True)
    return np.where(leaf, tree.value - found[times.argmax()], 0.0)


def read_trees(estimator: Any) -> Trees:
    """The trees of a fitted estimator, by shap's readers: log-odds of boosted classes, probabilities of averaged ones.

    Raises
    ------
    ExplainError
        shap cannot read it, or it has more than two classes.
    """
    from shap.explainers._tree import TreeEnsemble  # type: ignore[import-untyped, unused-ignore]

    name = type(estimator).__name__
    try:
        found = TreeEnsemble(estimator)
    except Exception as error:  # whatever shap raises about a model that it does not know
        raise ExplainError(f"the trees of {name} cannot be read: {error}") from error
    if found.values.shape[2] > 2 or found.num_stacked_models != 1:
        raise ExplainError(f"trees are explained for one output, {name} has several")
    scale, offset = 1.0, float(np.ravel(np.asarray(found.base_offset, float))[-1])
    if hasattr(estimator, "get_scale_and_bias"):  # CatBoost's, which shap 0.51 leaves out
        scale, offset = estimator.get_scale_and_bias()
    at_leaf = found.children_left < 0
    output = found.values.shape[2] - 1  # that of class 1
    trees = []
    for k, n_nodes in enumerate(found.num_nodes):
        part = slice(0, int(n_nodes))
        trees.append(
            Tree(
                np.ascontiguousarray(found.children_left[k, part], np.int32),
                np.ascontiguousarray(found.children_right[k, part], np.int32),
                np.ascontiguousarray(np.maximum(found.features[k, part], 0), np.int32),
                np.ascontiguousarray(found.thresholds[k, part], np.float64),
                np.where(at_leaf[k, part], scale * found.values[k, part, output], 0.0).astype(np.float64),
            )
        )
    return Trees(tuple(trees), float(offset))
