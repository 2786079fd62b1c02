"""Statistics of rows that were scored on the same test glasses.

Everything takes a matrix ``scores`` of shape (n_rows, n_units), larger is better: one column for each independent
glass, or for each fold where single glasses hold too few rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.intervals import interval_of
from zoo.errors import TaskError

Floats = NDArray[np.float64]
ELO_BASE = 1000.0
"""Rating of the anchor."""
ELO_SCALE = 400.0 / np.log(10.0)
"""Points for a unit of log odds: 400 points are odds of ten to one."""
ELO_PRIOR = 0.5
"""Wins of every row against every other one before the first battle."""


@dataclass(frozen=True)
class Difference:
    """Score of one row minus that of another on the same glasses.

    Attributes
    ----------
    value : float
    interval : (float, float)
        95 %, from resampled glasses.
    probability : float
        Share of the resamples in which the first row is ahead; a tie counts half.
    """

    value: float
    interval: tuple[float, float]
    probability: float

    @property
    def clear(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.interval[0] > 0 or self.interval[1] < 0


def paired_difference(value: float, first: Floats, second: Floats, wider: float = 1.0) -> Difference:
    """Difference with its paired bootstrap interval.

    Parameters
    ----------
    value : float
        Difference of the two scores.
    first, second : ndarray of shape (n_resamples,)
        Score of each row under the same resamples of glasses.
    wider : float
        See ``widening``.
    """
    apart = first - second
    ahead = float((apart > 0).mean() + 0.5 * (apart == 0).mean())
    return Difference(value, interval_of(value, apart, wider), ahead)


def average_ranks(scores: Floats) -> Floats:
    """Mean over units of the rank of each row, shape (n_rows,); 1 is best, equal scores share their mean rank."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-scores, axis=0).mean(axis=1))


def friedman_test(scores: Floats) -> float:
    """p value of the hypothesis that all rows are equally good (Friedman's test, with its correction for ties).

    Raises
    ------
    TaskError
        Fewer than three rows or two units.

    References
    ----------
    Demšar, J. Mach. Learn. Res. 7, 1 (2006), section 3.2.2.
    """
    from scipy.stats import friedmanchisquare

    if len(scores) < 3 or scores.shape[1] < 2:
        raise TaskError(f"Friedman's test needs 3 rows and 2 glasses, got shape {scores.shape}: score more of them")
    if (scores == scores[0]).all():
        return 1.0
    return float(friedmanchisquare(*scores).pvalue)


def critical_difference(n_rows: int, n_units: int, level: float = 0.05) -> float:
    """Difference of average ranks from which on two rows differ (Nemenyi).

    ``q √(k (k + 1) / 6N)`` for ``k`` rows and ``N`` units, ``q`` the Studentised range over √2.

    References
    ----------
    Demšar, J. Mach. Learn. Res. 7, 1 (2006), section 3.2.2 and table 5.
    """
    from scipy.stats import studentized_range

    q = studentized_range.ppf(1 - level, n_rows, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(n_rows * (n_rows + 1) / (6 * n_units)))


def win_rates(scores: Floats, weights: Floats | None = None) -> Floats:
    """Share of units on which row ``i`` beats row ``j``, shape (n_rows, n_rows); a tie counts half.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_units)
    weights : ndarray of shape (n_units,), optional
        How often each unit counts.
    """
    ahead = (scores[:, None, :] > scores[None, :, :]) + 0.5 * (scores[:, None, :] == scores[None, :, :])
    return np.asarray(np.average(ahead, axis=2, weights=weights))


def elo_ratings(wins: Floats, n_units: int, anchor: int | None = None) -> Floats:
    """Bradley-Terry ratings of rows on Elo's scale, shape (n_rows,).

    Row ``i`` beats row ``j`` with odds ``exp(θ_i - θ_j)``; ``θ`` is the most likely one, fitted by choix. Every row
    is given ``ELO_PRIOR`` wins against every other one, or a row that always wins would have an infinite rating.

    Parameters
    ----------
    wins : ndarray of shape (n_rows, n_rows)
        Share of units that row ``i`` wins against row ``j``.
    n_units : int
        Battles of each pair.
    anchor : int, optional
        Row whose rating is 1000; by default the mean of all is.

    References
    ----------
    Bradley & Terry, Biometrika 39, 324 (1952); Maystre & Grossglauser, NIPS (2015).
    """
    from choix import ilsr_pairwise_dense

    strength = ilsr_pairwise_dense(n_units * wins + ELO_PRIOR)
    return np.asarray(ELO_BASE + ELO_SCALE * (strength - (strength.mean() if anchor is None else strength[anchor])))


def improvability(errors: Floats) -> Floats:
    """Share of its error that each row would lose if it were as good as the best row, in %, shape (n_rows,).

    ``100 (e_i - e_best) / e_i``; over several tasks, its mean (TabArena's definition with tasks for data sets).

    Parameters
    ----------
    errors : ndarray of shape (n_rows,) or (n_rows, n_tasks)
        1 minus the score; 0 is perfect.

    References
    ----------
    Erickson et al., TabArena, arXiv:2506.16791 (2025).
    """
    table = errors.reshape(len(errors), -1)
    share = np.divide(table - table.min(axis=0), table, out=np.zeros_like(table), where=table > 0)
    return np.asarray(100 * share.mean(axis=1))


def pareto_front(scores: Floats, costs: Floats) -> NDArray[np.bool_]:
    """Rows that no other row beats in score without costing more, shape (n_rows,).

    Of rows with the same score and cost, all are on the front.
    """
    better = scores[:, None] > scores[None, :]
    no_worse = scores[:, None] >= scores[None, :]
    cheaper = costs[:, None] < costs[None, :]
    no_dearer = costs[:, None] <= costs[None, :]
    return np.asarray(~((better & no_dearer) | (no_worse & cheaper)).any(axis=0))
