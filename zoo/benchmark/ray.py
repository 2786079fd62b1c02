"""Cells on the nodes of a Ray cluster: the same work as in local processes, kept in the same store."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo._machine import memory_mb, one_thread_each
from zoo.benchmark.cell import attempt, cache_features, claimed, feature_jobs, stopped_result, without_features
from zoo.benchmark.pool import FEATURE_SECONDS, Workers, what_failed
from zoo.benchmark.store import Result, Store
from zoo.benchmark.suite import Cell
from zoo.errors import ClusterError, ZooError
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
    share a cache folder, each computes features for itself, before the time limit of a cell begins. Searches for
    settings are kept in ``ZOO_STUDIES``, if that is set, else on the node as long as they last.

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
                if state := claim.enter_context(claimed(cell, store, retried)):
                    claim.close()
                    on_finish(state)
                    continue
                job = remote.remote(cell, os.environ.get("ZOO_STUDIES"), mb, seconds(cell))
                waiting[job] = claim
            for job in ray.wait(list(waiting), num_returns=1)[0] if waiting else []:
                with waiting.pop(job):
                    result, predictions = _answer(job)
                    store.add(result, predictions)
                on_finish(str(result.state))
    finally:
        for claim in waiting.values():
            claim.close()


def run_features(jobs: Sequence[tuple[str, str]], on_finish: Callable[[str], None]) -> None:
    """Compute each feature set of each task on one node, for all that share its cache folder."""
    import ray

    remote = ray.remote(num_cpus=1, max_retries=-1)(features_on_node)
    waiting = [remote.remote(*job) for job in jobs]
    while waiting:
        (job,), waiting = ray.wait(waiting, num_returns=1)
        on_finish("ok" if _answer(job) is None else "failed")  # the cells that need them meet the error and record it


def _answer(job: Any) -> Any:
    """What a job has returned; an error of ours as it was raised on the node."""
    import ray

    try:
        return ray.get(job)
    except ray.exceptions.RayTaskError as error:
        raise error.cause if isinstance(error.cause, ZooError) else error from None


_workers: Workers | None = None
_hanging: dict[tuple[str, str], bool] = {}


def _below(function: Callable[[Any], Any], job: Any, seconds: float) -> Any:
    """What a function returns in a process below that of Ray, which can be stopped and may die, or its error."""
    global _workers
    _workers = _workers or Workers(1)
    ((_, outcome),) = _workers.run(function, [job], lambda job: seconds)
    return outcome


def features_on_node(task: str, features: str) -> str | None:
    """Fill the cache that this node sees; what went wrong, if anything did."""
    error = _below(cache_features, (task, features), FEATURE_SECONDS)
    _hanging[task, features] = isinstance(error, TimeoutError)
    return None if error is None else what_failed(error)


def on_node(cell: Cell, studies: str | None, mb: int, seconds: int) -> tuple[Result, pd.DataFrame | None]:
    """One cell; its features first, without its time limit, where this node does not share the cache of another."""
    for task, features in feature_jobs([cell]):
        if (task, features) not in _hanging:
            features_on_node(task, features)
        if _hanging[task, features]:
            return without_features(cell), None
    job = partial(attempt, studies=studies, mb=mb or memory_mb() / (os.cpu_count() or 1))
    outcome = _below(job, cell, seconds)
    if isinstance(outcome, BaseException):
        return stopped_result(cell, outcome, seconds), None
    result, predictions = outcome
    return result, predictions
