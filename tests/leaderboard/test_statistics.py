"""Statistics against numbers worked out by hand or by another formula."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.metrics import average_precision_score

from zoo.benchmark.intervals import interval_of, widening
from zoo.errors import TaskError
from zoo.leaderboard.factors import complete_block, variance_components, variance_shares
from zoo.leaderboard.normalisers import ceiling_of_precision
from zoo.leaderboard.statistics import (
    average_ranks,
    critical_difference,
    elo_ratings,
    friedman_test,
    improvability,
    paired_difference,
    pareto_front,
    win_rates,
)

SCORES = np.array([[0.9, 0.8, 0.7, 0.8], [0.8, 0.8, 0.6, 0.9], [0.1, 0.2, 0.3, 0.1]])
"""Three rows on four glasses."""


def test_ranks_and_wins_by_hand():
    assert average_ranks(SCORES) == pytest.approx([(1 + 1.5 + 1 + 2) / 4, (2 + 1.5 + 2 + 1) / 4, 3])
    wins = win_rates(SCORES)
    assert wins[0, 1] == (1 + 0.5 + 1 + 0) / 4
    assert wins + wins.T == pytest.approx(np.ones((3, 3)))
    assert win_rates(SCORES, np.array([2.0, 0, 1, 1]))[0, 1] == 3 / 4


def test_friedman_by_its_formula():
    values = np.array([[5.0, 6, 4, 7, 6], [4, 7, 3, 5, 5], [3, 4, 2, 6, 4]])
    k, n = values.shape
    ranks = average_ranks(values)
    chi2 = 12 * n / (k * (k + 1)) * ((ranks**2).sum() - k * (k + 1) ** 2 / 4)
    assert friedman_test(values) == pytest.approx(np.exp(-chi2 / 2))  # two degrees of freedom
    assert friedman_test(np.ones((3, 4))) == 1
    with pytest.raises(TaskError, match="3 rows"):
        friedman_test(values[:2])


def test_critical_differences_of_the_table_of_demsar():
    """Table 5 a: q for 2, 5 and 10 classifiers at 5 %; his example has 4 on 14 data sets: 1.25."""
    for k, q in ((2, 1.960), (5, 2.728), (10, 3.164)):
        assert critical_difference(k, 6) == pytest.approx(q * np.sqrt(k * (k + 1) / 36), abs=2e-3)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=5e-3)


def test_bradley_terry_of_two_rows_and_against_a_direct_fit():
    wins = np.array([[0.5, 0.8], [0.2, 0.5]])
    apart = np.subtract(*elo_ratings(wins, 10))
    assert apart == pytest.approx(400 * np.log10(8.5 / 2.5))  # half a win is given to each side
    wins = win_rates(SCORES)

    def loss(strength):
        total = 0.0
        for i in range(3):
            for j in range(3):
                total += (4 * wins[i, j] + 0.5) * np.log1p(np.exp(strength[j] - strength[i])) if i != j else 0
        return total

    peer = minimize(loss, np.zeros(3), tol=1e-10).x * 400 / np.log(10)
    assert elo_ratings(wins, 4, anchor=2) == pytest.approx(1000 + peer - peer[2], abs=0.1)
    assert elo_ratings(wins, 4).mean() == pytest.approx(1000)
    assert np.isfinite(elo_ratings(np.array([[0.5, 1.0], [0.0, 0.5]]), 15)).all()  # one that always wins


def test_improvability_by_hand():
    errors = np.array([[0.2, 0.5], [0.4, 0.4], [0.8, 0.8]])
    assert improvability(errors) == pytest.approx([(0 + 20) / 2, (50 + 0) / 2, (75 + 50) / 2])
    assert improvability(np.array([0.0, 0.5])) == pytest.approx([0, 100])


def test_pareto_front_by_hand():
    scores, costs = np.array([0.9, 0.8, 0.8, 0.7, 0.9]), np.array([10.0, 1.0, 2.0, 0.5, 10.0])
    assert pareto_front(scores, costs).tolist() == [True, True, False, True, True]
    assert pareto_front(np.array([0.9, 0.8]), np.ones(2)).tolist() == [True, False]


def test_a_paired_difference_is_narrower_than_two_intervals():
    random = np.random.default_rng(3)
    shared = random.normal(size=4000)
    found = paired_difference(0.5, shared + 0.5 + 0.1 * random.normal(size=4000), shared)
    assert found.interval == pytest.approx((0.5 - 0.196, 0.5 + 0.196), abs=0.02)
    assert found.clear
    assert found.probability > 0.99
    assert paired_difference(0.0, shared, shared).probability == 0.5
    assert not paired_difference(0.0, shared, shared).clear


@pytest.mark.parametrize("n", [3, 4, 6, 15])
def test_intervals_hold_the_truth_in_95_of_100_samples(n):
    """Plain percentiles do so in 75 (3 glasses) to 91 (15)."""
    random = np.random.default_rng(n)
    counts = random.multinomial(n, np.full(n, 1 / n), 1000) / n
    held = plain = 0
    for sample in random.normal(size=(1500, n)):
        draws = counts @ sample
        low, high = interval_of(sample.mean(), draws, widening(n))
        held += low <= 0 <= high
        plain += np.percentile(draws, 2.5) <= 0 <= np.percentile(draws, 97.5)
    assert held / 1500 == pytest.approx(0.95, abs=0.02)
    assert plain / 1500 < 0.93


def test_intervals_are_widened_by_the_quantile_of_student():
    assert widening(4) == pytest.approx(3.182 / 1.96 * np.sqrt(4 / 3), abs=1e-3)
    assert widening(10_000) == pytest.approx(1, abs=1e-3)
    assert widening(15, 5) == pytest.approx(2.228 / 1.96 * np.sqrt(15 / 10), abs=1e-3)  # drawn within five folds
    assert np.isnan(widening(2))
    assert np.isnan(widening(6, 5))
    assert interval_of(2.0, np.linspace(1, 4, 1001), 1.0) == pytest.approx((1.075, 3.925))
    assert interval_of(2.0, np.linspace(1, 4, 1001), 2.0) == pytest.approx((0.15, 5.85))


def test_variance_components_by_hand():
    """Rows add 0 and 2, columns 0, 1 and 2, nothing else: variances 2 and 1."""
    table = np.add.outer([0.0, 2.0], [0.0, 1.0, 2.0])
    assert variance_components(table, ("a", "b")) == pytest.approx({"a": 2, "b": 1, "rest": 0})
    cross = np.array([[1.0, -1.0], [-1.0, 1.0]])  # mean squares 0, 0 and 4: of two factors an interaction is noise
    assert variance_components(cross, ("a", "b")) == pytest.approx({"a": -2, "b": -2, "rest": 4})
    shares = variance_shares(cross, {"a": ["1", "2"], "b": ["1", "2"]})
    assert (shares.shares, shares.below_zero) == ({"a": 0, "b": 0, "rest": 1}, ("a", "b"))
    deep = np.repeat(cross[:, :, None], 3, axis=2) + np.array([0.0, 1.0, 2.0])
    found = variance_components(deep, ("a", "b", "c"))
    assert (found["a × b"], found["c"], found["a"], found["rest"]) == pytest.approx((4, 1, -2, 0))


FACTORS = {"descriptor": list("abc"), "model": list("xy"), "glass": [str(k) for k in range(15)]}


def test_noise_is_all_in_the_rest():
    """Shares of the sum of squares gave a third of it to the interaction of descriptor and glass."""
    random = np.random.default_rng(0)
    tables = random.normal(size=(100, 3, 2, 15))
    found = [variance_components(table, tuple(FACTORS)) for table in tables]
    for name in found[0]:
        assert np.mean([of[name] for of in found]) == pytest.approx(float(name == "rest"), abs=0.06)
    shares = [variance_shares(table, FACTORS) for table in tables[:40]]
    assert all(sum(of.shares.values()) == pytest.approx(1) for of in shares)
    assert np.mean([of.shares["descriptor × glass"] for of in shares]) < 0.1
    assert np.mean([of.shares["rest"] for of in shares]) > 0.75
    assert np.mean([of.intervals["descriptor × glass"][0] == 0 for of in shares]) > 0.85


def test_planted_effects_are_found():
    random = np.random.default_rng(1)
    table = random.normal(size=(3, 2, 15)) + np.array([-2.0, 0, 2])[:, None, None]  # variance 4
    table += 1.4142 * random.normal(size=(3, 1, 15))  # variance 2
    found = variance_shares(table, FACTORS)
    assert found.shares["descriptor"] == pytest.approx(4 / 7, abs=0.15)
    assert found.shares["descriptor × glass"] == pytest.approx(2 / 7, abs=0.15)
    assert found.shares["rest"] == pytest.approx(1 / 7, abs=0.1)
    assert found.shares["model"] + found.shares["model × glass"] < 0.1
    for name, share in found.shares.items():
        low, high = found.intervals[name]
        assert 0 <= low <= share <= high <= 1
    assert found.intervals["descriptor"][0] > 0.2


def test_the_complete_block_gives_up_what_lacks_most():
    pairs = {(a, b) for a in "abc" for b in "xyz"} - {("c", "y"), ("c", "z")}
    assert complete_block(pairs) == (["a", "b"], ["x", "y", "z"])
    assert complete_block(set()) == ([], [])


@pytest.mark.parametrize(("correlation", "fraction"), [(0.5, 0.1), (0.9, 0.05), (0.0, 0.2)])
def test_the_ceiling_is_that_of_many_drawn_pairs(correlation, fraction):
    random = np.random.default_rng(0)
    truth, noise = random.normal(size=(2, 400_000))
    measured = correlation * truth + np.sqrt(1 - correlation**2) * noise
    label = measured > np.quantile(measured, 1 - fraction)
    assert ceiling_of_precision(correlation, fraction) == pytest.approx(average_precision_score(label, truth), abs=0.01)
    assert ceiling_of_precision(1.0, fraction) == 1
