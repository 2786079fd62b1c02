"""Splits that cannot leak: overlap is refused where a split is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.task import TaskRows
from zoo.errors import SplitError


@dataclass(frozen=True)
class Split:
    """Training and test rows of one fold, from different glasses.

    Attributes
    ----------
    train, test : ndarray of int64
        Row numbers.
    glass : ndarray of shape (n_rows,)
        Glass of every row; the same number for glasses of one origin.
    states : ndarray of shape (n_rows, 2), optional
        End states of every pair.

    Raises
    ------
    SplitError
        A row, a glass or an inherent structure would be on both sides, or a side is empty.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    glass: NDArray[np.int32]
    states: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        _refuse_shared_rows(self.train, self.test)
        shared = np.intersect1d(self.glass[self.train], self.glass[self.test])
        if len(shared):
            raise SplitError(
                "training and test rows must come from different glasses, "
                f"but glass number {shared[0]} is on both sides"
            )
        if self.states is not None:
            common = np.intersect1d(self.states[self.train], self.states[self.test])
            if len(common):
                raise SplitError(
                    f"training and test pairs must not share an inherent structure, but {len(common)} are on both sides"
                )


@dataclass(frozen=True)
class OptimisticSplit:
    """Rows drawn at random, so that atoms of one glass are on both sides.

    It leaks by construction and is run only to show how much better a score looks under it.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]

    def __post_init__(self) -> None:
        _refuse_shared_rows(self.train, self.test)


def split_by_glass(rows: TaskRows) -> list[Split]:
    """The folds of a task: each glass is tested once, strata are dealt out evenly, glasses of one origin stay together.

    Raises
    ------
    SplitError
        There are fewer glasses (of different origin) than folds, or a fold lacks a class.
    """
    names = rows.origin or rows.glass_names
    origins = list(dict.fromkeys(names))
    origin_of = np.array([origins.index(name) for name in names], dtype=np.int32)
    folds, n_origins = rows.task.folds, len(origins)
    if folds < 2 or n_origins < folds:
        shared = f" of {n_origins} origins" if n_origins < len(names) else ""
        raise SplitError(
            f"task {rows.task.name} asks for {folds} folds by glass and {rows.task.dataset} has {len(names)} glasses"
            f"{shared}: add glasses or lower folds (at least 2)"
        )
    random = np.random.default_rng(rows.task.seed)
    order = random.permutation(n_origins)
    strata = np.array([rows.stratum[names.index(origin)] for origin in origins])
    order = order[np.argsort(strata[order], kind="stable")]
    fold_of = np.empty(n_origins, dtype=np.int64)
    fold_of[order] = np.arange(n_origins) % folds
    glass = origin_of[rows.glass]
    splits = []
    for fold in range(folds):
        is_test = fold_of[glass] == fold
        split = Split(np.flatnonzero(~is_test), np.flatnonzero(is_test), glass, rows.states)
        _require_both_classes(rows, split, fold)
        splits.append(split)
    return splits


def split_at_random(rows: TaskRows) -> list[OptimisticSplit]:
    """As many folds as the task has, of rows drawn at random."""
    order = np.random.default_rng([rows.task.seed, 1]).permutation(len(rows))
    parts = np.array_split(order, rows.task.folds)
    return [
        OptimisticSplit(np.sort(np.concatenate(parts[:fold] + parts[fold + 1 :])), np.sort(parts[fold]))
        for fold in range(rows.task.folds)
    ]


def hold_out_glasses(glass: NDArray[np.integer], seed: int) -> NDArray[np.bool_]:
    """Rows of about a quarter of the glasses (at least one), to choose a threshold on; all False with one glass."""
    names = np.unique(glass)
    if len(names) < 2:
        return np.zeros(len(glass), bool)
    chosen = np.random.default_rng([seed, 2]).permutation(names)[: max(1, len(names) // 4)]
    return np.isin(glass, chosen)


def _refuse_shared_rows(train: NDArray[np.int64], test: NDArray[np.int64]) -> None:
    if not len(train) or not len(test):
        raise SplitError(f"both sides of a split need rows, got {len(train)} for training and {len(test)} for testing")
    shared = np.intersect1d(train, test)
    if len(shared) or len(np.unique(train)) < len(train) or len(np.unique(test)) < len(test):
        raise SplitError(f"a row must be on one side of a split, once; {len(shared)} are on both")


def _require_both_classes(rows: TaskRows, split: Split, fold: int) -> None:
    if rows.task.kind != "classification":
        return
    for side, members in (("training", split.train), ("test", split.test)):
        if len(np.unique(rows.target[members])) < 2:
            raise SplitError(
                f"both classes must occur on both sides, but the {side} rows of fold {fold} of task {rows.task.name} "
                f"all have label {rows.target[members][0]:g}: use fewer folds or another label rule"
            )
