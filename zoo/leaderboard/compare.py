"""Rows of a board compared on the same test glasses: ranks, ratings, differences, cost. Nothing is fitted again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.intervals import interval_of, widening
from zoo.errors import UnknownNameError
from zoo.leaderboard.board import SEED, BoardRow, TaskBoard
from zoo.leaderboard.statistics import (
    Difference,
    Floats,
    average_ranks,
    elo_ratings,
    friedman_test,
    improvability,
    paired_difference,
    pareto_front,
    win_rates,
)

ELO_RESAMPLES = 200
ANCHOR = ("radial-coarse", "linear-svm", "default")
"""Softness as in Cubuk et al., Phys. Rev. Lett. 114, 108001 (2015): 1000 points wherever it was scored."""


@dataclass(frozen=True)
class Comparison:
    """The scored rows of one task.

    Attributes
    ----------
    board : TaskBoard
    rows : list of BoardRow
        Best first.
    units : list of str
        Independent glasses, or folds where single glasses hold too few rows.
    scores : ndarray of shape (n_rows, n_units)
        Headline score; 0 for a correlation with constant predictions, which order nothing.
    """

    board: TaskBoard
    rows: list[BoardRow]
    units: list[str]
    scores: Floats

    @property
    def unit(self) -> str:
        """What the columns of ``scores`` are: ``glasses`` or ``folds``."""
        return "glasses" if self.board.task.score_by == "glass" else "folds"

    @cached_property
    def headline(self) -> Floats:
        """Headline score of each row."""
        return np.array([row.scores.get(self.board.headline, 0.0) for row in self.rows])

    @cached_property
    def ranks(self) -> Floats:
        """Average rank of each row over the units."""
        return average_ranks(self.scores)

    @cached_property
    def friedman(self) -> float:
        """p value of the hypothesis that all rows are equally good; NaN for too few of them."""
        return friedman_test(self.scores) if len(self.rows) > 2 and len(self.units) > 1 else float("nan")

    @cached_property
    def wins(self) -> Floats:
        """Share of units on which each row beats each other one."""
        return win_rates(self.scores)

    @cached_property
    def improvability(self) -> Floats:
        """Share of its error that each row would lose if it were as good as the best, in %."""
        return improvability(1 - self.headline)

    @cached_property
    def costs(self) -> Floats:
        """CPU seconds of each row for one fold: describe all atoms, tune, fit, predict."""
        return np.array([cpu_seconds(row) for row in self.rows])

    @cached_property
    def front(self) -> NDArray[np.bool_]:
        """Rows that no other row beats without costing more."""
        return pareto_front(self.headline, self.costs)

    @cached_property
    def anchor(self) -> int | None:
        """Row that has 1000 points, if it was scored."""
        names = [(row.features, row.family, row.mode) for row in self.rows]
        return names.index(ANCHOR) if ANCHOR in names else None

    @cached_property
    def elo(self) -> tuple[Floats, Floats]:
        """Ratings, shape (n_rows,), and their 95 % intervals over resampled units, shape (n_rows, 2).

        Intervals are NaN with fewer than three units or two rows.
        """
        n = len(self.units)
        if len(self.rows) < 2:
            return np.full(len(self.rows), 1000.0), np.full((len(self.rows), 2), np.nan)
        rating, wider = elo_ratings(self.wins, n, self.anchor), widening(n)
        counts = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), ELO_RESAMPLES)
        drawn = [elo_ratings(win_rates(self.scores, weights.astype(float)), n, self.anchor) for weights in counts]
        pairs = zip(rating.tolist(), np.transpose(drawn), strict=True)
        return rating, np.array([interval_of(value, of_row, wider) for value, of_row in pairs])

    def difference(self, first: int, second: int) -> Difference | None:
        """First row minus second on the same resampled glasses; None with fewer than three glasses."""
        a, b = self._resampled(first), self._resampled(second)
        if a is None or b is None:
            return None
        wider = max(self.rows[first].wider, self.rows[second].wider)
        return paired_difference(float(self.headline[first] - self.headline[second]), a, b, wider)

    def index(self, name: str) -> int:
        """Number of a row by its name, such as ``voronoi/lightgbm`` or ``voronoi/lightgbm/tuned``.

        Raises
        ------
        UnknownNameError
        """
        names = [name_of(row) for row in self.rows]
        if name not in names:
            raise UnknownNameError("row", name, names)
        return names.index(name)

    def _resampled(self, row: int) -> Floats | None:
        if self.board.headline not in self.rows[row].scores:  # constant predictions order nothing, however drawn
            other = next((entry.resampled for entry in self.rows if entry.resampled is not None), None)
            return None if other is None else np.zeros_like(other)
        return self.rows[row].resampled


def compare(board: TaskBoard) -> Comparison:
    """The scored rows of a board on the glasses that all of them were tested on."""
    regression = board.task.kind == "regression"
    rows = [row for row in board.rows if row.state == "ok" and (board.headline in row.scores or regression)]
    rows.sort(key=lambda row: -row.scores.get(board.headline, 0.0))
    units = sorted({unit for row in rows for unit in row.by_unit})
    if not regression:  # a glass without both classes has no score, whoever predicts
        units = [unit for unit in units if all(unit in row.by_unit for row in rows)]
    scores = np.array([[row.by_unit.get(unit, 0.0) for unit in units] for row in rows], float)
    return Comparison(board, rows, units, scores.reshape(len(rows), len(units)))


def name_of(row: BoardRow) -> str:
    """``voronoi/lightgbm``, or ``voronoi/lightgbm/tuned``."""
    return f"{row.features}/{row.family}" + ("" if row.mode == "default" else f"/{row.mode}")


def cpu_seconds(row: BoardRow) -> float:
    """CPU seconds of one fold: describing its training and test rows, tuning, fit and prediction."""
    described = 1e-6 * row.microseconds_per_atom * (row.n_train + row.n_test)
    return described + row.tune_seconds + row.fit_seconds + row.predict_seconds


def leaders(comparison: Comparison, most: int) -> list[int]:
    """The best rows and, beyond them, the best null control: at most ``most`` in all."""
    best = list(range(min(most, len(comparison.rows))))
    nulls = [number for number, row in enumerate(comparison.rows) if row.null_control]
    if nulls and not any(number in nulls for number in best):
        best[-1] = nulls[0]
    return best


def matrix_by(comparison: Comparison, what: Sequence[str], names: Sequence[str]) -> Floats:
    """Mean score over the rows that carry each name, shape (n_names, n_units); ``what`` has one name for each row."""
    return np.array([comparison.scores[[entry == name for entry in what]].mean(axis=0) for name in names])
