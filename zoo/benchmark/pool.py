"""Worker processes, and what is said of work that ends badly in them."""

from __future__ import annotations

import multiprocessing
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zoo._machine import one_thread_each
from zoo.errors import StoreError, ZooError

if TYPE_CHECKING:
    from zoo.benchmark.store import State

J = TypeVar("J")
AHEAD = 3
"""Jobs handed out ahead, for each worker."""
LAST = 20
"""Jobs left for each worker, from where the longest come first: a long one begun last would keep one worker alone."""
FEATURE_SECONDS = 3600
"""Wall time for one feature set of all glasses of a task; what is done by then is in the cache."""


def worker_pool(workers: int, prepare: Callable[[], object] | None = None) -> Any:
    """A pebble pool of processes with one thread each, which leave Ctrl-C to their parent.

    Each process runs ``prepare`` first; it counts for the time limit of no job.
    """
    from pebble import ProcessPool

    one_thread_each()
    return ProcessPool(
        max_workers=workers, context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=[prepare]
    )


@contextmanager
def quiet_fits() -> Iterator[None]:
    """Whether a fit of scikit-learn converged is no news, in a worker or here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="sklearn")
        yield


def _begin(prepare: Callable[[], object] | None) -> None:
    """Ctrl-C reaches the whole group of processes, only the parent answers it; warnings as in ``quiet_fits``."""
    import signal

    warnings.filterwarnings("ignore", module="sklearn")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if prepare is not None:
        prepare()


class Workers:
    """A pool that outlives its workers: one that dies costs the job that it was busy with, no other."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._pool = worker_pool(number)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def _stop(self) -> None:
        self._pool.stop()
        self._pool.join()

    def run(
        self,
        function: Callable[[J], Any],
        jobs: Iterable[J],
        seconds: Callable[[J], float],
        expected: Callable[[J], float] = lambda job: 0.0,
    ) -> Iterator[tuple[J, Any]]:
        """Call ``function`` for every job; yield each with what it returned, or with the error that ended it.

        Parameters
        ----------
        function : callable of (job)
        jobs : iterable
        seconds : callable of (job)
            Wall time after which it is stopped.
        expected : callable of (job)
            Seconds that it will take, as far as is known when it is asked.

        Raises
        ------
        StoreError
            A worker could not write its result: the disk is full.
        ZooError
            Workers die before they begin anything.
        """
        todo = list(jobs)[::-1]
        running: dict[Any, J] = {}
        begun = True
        while todo or running:
            while todo and len(running) < AHEAD * self._number and self._pool.active:
                if len(todo) <= LAST * self._number:
                    todo.sort(key=expected)
                job = todo.pop()
                running[self._pool.schedule(function, args=[job], timeout=seconds(job))] = job
            for future in wait(running, timeout=1, return_when=FIRST_COMPLETED).done:
                job, outcome = running.pop(future), _outcome(future)
                if isinstance(outcome, (BrokenExecutor, CancelledError)):
                    todo.append(job)
                    continue
                begun = True
                yield job, outcome
            if not self._pool.active:  # pebble gives up when a worker dies that was not busy
                if not begun:
                    raise ZooError("worker processes must live, but they die before they begin: is there memory left?")
                begun = False
                todo += running.values()
                running.clear()
                self._stop()
                self._pool = worker_pool(self._number)


def _outcome(future: Any) -> Any:
    """What a job returned, or its error; never an interrupt, which would be taken for the user's."""
    try:
        error = future.exception()
    except CancelledError as cancelled:
        return cancelled
    if isinstance(error, StoreError):
        raise error  # a full disk is nobody's failure
    return future.result() if error is None else error


def why_stopped(error: BaseException, seconds: float) -> tuple[State, str]:
    """State and reason of a job that could not state them itself: stopped after ``seconds``, or its process died."""
    from pebble import ProcessExpired

    if isinstance(error, TimeoutError):
        return "timed-out", f"stopped after {seconds:.0f} s"
    if isinstance(error, ProcessExpired):
        perhaps = ", as the system does when memory runs out" if error.exitcode == -9 else ""
        return "failed", f"the process died (exit code {error.exitcode}{perhaps})"
    return "failed", what_failed(error)


def what_failed(error: BaseException) -> str:
    """The error of a fit with its place; an error of ours is a sentence that needs none."""
    if isinstance(error, ZooError):
        return str(error)
    places = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(places[-1].filename).name}:{places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {error}{where}"


def interrupts(error: BaseException) -> bool:
    """Whether an error is the user's Ctrl-C: in a worker, which is deaf to it, a family has raised it."""
    return isinstance(error, KeyboardInterrupt) and multiprocessing.parent_process() is None
