"""Metrics of rankings, classes and values."""

from __future__ import annotations

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
    order = np.argsort(-score, kind="stable")
    true = np.cumsum(target[order])
    called = np.arange(1, len(score) + 1)
    total, n = true[-1], len(score)
    with np.errstate(divide="ignore", invalid="ignore"):
        mcc = (n * true - called * total) / np.sqrt(called * (n - called) * total * (n - total))
    last_of_ties = np.append(np.diff(score[order]) != 0, True)
    mcc = np.where(last_of_ties & np.isfinite(mcc), mcc, -np.inf)
    return float(score[order][int(mcc.argmax())])


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
    from sklearn.metrics import average_precision_score, balanced_accuracy_score, matthews_corrcoef, roc_auc_score

    if len(np.unique(target)) < 2:
        return dict.fromkeys(metric_names("classification"), float("nan"))
    called = score >= threshold
    has_threshold = np.isfinite(threshold)
    return {
        "average_precision": float(average_precision_score(target, score)),
        "roc_auc": float(roc_auc_score(target, score)),
        "mcc": float(matthews_corrcoef(target, called)) if has_threshold else float("nan"),
        "balanced_accuracy": float(balanced_accuracy_score(target, called)) if has_threshold else float("nan"),
        "enrichment_1": enrichment(target, score, 0.01),
        "enrichment_5": enrichment(target, score, 0.05),
    }


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
