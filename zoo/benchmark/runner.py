"""Running a suite: cells in worker processes, one core each; what is finished stays finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo._machine import memory_mb, usable_cores
from zoo.benchmark.cell import (
    cache_features,
    claimed,
    feature_jobs,
    folds_of,
    key_of,
    missing_software,
    prepare_studies,
    run_cell,
    stopped_result,
    without_features,
)
from zoo.benchmark.pool import FEATURE_SECONDS, Workers
from zoo.benchmark.store import Store
from zoo.benchmark.suite import Cell, Suite, cells_of
from zoo.features.declaration import feature_sets
from zoo.models.declaration import model_families

OnStart = Callable[[str, int], None]
OnFinish = Callable[[str], None]


@dataclass
class RunReport:
    """What a run did.

    Attributes
    ----------
    found : int
        Cells that were finished before.
    states : Counter of str
        Cells by state: those finished now, and ``"elsewhere"`` for those that another run was busy with.
    interrupted : bool
    missing : list of str
        Software of families and feature sets that is not installed on this machine: their cells decline.
    """

    found: int = 0
    states: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False
    missing: list[str] = field(default_factory=list)


def run_suite(
    suite: Suite,
    folder: Path,
    workers: int | None = None,
    retry: Collection[str] = (),
    on_start: OnStart = lambda stage, total: None,
    on_finish: OnFinish = lambda state: None,
    ray: str | None = None,
) -> RunReport:
    """Score every cell of a suite that the store does not hold yet.

    Parameters
    ----------
    suite : Suite
    folder : Path
        Results folder.
    workers : int, optional
        Processes; as many as there are cores by default.
    retry : collection of str
        Cells that have ended in one of these states are run again.
    on_start : callable of (stage, number of jobs)
        Called as a stage begins: ``"features"``, then ``"cells"``.
    on_finish : callable of (state)
        Called for each finished job.
    ray : str, optional
        Address of a Ray cluster that does the work instead of processes of this machine, or ``auto``.

    Returns
    -------
    RunReport

    Raises
    ------
    ZooError
        Before any fit: the folder is not writable, data are missing or damaged, or a split cannot be made.
    """
    store = Store(folder)
    store.require_writable()
    cells = cells_of(suite)
    for task in sorted({cell.task for cell in cells}):
        for split in sorted({cell.split for cell in cells if cell.task == task}):
            folds_of(task, split)
    done = {key for key, result in store.finished().items() if result.state not in retry}
    todo = [cell for cell in cells if key_of(cell) not in done]
    report = RunReport(found=len(cells) - len(todo), missing=_missing_software(cells))
    if any(cell.mode != "default" for cell in todo):
        prepare_studies(folder)
    # in random order the time left is estimated well from the start
    np.random.default_rng(0).shuffle(todo)
    n_workers = min(workers or usable_cores(), max(1, len(todo)))
    run = partial(_run_locally, n_workers=n_workers) if ray is None else partial(_run_on_cluster, address=ray)

    def count(state: str) -> None:
        report.states[state] += 1
        on_finish(state)

    try:
        if todo:
            run(todo, suite, store, frozenset(retry), on_start, on_finish, count)
    except KeyboardInterrupt:
        report.interrupted = True
    return report


def _missing_software(cells: Iterable[Cell]) -> list[str]:
    reasons = [missing_software(feature_sets[name]) for name in sorted({cell.features for cell in cells})]
    reasons += [missing_software(model_families[name]) for name in sorted({cell.family for cell in cells})]
    return [reason for reason in reasons if reason]


def _run_locally(
    cells: list[Cell],
    suite: Suite,
    store: Store,
    retried: frozenset[str],
    on_start: OnStart,
    on_finish: OnFinish,
    count: OnFinish,
    n_workers: int,
) -> None:
    mb = suite.cell_mb or memory_mb() / n_workers
    limit = partial(_limit, suite=suite)
    with Workers(n_workers) as pool:
        hanging = _compute_features(pool, cells, on_start, on_finish)
        on_start("cells", len(cells))
        for cell in cells:
            if (cell.task, cell.features) in hanging:
                count(_give_up(cell, store, retried))
        ready = [cell for cell in cells if (cell.task, cell.features) not in hanging]
        job = partial(run_cell, folder=store.folder, mb=mb, retried=retried)
        took: dict[Cell, float] = {}
        for cell, outcome in pool.run(job, ready, limit, lambda cell: took.get(_any_fold(cell), float("inf"))):
            count(_state_of(outcome, cell, store, limit(cell)))
            if result := store.get(key_of(cell)):
                took[_any_fold(cell)] = result.fit_seconds + result.predict_seconds + result.threshold_seconds


def _run_on_cluster(
    cells: list[Cell],
    suite: Suite,
    store: Store,
    retried: frozenset[str],
    on_start: OnStart,
    on_finish: OnFinish,
    count: OnFinish,
    address: str,
) -> None:
    from zoo.benchmark.ray import cluster, run_cells, run_features

    with cluster(address):
        jobs = feature_jobs(cells)
        on_start("features", len(jobs))
        run_features(jobs, on_finish)
        on_start("cells", len(cells))
        run_cells(cells, store, partial(_limit, suite=suite), suite.cell_mb, retried, count)


def _limit(cell: Cell, suite: Suite) -> int:
    """Seconds after which a cell is stopped from outside."""
    return suite.cell_seconds + cell.tune_seconds


def _compute_features(
    pool: Workers, cells: Iterable[Cell], on_start: OnStart, on_finish: OnFinish
) -> set[tuple[str, str]]:
    """Fill the cache, one job per task and feature set, so that no two fits compute the same features.

    Returns those that took too long. An error is not lost: the cells that need these features meet it and record it.
    """
    jobs, hanging = feature_jobs(cells), set()
    on_start("features", len(jobs))
    for job, error in pool.run(cache_features, jobs, lambda job: FEATURE_SECONDS):
        on_finish("failed" if error else "ok")
        if isinstance(error, TimeoutError):
            hanging.add(job)
    return hanging


def _any_fold(cell: Cell) -> Cell:
    """Of cells that differ in fold and split alone, and so take about as long, the same for all."""
    return replace(cell, fold=0, split="glass")


def _give_up(cell: Cell, store: Store, retried: frozenset[str]) -> str:
    """Record a cell whose features took too long: they would do so again."""
    with claimed(cell, store, retried) as taken:
        if not taken:
            store.add(without_features(cell))
        return taken or "timed-out"


def _state_of(outcome: Any, cell: Cell, store: Store, limit: float) -> str:
    """State of a finished job; a worker that was stopped or died is recorded here, as it cannot do so itself."""
    if isinstance(outcome, str):
        return outcome
    done = store.get(key_of(cell))
    if done is not None and done.state == "ok":
        return "ok"  # its last moment was after the fit
    result = stopped_result(cell, outcome, limit)
    store.add(result)
    return str(result.state)
