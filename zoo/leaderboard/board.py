"""The board: results of all folds gathered into one row per feature set and family, with intervals and optimism."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.intervals import interval_of, widening
from zoo.benchmark.metrics import HEADLINE, metric_names
from zoo.benchmark.store import Result, Store, latest_results
from zoo.benchmark.suite import Suite
from zoo.benchmark.task import Task, read_task
from zoo.datasets.card import read_card
from zoo.datasets.registry import dataset_folder
from zoo.features.declaration import feature_sets
from zoo.leaderboard.published import with_published
from zoo.models.declaration import model_families

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 2000
SEED = 20260101


@dataclass(frozen=True)
class BoardRow:
    """One feature set with one family on one task.

    Attributes
    ----------
    features, family, mode : str
    state : str
        ``"ok"`` if every fold is; else the state of the first fold that is not, or ``"incomplete"``.
    reason : str
    scores : dict of float
        Mean over glasses (or folds, as the task says).
    interval : (float, float) or None
        95 % of the headline score, bootstrap over glasses; those of one origin are drawn together. Stretched by
        ``wider``.
    optimism : float or None
        Headline score under the random split minus that under the split by glass.
    n_glasses, n_columns : int
    fit_seconds, tune_seconds, predict_seconds, microseconds_per_atom, peak_memory_mb : float
        Means over folds; the largest of all folds for memory.
    null_control : bool
    n_train, n_test : int
        Rows of a fold, mean over folds.
    date : str
        When the last fold was finished.
    by_unit : dict of float
        Headline score of each independent glass (mean over glasses of one origin), or of each fold.
    random_by_unit : dict of float
        The same of each independent glass under the random split; empty where that is not at hand, or for folds, which
        hold other rows then.
    resampled : ndarray of shape (n_resamples,) or None
        Headline score under resamples of glasses, the same ones for every row of the task.
    wider : float
        By how much intervals are wider than percentiles of resamples.
    folds : tuple of Result
        What the row was made from.
    """

    features: str
    family: str
    mode: str
    state: str
    reason: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    interval: tuple[float, float] | None = None
    optimism: float | None = None
    n_glasses: int = 0
    n_columns: int = 0
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    microseconds_per_atom: float = 0.0
    peak_memory_mb: float = 0.0
    null_control: bool = False
    tune_seconds: float = 0.0
    n_train: int = 0
    n_test: int = 0
    date: str = ""
    by_unit: dict[str, float] = field(default_factory=dict)
    random_by_unit: dict[str, float] = field(default_factory=dict)
    resampled: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    wider: float = 1.0
    folds: tuple[Result, ...] = field(default=(), compare=False, repr=False)

    @property
    def model(self) -> str:
        """Name of the family, with its mode unless that is the default."""
        return self.family if self.mode == "default" else f"{self.family}, {self.mode}"


@dataclass(frozen=True)
class TaskBoard:
    """All rows of one task, best first; rows without a score come last. ``source``: its name, or its own file."""

    task: Task
    rows: list[BoardRow]
    source: str

    @property
    def headline(self) -> str:
        """Metric that the rows are sorted by."""
        return HEADLINE[self.task.kind]

    @property
    def metrics(self) -> list[str]:
        """All metrics, the headline first."""
        return metric_names(self.task.kind)


def make_board(store: Store, suite: Suite, published: Iterable[Result] = ()) -> list[TaskBoard]:
    """One board for each task of a suite, from the results at hand and, where there are none, published ones."""
    groups: dict[tuple[str, str, str, str], dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in with_published(latest_results(store, suite), published):
        groups[result.task, result.features, result.family, result.mode][result.split].append(result)
    boards = []
    for name in dict.fromkeys(entry.task for entry in suite.entries):
        task = read_task(name)
        asked = dict.fromkeys(
            (features, family, mode)
            for entry in suite.entries
            if entry.task == name
            for features in entry.features
            for family in entry.families
            for mode in entry.modes or suite.modes
        )
        origins = _origins(task)
        rows = [_row(task, *row, groups[name, *row], store, origins) for row in asked]
        headline = HEADLINE[task.kind]
        rows.sort(key=lambda row: -row.scores.get(headline, -np.inf))
        boards.append(TaskBoard(task, rows, name))
    return boards


def _row(
    task: Task,
    features: str,
    family: str,
    mode: str,
    by_split: dict[str, list[Result]],
    store: Store,
    origins: dict[str, str],
) -> BoardRow:
    folds = sorted(by_split.get("glass", []), key=lambda result: result.fold)
    null = feature_sets[features].null_control or model_families[family].null_control
    bad = next((result for result in folds if result.state != "ok"), None)
    if bad is not None or len(folds) < task.folds:
        state, reason = (bad.state, bad.reason) if bad else ("incomplete", f"{len(folds)} of {task.folds} folds done")
        return BoardRow(features, family, mode, state, reason, null_control=null)
    headline = HEADLINE[task.kind]
    leaky = _random_scores(task, by_split.get("random", []), store)
    random_by_unit: dict[str, float] = {}
    if task.score_by == "glass":
        by_glass = {glass: scores for result in folds for glass, scores in result.scores_by_glass.items()}
        values = {glass: scores.get(headline) for glass, scores in sorted(by_glass.items())}
        scores, by_unit = _mean(list(by_glass.values()), task), _by_origin(values, origins)
        random_by_unit = _by_origin(leaky, origins)
        resampled, wider = _resampled_over_glasses(values, origins)
    else:
        values = {f"fold {result.fold}": result.scores.get(headline) for result in folds}
        scores = _mean([result.scores for result in folds], task)
        by_unit = {name: value for name, value in values.items() if value is not None}
        resampled, wider = None, 1.0
        if all(store.has_predictions(result.key) for result in folds):
            tables = (store.predictions(result.key) for result in folds)
            resampled, wider = _resampled_over_folds(task, tables, origins)
    return BoardRow(
        features=features,
        family=family,
        mode=mode,
        state="ok",
        scores=scores,
        interval=None if resampled is None else interval_of(scores.get(headline, np.nan), resampled, wider),
        optimism=_optimism(values, leaky),
        n_glasses=sum(len(result.scores_by_glass) for result in folds),
        n_columns=folds[0].n_columns,
        fit_seconds=float(np.mean([result.fit_seconds for result in folds])),
        predict_seconds=float(np.mean([result.predict_seconds for result in folds])),
        microseconds_per_atom=float(np.mean([result.microseconds_per_atom for result in folds])),
        peak_memory_mb=max(result.peak_memory_mb for result in folds),
        null_control=null,
        tune_seconds=float(np.mean([result.tuning.get("seconds", 0.0) for result in folds])),
        n_train=round(float(np.mean([result.n_train for result in folds]))),
        n_test=round(float(np.mean([result.n_test for result in folds]))),
        date=max(result.finished for result in folds)[:10],
        by_unit=by_unit,
        random_by_unit=random_by_unit,
        resampled=resampled,
        wider=wider,
        folds=tuple(folds),
    )


def _random_scores(task: Task, random: list[Result], store: Store) -> dict[str, float | None]:
    """Headline score of each glass, or of each fold, under the random split; empty where it is not at hand.

    Where scores are averaged over glasses, the random folds' predictions of each glass are put together first: every
    atom has been predicted once under either split, and each glass is ranked whole.
    """
    headline = HEADLINE[task.kind]
    if len(random) < task.folds or any(result.state != "ok" for result in random):
        return {}
    if task.score_by == "fold":
        return {f"fold {result.fold}": result.scores.get(headline) for result in random}
    if not all(store.has_predictions(result.key) for result in random):
        return {}
    import pandas as pd

    rows = pd.concat([store.predictions(result.key) for result in random]).astype({"glass": str})
    return {
        str(glass): _headline_of(task, part["target"].to_numpy(float), part["score"].to_numpy(float))
        for glass, part in rows.groupby("glass")
    }


def _optimism(honest: dict[str, float | None], leaky: dict[str, float | None]) -> float | None:
    """Mean headline score under the random split minus that under the split by glass."""
    if not leaky:
        return None
    means = [np.mean([np.nan if value is None else value for value in of.values()]) for of in (leaky, honest)]
    difference = float(means[0] - means[1])
    return difference if np.isfinite(difference) else None


def _mean(scores: list[dict[str, float]], task: Task) -> dict[str, float]:
    return {
        name: float(np.mean([score[name] for score in scores]))
        for name in metric_names(task.kind)
        if all(name in score for score in scores)
    }


def _origins(task: Task) -> dict[str, str]:
    """Origin of each glass that states one."""
    glasses = read_card(dataset_folder(task.dataset)).glasses
    return {glass.id: glass.origin for glass in glasses if glass.origin}


def _by_origin(values: dict[str, float | None], origins: dict[str, str]) -> dict[str, float]:
    """Mean score of the glasses of each origin; none where one is not defined."""
    together: dict[str, list[float]] = defaultdict(list)
    for glass, value in values.items():
        together[origins.get(glass, glass)].append(np.nan if value is None else value)
    return {name: float(np.mean(scores)) for name, scores in together.items() if np.isfinite(scores).all()}


def row_interval(task: Task, folds: list[Result], tables: Iterable[pd.DataFrame]) -> tuple[float, float] | None:
    """95 % interval of the headline score of a row, as on the board.

    Parameters
    ----------
    task : Task
    folds : list of Result
        Scores of every fold, in order.
    tables : iterable of DataFrame
        Predictions of the same folds: glass, target, score.
    """
    origins, headline = _origins(task), HEADLINE[task.kind]
    if task.score_by == "glass":
        by_glass = {glass: scores for result in folds for glass, scores in result.scores_by_glass.items()}
        return _interval_over_glasses(
            {name: scores.get(headline) for name, scores in sorted(by_glass.items())}, origins
        )
    resampled, wider = _resampled_over_folds(task, tables, origins)
    value = _mean([result.scores for result in folds], task).get(headline, np.nan)
    return None if resampled is None else interval_of(value, resampled, wider)


def _interval_over_glasses(values: dict[str, float | None], origins: dict[str, str]) -> tuple[float, float] | None:
    """95 % interval of a mean over glasses."""
    resampled, wider = _resampled_over_glasses(values, origins)
    known = [value for value in values.values() if value is not None]
    return None if resampled is None else interval_of(float(np.mean(known)), resampled, wider)


def _resampled_over_glasses(
    values: dict[str, float | None], origins: dict[str, str]
) -> tuple[NDArray[np.float64] | None, float]:
    """Mean over glasses under resamples of them, shape (n_resamples,), and how much wider an interval has to be.

    Glasses of one origin are drawn together.
    """
    known = np.array([value for value in values.values() if value is not None])
    drawn = _drawn_together(list(values), origins)
    n = int(drawn.max()) + 1
    if len(known) < len(values) or not (wider := widening(n)) > 0:
        return None, 1.0
    counts = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), RESAMPLES)[:, drawn]
    return np.asarray((counts * known).sum(axis=1) / counts.sum(axis=1)), wider


def _drawn_together(glasses: list[str], origins: dict[str, str]) -> NDArray[np.int64]:
    """Number of the origin of each glass; a glass without a stated one is of its own."""
    names = [f"origin {origins[glass]}" if glass in origins else f"glass {glass}" for glass in glasses]
    return np.asarray(np.unique(names, return_inverse=True)[1], np.int64)


def _resampled_over_folds(
    task: Task, tables: Iterable[pd.DataFrame], origins: dict[str, str]
) -> tuple[NDArray[np.float64] | None, float]:
    """Mean over folds under resamples of the test glasses of each, by origin, shape (n_resamples / 10,).

    ``tables`` are the predictions of the folds in order: glass, target, score. With it, how much wider an interval has
    to be.
    """
    random = np.random.default_rng(SEED)
    resamples, n_drawn = RESAMPLES // 10, 0
    means = np.zeros(resamples)
    for rows in tables:
        glasses, codes = np.unique(rows["glass"].astype(str), return_inverse=True)
        codes = _drawn_together(glasses.tolist(), origins)[codes]
        n_origins = int(codes.max()) + 1
        n_drawn += n_origins
        counts = random.multinomial(n_origins, np.full(n_origins, 1 / n_origins), resamples)
        target, score = rows["target"].to_numpy(float), rows["score"].to_numpy(float)
        metric = _weighted_average_precision if task.kind == "classification" else _weighted_pearson
        means += metric(target, score, counts, codes) / task.folds
    wider = widening(n_drawn, task.folds)
    return (means, wider) if np.isfinite(means).all() and wider > 0 else (None, 1.0)


def _headline_of(task: Task, target: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    if task.kind == "classification":
        return average_precision(target, score)
    return float(_weighted_pearson(target, score, np.ones((1, 1), np.int64), np.zeros(len(score), np.int64))[0])


def average_precision(target: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    """Average precision as scikit-learn has it, without its checks, which take longer than the sum; NaN without a 1."""
    return float(
        _weighted_average_precision(target, score, np.ones((1, 1), np.int64), np.zeros(len(score), np.int64))[0]
    )


def _weighted_average_precision(
    target: NDArray[np.float64], score: NDArray[np.float64], counts: NDArray[np.int64], glass: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Average precision with each glass counted ``counts`` times, shape (n_resamples,)."""
    order = np.argsort(-score, kind="stable")
    last_of_ties = np.append(np.diff(score[order]) != 0, True)
    values = np.empty(len(counts))
    for number, weight_of_glass in enumerate(counts):
        weight = weight_of_glass[glass[order]].astype(float)
        true = np.cumsum(weight * target[order])[last_of_ties]
        called = np.cumsum(weight)[last_of_ties]
        if true[-1] == 0:
            values[number] = np.nan
            continue
        precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
        values[number] = float((np.diff(true, prepend=0.0) * precision).sum() / true[-1])
    return values


def _weighted_pearson(
    target: NDArray[np.float64], score: NDArray[np.float64], counts: NDArray[np.int64], glass: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Pearson correlation with each glass counted ``counts`` times, shape (n_resamples,)."""
    values = np.empty(len(counts))
    for number, weight_of_glass in enumerate(counts):
        weight = weight_of_glass[glass].astype(float)
        x = target - np.average(target, weights=weight)
        y = score - np.average(score, weights=weight)
        norm = np.sqrt((weight * x * x).sum() * (weight * y * y).sum())
        values[number] = (weight * x * y).sum() / norm if norm > 0 else np.nan
    return values
