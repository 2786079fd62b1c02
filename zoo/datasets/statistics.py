"""The few statistics of labels that need no library: ranks, their correlation, shares of variance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ranked(values: Floats) -> Floats:
    """Ranks from 1 on; equal values share their average."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's; NaN where a column is constant or fewer than 3 rows have both values."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return float("nan")
    return float(np.corrcoef(ranked(a[both]), ranked(b[both]))[0, 1])


def separation(score: Floats, flag: Floats) -> float:
    """ROC AUC of one column for a flag, turned so that it is at least 0.5; NaN where one class is missing."""
    known = np.isfinite(score) & np.isfinite(flag)
    score, positive = score[known], flag[known] == 1
    n_positive, n_negative = positive.sum(), (~positive).sum()
    if not n_positive or not n_negative:
        return float("nan")
    auc = (ranked(score)[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
    return float(max(auc, 1 - auc))


def share_between(values: Floats, group: NDArray[np.int64]) -> float:
    """Share of the variance that lies between groups, corrected for what chance would give (epsilon squared)."""
    known = np.isfinite(values)
    values, group = values[known], np.unique(group[known], return_inverse=True)[1]
    n, k = len(values), int(group.max()) + 1 if len(group) else 0
    if k < 2 or n <= k or np.ptp(values) == 0:
        return 0.0
    counts = np.bincount(group)
    means = np.bincount(group, values) / counts
    between = float((counts * (means - values.mean()) ** 2).sum())
    total = float(((values - values.mean()) ** 2).sum())
    return max(0.0, 1 - (1 - between / total) * (n - 1) / (n - k))
