"""Cells on the nodes of a Ray cluster: the same work as in local processes, kept in the same store."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import TimeoutError
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from zoo._machine import memory_mb, one_thread_each
from zoo.benchmark.cell import attempt, key_of, stopped_result
from zoo.benchmark.pool import worker_pool
from zoo.benchmark.store import Result, Store
from zoo.benchmark.suite import Cell
from zoo.errors import ClusterError
from zoo.registry import require_modules

if TYPE_CHECKING:
    import pandas as pd

WAITING = 3
"""Cells handed out ahead, for each core of the cluster."""


@contextmanager
def cluster(address: str) -> Iterator[None]:
    """A connection to the Ray cluster at an address; ``auto`` finds one on this machine, or starts one.

    Raises
    ------
    MissingSoftwareError, ClusterError
        Ray is not installed; no cluster answers.
    """
    require_modules("option", "--ray", [("ray", "glass-zoo[ray]")])
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    one_thread_each()
    _require_answer(address)
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    try:
        try:
            ray.init(address=address, **quiet)
        except ConnectionError:
            if address != "auto":
                raise
            ray.init(**quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ClusterError(f"no Ray cluster answers at {address}: {(str(error).splitlines() or [''])[0]}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Ray itself tries for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        if address != "auto":
            raise ClusterError(f"a Ray cluster has an address such as 10.0.0.5:6379, or auto, got {address}")
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise ClusterError(f"no Ray cluster answers at {address}: {error}") from None


def run_cells(
    cells: Sequence[Cell],
    store: Store,
    seconds: Callable[[Cell], int],
    mb: int,
    retried: frozenset[str],
    on_finish: Callable[[str], None],
) -> None:
    """Run cells on the connected cluster and keep their results in a store of this machine.

    A cell whose node is lost begins again on another one. Nodes need this package and the same data; where they do not
    share a cache folder, each computes features for itself. Searches for settings are kept in ``ZOO_STUDIES``, if that
    is set, else on the node as long as they last.

    Parameters
    ----------
    cells : sequence of Cell
    store : Store
    seconds : callable of (cell)
        Wall time after which it is stopped.
    mb : int
        Memory that a cell may take; 0 for a core's share of its node.
    retried : frozenset of str
        See :func:`~zoo.benchmark.cell.run_cell`.
    on_finish : callable of (state)
    """
    import ray

    remote = ray.remote(num_cpus=1, max_retries=-1)(on_node)
    most = max(1, int(ray.cluster_resources().get("CPU", 1))) * WAITING
    waiting: dict[Any, ExitStack] = {}
    todo = list(reversed(cells))
    try:
        while todo or waiting:
            while todo and len(waiting) < most:
                cell, claim = todo.pop(), ExitStack()
                if state := _not_ours(cell, store, retried, claim):
                    on_finish(state)
                    continue
                job = remote.remote(cell, os.environ.get("ZOO_STUDIES"), mb, seconds(cell))
                waiting[job] = claim
            for job in ray.wait(list(waiting), num_returns=1)[0] if waiting else []:
                with waiting.pop(job):
                    result, predictions = ray.get(job)
                    store.add(result, predictions)
                on_finish(str(result.state))
    finally:
        for claim in waiting.values():
            claim.close()


def _not_ours(cell: Cell, store: Store, retried: frozenset[str], claim: ExitStack) -> str:
    """Why a cell is not handed out; empty if it is, and then claimed."""
    key = key_of(cell)
    if not claim.enter_context(store.claim(key)):
        claim.close()
        return "elsewhere"
    done = store.get(key)
    if done is not None and done.state not in retried:
        claim.close()
        return "found"
    return ""


_pool: Any = None


def on_node(cell: Cell, studies: str | None, mb: int, seconds: int) -> tuple[Result, pd.DataFrame | None]:
    """One cell, in a process below that of Ray, which can be stopped and may die."""
    from pebble import ProcessExpired

    global _pool
    _pool = _pool or worker_pool(1)
    job = _pool.schedule(attempt, args=[cell, studies, mb or memory_mb() / (os.cpu_count() or 1)], timeout=seconds)
    try:
        result: tuple[Result, pd.DataFrame | None] = job.result()
    except (TimeoutError, ProcessExpired) as error:
        return stopped_result(cell, error, seconds), None
    return result
