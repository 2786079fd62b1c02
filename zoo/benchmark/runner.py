"""Running a suite: cells in worker processes, one core each; what is finished stays finished."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future, TimeoutError, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo._machine import one_thread_each
from zoo.benchmark.cell import (
    empty_result,
    features_of_glasses,
    folds_of,
    key_of,
    prepare_studies,
    run_cell,
    task_rows,
)
from zoo.benchmark.store import Store
from zoo.benchmark.suite import Cell, Suite, cells_of
from zoo.features.declaration import feature_sets
from zoo.models.declaration import model_families


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
    on_start: Callable[[str, int], None] = lambda stage, total: None,
    on_finish: Callable[[str], None] = lambda state: None,
) -> RunReport:
    """Score every cell of a suite that the store does not hold yet.

    Parameters
    ----------
    suite : Suite
    folder : Path
        Results folder.
    workers : int, optional
        Processes; as many as there are cores by default.
    on_start : callable of (stage, number of jobs)
        Called as a stage begins: ``"features"``, then ``"cells"``.
    on_finish : callable of (state)
        Called for each finished job.

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
    done = store.finished()
    todo = [cell for cell in cells if key_of(cell) not in done]
    report = RunReport(found=len(cells) - len(todo))
    if any(cell.mode == "tuned" for cell in todo):
        prepare_studies(folder)
    # in random order the time left is estimated well from the start
    np.random.default_rng(0).shuffle(todo)
    one_thread_each()
    with _pool(min(workers or os.cpu_count() or 1, max(1, len(todo)))) as pool:
        try:
            _compute_features(pool, todo, on_start, on_finish)
            on_start("cells", len(todo))
            waiting = {pool.schedule(run_cell, args=[cell, folder], timeout=_limit(cell, suite)): cell for cell in todo}
            for future in as_completed(waiting):
                state = _state_of(future, waiting[future], store, _limit(waiting[future], suite))
                report.states[state] += 1
                on_finish(state)
        except KeyboardInterrupt:
            report.interrupted = True
        finally:
            pool.stop()
            pool.join()
    return report


def _limit(cell: Cell, suite: Suite) -> int:
    """Seconds after which a cell is stopped from outside."""
    return suite.cell_seconds + cell.tune_seconds


def _pool(workers: int) -> Any:
    from pebble import ProcessPool

    return ProcessPool(max_workers=workers, context=multiprocessing.get_context("spawn"), initializer=_ignore_interrupt)


def _ignore_interrupt() -> None:
    """Ctrl-C reaches the whole group of processes; only the parent answers it."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _compute_features(
    pool: Any, cells: Iterable[Cell], on_start: Callable[[str, int], None], on_finish: Callable[[str], None]
) -> None:
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

    from zoo.errors import ZooError

    try:
        return future.result()
    except TimeoutError:
        result = empty_result(cell, state="timed-out", reason=f"stopped after {limit} s")
    except ProcessExpired as error:
        result = empty_result(cell, state="failed", reason=f"the process died (exit code {error.exitcode})")
    except CancelledError:
        return "cancelled"
    except ZooError:
        raise
    store.add(result)
    return str(result.state)
