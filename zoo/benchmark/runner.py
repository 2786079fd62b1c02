"""Running a suite: cells in worker processes, one core each; what is finished stays finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import CancelledError, Future, TimeoutError, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo._machine import memory_mb, usable_cores
from zoo.benchmark.cell import (
    features_of_glasses,
    folds_of,
    key_of,
    prepare_studies,
    run_cell,
    stopped_result,
    task_rows,
)
from zoo.benchmark.pool import worker_pool
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
    """

    found: int = 0
    states: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False


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
    for features in {cell.features for cell in cells}:
        feature_sets[features].require_software()
    for family in {cell.family for cell in cells}:
        model_families[family].require_software()
    for task in sorted({cell.task for cell in cells}):
        for split in sorted({cell.split for cell in cells if cell.task == task}):
            folds_of(task, split)
    done = {key for key, result in store.finished().items() if result.state not in retry}
    todo = [cell for cell in cells if key_of(cell) not in done]
    report = RunReport(found=len(cells) - len(todo))
    if any(cell.mode != "default" for cell in todo):
        prepare_studies(folder)
    # in random order the time left is estimated well from the start
    np.random.default_rng(0).shuffle(todo)
    n_workers = min(workers or usable_cores(), max(1, len(todo)))
    run = partial(_run_locally, n_workers=n_workers) if ray is None else partial(_run_on_cluster, address=ray)
    try:
        if todo:
            run(todo, suite, store, frozenset(retry), report.states, on_start, on_finish)
    except KeyboardInterrupt:
        report.interrupted = True
    return report


def _run_locally(
    cells: list[Cell],
    suite: Suite,
    store: Store,
    retried: frozenset[str],
    states: Counter[str],
    on_start: OnStart,
    on_finish: OnFinish,
    n_workers: int,
) -> None:
    mb = suite.cell_mb or memory_mb() / n_workers
    with worker_pool(n_workers) as pool:
        try:
            _compute_features(pool, cells, on_start, on_finish)
            on_start("cells", len(cells))
            job = partial(run_cell, folder=store.folder, mb=mb, retried=retried)
            waiting = {pool.schedule(job, args=[cell], timeout=_limit(cell, suite)): cell for cell in cells}
            for future in as_completed(waiting):
                state = _state_of(future, waiting[future], store, _limit(waiting[future], suite))
                states[state] += 1
                on_finish(state)
        finally:
            pool.stop()
            pool.join()


def _run_on_cluster(
    cells: list[Cell],
    suite: Suite,
    store: Store,
    retried: frozenset[str],
    states: Counter[str],
    on_start: OnStart,
    on_finish: OnFinish,
    address: str,
) -> None:
    from zoo.benchmark.ray import cluster, run_cells

    def count(state: str) -> None:
        states[state] += 1
        on_finish(state)

    with cluster(address):
        on_start("cells", len(cells))
        run_cells(cells, store, partial(_limit, suite=suite), suite.cell_mb, retried, count)


def _limit(cell: Cell, suite: Suite) -> int:
    """Seconds after which a cell is stopped from outside."""
    return suite.cell_seconds + cell.tune_seconds


def _compute_features(pool: Any, cells: Iterable[Cell], on_start: OnStart, on_finish: OnFinish) -> None:
    """Fill the cache, one job per task and feature set, so that no two fits compute the same features."""
    jobs = sorted(
        {
            (cell.task, cell.features)
            for cell in cells
            if feature_sets[cell.features].rows == "atoms" and task_rows(cell.task).dataset.card.kind == "glasses"
        }
    )
    on_start("features", len(jobs))
    for future in as_completed([pool.schedule(_cache_features, args=list(job)) for job in jobs]):
        # an error is not lost: the cells that need these features meet it again and record it
        on_finish("failed" if future.exception() else "ok")


def _cache_features(task: str, features: str) -> None:
    features_of_glasses(task_rows(task), features)


def _state_of(future: Future[str], cell: Cell, store: Store, limit: int) -> str:
    """State of a finished job; a worker that was stopped or died is recorded here, as it cannot do so itself."""
    from pebble import ProcessExpired

    try:
        return future.result()
    except (TimeoutError, ProcessExpired) as error:
        result = stopped_result(cell, error, limit)
    except CancelledError:
        return "cancelled"
    store.add(result)
    return str(result.state)
