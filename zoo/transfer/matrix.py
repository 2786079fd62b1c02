"""The transfer matrix: every group as source and as target, gathered from finished fits."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct, field

from zoo._files import atomic_write
from zoo._machine import versions
from zoo.benchmark.cell import RECORDED
from zoo.benchmark.jobs import Job, run_jobs
from zoo.benchmark.runner import OnFinish, OnStart, RunReport
from zoo.benchmark.store import Result, Store
from zoo.errors import TransferError
from zoo.models.declaration import TaskKind
from zoo.transfer.align import RULES, matrix_of
from zoo.transfer.fits import Fit, Plan, alignment_of, fits_of, glasses_per_fit, groups_of, rows_per_fit, with_models
from zoo.transfer.groups import Group, Groups
from zoo.transfer.ladder import Rung, ladder_of, rung_of
from zoo.transfer.oracle import oracle_of
from zoo.transfer.recalibrate import Calibration, calibrate
from zoo.transfer.scores import METRIC, CellScores, difference_interval, interval_of, label_ceiling, score_cell
from zoo.transfer.shift import composition_distance, shift_tests, why_not_told_apart

if TYPE_CHECKING:
    import pandas as pd

OTHERS = "all others"
"""Source of the row that learns from every group but the target."""


class GroupLine(Struct, frozen=True):
    """A group in numbers; ``ceiling`` is the best score that the noise of the labels of its glasses allows."""

    name: str
    task: str
    target: list[str]
    n_glasses: int
    n_rows: int
    base_rate: float | None
    composition: dict[str, float]
    quench_rate: float | None
    ceiling: float | None
    ceiling_note: str = ""
    dataset: str = ""


class CellLine(Struct, frozen=True):
    """One cell.

    Attributes
    ----------
    score : float or None
        The metric of the matrix; None where every fit has failed, and why in ``reason``.
    drop : float or None
        ``score`` minus the in-domain score of the target: negative where the carried model is worse.
    asymmetry : float or None
        ``score`` from source to target minus that from target to source; the glasses of its interval are drawn
        independently for the two, or together where both are tested on the same.
    oracle : float or None
        What the values behind the labels of the source score on the same atoms of the target: a perfect model of the
        source. None where the groups share no glasses.
    rung : str
        Of the ladder.
    fits : list of str
        Keys of the fits behind it.
    """

    source: str
    target: str
    score: float | None
    interval: tuple[float, float] | None
    spread: float | None
    scores: dict[str, float]
    n_train_glasses: int
    n_train_rows: int
    n_test_glasses: int
    n_fits: int
    drop: float | None = None
    drop_interval: tuple[float, float] | None = None
    asymmetry: float | None = None
    asymmetry_interval: tuple[float, float] | None = None
    oracle: float | None = None
    rung: str = ""
    calibration: Calibration | None = None
    reason: str = ""
    fits: list[str] = field(default_factory=list)


class ShiftLine(Struct, frozen=True):
    """Two groups: how well their features tell them apart, what chance gives, and how far their compositions are.

    ``null_largest`` and ``null_mean`` are of ``n_null`` other ways to deal the glasses to the two sides; ``p_value`` is
    the part of all ways, the real one among them, that tell the sides apart at least as well.
    """

    first: str
    second: str
    auc: float | None
    null_largest: float | None
    composition_distance: float | None
    note: str = ""
    null_mean: float | None = None
    n_null: int = 0
    p_value: float | None = None


class Matrix(Struct, frozen=True):
    """A finished matrix, as it is written to ``matrix.json``."""

    name: str
    tasks: list[str]
    by: str
    features: str
    family: str
    kind: TaskKind
    metric: str
    seed: int
    max_train_rows: int
    alignment: str
    rule: str
    groups: list[GroupLine]
    cells: list[CellLine]
    shifts: list[ShiftLine]
    ladder: list[Rung]
    only: list[str] = field(default_factory=list)
    n_glasses: int = 0
    n_train_rows: int = 0
    keys: list[str] = field(default_factory=list)
    data: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    made: str = ""

    def cell(self, source: str, target: str) -> CellLine | None:
        """The cell of two groups."""
        return next((cell for cell in self.cells if (cell.source, cell.target) == (source, target)), None)

    @property
    def rows_are(self) -> str:
        """What a row of the data is."""
        return "pairs" if self.alignment == "table" else "atoms"

    @property
    def sources(self) -> list[str]:
        """Rows of the matrix."""
        names = [group.name for group in self.groups]
        return names + ([OTHERS] if any(cell.source == OTHERS for cell in self.cells) else [])


def run_fits(
    plan: Plan,
    folder: Path,
    workers: int | None = None,
    on_start: OnStart = lambda stage, total: None,
    on_finish: OnFinish = lambda state: None,
) -> RunReport:
    """Run what is missing of a matrix: fits and two-sample tests, in worker processes.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Results folder; transfer has a store of its own in it.

    Raises
    ------
    TransferError, StoreError
    """
    from functools import partial

    jobs: list[Job] = [*with_models(fits_of(plan), models_of(folder)), *shift_tests(plan)]
    prepare = [partial(_prepare, plan, number) for number in range(len(groups_of(plan)))]
    return run_jobs(jobs, folder / "transfer", workers, 1200, on_start, on_finish, prepare=prepare)


def models_of(folder: Path) -> Path:
    """Where the estimators of a results folder are: of the first fit of each source."""
    return folder / "transfer" / "models"


def _prepare(plan: Plan, number: int) -> None:
    matrix_of(groups_of(plan).groups[number], alignment_of(plan))


def make_matrix(plan: Plan, folder: Path) -> Matrix:
    """Gather a matrix from the store.

    Raises
    ------
    TransferError
        Fits are missing.
    """
    store, groups, fits = Store(folder / "transfer"), groups_of(plan), fits_of(plan)
    results = {fit.key: result for fit in fits if (result := store.get(fit.key)) is not None}
    missing = [fit for fit in fits if fit.key not in results]
    if missing:
        raise TransferError(f"{len(missing)} of {len(fits)} fits are missing: run the same command again")
    kind = groups.groups[0].rows.task.kind
    scored, frames = _scored(plan, fits, results, store)
    cells = [_cell(plan, scored, frames, results, fits, key) for key in scored]
    jobs = [(test, store.get(test.key)) for test in shift_tests(plan)]
    tested = {(test.first, test.second): result for test, result in jobs if result is not None}
    return Matrix(
        name=plan.name,
        tasks=list(plan.tasks),
        by=plan.by,
        features=plan.features,
        family=plan.family,
        kind=kind,
        metric=METRIC[kind],
        seed=plan.seed,
        max_train_rows=plan.max_train_rows,
        alignment=alignment_of(plan),
        rule=RULES[alignment_of(plan)],
        groups=[_group_line(group, groups, number) for number, group in enumerate(groups)],
        cells=cells,
        shifts=_shift_lines(groups, tested),
        ladder=ladder_of(cells),
        only=list(plan.only),
        n_glasses=glasses_per_fit(plan),
        n_train_rows=rows_per_fit(plan),
        keys=sorted(results),
        data={g.rows.dataset.card.name: g.rows.dataset.card.content_hash for g in groups},
        versions=versions(*RECORDED),
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


Key = tuple[str, int]
"""Source (a group's name, or all others) and number of the target."""


def _scored(
    plan: Plan, fits: Sequence[Fit], results: dict[str, Result], store: Store
) -> tuple[dict[Key, CellScores | str], dict[Key, list[pd.DataFrame]]]:
    """Scores of every cell, or why there are none, and the predictions behind them."""
    groups = groups_of(plan)
    frames: dict[Key, list[pd.DataFrame]] = defaultdict(list)
    reasons: dict[Key, str] = {}
    for fit in fits:
        source = groups.groups[fit.sources[0]].name if len(fit.sources) == 1 else OTHERS
        result = results[fit.key]
        if result.state != "ok":
            reasons.update({(source, target): f"{result.state}: {result.reason}" for target in fit.targets})
            continue
        table = store.predictions(fit.key)
        for target in fit.targets:
            frames[source, target].append(table[table["group"] == target])
    scored: dict[Key, CellScores | str] = dict(reasons)
    for key, parts in frames.items():
        if key in reasons:
            continue
        task = groups.groups[key[1]].rows.task
        scored[key] = score_cell(task.kind, parts, task.score_by == "glass", groups.fold)
    order = [group.name for group in groups] + [OTHERS]
    return dict(sorted(scored.items(), key=lambda item: (order.index(item[0][0]), item[0][1]))), frames


def _cell(
    plan: Plan,
    scored: dict[Key, CellScores | str],
    frames: dict[Key, list[pd.DataFrame]],
    results: dict[str, Result],
    fits: Sequence[Fit],
    key: Key,
) -> CellLine:
    groups = groups_of(plan)
    source, number = key
    target = groups.groups[number]
    found = scored[key]
    if isinstance(found, str):
        return CellLine(source, target.name, None, None, None, {}, 0, 0, 0, 0, reason=found)
    metric = METRIC[target.rows.task.kind]
    score = found.scores.get(metric)
    names = [group.name for group in groups]
    own = scored.get((target.name, number))
    back = scored.get((target.name, names.index(source))) if source in names else None
    here = [fit for fit in fits if number in fit.targets and _source(fit, groups) == source]
    same = source == target.name
    drop = drop_interval = asymmetry = asymmetry_interval = None
    if not same and score is not None and isinstance(own, CellScores) and metric in own.scores:
        drop = score - own.scores[metric]
        drop_interval = interval_of(found.resampled - own.resampled, min(found.n_glasses, own.n_glasses))
    if not same and score is not None and isinstance(back, CellScores) and metric in back.scores:
        asymmetry = score - back.scores[metric]
        same_glasses = groups.identities(names.index(source)) == groups.identities(number)
        asymmetry_interval = difference_interval(found, back, same_glasses)
    return CellLine(
        source=source,
        target=target.name,
        score=score,
        interval=found.interval,
        spread=found.spread,
        scores=found.scores,
        n_train_glasses=sum(len(here[0].learnt(k)) for k in here[0].sources),
        n_train_rows=round(np.mean([results[fit.key].n_train for fit in here])),
        n_test_glasses=found.n_glasses,
        n_fits=found.n_fits,
        drop=drop,
        drop_interval=drop_interval,
        asymmetry=asymmetry,
        asymmetry_interval=asymmetry_interval,
        oracle=None if same or source not in names else oracle_of(groups, names.index(source), number),
        rung=rung_of(groups.groups[names.index(source)], target) if source in names else "",
        calibration=calibrate(frames[key]) if target.rows.task.kind == "classification" else None,
        fits=[fit.key for fit in here],
    )


def _source(fit: Fit, groups: Groups) -> str:
    return groups.groups[fit.sources[0]].name if len(fit.sources) == 1 else OTHERS


def _group_line(group: Group, groups: Groups, number: int) -> GroupLine:
    rows, members = group.rows, group.members()
    best, note = label_ceiling(rows, group.target, group.glasses)
    return GroupLine(
        name=group.name,
        task=rows.task.name,
        target=list(group.target),
        n_glasses=len(groups.identities(number)),
        n_rows=len(members),
        base_rate=float(rows.target[members].mean()) if rows.task.kind == "classification" else None,
        composition=dict(group.composition),
        quench_rate=group.quench_rate,
        ceiling=best,
        ceiling_note=note,
        dataset=rows.dataset.card.name,
    )


def _shift_lines(groups: Groups, tested: dict[tuple[int, int], Result]) -> list[ShiftLine]:
    lines = []
    for j in range(len(groups)):
        for i in range(j):
            first, second = groups.groups[i], groups.groups[j]
            result = tested.get((i, j))
            scores = result.scores if result is not None and result.state == "ok" else {}
            note = why_not_told_apart(groups.identities(i), groups.identities(j))
            if result is not None and result.state != "ok":
                note = f"{result.state}: {result.reason}"
            lines.append(
                ShiftLine(
                    first.name,
                    second.name,
                    scores.get("roc_auc"),
                    scores.get("null_largest"),
                    composition_distance(first, second),
                    note,
                    scores.get("null_mean"),
                    int(scores.get("n_null", 0)),
                    scores.get("p_value"),
                )
            )
    return lines


def write_matrix(matrix: Matrix, path: Path) -> None:
    """Write a matrix as JSON."""
    with atomic_write(path) as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(matrix), indent=1))


def read_matrix(path: Path) -> Matrix:
    """Read a matrix that :func:`write_matrix` has written.

    Raises
    ------
    TransferError
        The file is missing or no matrix.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Matrix)
    except (OSError, msgspec.DecodeError) as error:
        raise TransferError(f"{path} is no transfer matrix ({error}): name a matrix.json or an MLflow run") from None
