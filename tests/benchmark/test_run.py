"""Running a suite: nothing is lost, nothing is done twice, every state is recorded."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tomli_w
from msgspec.structs import replace
from pebble import ProcessExpired
from sklearn.metrics import matthews_corrcoef
from toy import write_suite

from zoo._files import sha256_of
from zoo.benchmark import cell as cells
from zoo.benchmark import fitting, runner, store
from zoo.benchmark.cell import run_cell
from zoo.benchmark.pool import Workers
from zoo.benchmark.runner import run_suite
from zoo.benchmark.store import Store
from zoo.benchmark.suite import Cell, cells_of, read_suite
from zoo.errors import ChecksumError, DeclarationError, StoreError, UnknownNameError
from zoo.models.declaration import ModelFamily, model_families

CELL = Cell("toy-class", "coordination", "logistic", "glass", 0, 0, 0)


def zoo_run(root: Path, results: Path, suite: str = "toy", track: str = "--no-track") -> subprocess.Popen[str]:
    """``zoo run`` in a process group of its own."""
    environment = {**os.environ, "ZOO_ROOT": str(root), "ZOO_RESULTS": str(results)}
    return subprocess.Popen(
        [sys.executable, "-m", "zoo", "run", suite, "--no-board", track, "--workers", "2"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # tests that run in the background of a shell inherit a Ctrl-C that is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_results(results: Path, count: int) -> None:
    deadline = time.monotonic() + 300
    while len(list((results / "results").glob("*.json"))) < count:
        assert time.monotonic() < deadline, "no results appeared"
        time.sleep(0.05)


def wait_for_the_end_of_group(group: int) -> None:
    """Fail if a process of the group goes on."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("a worker goes on")


def test_a_run_scores_every_cell_once_and_finds_them_again(root, tmp_path):
    suite = read_suite("toy")
    report = run_suite(suite, tmp_path / "results", workers=2)
    assert report.states == {"ok": 60, "declined": 12}
    again = run_suite(suite, tmp_path / "results", workers=2)
    assert (again.found, sum(again.states.values())) == (72, 0)
    for result in Store(tmp_path / "results"):
        assert result.state in ("ok", "declined")
        if result.state == "ok":
            rows = Store(tmp_path / "results").predictions(result.key)
            assert len(rows) == result.n_test == 216
            assert result.scores["rmse" if result.task == "toy-value" else "roc_auc"] > 0
            assert 0 <= result.peak_memory_mb < 1000


def test_coordination_explains_what_species_cannot(root, tmp_path):
    auc = {}
    for features in ("species", "coordination"):
        run_cell(Cell("toy-class", features, "logistic", "glass", 0, 0, 0), tmp_path)
    for result in Store(tmp_path):
        auc[result.features] = result.scores["roc_auc"]
    assert auc["coordination"] > 0.85
    assert abs(auc["species"] - 0.5) < 0.2


def test_the_same_cell_gives_the_same_bits(root, tmp_path):
    for folder in ("a", "b"):
        run_cell(CELL, tmp_path / folder)
    first, second = (next(iter(Store(tmp_path / folder))) for folder in ("a", "b"))
    assert first.scores == second.scores
    assert first.key == second.key


def test_training_rows_are_capped_and_never_test_rows(root, tmp_path):
    capped = Cell("toy-class", "coordination", "logistic", "glass", 1, 0, 100)
    run_cell(capped, tmp_path)
    assert next(iter(Store(tmp_path))).n_train == 100
    split = cells.folds_of("toy-class", "glass")[1]
    row = np.arange(648, dtype=np.float32).reshape(-1, 1)
    training = cells.training_of(capped, row, np.zeros(648), split, "classification")
    assert len(training.x) == 100
    assert not set(training.x[:, 0]) & set(split.test)


def test_a_crashing_family_has_failed_with_its_error(root, tmp_path, monkeypatch):
    class Crash:
        def fit(self, x, y):
            raise ValueError("the matrix is cursed")

    family = ModelFamily("crash", "Crash", "none", lambda kind, seed: Crash())
    monkeypatch.setitem(model_families._entries, "crash", family)
    monkeypatch.setattr(fitting, "_warm", {("crash", "classification")})
    assert run_cell(Cell("toy-class", "coordination", "crash", "glass", 0, 0, 0), tmp_path) == "failed"
    assert "ValueError: the matrix is cursed" in next(iter(Store(tmp_path))).reason


