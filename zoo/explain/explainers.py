"""How each kind of model is explained: the contract is one definition of the values, whatever they are computed by.

The value of column j for a row x is its Shapley value in the game whose players are the columns; absent columns are
replaced by those of a background row, and the mean over the background is taken (interventional values). With the base
(mean output over the background) the values of a row add up to the output. Decision 0012 says which output that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.training import predict_scores
from zoo.errors import ExplainError
from zoo.explain.sampling import sampled_shapley
from zoo.explain.trees import Trees, read_trees
from zoo.features.declaration import FloatArray
from zoo.models.declaration import ModelFamily, TaskKind

Floats = NDArray[np.float64]
Space = Literal["log-odds", "probability", "margin", "value"]

AGREEMENT = 1e-4
"""Largest difference, in standard deviations, between what is explained and what the estimator itself predicts: sums of
float32 numbers differ by some 1e-6, a tree that was misread by 1e-2 or more."""


class Explainer(Protocol):
    """A fitted model that can be explained.

    Attributes
    ----------
    space : {"log-odds", "probability", "margin", "value"}
        What its output is.
    method : str
        How its values are found, in words.
    exact : bool
        But for rounding.
    disagreement : float
        Largest difference between its output and the estimator's own score, in standard deviations of the latter.
    """

    @property
    def space(self) -> Space: ...
    @property
    def method(self) -> str: ...
    @property
    def exact(self) -> bool: ...
    @property
    def disagreement(self) -> float: ...

    def output(self, x: FloatArray) -> Floats:
        """What is explained, shape (n_rows,)."""

    def values(self, x: FloatArray, background: FloatArray) -> tuple[Floats, Floats | None]:
        """Values, shape (n_rows, n_columns), and their standard errors where they are sampled."""


@dataclass
class TreesExplainer:
    """A tree or a sum of trees: log-odds of boosted classes, probability of averaged trees, value of a regression."""

    trees: Trees
    space: Space
    disagreement: float
    method: str = "trees, exact"
    exact: bool = True

    def output(self, x: FloatArray) -> Floats:
        """Sum over the trees."""
        return self.trees.predict(x)

    def values(self, x: FloatArray, background: FloatArray) -> tuple[Floats, None]:
        """Exact values."""
        return self.trees.shapley(x, background), None


@dataclass
class LinearExplainer:
    """A weighted sum of columns."""

    weights: Floats
    offset: float
    space: Space
    disagreement: float
    method: str = "coefficients, exact"
    exact: bool = True

    def output(self, x: FloatArray) -> Floats:
        """The sum."""
        return np.asarray(x, np.float64) @ self.weights + self.offset

    def values(self, x: FloatArray, background: FloatArray) -> tuple[Floats, None]:
        """Weight times the distance from the mean of the background."""
        return self.weights * (np.asarray(x, np.float64) - np.asarray(background, np.float64).mean(axis=0)), None


@dataclass
class SampledExplainer:
    """Any estimator, by permutations of the columns: the score itself that the benchmark ranks by."""

    estimator: Any
    kind: TaskKind
    space: Space
    permutations: int
    seed: int
    method: str = "permutations, sampled"
    exact: bool = False
    disagreement: float = 0.0

    def output(self, x: FloatArray) -> Floats:
        """Probability, margin or value."""
        return predict_scores(self.estimator, np.ascontiguousarray(x), self.kind)

    def values(self, x: FloatArray, background: FloatArray) -> tuple[Floats, Floats]:
        """Estimates and their standard errors."""
        return sampled_shapley(self.output, x, background, self.permutations, self.seed)


@dataclass
class SumExplainer:
    """A weighted sum of explained models, each on some of the columns."""

    parts: list[tuple[float, Explainer, NDArray[np.int64]]]
    space: Space
    disagreement: float
    exact: bool = True

    @cached_property
    def method(self) -> str:
        """Names the kinds of its parts."""
        kinds = sorted({part.method.partition(",")[0] for _, part, _ in self.parts})
        return f"weighted sum of {len(self.parts)} members ({' and '.join(kinds)}), exact"

    def output(self, x: FloatArray) -> Floats:
        """The sum."""
        return np.asarray(sum(weight * part.output(x[:, columns]) for weight, part, columns in self.parts))

    def values(self, x: FloatArray, background: FloatArray) -> tuple[Floats, None]:
        """The sum of the values."""
        total = np.zeros(x.shape)
        for weight, part, columns in self.parts:
            found, _ = part.values(x[:, columns], background[:, columns])
            total[:, columns] += weight * found
        return total, None


def explainer_of(
    estimator: Any, family: ModelFamily, kind: TaskKind, x: FloatArray, permutations: int, seed: int
) -> Explainer:
    """How a fitted estimator of a family is explained.

    Parameters
    ----------
    estimator
        Fitted.
    family : ModelFamily
        Its ``explained_by`` is the contract.
    kind : {"classification", "regression"}
    x : ndarray of shape (n_rows, n_columns)
        Rows on which what is explained is compared with what the estimator predicts.
    permutations : int
        Pairs of permutations for each row, where values are sampled.
    seed : int

    Raises
    ------
    ExplainError
        The estimator is not fitted, or its trees or coefficients are not what its family declares.
    """
    from sklearn.exceptions import NotFittedError

    from zoo.explain.ensembles import is_ensemble, sum_of_members

    try:
        if is_ensemble(estimator):
            found = sum_of_members(estimator, kind, x)
            return _sampled(estimator, kind, permutations, seed, found) if isinstance(found, str) else found
        if family.explained_by == "trees":
            return trees_explainer(estimator, kind, x)
        if family.explained_by == "coefficients":
            return linear_explainer(estimator, kind, x)
        predict_scores(estimator, x[:1], kind)
        return _sampled(estimator, kind, permutations, seed)
    except NotFittedError as error:
        raise ExplainError(f"only a fitted model can be explained, {family.name} is not: fit it first") from error


def trees_explainer(estimator: Any, kind: TaskKind, x: FloatArray, score: Floats | None = None) -> TreesExplainer:
    """Trees in the space where their sum is the score that the estimator predicts; trying tells which one that is.

    ``score`` is that of the rows ``x``, where something around the estimator predicts it.

    Raises
    ------
    ExplainError
        The sum of the trees is not what the estimator predicts in any space.
    """
    from scipy.special import expit

    score = predict_scores(estimator, x, kind) if score is None else score
    trees = read_trees(estimator)
    total = trees.predict(x)
    if kind == "regression":
        spaces: dict[Space, Floats] = {"value": total}
    else:
        spaces = {"probability": total, "log-odds": expit(total)}
    off = {space: _disagreement(predicted, score) for space, predicted in spaces.items()}
    space = min(off, key=lambda name: off[name])
    _require_agreement(estimator, off[space])
    return TreesExplainer(trees, space, off[space])


def linear_explainer(estimator: Any, kind: TaskKind, x: FloatArray) -> LinearExplainer:
    """A linear model behind a scaler, in the margin: log-odds of a logistic regression.

    Raises
    ------
    ExplainError
        The estimator is no such pipeline.
    """
    from scipy.special import expit
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(estimator)
    steps = [step for _, step in estimator.steps] if hasattr(estimator, "steps") else [estimator]
    *before, last = steps
    if not hasattr(last, "coef_") or any(not hasattr(step, "scale_") for step in before):
        raise ExplainError(f"coefficients are read from a linear model behind a scaler, got {type(last).__name__}")
    weights, offset = np.ravel(last.coef_).astype(np.float64), float(np.ravel(last.intercept_)[0])
    for scaler in reversed(before):
        weights = weights / scaler.scale_
        offset -= float(weights @ scaler.mean_)
    found = LinearExplainer(weights, offset, "value" if kind == "regression" else "margin", 0.0)
    score, output = predict_scores(estimator, x, kind), found.output(x)
    if kind == "classification" and hasattr(estimator, "predict_proba"):
        found.space, output = "log-odds", expit(output)
    found.disagreement = _disagreement(output, score)
    _require_agreement(estimator, found.disagreement)
    return found


def _sampled(estimator: Any, kind: TaskKind, permutations: int, seed: int, why: str = "") -> SampledExplainer:
    if kind == "regression":
        space: Space = "value"
    else:
        space = "probability" if hasattr(estimator, "predict_proba") else "margin"
    method = f"permutations, sampled: {why}" if why else "permutations, sampled"
    return SampledExplainer(estimator, kind, space, permutations, seed, method)


def _disagreement(output: Floats, score: Floats) -> float:
    return float(np.abs(output - score).max() / (score.std() or 1.0))


def _require_agreement(estimator: Any, off: float) -> None:
    if not off < AGREEMENT:
        raise ExplainError(
            f"what is explained must be what the model predicts, but {type(estimator).__name__} and its parts differ "
            f"by {off:.2g} standard deviations: please report the versions of shap and of its library"
        )
