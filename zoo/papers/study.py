"""A paper repeated: its jobs, and what they score under each way of splitting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from zoo.benchmark.cell import features_of_glasses, folds_of, missing_software, task_rows
from zoo.benchmark.jobs import Job, run_jobs
from zoo.benchmark.metrics import evaluate_finite
from zoo.benchmark.runner import OnFinish, OnStart, RunReport
from zoo.benchmark.store import Store
from zoo.datasets.reliability import DIRECTION
from zoo.errors import MissingSoftwareError
from zoo.features.declaration import feature_sets
from zoo.models.declaration import model_families
from zoo.papers.declaration import Arm, Paper, arms_of, metric_of, published_of
from zoo.papers.protocol import ArmRun, Way, runs_of
from zoo.transfer.fits import Plan, fits_of
from zoo.transfer.matrix import Matrix, make_matrix
from zoo.transfer.scores import METRIC, score_cell

if TYPE_CHECKING:
    import pandas as pd

QUICK_ROWS = 600
"""Rows that a fit of a quick run learns from at most."""


@dataclass(frozen=True)
class Score:
    """Of an arm under one way of splitting.

    Attributes
    ----------
    value : float or None
        Mean over repeats and folds, in our own protocol over glasses; None where there is no score.
    error : float or None
        Standard deviation over repeats and folds, as papers state it.
    interval : (float, float) or None
        95 %, bootstrap over test glasses.
    reason : str
        Why there is no score.
    """

    value: float | None
    error: float | None = None
    interval: tuple[float, float] | None = None
    n_train: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Study:
    """A paper with the store that holds its predictions.

    Attributes
    ----------
    paper : Paper
    folder : Path
        Results folder.
    quick : bool
        Fewer rows, one repeat, and those arms only that a quick run has.
    """

    paper: Paper
    folder: Path
    quick: bool = False

    @cached_property
    def arms(self) -> list[Arm]:
        """Rows of the table."""
        return arms_of(self.paper, self.quick)

    @cached_property
    def runs(self) -> list[ArmRun]:
        """Every arm under every way of splitting."""
        protocol = self.paper.protocol
        if self.quick:
            rows = min(protocol.max_rows or QUICK_ROWS, QUICK_ROWS)
            protocol = replace(protocol, repeats=1, max_rows=rows)
        return runs_of(self.arms, protocol, self.paper.seed)

    @property
    def plans(self) -> list[Plan]:
        """Transfer matrices that its figures need."""
        return [self.plan(card.options) for card in self.paper.figures if card.kind == "ladder"]

    def plan(self, options: dict[str, Any]) -> Plan:
        """The matrix of a ladder."""
        rows = QUICK_ROWS // 3 if self.quick else int(options.get("max_rows", 1500))
        return Plan(
            tuple(options["tasks"]),
            "stratum",
            options["features"],
            options["family"],
            max_train_rows=rows,
            others=False,
        )

    def store(self) -> Store:
        """Where predictions are."""
        return Store(self.folder / "papers")

    def predictions(self, arm: Arm, way: Way) -> pd.DataFrame | None:
        """Predictions of an arm, if it has any."""
        run = next((run for run in self.runs if run.arm == arm and run.way == way), None)
        result = self.store().get(run.key) if run is not None else None
        return self.store().predictions(run.key) if run is not None and result and result.state == "ok" else None

    @cached_property
    def _scores(self) -> dict[tuple[Arm, Way], Score]:
        """Scores read so far."""
        return {}

    def score(self, arm: Arm, way: Way) -> Score:
        """Score of an arm under one way of splitting."""
        if (arm, way) not in self._scores:
            self._scores[arm, way] = self._read_score(arm, way)
        return self._scores[arm, way]

    def _read_score(self, arm: Arm, way: Way) -> Score:
        run = next((run for run in self.runs if run.arm == arm and run.way == way), None)
        if run is None:
            return Score(None)
        result = self.store().get(run.key)
        if result is None:
            missing = arm_software(arm)
            return Score(None, reason=f"declined: {missing}" if missing else "not run yet")
        if result.state != "ok":
            return Score(None, reason=f"{result.state}: {result.reason}")
        table = self.store().predictions(run.key)
        of_folds = _by_fold(table, arm, metric_of(self.paper, arm))
        error = float(np.std(of_folds)) if len(of_folds) > 1 else None
        if way != "by-glass":  # ranked over all rows of a fold, as papers do
            return Score(float(np.mean(of_folds)) if of_folds else None, error, None, result.n_train)
        value, interval = self._over_glasses(table, arm)
        return Score(value, error, interval, result.n_train)

    def _over_glasses(self, table: pd.DataFrame, arm: Arm) -> tuple[float | None, tuple[float, float] | None]:
        task, metric = task_rows(arm.task).task, metric_of(self.paper, arm)
        fold = dict(zip(table["glass"], table["fold"].astype(int), strict=True))
        frames = [part for _, part in table.groupby("repeat")]
        found = score_cell(task.kind, frames, task.score_by == "glass", fold)
        interval = found.interval if metric == METRIC[task.kind] else None
        return found.scores.get(metric), interval

    @property
    def cpu_seconds(self) -> float:
        """Of all fits and predictions, as the store has them; features and transfer are not among them."""
        found = (self.store().get(run.key) for run in self.runs)
        return float(sum(result.fit_seconds or 0.0 for result in found if result is not None))

    def matrix(self, options: dict[str, Any]) -> Matrix:
        """The transfer matrix of a ladder."""
        return make_matrix(self.plan(options), self.folder)


def _by_fold(table: pd.DataFrame, arm: Arm, metric: str) -> list[float]:
    kind = task_rows(arm.task).task.kind
    found = [
        evaluate_finite(kind, part["target"].to_numpy(float), part["score"].to_numpy(float)).get(metric)
        for _, part in table.groupby(["repeat", "fold"])
    ]
    return [value for value in found if value is not None]


def run_study(
    study: Study,
    workers: int | None = None,
    on_start: OnStart = lambda stage, total: None,
    on_finish: OnFinish = lambda state: None,
) -> RunReport:
    """Run what is missing of a paper; rows that need software which is not installed are left for later.

    Raises
    ------
    ZooError
        Data are missing, no row can be run, or a split cannot be made: before any fit.
    """
    for arm in study.arms:
        folds_of(arm.task, "glass")
    arms = [arm for arm in study.arms if arm_software(arm) is None]
    missing = list(dict.fromkeys(filter(None, map(arm_software, study.arms))))
    if not arms:
        raise MissingSoftwareError("; ".join(missing))
    prepare = [partial(_prepare, *pair) for pair in sorted({(arm.task, arm.features) for arm in arms})]
    jobs: list[Job] = [run for run in study.runs if run.arm in arms]
    report = run_jobs(jobs, study.folder / "papers", workers, 1200, on_start, on_finish, prepare=prepare)
    report.missing = missing
    for plan in study.plans:
        if report.interrupted:
            return report
        fits: list[Job] = list(fits_of(plan))
        other = run_jobs(fits, study.folder / "transfer", workers, 1200, on_start, on_finish, stage="transfer")
        report.found += other.found
        report.states += other.states
        report.interrupted = other.interrupted
    return report


def arm_software(arm: Arm) -> str | None:
    """What a row needs that is not installed, with the command that installs it."""
    return missing_software(feature_sets[arm.features]) or missing_software(model_families[arm.family])


def _prepare(task: str, features: str) -> None:
    rows = task_rows(task)
    if rows.dataset.card.kind == "glasses":
        features_of_glasses(rows, features)


def values_of(task: str) -> tuple[NDArray[np.float64], str, str]:
    """What the labels of a task are made of, one value per row, with its name and unit."""
    rows = task_rows(task)
    card = rows.dataset.card
    unit = next(column.unit for column in card.columns if column.name == rows.task.target[0])
    if card.kind == "pairs":
        value = rows.dataset.table[rows.task.target].to_numpy(float).mean(axis=1)
    else:
        fields = [rows.dataset.glasses[name].fields for name in rows.glass_names]
        columns = [[of[name].values.astype(float) for name in rows.task.target] for of in fields]
        value = np.concatenate([np.mean(column, axis=0) for column in columns])
    names = {DIRECTION.sub("", name) for name in rows.task.target}
    name = names.pop() if len(names) == 1 and len(rows.task.target) > 1 else rows.task.target[0]
    return value[rows.source], name, unit


def column_of(task: str, field: str) -> NDArray[np.float64]:
    """A stored field of the atoms, one value per row of a task."""
    rows = task_rows(task)
    return np.asarray(
        np.concatenate([rows.dataset.glasses[name].fields[field].values.astype(float) for name in rows.glass_names])[
            rows.source
        ]
    )


def sentences(study: Study) -> list[str]:
    """What is reported, what the split and what the rest changes, in numbers, mean over the arms that have them all."""
    from zoo.benchmark.metrics import TITLES

    found = _against_reported(study)
    metrics = {metric_of(study.paper, arm) for arm in study.arms}
    for metric in sorted(metrics):
        arms = [arm for arm in study.arms if metric_of(study.paper, arm) == metric]
        scores = {way: [study.score(arm, way).value for arm in arms] for way in ("published", "same-rows", "by-glass")}
        found += _effects(scores, TITLES[metric])
    return found


def _against_reported(study: Study) -> list[str]:
    """The paper's numbers against its protocol here."""
    from zoo.benchmark.metrics import TITLES

    pairs: dict[tuple[str, str, str, str], list[tuple[float, float]]] = {}
    for arm in study.arms:
        metric, here = metric_of(study.paper, arm), study.score(arm, "published").value
        for entry in published_of(study.paper, arm):
            if here is not None and entry.metric in ("", metric):
                pairs.setdefault((arm.task, arm.learn, metric, entry.by), []).append((entry.value, here))
    lines = []
    for (task, learn, metric, by), known in pairs.items():
        reported, here = np.mean(known, axis=0)
        over = f", mean over the {len(known)} rows with a number" if len(known) > 1 else ""
        carried = f", learnt from {learn}" if learn else ""
        lines.append(
            f"For {task}{carried}, {by or 'the paper'} reports a {TITLES[metric]} of {reported:.3f}{over}; the paper's "
            f"protocol on the glasses at hand gives {here:.3f} ({here - reported:+.3f}): that is the data, the labels "
            f"and what is listed below as not as published, not the split."
        )
    return lines


def _effects(scores: dict[str, list[float | None]], title: str) -> list[str]:
    def change(first: str, second: str) -> tuple[float, str] | None:
        pairs = zip(scores[first], scores[second], strict=True)
        known = [a - b for a, b in pairs if a is not None and b is not None]
        over = f"{title}, mean over {len(known)} rows," if len(known) > 1 else title
        return (float(np.mean(known)), over) if known else None

    split, rest = change("same-rows", "published"), change("by-glass", "same-rows")
    both = change("by-glass", "published")
    if split is None:
        return [f"Our protocol changes the {both[1]} by {both[0]:+.3f}."] if both else []
    lines = [f"Keeping whole glasses apart, with the very same rows, changes the {split[1]} by {split[0]:+.3f}."]
    if rest is not None:
        lines.append(
            "Learning from all rows of the training glasses and testing on every row of the others changes it by "
            f"{rest[0]:+.3f}."
        )
    return lines


def best_arm(study: Study, arms: Sequence[Arm], way: Way = "by-glass") -> Arm:
    """The arm of the largest score, the first if none has any."""
    return max(arms, key=lambda arm: study.score(arm, way).value or -np.inf)