def test_predictions_that_are_not_finite_are_a_failure(root, tmp_path, monkeypatch):
    class Infinite:
        def fit(self, x, y):
            return self

        def decision_function(self, x):
            return np.full(len(x), np.inf)

    monkeypatch.setitem(
        model_families._entries, "infinite", ModelFamily("infinite", "I", "none", lambda kind, seed: Infinite())
    )
    monkeypatch.setattr(fitting, "_warm", {("infinite", "classification")})
    assert run_cell(Cell("toy-class", "coordination", "infinite", "glass", 0, 0, 0), tmp_path) == "failed"


def test_a_family_that_predicts_too_few_rows_has_failed(root, tmp_path, monkeypatch):
    class Short:
        def fit(self, x, y):
            return self

        def decision_function(self, x):
            return np.zeros(len(x) - 1)

    family = ModelFamily("short", "S", "none", lambda kind, seed: Short())
    monkeypatch.setitem(model_families._entries, "short", family)
    monkeypatch.setattr(fitting, "_warm", {("short", "classification")})
    assert run_cell(Cell("toy-class", "coordination", "short", "glass", 0, 0, 0), tmp_path) == "failed"
    assert "must have shape (216,), got (215,)" in next(iter(Store(tmp_path))).reason


class Greedy:
    """Takes a GB; fits afterwards as any other."""

    def fit(self, x, y):
        self.much = np.ones(2**27)
        return self

    def decision_function(self, x):
        return x[:, 0]


@pytest.mark.skipif(sys.platform != "linux", reason="no limit elsewhere")
def test_a_family_that_takes_too_much_memory_is_stopped_and_may_be_run_again(root, tmp_path, monkeypatch):
    family = ModelFamily("greedy", "G", "none", lambda kind, seed: Greedy())
    monkeypatch.setitem(model_families._entries, "greedy", family)
    monkeypatch.setattr(fitting, "_warm", {("greedy", "classification")})
    cell = Cell("toy-class", "coordination", "greedy", "glass", 0, 0, 0)
    assert run_cell(cell, tmp_path, mb=500) == "out-of-memory"
    (stopped,) = Store(tmp_path)
    assert stopped.reason == "more than the 500 MB that it may take"
    assert len(np.ones(2**27)) == 2**27, "the limit is lifted afterwards"
    assert run_cell(cell, tmp_path) == "found"
    assert run_cell(cell, tmp_path, retried=frozenset({"failed"})) == "found"
    assert run_cell(cell, tmp_path, retried=frozenset({"out-of-memory"})) == "ok"


def test_cells_that_take_too_long_are_stopped_and_run_again_with_more_time(root, tmp_path):
    write_suite(root, "toy", ["coordination"], ["prior", "lightgbm"], cell_seconds=1, random_split=False)
    suite = read_suite("toy")
    first = run_suite(suite, tmp_path, workers=2)
    assert first.states["timed-out"] >= 1, "importing LightGBM takes longer"
    patient = replace(suite, cell_seconds=60)
    assert run_suite(patient, tmp_path, workers=2).states == {}
    again = run_suite(patient, tmp_path, workers=2, retry=["timed-out"])
    assert again.states == {"ok": first.states["timed-out"]}
    assert {result.state for result in Store(tmp_path)} == {"ok"}


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (TimeoutError(), "timed-out", "stopped after 9 s"),
        (ProcessExpired("gone", code=-9), "failed", "process died"),
        (SystemExit(3), "failed", "SystemExit: 3"),
        (ValueError("whatever comes back"), "failed", "ValueError: whatever comes back"),
    ],
)
def test_a_stopped_or_dead_worker_is_recorded(root, tmp_path, error, state, words):
    assert runner._state_of(error, CELL, Store(tmp_path), 9) == state
    assert words in next(iter(Store(tmp_path))).reason


def test_a_worker_that_dies_after_its_result_was_stored_loses_nothing(root, tmp_path):
    assert run_cell(CELL, tmp_path) == "ok"
    assert runner._state_of(ProcessExpired("gone", code=-9), CELL, Store(tmp_path), 9) == "ok"
    assert [result.state for result in Store(tmp_path)] == ["ok"]


def test_features_that_hang_time_out_their_cells_and_no_other(root, tmp_path, monkeypatch):
    write_suite(root, "toy", ["coordination", "species"], ["prior"], random_split=False)
    run = Workers.run

    def hang(self, function, jobs, seconds, *expected):
        """Coordination takes for ever."""
        for job, outcome in run(self, function, jobs, seconds, *expected):
            late = function is cells.cache_features and job[1] == "coordination"
            yield job, TimeoutError() if late else outcome

    monkeypatch.setattr(Workers, "run", hang)
    report = run_suite(read_suite("toy"), tmp_path, workers=1)
    assert report.states == {"timed-out": 6, "ok": 6}
    stopped = [result for result in Store(tmp_path) if result.state == "timed-out"]
    assert {(result.features, result.reason) for result in stopped} == {
        ("coordination", "its features were stopped after 3600 s")
    }


