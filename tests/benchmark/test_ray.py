"""Cells on a Ray cluster of several nodes: the results of local processes, even if a node dies."""

from __future__ import annotations

import os
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace
from toy import write_suite

from zoo.benchmark import ray as distributed
from zoo.benchmark.pool import Workers
from zoo.benchmark.runner import run_suite
from zoo.benchmark.store import Store
from zoo.benchmark.suite import Cell, Entry, read_suite
from zoo.errors import ClusterError

ray = pytest.importorskip("ray")
CELL = Cell("toy-class", "coordination", "logistic", "glass", 0, 0, 0)
EQUAL = ("state", "scores", "scores_by_glass", "threshold", "n_train", "settings", "reason")


@pytest.fixture
def nodes(root, monkeypatch):
    """A head without cores and two nodes with one each; their processes see the small project."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 10**8})
    two = [cluster.add_node(num_cpus=1, object_store_memory=10**8) for _ in range(2)]
    cluster.wait_for_nodes()
    yield cluster, two
    ray.shutdown()
    cluster.shutdown()


def test_a_cluster_gives_the_results_of_local_processes_and_survives_the_loss_of_a_node(root, tmp_path, nodes):
    cluster, (_, victim) = nodes
    write_suite(root, "toy", ["species", "coordination"], ["prior", "logistic", "decision-tree"], random_split=False)
    searched = Entry("toy-class", ["coordination"], ["decision-tree"], modes=("tuned",))
    suite = read_suite("toy")
    # nodes of a busy machine are slow to start; the search ends by trials
    suite = replace(suite, cell_seconds=300, trials=2, tune_seconds=300, entries=[*suite.entries, searched])
    assert run_suite(suite, tmp_path / "local", workers=2).states == {"ok": 33, "declined": 6}

    def kill() -> None:
        while len(list((tmp_path / "ray" / "results").glob("*.json"))) < 5:
            time.sleep(0.1)
        cluster.remove_node(victim, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    report = run_suite(suite, tmp_path / "ray", ray=cluster.address)
    killer.join()
    assert report.states == {"ok": 33, "declined": 6}

    local, there = (Store(tmp_path / name) for name in ("local", "ray"))
    theirs = there.finished()
    for key, ours in local.finished().items():
        assert [getattr(theirs[key], name) for name in EQUAL] == [getattr(ours, name) for name in EQUAL]
        assert {**theirs[key].tuning, "seconds": 0} == {**ours.tuning, "seconds": 0}
        if ours.state == "ok":
            pd.testing.assert_frame_equal(local.predictions(key), there.predictions(key), check_exact=True)
    assert run_suite(suite, tmp_path / "ray", ray="nowhere:1").found == 39, "nothing to do needs no cluster"


@pytest.mark.parametrize(
    ("function", "argument", "state", "reason"),
    [
        (time.sleep, 60, "timed-out", "stopped after 1 s"),
        (os._exit, 3, "failed", "the process died (exit code 3)"),
        (sys.exit, 3, "failed", "SystemExit: 3"),
    ],
)
def test_a_cell_that_hangs_or_dies_on_a_node_is_recorded(root, monkeypatch, function, argument, state, reason):
    with Workers(1) as workers:
        monkeypatch.setattr(distributed, "_hanging", {("toy-class", "coordination"): False})
        monkeypatch.setattr(distributed, "_workers", Replaced(workers, function, argument))
        result, predictions = distributed.on_node(CELL, None, 0, 1 if function is time.sleep else 60)
    assert (result.state, predictions) == (state, None)
    assert reason in result.reason


def test_features_that_hang_on_a_node_are_computed_once_and_time_out_its_cells(root, monkeypatch):
    monkeypatch.setattr(distributed, "_hanging", {})
    monkeypatch.setattr(distributed, "FEATURE_SECONDS", 1)
    with Workers(1) as workers:
        monkeypatch.setattr(distributed, "_workers", Replaced(workers, time.sleep, 60))
        for _ in range(2):
            result, _ = distributed.on_node(CELL, None, 0, 60)
            monkeypatch.setattr(distributed, "_workers", None)  # is not asked again
    assert result.state == "timed-out"
    assert "its features were stopped after" in result.reason


class Replaced:
    """Workers that do something else than they are told."""

    def __init__(self, workers, function, argument):
        self.workers, self.function, self.argument = workers, function, argument

    def run(self, function, jobs, seconds):
        return self.workers.run(self.function, [self.argument], lambda job: seconds(jobs[0]))


def test_no_cluster_is_said(root, tmp_path):
    with pytest.raises(ClusterError, match=r"no Ray cluster answers at 127\.0\.0\.1:1"):
        run_suite(read_suite("toy"), tmp_path, ray="127.0.0.1:1")
    with pytest.raises(ClusterError, match=r"such as 10\.0\.0\.5:6379, or auto, got nowhere"):
        run_suite(read_suite("toy"), tmp_path, ray="nowhere")
    assert not np.any([path.suffix == ".json" for path in tmp_path.rglob("*")])
