"""Worker processes."""

from __future__ import annotations

import multiprocessing
from typing import Any

from zoo._machine import one_thread_each


def worker_pool(workers: int) -> Any:
    """A pebble pool of processes with one thread each, which leave Ctrl-C to their parent."""
    from pebble import ProcessPool

    one_thread_each()
    return ProcessPool(max_workers=workers, context=multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """Ctrl-C reaches the whole group of processes, only the parent answers it; whether a fit converged is no news."""
    import signal
    import warnings

    warnings.filterwarnings("ignore", module="sklearn")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
