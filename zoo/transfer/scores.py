"""Scores of one cell of the matrix, with resamples of the test glasses from which intervals are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark import intervals
from zoo.benchmark.metrics import evaluate_finite
from zoo.datasets.load import Dataset
from zoo.datasets.reliability import DIRECTION, Reliability, label_reliability
from zoo.glass import Glass
from zoo.models.declaration import TaskKind

if TYPE_CHECKING:
    import pandas as pd

    from zoo.benchmark.task import TaskRows

RESAMPLES = 1000
FEWEST = 3
"""Test glasses below which no interval is given."""
SEED = 20260101
Floats = NDArray[np.float64]

METRIC: dict[TaskKind, str] = {"classification": "roc_auc", "regression": "pearson"}
"""Shown in the matrix. Not the average precision of the boards: chance is 0.5 whatever part of the rows is of class 1,
so groups and tasks can be compared."""


@dataclass(frozen=True)
class CellScores:
    """What the fits of one source score on one target.

    Attributes
    ----------
    scores : dict of float
        Mean over units (glasses, or folds where single glasses hold too few rows) and over fits.
    resampled : ndarray of shape (RESAMPLES,)
        The metric of the matrix with test glasses drawn anew; the same draws for every source.
    spread : float
        Standard deviation over the fits, that is over the glasses learnt from.
    """

    scores: dict[str, float]
    resampled: Floats
    spread: float
    n_glasses: int
    n_fits: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % of the metric of the matrix; None with fewer than three test glasses."""
        return interval_of(self.resampled, self.n_glasses)


def interval_of(resampled: Floats, n_glasses: int) -> tuple[float, float] | None:
    """95 % of a score about the mean of its resamples, where there are enough glasses and every resample is defined."""
    if n_glasses < FEWEST or not np.isfinite(resampled).all():
        return None
    return intervals.interval_of(float(resampled.mean()), resampled, intervals.widening(n_glasses))


