"""Scores of a cell, the ceiling of label noise, probabilities after a look at the target."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from zoo.benchmark.cell import task_rows
from zoo.transfer import scores
from zoo.transfer.recalibrate import calibrate, skill
from zoo.transfer.scores import RESAMPLES, CellScores, ceiling, difference_interval, draws, score_cell, weighted


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    glass = np.repeat(np.arange(6), 80)
    target = (random.random(480) < 0.3).astype(float)
    score = np.round(target * 0.4 + random.normal(0, 1, 480), 1)  # with ties
    return target, score, glass


def test_a_weighted_auc_is_scikit_learns(rows):
    target, score, glass = rows
    counts = draws(6)[:20]
    found = weighted("classification", target, score, counts, glass)
    expected = [roc_auc_score(target, score, sample_weight=count[glass]) for count in counts]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_weighted_correlation_is_that_of_repeated_rows(rows):
    _, score, glass = rows
    value = score + np.random.default_rng(1).normal(0, 1, len(score))
    counts = draws(6)[:20]
    found = weighted("regression", value, score, counts, glass)
    for count, one in zip(counts, found, strict=True):
        again = np.repeat(np.arange(len(score)), count[glass])
        assert one == pytest.approx(np.corrcoef(value[again], score[again])[0, 1])


def test_a_cell_is_the_mean_over_glasses_and_its_interval_is_over_glasses(rows):
    target, score, glass = rows
    frame = pd.DataFrame({"glass": glass, "target": target, "score": score})
    found = score_cell("classification", [frame], True, {})
    each = [roc_auc_score(target[glass == k], score[glass == k]) for k in range(6)]
    assert found.scores["roc_auc"] == pytest.approx(np.mean(each))
    low, high = found.interval
    # 3 standard errors over glasses, not over atoms
    assert low < np.mean(each) < high
    assert 0.5 < (high - low) / (3.92 * np.std(each) / np.sqrt(6)) < 1.5


def test_two_glasses_have_no_interval(rows):
    target, score, glass = rows
    frame = pd.DataFrame({"glass": glass, "target": target, "score": score})[glass < 2]
    assert score_cell("classification", [frame], True, {}).interval is None


def test_the_ceiling_goes_from_chance_to_perfect():
    assert ceiling("classification", 1.0, 0.1) == pytest.approx(1.0)
    assert ceiling("classification", 0.0, 0.1) == pytest.approx(0.5, abs=0.01)
    assert 0.85 < ceiling("classification", 0.57, 0.1) < 0.93
    assert ceiling("regression", 0.64, None) == pytest.approx(0.8)


def test_a_look_at_the_target_mends_a_wrong_base_rate():
    random = np.random.default_rng(2)
    glass = np.repeat(np.arange(4), 2000)
    odds = random.normal(-2.0, 1.5, len(glass))
    target = (random.random(len(glass)) < expit(odds)).astype(float)
    shifted = pd.DataFrame({"glass": glass, "target": target, "score": expit(odds + 2.0)})
    steep = pd.DataFrame({"glass": glass, "target": target, "score": expit(3 * odds + 2.0)})
    best = skill(target, expit(odds))
    found = calibrate([shifted])
    assert found.raw < best - 0.2
    assert found.base_rate == pytest.approx(best, abs=0.03)
    found = calibrate([steep])
    assert found.base_rate < found.platt
    assert found.platt == pytest.approx(best, abs=0.05)


def test_a_look_at_a_small_glass_is_as_long_as_it_is():
    random = np.random.default_rng(4)
    glass = np.repeat(np.arange(3), 120)
    target = np.tile(np.repeat([1.0, 0.0], [12, 108]), 3)
    frame = pd.DataFrame({"glass": glass, "target": target, "score": random.random(360)})
    assert calibrate([frame]).n_rows == 120
    frame.loc[frame.index % 120 >= 9, "target"] = 0.0  # nine rows of class 1
    assert calibrate([frame]) is None


def test_an_asymmetry_is_of_independent_glasses_or_of_the_same():
    random = np.random.default_rng(5)
    cells = [CellScores({}, random.normal(mean, 0.01, RESAMPLES), 0.0, 5, 3) for mean in (0.7, 0.6)]
    twice = [cells[0], cells[0]]
    low, high = difference_interval(*cells, False)
    assert low < 0.1 < high
    assert difference_interval(*reversed(cells), False) == pytest.approx((-high, -low))
    assert difference_interval(*twice, True) == (0.0, 0.0)
    assert difference_interval(*twice, False)[1] > 0.02


def test_the_ceiling_of_a_group_is_of_its_own_glasses(root, monkeypatch):
    rows = task_rows("toy-class")
    seen = []
    monkeypatch.setattr(scores, "label_reliability", lambda dataset, species: seen.append(list(dataset.glasses)) or [])
    scores.label_ceiling(rows, rows.task.target, (1, 3))
    scores.label_ceiling(rows, rows.task.target)
    assert seen == [[rows.glass_names[1], rows.glass_names[3]], list(rows.dataset.glasses)]


def test_margins_have_no_skill_before_platt():
    random = np.random.default_rng(3)
    glass, margin = np.repeat(np.arange(3), 900), random.normal(0, 3, 2700)
    frame = pd.DataFrame(
        {"glass": glass, "target": (margin + random.normal(0, 2, 2700) > 3).astype(float), "score": margin}
    )
    found = calibrate([frame])
    assert (found.raw, found.base_rate) == (None, None)
    assert found.platt > 0.2
