"""Metrics mean what their names say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, balanced_accuracy_score, matthews_corrcoef, roc_auc_score

from zoo.benchmark.metrics import best_threshold, enrichment, evaluate, evaluate_finite

TARGET = np.repeat([1.0, 0.0], [10, 90])


def test_a_perfect_ranking_has_the_largest_scores():
    scores = evaluate("classification", TARGET, -np.arange(100.0), threshold=-9.0)
    for name in ("average_precision", "roc_auc", "mcc", "balanced_accuracy"):
        assert scores[name] == pytest.approx(1.0)
    assert scores["enrichment_1"] == scores["enrichment_5"] == pytest.approx(10.0)


def test_a_constant_score_is_worth_the_prior():
    scores = evaluate("classification", TARGET, np.zeros(100), threshold=0.0)
    assert scores["average_precision"] == pytest.approx(0.1)
    assert scores["roc_auc"] == 0.5
    assert scores["enrichment_1"] == pytest.approx(1.0)
    assert scores["mcc"] == 0.0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=60), st.integers(-1, 10))
def test_scikit_learn_finds_the_same(pairs, threshold):
    target = np.array([float(label) for label, _ in pairs])
    score = np.array([float(value) for _, value in pairs])
    if len(np.unique(target)) < 2:
        return
    scores = evaluate("classification", target, score, threshold)
    assert scores["average_precision"] == pytest.approx(average_precision_score(target, score))
    assert scores["roc_auc"] == pytest.approx(roc_auc_score(target, score))
    assert scores["mcc"] == pytest.approx(matthews_corrcoef(target, score >= threshold), abs=1e-12)
    assert scores["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(target, score >= threshold))


def test_metrics_without_a_meaning_are_left_out():
    assert "mcc" not in evaluate_finite("classification", TARGET, np.arange(100.0))
    assert evaluate_finite("classification", np.zeros(5), np.arange(5.0)) == {}
    assert set(evaluate_finite("regression", np.arange(5.0), np.ones(5))) == {"r2", "rmse"}


def test_regression_metrics_of_a_shifted_line():
    target = np.arange(20.0)
    scores = evaluate("regression", target, target + 3.0)
    assert scores["pearson"] == pytest.approx(1.0)
    assert scores["spearman"] == pytest.approx(1.0)
    assert scores["rmse"] == pytest.approx(3.0)
    assert scores["r2"] == pytest.approx(1 - 9 / target.var())


def test_enrichment_counts_ties_by_their_share():
    score = np.repeat([1.0, 0.0], [20, 80])
    assert enrichment(TARGET, score, 0.10) == pytest.approx(0.5 / 0.1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=4, max_size=40))
def test_the_best_threshold_has_the_largest_mcc_of_all(pairs):
    target = np.array([float(label) for label, _ in pairs])
    score = np.array([float(value) for _, value in pairs])
    if len(np.unique(target)) < 2 or len(np.unique(score)) < 2:
        return
    every = [matthews_corrcoef(target, score >= cut) for cut in np.unique(score)[1:]]
    found = matthews_corrcoef(target, score >= best_threshold(target, score))
    assert found == pytest.approx(max(every))
