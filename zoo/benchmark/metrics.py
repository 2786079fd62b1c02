"""Metrics of rankings, classes and values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.models.declaration import TaskKind

Scores = dict[str, float]

HEADLINE: dict[TaskKind, str] = {"classification": "average_precision", "regression": "pearson"}
"""The metric that a board is sorted by."""

TITLES = {
    "average_precision": "AP",
    "roc_auc": "ROC AUC",
    "mcc": "MCC",
    "balanced_accuracy": "balanced accuracy",
    "enrichment_1": "enrichment 1 %",
    "enrichment_5": "enrichment 5 %",
    "pearson": "Pearson r",
    "spearman": "Spearman ρ",
    "r2": "R²",
    "rmse": "RMSE",
}
RANGES = {
    "average_precision": (0.0, 1.0),
    "roc_auc": (0.0, 1.0),
    "mcc": (-1.0, 1.0),
    "balanced_accuracy": (0.0, 1.0),
    "enrichment_1": (0.0, np.inf),
    "enrichment_5": (0.0, np.inf),
    "pearson": (-1.0, 1.0),
    "spearman": (-1.0, 1.0),
    "r2": (-np.inf, 1.0),
    "rmse": (0.0, np.inf),
}
"""Least and largest value of each metric."""


def metric_names(kind: TaskKind) -> list[str]:
    """Metrics of a kind of task, the headline first."""
    if kind == "classification":
        return ["average_precision", "roc_auc", "mcc", "balanced_accuracy", "enrichment_1", "enrichment_5"]
    return ["pearson", "spearman", "r2", "rmse"]


def evaluate(
    kind: TaskKind, target: NDArray[np.float64], score: NDArray[np.float64], threshold: float = np.nan
) -> Scores:
    """All metrics of one set of rows.

    Parameters
    ----------
    kind : {"classification", "regression"}
    target : ndarray of shape (n,)
        0 or 1, or a value.
    score : ndarray of shape (n,)
        Larger means more likely 1, or the predicted value.
    threshold : float
        From this score on a row counts as class 1; chosen on training data.

    Returns
    -------
    dict of float
        NaN where a metric is not defined, such as a correlation with a constant.
    """
    target, score = np.asarray(target, float), np.asarray(score, float)
    return _classification(target, score, threshold) if kind == "classification" else _regression(target, score)


def evaluate_finite(
    kind: TaskKind, target: NDArray[np.float64], score: NDArray[np.float64], threshold: float = np.nan
) -> Scores:
    """:func:`evaluate` without the metrics that are not defined on these rows."""
    scores = evaluate(kind, target, score, threshold)
    return {name: value for name, value in scores.items() if np.isfinite(value)}


def best_threshold(target: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """The score from which on calling rows class 1 gives the largest MCC on these rows."""
    true, called, border = _counts_by_threshold(target, score)
    among = slice(None, -1) if len(border) > 1 else slice(None)  # the last calls every row
    return float(border[int(matthews(true[among], called[among], true[-1], len(score)).argmax())])


def matthews(true: Any, called: Any, total: float, n: int) -> Any:
    """Matthews correlation: of ``called`` rows ``true`` are of class 1, as ``total`` of all ``n`` rows are.

    0 where all rows or none are called.
    """
    spread = np.sqrt(np.asarray(called * (n - called) * total * (n - total), float))
    return (n * true - called * total) / np.where(spread > 0, spread, np.inf)


def _counts_by_threshold(
    target: NDArray[np.float64], score: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Rows of class 1, and rows, with a score of at least each of the scores, which come last and fall."""
    order = np.argsort(-score, kind="stable")
    last_of_ties = np.append(np.diff(score[order]) != 0, True)
    called = np.arange(1.0, len(score) + 1)
    return np.cumsum(target[order])[last_of_ties], called[last_of_ties], score[order][last_of_ties]


def enrichment(target: NDArray[np.float64], score: NDArray[np.float64], fraction: float) -> float:
    """How much more frequent class 1 is among the ``fraction`` of rows with the largest scores than among all.

    Rows with equal scores count by their expected share, so that a constant score gives exactly 1.
    """
    n_top = max(1, round(fraction * len(score)))
    border = np.sort(score)[-n_top]
    above, ties = score > border, score == border
    found = target[above].sum() + (n_top - above.sum()) * target[ties].mean()
    return float(found / n_top / target.mean())


def _classification(target: NDArray[np.float64], score: NDArray[np.float64], threshold: float) -> Scores:
    """Equal to scikit-learn's (see the tests), from one sort: its own would take longer than many fits."""
    if len(np.unique(target)) < 2:
        return dict.fromkeys(metric_names("classification"), float("nan"))
    true, called, _ = _counts_by_threshold(target, score)
    total, others = true[-1], len(target) - true[-1]
    new_true, new_false = np.diff(true, prepend=0.0), np.diff(called - true, prepend=0.0)
    scores = {
        "average_precision": float((new_true * true / called).sum() / total),
        "roc_auc": float((new_false * (true - 0.5 * new_true)).sum() / (total * others)),
        "mcc": float("nan"),
        "balanced_accuracy": float("nan"),
        "enrichment_1": enrichment(target, score, 0.01),
        "enrichment_5": enrichment(target, score, 0.05),
    }
    if np.isfinite(threshold):
        chosen = score >= threshold
        found, n_chosen = float(target[chosen].sum()), float(chosen.sum())
        scores["mcc"] = float(matthews(found, n_chosen, total, len(target)))
        scores["balanced_accuracy"] = float(found / total + 1 - (n_chosen - found) / others) / 2
    return scores


def _regression(target: NDArray[np.float64], score: NDArray[np.float64]) -> Scores:
    from scipy.stats import pearsonr, spearmanr

    residual = target - score
    spread = float(((target - target.mean()) ** 2).sum())
    constant = np.ptp(score) == 0 or np.ptp(target) == 0
    return {
        "pearson": float("nan") if constant else float(pearsonr(target, score)[0]),
        "spearman": float("nan") if constant else float(spearmanr(target, score)[0]),
        "r2": float(1 - (residual**2).sum() / spread) if spread else float("nan"),
        "rmse": float(np.sqrt((residual**2).mean())),
    }
