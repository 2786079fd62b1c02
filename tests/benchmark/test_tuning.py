"""Tuning: better settings where there are better ones, nothing seen of the test glasses, resumed where it stopped."""

from __future__ import annotations

import sqlite3
from typing import ClassVar

import numpy as np
import pytest
from toy import write_suite

from zoo.benchmark.runner import run_suite
from zoo.benchmark.store import Store
from zoo.benchmark.suite import cells_of, read_suite
from zoo.benchmark.training import Training
from zoo.benchmark.tuning import STARTUP, Budget, open_study, seconds_of, tried, tune
from zoo.errors import TaskError, TuningError
from zoo.leaderboard.board import make_board
from zoo.models.declaration import ModelFamily

BUDGET = Budget(trials=8, seconds=60)
STATES = ("COMPLETE", "PRUNED")


class Threshold:
    """Predicts whether the first column is above ``at``; ``log`` notes the rows of every fit."""

    log: ClassVar[list[np.ndarray]] = []

    def __init__(self, at=5.0):
        self.at = at

    def fit(self, x, y):
        Threshold.log.append(x[:, 1].copy())
        if self.at < -0.9:
            raise ValueError("no such threshold")
        return self

    def decision_function(self, x):
        return (x[:, 0] > self.at).astype(float)


FAMILY = ModelFamily(
    "threshold",
    "T",
    "none",
    lambda kind, seed, **settings: Threshold(**settings),
    space=lambda trial, kind: {"at": trial.suggest_float("at", -1, 1)},
)


def training(n_groups=6, seed=3) -> Training:
    """The second column is the number of the group."""
    random = np.random.default_rng(1)
    group = np.repeat(np.arange(n_groups), 50)
    x = np.column_stack([random.normal(size=len(group)), group]).astype(np.float32)
    return Training("classification", x, (x[:, 0] > 0.3).astype(float), group, seed)


def test_better_settings_are_found_and_groups_are_never_parted():
    Threshold.log.clear()
    found = tune(FAMILY, training(), Budget(25, 60))
    assert found.settings["at"] == pytest.approx(0.3, abs=0.15)
    assert found.score > 0.8 > found.default_score
    assert found.n_trials == 25
    for groups in Threshold.log:
        assert len(np.unique(groups)) == 4  # of 6: two whole groups are held out
        assert np.bincount(groups.astype(int))[np.unique(groups).astype(int)].tolist() == [50] * 4


def test_the_same_seed_gives_the_same_settings():
    one, two = (tune(FAMILY, training(), BUDGET) for _ in range(2))
    assert one == two
    assert one.settings != tune(FAMILY, training(seed=4), BUDGET).settings


def test_the_defaults_stay_unless_something_is_better():
    good = ModelFamily("good", "G", "none", lambda kind, seed, at=0.3: Threshold(at), space=FAMILY.space)
    found = tune(good, training(), BUDGET)
    assert found.settings == {}
    assert found.score == found.default_score == 1.0


def test_a_search_continues_where_it_was_stopped(tmp_path):
    address = f"sqlite:///{tmp_path / 'studies.db'}"
    first = tune(FAMILY, training(), Budget(4, 60), storage=address, name="a")
    assert first.n_trials == 4
    Threshold.log.clear()
    again = tune(FAMILY, training(), Budget(4, 60), storage=address, name="a")
    assert again == first
    assert len(Threshold.log) == 3  # the defaults only
    more = tune(FAMILY, training(), Budget(9, 60), storage=address, name="a")
    assert more.n_trials == 9
    assert more.score >= first.score
    (n_trials,) = sqlite3.connect(tmp_path / "studies.db").execute("select count(*) from trials").fetchone()
    assert n_trials == 9


def test_time_is_a_limit_too():
    found = tune(FAMILY, training(), Budget(10_000, 1.0))
    assert 0 < found.n_trials < 10_000


def test_the_seconds_of_earlier_runs_are_counted(tmp_path):
    address = f"sqlite:///{tmp_path / 'studies.db'}"
    tune(FAMILY, training(), Budget(4, 60), storage=address)
    spent = seconds_of(tried(open_study(3, address, "study")))
    assert tune(FAMILY, training(), Budget(10_000, spent), storage=address).n_trials == 4


