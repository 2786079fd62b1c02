"""Does the order of the rows depend on where the label was cut? Stored predictions against other cuts of the values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from zoo.benchmark.store import Store
from zoo.benchmark.task import load_rows
from zoo.errors import ZooError
from zoo.leaderboard.board import BoardRow, average_precision
from zoo.leaderboard.compare import Comparison
from zoo.leaderboard.statistics import Floats

FRACTIONS = (0.05, 0.10, 0.20)


@dataclass(frozen=True)
class Sensitivity:
    """Scores of rows under other cuts of the label; models were trained on the declared one.

    Attributes
    ----------
    declared : float
    fractions : tuple of float
    rows : list of BoardRow
    average_precision, roc_auc : ndarray of shape (n_rows, n_fractions)
        Mean over glasses.
    agreement : ndarray of shape (n_fractions,)
        Kendall's τ between the order of the rows by average precision under each cut and under the declared one.
    """

    declared: float
    fractions: tuple[float, ...]
    rows: list[BoardRow]
    average_precision: Floats
    roc_auc: Floats
    agreement: Floats


def threshold_sensitivity(
    comparison: Comparison, store: Store, fractions: tuple[float, ...] = FRACTIONS, most: int = 40
) -> Sensitivity | None:
    """Score stored predictions of the best rows and of the null controls again, with only the truth changed.

    None for a task whose label is no fraction of the atoms of a glass, or whose data or predictions are not at hand.
    """
    from scipy.stats import kendalltau

    task = comparison.board.task
    if not task.label.rule.endswith("-fraction"):
        return None
    cuts = tuple(sorted({*fractions, task.label.fraction}))
    try:
        truth = [load_rows(replace(task, label=replace(task.label, fraction=cut))).target for cut in cuts]
    except ZooError:
        return None
    stored = [row for row in comparison.rows if all(store.has_predictions(result.key) for result in row.folds)]
    if not stored:
        return None
    rows = [row for number, row in enumerate(stored) if number < most or row.null_control]
    scores = np.array([_scores(row, store, truth) for row in rows]).reshape(len(rows), len(cuts), 2)
    precision = scores[:, :, 0]
    declared = precision[:, cuts.index(task.label.fraction)]
    agreement = [float(kendalltau(declared, precision[:, k])[0]) for k in range(len(cuts))]
    return Sensitivity(task.label.fraction, cuts, rows, precision, scores[:, :, 1], np.array(agreement))


def _scores(row: BoardRow, store: Store, truth: list[Floats]) -> list[tuple[float, float]]:
    """Average precision and ROC AUC under each truth, mean over the test glasses."""
    import pandas as pd

    table = pd.concat([store.predictions(result.key) for result in row.folds]).astype({"glass": str})
    parts = [(part["row"].to_numpy(), part["score"].to_numpy(float)) for _, part in table.groupby("glass")]
    found = np.array([[precision_and_auc(target[at], score) for at, score in parts] for target in truth])
    return [(float(precision), float(auc)) for precision, auc in found.mean(axis=1)]


def precision_and_auc(target: Floats, score: Floats) -> tuple[float, float]:
    """Average precision and area under the ROC curve, as scikit-learn has them but twenty times as fast.

    Parameters
    ----------
    target : ndarray of shape (n,)
        0 or 1, both of them.
    score : ndarray of shape (n,)
    """
    from scipy.stats import rankdata

    positive = target.sum()
    precision = average_precision(target, score)
    auc = (rankdata(score)[target == 1].sum() - positive * (positive + 1) / 2) / (positive * (len(target) - positive))
    return precision, float(auc)