def difference_interval(first: CellScores, second: CellScores, same_glasses: bool) -> tuple[float, float] | None:
    """95 % of the first metric minus the second.

    Both are of the same draws of glasses if they are tested on the same; otherwise the draws of one are moved against
    those of the other by half their number: independent, and the other way round gives the same with its sign changed.
    """
    other = second.resampled if same_glasses else np.roll(second.resampled, RESAMPLES // 2)
    return interval_of(first.resampled - other, min(first.n_glasses, second.n_glasses))


def score_cell(kind: TaskKind, predictions: Sequence[pd.DataFrame], by_glass: bool, fold: dict[int, int]) -> CellScores:
    """Scores of the predictions of several fits for one target.

    Parameters
    ----------
    kind : {"classification", "regression"}
    predictions : sequence of DataFrame
        One for each fit, with columns ``glass`` (identity), ``target`` and ``score``.
    by_glass : bool
        Whether rows are ranked within glasses; otherwise within the folds of the target.
    fold : dict of int to int
        Fold of each glass.
    """
    frames = [frame.assign(fit=number) for number, frame in enumerate(predictions) if len(frame)]
    glasses = np.unique(np.concatenate([frame["glass"].to_numpy() for frame in frames]))
    counts = draws(len(glasses))
    metric = METRIC[kind]
    rows, of_unit, weights, resampled = [], [], [], []
    for frame in frames:
        unit = frame["glass"] if by_glass else frame["glass"].map(fold)
        for _, part in frame.groupby(unit.to_numpy()):
            target, score = part["target"].to_numpy(float), part["score"].to_numpy(float)
            found = evaluate_finite(kind, target, score)
            if metric not in found:
                continue  # a glass of one class has no score
            place = np.searchsorted(glasses, part["glass"].to_numpy())
            rows.append(found)
            of_unit.append(int(frame["fit"].iloc[0]))
            if by_glass:
                weights.append(counts[:, place[0]].astype(float))
                resampled.append(np.full(len(counts), found[metric]))
            else:
                weights.append(np.ones(len(counts)))
                resampled.append(weighted(kind, target, score, counts[:, : len(glasses)], place))
    if not rows:
        return CellScores({}, np.full(RESAMPLES, np.nan), float("nan"), len(glasses), len(frames))
    total = np.sum(weights, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.sum(np.multiply(weights, resampled), axis=0) / total
    names = [name for name in rows[0] if all(name in row for row in rows)]
    by_fit = [np.mean([r[metric] for r, f in zip(rows, of_unit, strict=True) if f == fit]) for fit in set(of_unit)]
    scores = {name: float(np.mean([row[name] for row in rows])) for name in names}
    return CellScores(scores, mean, float(np.std(by_fit)), len(glasses), len(frames))


def draws(n_glasses: int) -> NDArray[np.int64]:
    """How often each glass is in each resample, shape (RESAMPLES, n_glasses); the same for equal numbers of glasses."""
    random = np.random.default_rng(SEED)
    return np.asarray(random.multinomial(n_glasses, np.full(n_glasses, 1 / n_glasses), RESAMPLES), np.int64)


def weighted(
    kind: TaskKind, target: Floats, score: Floats, counts: NDArray[np.int64], glass: NDArray[np.int64]
) -> Floats:
    """The metric of the matrix with each glass counted so often, shape (n_resamples,)."""
    present = counts[:, np.unique(glass)].sum(axis=1) > 0
    function = _weighted_auc if kind == "classification" else _weighted_pearson
    values = np.full(len(counts), np.nan)
    values[present] = function(target, score, counts[present], glass)
    return np.where(np.isfinite(values), values, np.nanmean(values))


def _weighted_auc(target: Floats, score: Floats, counts: NDArray[np.int64], glass: NDArray[np.int64]) -> Floats:
    """Probability that a row of class 1 is above one of class 0; ties count one half."""
    order = np.argsort(score, kind="stable")
    positive, glass = target[order] == 1, glass[order]
    step = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    values = np.empty(len(counts))
    for number, count in enumerate(counts):
        weight = count[glass].astype(float)
        ones = np.diff(np.cumsum(weight * positive)[step], prepend=0.0)
        zeros = np.diff(np.cumsum(weight * ~positive)[step], prepend=0.0)
        below = np.cumsum(zeros) - zeros
        norm = ones.sum() * zeros.sum()
        values[number] = float((ones * (below + 0.5 * zeros)).sum() / norm) if norm else np.nan
    return values


def _weighted_pearson(target: Floats, score: Floats, counts: NDArray[np.int64], glass: NDArray[np.int64]) -> Floats:
    """From sums over glasses."""
    n = int(glass.max()) + 1
    x, y = target - target.mean(), score - score.mean()
    sums = np.stack([np.bincount(glass, value, n) for value in (np.ones(len(x)), x, y, x * x, y * y, x * y)])
    w, mx, my, xx, yy, xy = (counts[:, :n] @ sums.T).T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((xy - mx * my / w) / np.sqrt((xx - mx**2 / w) * (yy - my**2 / w)))


def ceiling(kind: TaskKind, reliability: float, fraction: float | None) -> float:
    """The best score that a model can reach who knows the true value behind noisy labels.

    Parameters
    ----------
    kind : {"classification", "regression"}
    reliability : float
        Of the values behind the labels.
    fraction : float, optional
        Part of the rows that is of class 1, where classes are made of the extreme values.

    Returns
    -------
    float
        ``sqrt(reliability)`` for a correlation; for ROC AUC that of a normal true value ``t`` for the extreme part of
        ``sqrt(reliability) t + sqrt(1 - reliability) e``.
    """
    if kind == "regression":
        return float(np.sqrt(reliability))
    if fraction is None:
        return float("nan")
    random = np.random.default_rng(SEED)
    true, error = random.normal(size=(2, 200_000))
    label = np.sqrt(reliability) * true + np.sqrt(1 - reliability) * error
    chosen = (label >= np.quantile(label, 1 - fraction)).astype(float)
    one = np.ones((1, 1), np.int64)
    return float(_weighted_auc(chosen, true, one, np.zeros(len(true), np.int64))[0])


@dataclass(frozen=True)
class _SomeGlasses(Dataset):
    """A data set reduced to some of its glasses."""

    whole: Dataset
    names: tuple[str, ...]

    @cached_property
    def glasses(self) -> dict[str, Glass]:
        return {name: self.whole.glasses[name] for name in self.names}

    def side_table(self, name: str) -> pd.DataFrame:
        table = self.whole.side_table(name)
        return table[table["glass"].isin(self.names)] if "glass" in table else table


def reliability_of(rows: TaskRows, target: Sequence[str], glasses: Sequence[int] | None = None) -> Reliability | None:
    """How far repeated measurements of a label agree; None where it was measured once.

    Parameters
    ----------
    rows : TaskRows
    target : sequence of str
        Columns whose mean the label is made of.
    glasses : sequence of int, optional
        Of the task; all by default. Tables of pairs are never divided.
    """
    dataset = rows.dataset
    if glasses is not None and dataset.card.kind == "glasses":
        names = tuple(rows.glass_names[glass] for glass in glasses)
        dataset = _SomeGlasses(dataset.card, dataset.folder, dataset.paths, dataset, names)
    labels = {DIRECTION.sub("", name) for name in target} if len(target) > 1 else set(target)
    found = label_reliability(dataset, rows.task.species)
    known = {entry.label.removesuffix(" (mean per atom)"): entry for entry in found}
    return known.get(labels.pop()) if len(labels) == 1 else None


def label_ceiling(
    rows: TaskRows, target: Sequence[str], glasses: Sequence[int] | None = None
) -> tuple[float | None, str]:
    """The best score that the noise of a label allows, and how that is known, or why it is not."""
    entry = reliability_of(rows, target, glasses)
    if entry is None:
        return None, "not known: the label was measured once"
    best = ceiling(rows.task.kind, entry.reliability, rows.task.label.fraction or None)
    if not np.isfinite(best):
        return None, "not known for such a label"
    return best, f"reliability {entry.reliability:.2f} ({entry.how}), normal values and errors assumed"
