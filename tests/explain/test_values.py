"""Values of single rows: equal to Shapley's formula, to shap's, and adding up to what the model predicts."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from zoo.errors import ExplainError
from zoo.explain.explainers import explainer_of, linear_explainer, trees_explainer
from zoo.explain.sampling import sampled_shapley
from zoo.explain.trees import Tree, Trees, read_trees
from zoo.models._autogluon import Ensemble
from zoo.models.declaration import Member, model_families

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 4)).astype(np.float32)
X[:, 3] = 0.8 * X[:, 0] + 0.6 * X[:, 3]
VALUE = X[:, 0] + X[:, 1] * X[:, 2] + 0.2 * RANDOM.normal(size=300)
TARGETS = {"classification": (VALUE > 0.8).astype(float), "regression": VALUE}
BACKGROUND, ROWS = X[:23], X[200:206]
TREES = sorted(family.name for family in model_families if family.explained_by == "trees")
LINEAR = sorted(family.name for family in model_families if family.explained_by == "coefficients")
SMALL = {"catboost": {"iterations": 60}, "random-forest": {"n_estimators": 20}, "extra-trees": {"n_estimators": 20}}


def by_definition(output, rows, background):
    """Shapley's formula over all coalitions."""
    n = rows.shape[1]
    values = np.zeros(rows.shape)
    worth = {}
    for size in range(n + 1):
        for present in itertools.combinations(range(n), size):
            mixed = np.repeat(background[None], len(rows), axis=0)
            mixed[:, :, list(present)] = rows[:, None, list(present)]
            worth[present] = output(mixed.reshape(-1, n)).reshape(len(rows), -1).mean(axis=1)
    for column in range(n):
        for present, value in worth.items():
            if column in present:
                continue
            share = math.factorial(len(present)) * math.factorial(n - len(present) - 1) / math.factorial(n)
            values[:, column] += share * (worth[tuple(sorted((*present, column)))] - value)
    return values


def fitted(name, kind):
    estimator = model_families[name].estimator(kind, 0, settings=SMALL.get(name, {}))
    return estimator.fit(X[:200], TARGETS[kind][:200])


@pytest.mark.parametrize("kind", ["classification", "regression"])
@pytest.mark.parametrize("name", TREES + LINEAR)
def test_exact_values_are_those_of_the_definition(name, kind):
    family = model_families[name]
    if family.declines(kind):
        return
    explainer = explainer_of(fitted(name, kind), family, kind, X, 2, 0)
    values, error = explainer.values(ROWS, BACKGROUND)
    assert explainer.exact
    assert error is None
    truth = by_definition(explainer.output, ROWS, BACKGROUND)
    spread = explainer.output(X).std()
    assert np.abs(values - truth).max() < 1e-9 * spread
    off = explainer.output(BACKGROUND).mean() + values.sum(axis=1) - explainer.output(ROWS)
    assert np.abs(off).max() < 1e-9 * spread
    assert explainer.disagreement < 1e-5


@pytest.mark.parametrize("name", TREES)
def test_trees_have_the_values_of_shap(name):
    import shap

    estimator = fitted(name, "classification")
    theirs = np.asarray(
        shap.TreeExplainer(estimator, BACKGROUND, feature_perturbation="interventional").shap_values(
            ROWS, check_additivity=False
        )
    )
    theirs = theirs[..., 1] if theirs.ndim == 3 else theirs
    assert np.abs(read_trees(estimator).shapley(ROWS, BACKGROUND) - theirs).max() < 1e-6 * np.abs(theirs).max()


def test_log_odds_of_boosted_classes_and_probabilities_of_averaged_ones():
    spaces = {name: trees_explainer(fitted(name, "classification"), "classification", X).space for name in TREES}
    averaged = {"decision-tree", "random-forest", "extra-trees"}
    assert spaces == {name: "probability" if name in averaged else "log-odds" for name in TREES}


@pytest.mark.parametrize("n_background", [1, 64, 65, 130])
def test_deep_trees_with_repeated_columns_and_any_number_of_background_rows(n_background):
    x = RANDOM.normal(size=(400, 4)).astype(np.float32)
    tree = model_families["decision-tree"].estimator("regression", 0)
    tree.fit(x, np.sin(5 * x[:, 0]) * x[:, 1] + x[:, 2] * x[:, 3])
    trees = read_trees(tree)
    assert trees.trees[0].depth > 8
    values = trees.shapley(x[:40], x[-n_background:])
    assert np.abs(values - by_definition(trees.predict, x[:40], x[-n_background:])).max() < 1e-9


def test_rows_in_blocks_have_the_same_values(monkeypatch):
    trees = read_trees(fitted("lightgbm", "regression"))
    whole = trees.shapley(X, BACKGROUND)
    monkeypatch.setattr("zoo.explain.trees.ROWS", 7)
    assert np.abs(trees.shapley(X, BACKGROUND) - whole).max() < 1e-12


@pytest.mark.parametrize("name", ["gradient-boosting", "catboost"])
def test_rows_that_meet_the_same_conditions_walk_once(name, monkeypatch):
    trees = read_trees(fitted(name, "regression"))
    walked = []
    from zoo.explain import _tree_kernel

    real = _tree_kernel.add_tree
    monkeypatch.setattr(_tree_kernel, "add_tree", lambda *given: walked.append(given[6].shape[1]) or real(*given))
    alone = trees.shapley(ROWS, BACKGROUND)
    among = trees.shapley(X, BACKGROUND)[200:206]
    assert max(walked[len(trees.trees) :]) <= 2**7 < len(X)
    assert np.abs(alone - among).max() < 1e-12


