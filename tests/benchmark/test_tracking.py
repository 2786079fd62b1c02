"""MLflow runs: everything that was scored, once, and nothing lost when the store is away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy import write_suite

from zoo.benchmark.runner import run_suite
from zoo.benchmark.store import Store
from zoo.benchmark.suite import read_suite
from zoo.benchmark.tracking import track, tracking_address
from zoo.cli import main
from zoo.errors import TrackingError


@pytest.fixture
def scored(root, tmp_path, monkeypatch):
    """A toy suite with a row that declines (ridge predicts no classes)."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    families = ["decision-tree", "ridge"]
    write_suite(root, "toy", features=["coordination"], families=families, modes=["default", "tuned"], trials=2)
    suite = read_suite("toy")
    run_suite(suite, tmp_path / "results", workers=2)
    return suite, tmp_path / "results"


def runs_of(suite, folder):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_address(folder))
    experiment = client.get_experiment_by_name(suite.name)
    return client, {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_every_row_is_one_run_with_all_that_belongs_to_it(scored):
    suite, folder = scored
    seen = []
    assert track(suite, folder, lambda done, total: seen.append((done, total))) == 8
    assert seen[0] == (0, 8)
    client, runs = runs_of(suite, folder)
    assert len(runs) == 8
    run = runs["toy-class / coordination / decision-tree"]
    history = client.get_metric_history(run.info.run_id, "average_precision")
    trees = [result for result in Store(folder) if result.family == "decision-tree"]
    plain = {r.fold: r for r in trees if (r.task, r.mode, r.split) == ("toy-class", "default", "glass")}
    assert {metric.step: metric.value for metric in history} == pytest.approx(
        {fold: result.scores["average_precision"] for fold, result in plain.items()}
    )
    assert "random_split.roc_auc" in run.data.metrics
    assert run.data.params["features"] == "coordination"
    assert run.data.params["task_version"] == "1"
    assert run.data.params["fold_1.threshold"] == str(plain[1].threshold)
    assert "trials" not in run.data.params
    assert run.data.tags["version.numpy"] == np.__version__
    assert run.data.tags["state"] == "ok"
    assert run.inputs.dataset_inputs[0].dataset.digest == plain[0].data_hash[:32]
    path = client.download_artifacts(run.info.run_id, "predictions.parquet")
    rows = pd.read_parquet(path)
    assert len(rows) == 2 * 6 * 108  # every atom under both splits
    assert set(rows["split"]) == {"glass", "random"}
    declined = runs["toy-class / coordination / ridge"]
    assert declined.data.tags["state"] == "declined"
    assert "predicts values" in declined.data.tags["reason"]
    assert not declined.data.metrics
    settings = runs["toy-value / coordination / decision-tree / tuned"].data.params
    assert (settings["trials"], settings["tune_seconds"]) == ("2", "120")
    tuned = any(result.settings for result in trees if result.task == "toy-value")
    assert any(name.endswith(".max_depth") for name in settings) == tuned


def test_nothing_is_written_twice_and_nothing_lost_while_the_store_is_away(scored, monkeypatch, tmp_path, capsys):
    suite, folder = scored
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match="the results are safe, zoo track toy writes the runs later"):
        track(suite, folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert track(suite, folder) == 8
    assert track(suite, folder) == 0
    main(["track", "toy", "--results", str(folder)])
    assert "0 new MLflow runs" in capsys.readouterr().out
    victim = next(result for result in Store(folder) if result.state == "ok")
    (folder / "results" / f"{victim.key}.json").unlink()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    assert track(suite, folder) == 7  # a row that lacks a fold is not finished
