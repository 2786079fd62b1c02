"""The rows that a model may learn from, and how they are divided once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import TaskError, TuningError
from zoo.features.declaration import FloatArray
from zoo.models.declaration import ModelFamily, TaskKind

INNER_FOLDS = 3


@dataclass(frozen=True)
class Training:
    """The training rows of a cell.

    Attributes
    ----------
    x : ndarray of shape (n_rows, n_columns), float32
    y : ndarray of shape (n_rows,)
    group : ndarray of shape (n_rows,)
        Rows of one group (a glass) are never on both sides of an inner fold.
    seed : int
        Of the inner folds and of every fit.
    image : tuple of int
        Shape of the images that the columns are; empty if they are none.
    """

    kind: TaskKind
    x: FloatArray
    y: NDArray[np.float64]
    group: NDArray[np.integer]
    seed: int
    image: tuple[int, ...] = ()

    def folds(self) -> NDArray[np.int64]:
        """Inner fold of each row, shape (n_rows,): whole groups, dealt out in random order.

        Raises
        ------
        TuningError
            There is one group only.
        """
        groups, group = np.unique(self.group, return_inverse=True)
        if len(groups) < 2:
            raise TuningError("inner folds need training rows of at least two glasses")
        place = np.argsort(np.random.default_rng([self.seed, 5]).permutation(len(groups)))
        return np.asarray(place[group] % min(INNER_FOLDS, len(groups)), np.int64)

    def part(self, rows: NDArray[np.bool_]) -> Training:
        """Some of the rows."""
        return Training(self.kind, self.x[rows], self.y[rows], self.group[rows], self.seed, self.image)

    def require_contrast(self, whatever_columns: bool = False) -> None:
        """Refuse rows that teach nothing: of each kind of them families make something else.

        Raises
        ------
        TaskError
            All rows are of one class, or of one value; or every column is constant, unless that does not matter.
        """
        held = np.unique(self.y)
        if len(held) < 2:
            what, one = ("both classes", "class") if self.kind == "classification" else ("different values", "value")
            of = f" of {one} {held[0]:g}" if len(held) else ""
            raise TaskError(f"training rows must hold {what}, got {len(self.y)} rows{of}: take more glasses or rows")
        if not whatever_columns and (self.x.min(axis=0) == self.x.max(axis=0)).all():
            raise TaskError(
                "features must differ between rows, but every column is constant on the training rows: take others"
            )

    def fit(self, family: ModelFamily, settings: dict[str, Any]) -> Any:
        """A family's estimator with these settings, fitted to all rows.

        Raises
        ------
        TaskError
            The rows teach nothing, see :meth:`require_contrast`.
        """
        self.require_contrast(family.null_control)
        estimator = family.estimator(self.kind, self.seed, self.image, settings)
        estimator.fit(self.x, self.y, *([self.folds()] if family.folded or family.early_stopping else []))
        return estimator


def predict_scores(estimator: Any, x: FloatArray, kind: TaskKind) -> NDArray[np.float64]:
    """Probability or margin of class 1, or the predicted value, shape (n_rows,), float64.

    Raises
    ------
    ValueError
        The estimator returns values that are not finite, or not one for each row.
    """
    if kind == "regression":
        score = estimator.predict(x)
    elif hasattr(estimator, "predict_proba"):
        score = estimator.predict_proba(x)[:, 1]
    else:
        score = estimator.decision_function(x)
    score = np.asarray(score, dtype=np.float64)
    if score.shape != (len(x),):
        raise ValueError(f"predictions must have shape {(len(x),)}, got {score.shape}")
    if not np.isfinite(score).all():
        raise ValueError(f"predictions must be finite, {int((~np.isfinite(score)).sum())} are not")
    return score
