"""Worker processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

from zoo._machine import one_thread_each


def worker_pool(workers: int, prepare: Callable[[], object] | None = None) -> Any:
    """A pebble pool of processes with one thread each, which leave Ctrl-C to their parent.

    Each process runs ``prepare`` first; it counts for the time limit of no job.
    """
    from pebble import ProcessPool

    one_thread_each()
    return ProcessPool(
        max_workers=workers, context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=[prepare]
    )


def _begin(prepare: Callable[[], object] | None) -> None:
    """Ctrl-C reaches the whole group of processes, only the parent answers it; whether a fit converged is no news."""
    import signal
    import warnings

    warnings.filterwarnings("ignore", module="sklearn")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if prepare is not None:
        prepare()