def test_trials_that_were_killed_take_no_place_and_no_time(tmp_path):
    address = f"sqlite:///{tmp_path / 'studies.db'}"
    for _ in range(3):
        open_study(3, address, "study").ask()
    found = tune(FAMILY, training(), Budget(4, 60), storage=address)
    assert found.n_trials == 4
    study = open_study(3, address, "study")
    assert [trial.state.name for trial in study.trials[:3]] == 3 * ["FAIL"]
    assert tried(study) == study.trials[3:]


def test_a_study_that_goes_on_does_not_draw_the_same_again(tmp_path):
    address = f"sqlite:///{tmp_path / 'studies.db'}"
    for trials in (3, 6):
        tune(FAMILY, training(), Budget(trials, 60), storage=address)
    assert len({trial.params["at"] for trial in open_study(3, address, "study").trials}) == 6


def test_a_poor_trial_is_given_up_before_its_last_fold_never_after_it(tmp_path):
    address = f"sqlite:///{tmp_path / 'studies.db'}"
    tune(FAMILY, training(12), Budget(15, 60), storage=address)
    trials = open_study(3, address, "study").trials
    folds = {state: {len(t.intermediate_values) for t in trials if t.state.name == state} for state in STATES}
    assert folds == {"COMPLETE": {3}, "PRUNED": folds["PRUNED"]}
    assert folds["PRUNED"], "some are given up"
    assert max(folds["PRUNED"]) < 3
    assert all(t.state.name == "COMPLETE" for t in trials[:STARTUP]), "there is nothing to compare with"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (training(1), "at least two glasses"),
        (Training("classification", training().x, np.zeros(300), training().group, 0), "must hold both classes"),
    ],
)
def test_what_cannot_be_tuned_is_said(data, words):
    with pytest.raises((TuningError, TaskError), match=words):
        tune(FAMILY, data, BUDGET)


def test_trials_that_fail_are_left_out_unless_all_do():
    fails = ModelFamily(
        "fails", "F", "none", FAMILY.build, space=lambda trial, kind: {"at": -1 - trial.suggest_float("a", 0, 1)}
    )
    with pytest.raises(TuningError, match="all 8 trials have failed"):
        tune(fails, training(), BUDGET)


def test_a_tuned_suite_has_rows_of_its_own(root, tmp_path):
    suite_of = {"modes": ["default", "tuned"], "trials": 3, "tune_seconds": 60, "random_split": True}
    write_suite(root, "toy", features=["coordination"], families=["prior", "decision-tree"], **suite_of)
    suite = read_suite("toy")
    assert len(cells_of(suite)) == 2 * 2 * (2 + 1) * 3
    report = run_suite(suite, tmp_path, workers=2)
    assert report.states == {"ok": 30, "declined": 6}
    results = [result for result in Store(tmp_path) if result.mode == "tuned"]
    assert {result.reason for result in results if result.family == "prior"} == {"prior has nothing to tune"}
    for result in results:
        if result.family == "decision-tree":
            assert result.tuning["n_trials"] == 3
            assert result.tuning["score"] >= result.tuning["default_score"]
            assert set(result.settings) in (set(), {"max_depth", "min_samples_leaf"})
    board, _ = make_board(Store(tmp_path), suite)
    assert {(row.model, row.state) for row in board.rows} == {
        ("prior", "ok"),
        ("prior, tuned", "declined"),
        ("decision-tree", "ok"),
        ("decision-tree, tuned", "ok"),
    }
    (tuned,) = (row for row in board.rows if row.model == "decision-tree, tuned")
    (plain,) = (row for row in board.rows if row.model == "decision-tree")
    assert tuned.scores["average_precision"] > plain.scores["average_precision"]
    assert run_suite(suite, tmp_path).found == 36


def test_a_damaged_study_file_costs_nothing_that_is_finished(root, tmp_path):
    write_suite(root, "toy", features=["species"], families=["decision-tree"], modes=["tuned"], trials=2)
    suite = read_suite("toy")
    run_suite(suite, tmp_path, workers=2)
    (tmp_path / "studies.db").write_bytes(b"no database" * 1000)
    assert run_suite(suite, tmp_path).found == 6
    victim = next(iter(Store(tmp_path)))
    (tmp_path / "results" / f"{victim.key}.json").unlink()
    with pytest.raises(TuningError, match="a damaged file may be deleted"):
        run_suite(suite, tmp_path)
    (tmp_path / "studies.db").unlink()
    assert run_suite(suite, tmp_path).states == {"ok": 1}
