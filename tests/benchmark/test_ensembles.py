"""Ensembles: better than their members, and glasses apart on every level, as a planted leak shows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from toy import write_suite

from zoo.benchmark.fitting import choose
from zoo.benchmark.runner import run_suite
from zoo.benchmark.store import Store
from zoo.benchmark.suite import read_suite
from zoo.benchmark.training import Training, predict_scores
from zoo.benchmark.tuning import Budget
from zoo.leaderboard.board import make_board
from zoo.models._autogluon import Ensemble
from zoo.models.declaration import Member, model_families


def planted(kind: str, n_glasses: int = 60) -> Training:
    """Nothing but the number of the glass tells the label: what a model learns of it holds for no other glass."""
    random = np.random.default_rng(1)
    glass = np.repeat(np.arange(n_glasses), 16)
    code, level = random.permutation(n_glasses), random.permutation(n_glasses) % 2
    x = np.column_stack([code[glass], random.normal(size=(len(glass), 2))]).astype(np.float32)
    y = level[glass] + random.normal(0, 0.3, len(glass))
    return Training(kind, x, (y > 0.5).astype(float) if kind == "classification" else y, glass, seed=1)


@pytest.mark.parametrize(
    ("kind", "models"),
    [
        ("classification", {"GBM": {}, "RF": {"n_estimators": 30}, "KNN": {}}),  # the last two predict out of bag
        ("classification", [Member("decision-tree"), Member("random-forest"), Member("logistic")]),
        ("regression", [Member("decision-tree"), Member("random-forest"), Member("ridge")]),
    ],
)
def test_a_planted_leak_is_not_found(kind, models):
    training = planted(kind)
    chance, leaked = (0.5, 0.8) if kind == "classification" else (0.0, 0.5)
    honest = Ensemble(kind, 0, models).fit(training.x, training.y, training.folds())
    assert len(honest.scores_) == 4
    assert max(honest.scores_.values()) < chance + 0.1, honest.scores_
    random_folds = np.random.default_rng(0).permutation(len(training.y)) % 3
    leaky = Ensemble(kind, 0, models).fit(training.x, training.y, random_folds)
    assert max(leaky.scores_.values()) > leaked, "the leak must be there to be found"


class Notes:
    """A model that notes which glasses it has seen: the first column is the number of the glass."""

    seen: ClassVar[list[set[float]]] = []
    asked: ClassVar[list[tuple[set[float], set[float]]]] = []

    def fit(self, x, y):
        self.glasses = set(x[:, 0])
        assert len(x) == 30 * len(self.glasses), "whole glasses: no rows may be held out of a fit"
        self.seen.append(self.glasses)
        return self

    def predict_proba(self, x):
        self.asked.append((self.glasses, set(x[:, 0])))
        return np.column_stack([1 - x[:, 1], x[:, 1]])


def test_no_fit_at_any_level_sees_the_glasses_that_it_predicts(monkeypatch):
    family = model_families["decision-tree"]
    monkeypatch.setattr(type(family), "estimator", lambda *settings: Notes())
    random = np.random.default_rng(0)
    glass = np.repeat(np.arange(7), 30)
    x = np.column_stack([glass, random.random(len(glass))]).astype(np.float32)
    training = Training("classification", x, (random.random(len(glass)) < x[:, 1]).astype(float), glass, 5)
    members = [Member("decision-tree"), Member("decision-tree")]
    ensemble = Ensemble("classification", 0, members, stack_levels=1).fit(x, training.y, training.folds())
    assert len(Notes.seen) == 2 * 2 * 3, "members, levels, folds"
    assert all(fitted.isdisjoint(held_out) for fitted, held_out in Notes.asked)
    assert set().union(*(held_out for _, held_out in Notes.asked)) == set(range(7))
    assert np.allclose(ensemble.held_out_, x[:, 1], atol=1e-6)


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_an_ensemble_joins_families_on_columns_of_their_own(kind):
    random = np.random.default_rng(2)
    x = random.normal(size=(900, 4)).astype(np.float32)
    y = x[:, 0] + np.abs(x[:, 2]) + random.normal(0, 0.3, 900)
    training = Training(kind, x, (y > 1).astype(float) if kind == "classification" else y, np.arange(900) // 90, 0)
    linear = "logistic" if kind == "classification" else "ridge"
    members = [Member(linear, columns=(0, 2)), Member("decision-tree", {"max_depth": 4}, columns=(2, 4))]
    ensemble = Ensemble(kind, 0, members).fit(training.x, training.y, training.folds())
    alone = [ensemble.scores_[name] for name in ensemble.member_names_]
    assert max(ensemble.scores_.values()) > max(alone) + 0.02
    assert set(ensemble.weights_) == set(ensemble.member_names_)
    assert sum(ensemble.weights_.values()) == pytest.approx(1)
    again = Ensemble(kind, 0, members).fit(training.x, training.y, training.folds())
    assert np.array_equal(predict_scores(ensemble, x, kind), predict_scores(again, x, kind))
    moved = x.copy()
    moved[:, [1, 3]] += 100  # columns without meaning: the linear model has learnt that of the first
    assert np.corrcoef(predict_scores(ensemble, x, kind), predict_scores(ensemble, moved, kind))[0, 1] > 0.5


def test_the_mode_joins_the_best_settings_of_the_search():
    random = np.random.default_rng(4)
    x = random.normal(size=(600, 3)).astype(np.float32)
    training = Training("regression", x, np.sin(2 * x[:, 0]) + random.normal(0, 0.3, 600), np.arange(600) // 60, 0)
    choice = choose(model_families["decision-tree"], "ensembled", training, Budget(6, 60), None, "study")
    assert len(choice.members) == 4
    estimator = choice.fit(training)
    recorded = choice.recorded(estimator)
    assert sum(recorded["weights"]) == pytest.approx(1)
    assert len(recorded["members"]) == 4
    single = training.fit(model_families["decision-tree"], choice.members[0].settings)
    truth = np.sin(2 * x[:, 0])
    error = [np.mean((predict_scores(model, x, "regression") - truth) ** 2) for model in (estimator, single)]
    assert error[0] < error[1]


def test_a_suite_runs_all_three_modes_and_the_family_autogluon(root, tmp_path):
    modes = {"modes": ["default", "tuned", "ensembled"], "trials": 3, "random_split": False, "cell_seconds": 300}
    write_suite(root, "toy", features=["coordination"], families=["decision-tree"], **modes)
    suite = read_suite("toy")
    assert run_suite(suite, tmp_path, workers=2).states == {"ok": 18}
    for result in Store(tmp_path):
        if result.mode == "ensembled":
            assert len(result.settings["members"]) == len(result.settings["weights"]) > 1
            assert result.task == "toy-value" or result.threshold is not None
    board, _ = make_board(Store(tmp_path), suite)
    assert {row.model for row in board.rows} == {
        "decision-tree",
        "decision-tree, tuned",
        "decision-tree, ensembled",
    }