def test_kill_loses_no_finished_cell_and_the_next_run_resumes(root, tmp_path):
    results = tmp_path / "results"
    process = zoo_run(root, results)
    wait_for_results(results, 5)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = Store(results).finished()
    assert len(kept) >= 5
    assert not [key for key, result in kept.items() if result.state == "ok" and Store(results).predictions(key).empty]
    report = run_suite(read_suite("toy"), results, workers=2)
    assert report.found == len(kept)
    after = Store(results).finished()
    assert len(after) == 72
    assert all(after[key] == result for key, result in kept.items())


@pytest.mark.parametrize(("send", "what"), [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)])
def test_control_c_or_sigterm_ends_cleanly_and_says_how_to_go_on(root, tmp_path, send, what):
    slow = ["prior", "random-forest", "hist-gradient-boosting"]  # enough to do on a busy machine that pauses this test
    write_suite(root, "toy", ["species", "coordination", "radial-coarse"], slow)
    results = tmp_path / "results"
    process = zoo_run(root, results)
    wait_for_results(results, 3)
    send(process.pid, what)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    wait_for_the_end_of_group(process.pid)
    assert "the same command continues" in output + errors
    assert "Traceback" not in output + errors


def test_two_runs_at_once_share_the_work(root, tmp_path):
    results = tmp_path / "results"
    processes = [zoo_run(root, results, track="--track") for _ in range(2)]
    written = 0
    for process in processes:
        out, errors = process.communicate(timeout=400)
        assert process.returncode == 0, errors
        written += int(re.search(r"(\d+) new MLflow runs", out)[1])
    assert len(Store(results).finished()) == 72
    assert written == 12  # rows: each is written once


def test_a_folder_that_cannot_be_written_is_refused_before_the_first_fit(root, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="choose another with --results"):
        run_suite(read_suite("toy"), tmp_path / "file" / "results")


@pytest.mark.parametrize(("code", "words"), [(errno.ENOSPC, "is full"), (errno.EROFS, "must be writable")])
def test_a_full_or_read_only_disk_gets_a_sentence(tmp_path, monkeypatch, code, words):
    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match=words):
        Store(tmp_path).require_writable()
    assert not list(tmp_path.iterdir()), "nothing may be left half-written"


def test_a_damaged_result_is_named(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "0.json").write_text('{"key": ')
    with pytest.raises(StoreError, match=r"0\.json is no readable result"):
        Store(tmp_path).finished()


def test_changed_data_are_refused(root, tmp_path):
    path = root / "datasets" / "toy" / "g0.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ChecksumError, match="the file was changed or damaged"):
        run_suite(read_suite("toy"), tmp_path / "results")


def test_features_are_mapped_from_one_file_that_all_processes_share(root, tmp_path):
    made = cells.feature_matrix("toy-class", "coordination").matrix.tobytes()
    (file,) = (tmp_path / "cache").rglob("stacked/*.npy")
    content = file.read_bytes()
    for damage in (None, -9):
        file.unlink()
        file.write_bytes(content[:damage])  # one that is cut is made again
        cells.feature_matrix.cache_clear()
        again = cells.feature_matrix("toy-class", "coordination").matrix
        assert isinstance(again.base, np.memmap)
        assert not again.flags.writeable
        assert again.tobytes() == np.load(file).tobytes()
    parts = cells.features_of_glasses(cells.task_rows("toy-class"), "coordination")
    expected = np.concatenate([part.load() for part in parts])[cells.task_rows("toy-class").source]
    assert made == expected.tobytes()


def test_unknown_names_in_a_suite_are_met_with_a_guess(root):
    write_suite(root, "wrong", ["coordinaton"], ["prior"])
    with pytest.raises(UnknownNameError, match="did you mean coordination"):
        read_suite("wrong")


def test_cells_of_a_suite_are_all_combinations(root):
    assert len(cells_of(read_suite("toy"))) == 2 * 2 * 3 * 2 * 3


