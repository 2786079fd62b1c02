"""What every model family owes the harness."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from zoo.benchmark.training import Training, predict_scores
from zoo.benchmark.tuning import Budget, tune
from zoo.errors import MissingSoftwareError, TaskError
from zoo.models.declaration import model_families

RANDOM = np.random.default_rng(0)
IMAGE = (4, 4)
HIDDEN = RANDOM.normal(size=(240, 3))
X = (HIDDEN @ RANDOM.normal(size=(3, 16)) + 0.1 * RANDOM.normal(size=(240, 16))).astype(np.float32)
VALUE = HIDDEN[:, 0] - 2 * HIDDEN[:, 1] + 0.1 * RANDOM.normal(size=240)
TARGETS = {"classification": (VALUE > 1).astype(float), "regression": VALUE}


class Middle:
    """A trial in the middle of every range."""

    def suggest_float(self, name, low, high, *, log=False):
        return float(np.sqrt(low * high)) if log else (low + high) / 2

    def suggest_int(self, name, low, high, *, log=False):
        return round(self.suggest_float(name, low, high, log=log))

    def suggest_categorical(self, name, choices):
        return choices[-1]


FEWER = {"catboost": {"iterations": 100}, "explainable-boosting": {"max_rounds": 300, "outer_bags": 1}}
"""Steps of families that are slow."""


def scores_of(family, kind, settings=None):
    settings = (settings or {}) | FEWER.get(family.name, {})
    training = Training(kind, X[:200], TARGETS[kind][:200], np.arange(200) // 20, 7, IMAGE)
    estimator = training.fit(family, settings)
    return predict_scores(estimator, X[200:], kind)


@pytest.mark.parametrize("kind", ["classification", "regression"])
@pytest.mark.parametrize("name", model_families.names())
def test_a_family_learns_or_says_why_not(name, kind):
    family = model_families[name]
    if reason := family.declines(kind):
        assert any(word in reason for word in ("values", "classes", "pip install", "weights"))
        return
    if any(find_spec(module) is None for module, _ in family.requires):
        with pytest.raises(MissingSoftwareError, match="pip install 'glass-zoo"):
            family.require_software()
        pytest.skip(f"{family.requires} is not installed")
    scores, again = scores_of(family, kind), scores_of(family, kind)
    assert np.array_equal(scores, again), "the same seed must give the same bits"
    assert scores.shape == (40,)
    correlation = 0.0 if np.ptp(scores) == 0 else np.corrcoef(scores, VALUE[200:])[0, 1]
    assert correlation == 0.0 if family.null_control else correlation > 0.5
    if family.space is not None:
        settings = family.space(Middle(), kind)
        assert not np.array_equal(scores, scores_of(family, kind, settings)), "the settings must have an effect"


@pytest.mark.parametrize("kind", ["classification", "regression"])
@pytest.mark.parametrize("name", model_families.names())
def test_rows_that_teach_nothing_are_refused_in_the_same_words_by_all(name, kind):
    family, glass, one = model_families[name], np.arange(200) // 20, np.zeros(200)
    with pytest.raises(TaskError, match=r"training rows must hold .*, got 200 rows of (class|value) 0"):
        Training(kind, X[:200], one, glass, 7, IMAGE).fit(family, {})
    alike = Training(kind, np.tile(X[:1], (200, 1)), TARGETS[kind][:200], glass, 7, IMAGE)
    if family.null_control:
        assert np.ptp(predict_scores(alike.fit(family, {}), X[200:], kind)) == 0
        return
    with pytest.raises(TaskError, match="every column is constant on the training rows"):
        alike.fit(family, {})


def test_an_inner_fold_that_learns_from_one_class_is_said():
    """All rows of class 1 lie in one glass: a search cannot hold it out."""
    y = (np.arange(200) < 20).astype(float)
    training = Training("classification", X[:200], y, np.arange(200) // 20, 7)
    with pytest.raises(TaskError, match="training rows must hold both classes"):
        tune(model_families["logistic"], training, Budget(2, 10))


@pytest.mark.parametrize("name", ["tabm", "realmlp"])
def test_early_stopping_by_class_error_does_not_end_the_learning_of_a_rare_class(name):
    """One atom of twenty: a network that calls none of them rare errs as seldom as a good one."""
    x = np.random.default_rng(1).normal(size=(3000, 8)).astype(np.float32)
    value = x[:, 0] + 0.7 * np.random.default_rng(2).normal(size=3000)
    y = (value > np.quantile(value, 0.95)).astype(float)
    fitted = Training("classification", x[:2000], y[:2000], np.arange(2000) // 200, 0).fit(model_families[name], {})
    assert average_precision_score(y[2000:], predict_scores(fitted, x[2000:], "classification")) > 0.25


@pytest.mark.parametrize("name", ["tabpfn", "tabicl"])
def test_a_pretrained_family_says_where_its_weights_belong(name, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    family = model_families[name]
    assert f"pip install {name}" in family.declines("classification")
    monkeypatch.setattr("zoo.models.foundation.find_spec", lambda name: object())
    reason = family.declines("regression")
    place = tmp_path / "weights" / f"{name}-regression.ckpt"
    assert str(place) in reason
    assert "https://" in reason
    place.parent.mkdir()
    place.touch()
    assert family.declines("regression") is None
    assert family.declines("classification") is not None


def test_the_kernel_machine_is_exact_for_few_rows_and_close_to_it_for_many():
    family, (train, test) = model_families["rbf-svm"], (slice(0, 200), slice(200, 240))
    for kind, y in TARGETS.items():
        few, many = (family.build(kind, 0, **more).fit(X[train], y[train]) for more in ({}, {"exact": 100}))
        assert hasattr(few[-1].machine_, "support_")
        assert not hasattr(many[-1].machine_, "support_")
        one, two = predict_scores(few, X[test], kind), predict_scores(many, X[test], kind)
        assert np.corrcoef(one, two)[0, 1] > 0.9


def test_declarations_import_no_learning_library():
    code = (
        "import sys; from zoo.models.declaration import model_families as m; "
        "from zoo.features.declaration import feature_sets as f; m.names(); f.names(); "
        "heavy = {'sklearn', 'numba', 'xgboost', 'lightgbm', 'catboost', 'torch', 'pandas', 'matplotlib', 'ase'}; "
        "heavy &= set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
