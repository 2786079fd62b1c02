"""Fits that are no cells of a suite: run in worker processes, kept in a store, never run twice."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from zoo._machine import usable_cores
from zoo.benchmark.pool import worker_pool
from zoo.benchmark.runner import OnFinish, OnStart, RunReport
from zoo.benchmark.store import Result, State, Store
from zoo.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd


class Job(Protocol):
    """A piece of work that can be sent to another process."""

    @property
    def key(self) -> str:
        """Name in the store: changes with everything that the result depends on."""
        ...

    def run(self) -> tuple[Result, pd.DataFrame | None]:
        """The result and the predictions that belong to it; any error is recorded as *failed*."""
        ...

    def ended(self, state: State, reason: str) -> Result:
        """The result of a job that cannot state it itself."""
        ...


def run_jobs(
    jobs: Sequence[Job],
    folder: Path,
    workers: int | None = None,
    seconds: int = 600,
    on_start: OnStart = lambda stage, total: None,
    on_finish: OnFinish = lambda state: None,
    stage: str = "fits",
    prepare: Sequence[Callable[[], None]] = (),
) -> RunReport:
    """Run every job that the store does not hold yet; one that has failed before is tried again.

    Parameters
    ----------
    jobs : sequence of Job
    folder : Path
        Of the store.
    workers : int, optional
        Processes of one thread each; one per core by default. With 0 the work is done in this process.
    seconds : int
        Wall time after which a job is stopped.
    prepare : sequence of callables
        Run in the workers before the jobs, if there is any job to run: features that several of them need.

    Raises
    ------
    StoreError
        The folder is read-only or full.
    """
    store = Store(folder)
    store.require_writable()
    done = {key for key, result in store.finished().items() if result.state in ("ok", "declined")}
    todo = [job for job in jobs if job.key not in done]
    report = RunReport(found=len(jobs) - len(todo))
    if not todo:
        return report
    try:
        if workers == 0:
            _run_here(todo, store, report, on_start, on_finish, stage)
        else:
            n_workers = min(workers or usable_cores(), len(todo))
            _run_in_pool(todo, store, n_workers, seconds, report, on_start, on_finish, stage, prepare)
    except KeyboardInterrupt:
        report.interrupted = True
    return report


def _run_here(
    jobs: Sequence[Job], store: Store, report: RunReport, on_start: OnStart, on_finish: OnFinish, stage: str
) -> None:
    on_start(stage, len(jobs))
    for job in jobs:
        state = attempt(job, store.folder)
        report.states[state] += 1
        on_finish(state)


def _run_in_pool(
    jobs: Sequence[Job],
    store: Store,
    n_workers: int,
    seconds: int,
    report: RunReport,
    on_start: OnStart,
    on_finish: OnFinish,
    stage: str,
    prepare: Sequence[Callable[[], None]],
) -> None:
    from pebble import ProcessExpired

    with worker_pool(n_workers) as pool:
        try:
            if prepare:
                on_start("features", len(prepare))
                for future in as_completed([pool.schedule(function) for function in prepare]):
                    on_finish("failed" if future.exception() else "ok")  # the jobs meet the error again and record it
            on_start(stage, len(jobs))
            waiting = {pool.schedule(attempt, args=[job, store.folder], timeout=seconds): job for job in jobs}
            for future in as_completed(waiting):
                try:
                    state = future.result()
                except TimeoutError:
                    state = "timed-out"
                    store.add(waiting[future].ended("timed-out", f"stopped after {seconds} s"))
                except ProcessExpired as error:
                    state = "failed"
                    store.add(waiting[future].ended("failed", f"the process died (exit code {error.exitcode})"))
                report.states[state] += 1
                on_finish(state)
        finally:
            pool.stop()
            pool.join()


def attempt(job: Job, folder: Path) -> str:
    """Run and store one job; its state, or ``"elsewhere"`` if another run is at it."""
    store = Store(folder)
    with store.claim(job.key) as free:
        if not free:
            return "elsewhere"
        done = store.get(job.key)
        if done is not None and done.state == "ok":
            return "found"
        try:
            result, predictions = job.run()
        except StoreError:
            raise  # a full disk is nobody's failure
        except Exception as error:  # a family may fail in any way; the tables show how
            last = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
            result, predictions = job.ended("failed", reason), None
        store.add(result, predictions)
        return result.state