def write_pairs(root: Path, leak: float) -> None:
    """Pairs whose label depends on the glass alone, with one feature that tells the glasses apart."""
    random = np.random.default_rng(0)
    n_glasses, n_rows = 20, 40
    glass = np.repeat(np.arange(n_glasses), n_rows)
    table = pd.DataFrame(random.normal(size=(len(glass), 10)), columns=[c.name for c in pair_columns()])
    table["PR"] = leak * random.permutation(n_glasses)[glass] + 0.01 * random.normal(size=len(glass))
    table["conf"], table["i"], table["j"] = glass, np.arange(len(glass)), np.arange(len(glass)) + 0.5
    table["is_dw"] = (random.random(len(glass)) < np.where(glass % 2, 0.9, 0.1)).astype(float)
    folder = root / "datasets" / "pairs"
    folder.mkdir(parents=True)
    table.to_feather(folder / "pairs.feather")
    role = {"conf": "group", "i": "state", "j": "state", "is_dw": "target"}
    columns = [
        {"name": name, "unit": "1", "role": role.get(name, "feature"), "description": "made up"} for name in table
    ]
    file = folder / "pairs.feather"
    card = {
        "name": "pairs",
        "version": "1",
        "title": "Pairs",
        "kind": "pairs",
        "description": "Leaky pairs.",
        "license": "CC0-1.0",
        "citation": "none",
        "created": "2026-01-01",
        "files": [{"path": file.name, "sha256": sha256_of(file), "bytes": file.stat().st_size}],
        "columns": columns,
    }
    (folder / "card.toml").write_text(tomli_w.dumps(card))
    task = {
        "name": "pairs",
        "version": 1,
        "title": "pairs",
        "kind": "classification",
        "dataset": "pairs",
        "target": ["is_dw"],
        "label": {"rule": "flag"},
        "folds": 4,
        "score_by": "fold",
    }
    (root / "benchmarks" / "tasks" / "pairs.toml").write_text(tomli_w.dumps(task))


def pair_columns():
    from zoo.features.pair import COLUMNS

    return COLUMNS


def test_a_planted_leak_shows_as_optimism_and_not_in_the_score(root, tmp_path):
    write_pairs(root, leak=1.0)
    auc = {}
    for split in ("glass", "random"):
        for fold in range(4):
            run_cell(Cell("pairs", "pair", "decision-tree", split, fold, 0, 0), tmp_path / split)
        auc[split] = np.mean([result.scores["roc_auc"] for result in Store(tmp_path / split)])
    assert auc["random"] > 0.75
    assert auc["glass"] < 0.65


def test_identities_never_reach_a_descriptor(root, monkeypatch):
    from zoo.features.declaration import feature_sets

    write_pairs(root, leak=0.0)
    seen = []
    entry = feature_sets["pair"]

    def spy(table, kinds):
        seen.extend(table.columns)
        return entry.compute(table, kinds)

    from dataclasses import replace

    monkeypatch.setitem(feature_sets._entries, "pair", replace(entry, compute=spy))
    cells.feature_matrix("pairs", "pair")
    assert set(seen) == {column.name for column in pair_columns()}


def test_the_stored_threshold_gives_the_stored_mcc(root, tmp_path):
    run_cell(CELL, tmp_path)
    result = next(iter(Store(tmp_path)))
    rows = Store(tmp_path).predictions(result.key)
    assert matthews_corrcoef(rows["target"], rows["score"] >= result.threshold) == pytest.approx(result.scores["mcc"])


def test_a_result_that_lost_its_predictions_is_made_again(root, tmp_path):
    run_cell(CELL, tmp_path)
    path = next((tmp_path / "predictions").iterdir())
    path.unlink()
    assert not Store(tmp_path).finished()
    assert run_cell(CELL, tmp_path) == "ok"
    assert path.exists()
    assert run_cell(CELL, tmp_path) == "found"


@pytest.mark.parametrize(
    "changes", [{"max_train_rows": -5}, {"cell_seconds": 0}, {"entries": []}, {"seed": "one"}, {"colour": "red"}]
)
def test_a_suite_with_impossible_values_is_refused(root, changes):
    write_suite(root, "wrong", ["species"], ["prior"], **changes)
    with pytest.raises(DeclarationError, match="does not follow its schema"):
        read_suite("wrong")


def test_a_cell_named_twice_is_run_once(root):
    write_suite(root, "twice", ["species", "species"], ["prior", "prior"])
    assert len(cells_of(read_suite("twice"))) == 2 * 2 * 3


def test_no_part_files_are_left(root, tmp_path):
    run_cell(CELL, tmp_path)
    assert not list(tmp_path.rglob("*.part"))
    assert store.Store(tmp_path).finished()
