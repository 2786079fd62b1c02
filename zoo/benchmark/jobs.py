"""Fits that are no cells of a suite: run in worker processes, kept in a store, never run twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from zoo._machine import usable_cores
from zoo.benchmark.pool import FEATURE_SECONDS, Workers, interrupts, what_failed, why_stopped
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
    if report.states["elsewhere"]:  # what the other run has ended by now is no longer missing
        ended = store.finished()
        missing = min(report.states["elsewhere"], sum(job.key not in ended for job in todo))
        report.found += report.states["elsewhere"] - missing
        report.states["elsewhere"] = missing
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
    with Workers(n_workers) as pool:
        if prepare:
            on_start("features", len(prepare))
            for _, error in pool.run(_call, prepare, lambda function: FEATURE_SECONDS):
                on_finish("failed" if error else "ok")  # the jobs meet the error again and record it
        on_start(stage, len(jobs))
        for job, outcome in pool.run(partial(attempt, folder=store.folder), jobs, lambda job: seconds):
            state = outcome
            if isinstance(outcome, BaseException):
                done = store.get(job.key)
                state, reason = why_stopped(outcome, seconds)
                if done is not None and done.state == "ok":
                    state = "ok"  # its last moment was after the fit
                else:
                    store.add(job.ended(state, reason))
            report.states[state] += 1
            on_finish(state)


def _call(function: Callable[[], None]) -> None:
    function()


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
        except BaseException as error:  # a family may fail in any way, sys.exit is one; the tables show how
            if interrupts(error):
                raise
            result, predictions = job.ended("failed", what_failed(error)), None
        store.add(result, predictions)
        return result.state