def test_a_path_with_too_many_columns_is_refused():
    n = 66  # a chain: node k asks about column k
    left = np.array([*range(1, n + 1), *[-1] * (n + 1)], np.int32)
    right = np.array([*range(n + 1, 2 * n + 1), *[-1] * (n + 1)], np.int32)
    column, zero = np.array([*range(n), *[0] * (n + 1)], np.int32), np.zeros(2 * n + 1)
    chain = Trees((Tree(left, right, column, zero, np.where(left < 0, np.arange(2.0 * n + 1), 0.0)),), 0.0)
    x = RANDOM.normal(size=(3, n))
    with pytest.raises(ExplainError, match="64 different columns"):
        chain.shapley(x, -x)


def test_sampled_values_are_right_within_their_errors():
    family = model_families["mlp"]
    estimator = family.estimator("regression", 0).fit(X[:200], VALUE[:200])
    explainer = explainer_of(estimator, family, "regression", X, 23, 0)
    values, error = explainer.values(ROWS, BACKGROUND)
    truth = by_definition(explainer.output, ROWS, BACKGROUND)
    assert np.sqrt(np.mean(((values - truth) / error) ** 2)) < 1.3
    assert error.max() < 0.5 * np.abs(truth).max()
    total = explainer.output(BACKGROUND).mean() + values.sum(axis=1)
    assert np.abs(total - explainer.output(ROWS)).max() < 1e-6
    again, _ = explainer.values(ROWS, BACKGROUND)
    assert np.array_equal(values, again)


def test_errors_are_those_of_repetitions_and_shrink_with_permutations():
    def output(x):
        return np.asarray(x[:, 0] * x[:, 1] + x[:, 2], float)

    runs = [sampled_shapley(output, ROWS, BACKGROUND, 8, seed) for seed in range(60)]
    scatter = np.std([values for values, _ in runs], axis=0)
    stated = np.sqrt(np.mean([error**2 for _, error in runs], axis=0))
    known = scatter[:, :3] > 1e-6
    assert 0.6 < np.median(stated[:, :3][known] / scatter[:, :3][known]) < 1.5
    assert np.abs(np.mean([values for values, _ in runs], axis=0)[:, 3]).max() < 1e-6, "a column without any effect"
    more = sampled_shapley(output, ROWS, BACKGROUND, 32, 0)[1]
    assert more.mean() < 0.7 * stated.mean()


def test_an_unfitted_model_and_a_misread_one_get_a_sentence():
    family = model_families["logistic"]
    for name in ("logistic", "mlp"):
        unfitted = model_families[name].estimator("classification", 0)
        with pytest.raises(ExplainError, match="only a fitted model"):
            explainer_of(unfitted, model_families[name], "classification", X, 2, 0)
    forest = model_families["random-forest"].estimator("classification", 0)
    with pytest.raises(ExplainError, match="only a fitted model"):
        explainer_of(forest, model_families["random-forest"], "classification", X, 2, 0)
    with pytest.raises(ExplainError, match="linear model behind a scaler"):
        linear_explainer(fitted("mlp", "classification"), "classification", X)
    estimator = fitted("logistic", "classification")
    estimator[-1].predict_proba = lambda x: np.full((len(x), 2), 0.5) + np.array([-0.1, 0.1]) * np.sign(x[:, :1])
    with pytest.raises(ExplainError, match="must be what the model predicts"):
        explainer_of(estimator, family, "classification", X, 2, 0)


@pytest.mark.parametrize(
    ("kind", "members", "exact"),
    [
        ("regression", [Member("lightgbm", {"n_estimators": 20}), Member("ridge", columns=(0, 2))], True),
        ("classification", [Member("random-forest", {"n_estimators": 10}), Member("decision-tree")], True),
        ("classification", [Member("lightgbm", {"n_estimators": 20})], False),
    ],
)
def test_an_ensemble_is_the_sum_of_its_members_where_it_is_one(kind, members, exact):
    ensemble = Ensemble(kind, 0, members).fit(X, TARGETS[kind], np.arange(len(X)) % 3)
    explainer = explainer_of(ensemble, model_families["autogluon"], kind, X, 23, 0)
    assert explainer.exact == exact
    assert ("weighted sum" in explainer.method) == exact
    assert ("0-lightgbm of the ensemble has no exact values" in explainer.method) == (not exact)
    values, error = explainer.values(ROWS[:2], BACKGROUND)
    truth = by_definition(explainer.output, ROWS[:2], BACKGROUND)
    allowed = 1e-6 if exact else 5 * error.max()
    assert np.abs(values - truth).max() < allowed
    assert explainer.disagreement < 1e-5


def test_autogluons_own_trees_are_read():
    models = {"GBM": {"num_boost_round": 10}, "RF": {"n_estimators": 10}}
    ensemble = Ensemble("regression", 0, models).fit(X, VALUE, np.arange(len(X)) % 2)
    explainer = explainer_of(ensemble, model_families["autogluon"], "regression", X, 2, 0)
    assert explainer.exact
    values, _ = explainer.values(ROWS[:2], BACKGROUND)
    assert np.abs(values - by_definition(explainer.output, ROWS[:2], BACKGROUND)).max() < 1e-6


def test_a_missing_member_of_an_ensemble_is_named():
    def gone(name):
        raise FileNotFoundError(name)

    trainer = SimpleNamespace(load_model=gone)
    broken = SimpleNamespace(weights_={"3-lightgbm_BAG_L1": 1.0}, predictor_=SimpleNamespace(_trainer=trainer))
    with pytest.raises(ExplainError, match="3-lightgbm_BAG_L1 is missing"):
        explainer_of(broken, model_families["autogluon"], "regression", X, 2, 0)
