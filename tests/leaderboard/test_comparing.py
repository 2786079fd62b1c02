"""The example of docs/comparing.md, worked by hand there, is what the code gives."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from zoo.benchmark.intervals import interval_of
from zoo.leaderboard.board import _resampled_over_glasses
from zoo.leaderboard.factors import variance_components, variance_shares
from zoo.leaderboard.normalisers import Normaliser
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

PAGE = (Path(__file__).parents[2] / "docs" / "comparing.md").read_text()
ROWS = re.findall(r"^\| [ABC] \|(( 0\.\d\d \|){5})$", PAGE, re.M)
TABLE = np.array([[float(x) for x in cells.split("|")[:5]] for cells, _ in ROWS])
SCORES, MEANS = TABLE[:, :4], TABLE[:, 4]


def says(text: str) -> bool:
    """Whether the page has these words, however its lines are broken."""
    return text in re.sub(r"\s+", " ", PAGE)


def test_the_table_is_its_own_mean():
    assert SCORES.shape == (3, 4)
    assert SCORES.mean(axis=1) == pytest.approx(MEANS)


def test_percent_of_the_ceiling():
    scale = Normaliser("t", 1, "", "average_precision", 0.10, "prior", 0.70, "", "")
    assert says(f"= {scale.percent(MEANS[0]):.1f} %")


def test_paired_bootstrap():
    found = [_resampled_over_glasses(dict(zip("1234", map(float, row), strict=True)), {}) for row in SCORES]
    resampled, wider = [draws for draws, _ in found], found[0][1]
    assert says(f"= {wider:.3f}")
    plain = paired_difference(MEANS[0] - MEANS[1], resampled[0], resampled[1])
    assert says(f"−{-plain.interval[0]:.4f} and {plain.interval[1]:+.4f} in the mean")
    a_b, b_c = (paired_difference(MEANS[k] - MEANS[k + 1], resampled[k], resampled[k + 1], wider) for k in (0, 1))
    assert says(f"A − B = {a_b.value:+.3f}, 95 %: **−{-a_b.interval[0]:.4f} to {a_b.interval[1]:+.4f}**")
    assert says(f"B − C = {b_c.value:+.3f}, 95 %: **{b_c.interval[0]:+.3f} to {b_c.interval[1]:+.3f}**")
    assert (a_b.clear, b_c.clear) == (False, True)
    assert says(f"2000 times and finds {100 * a_b.probability:.1f} %")
    for name, draws, mean in zip("AB", resampled, MEANS, strict=False):
        low, high = interval_of(mean, draws, wider)
        assert says(f"{name} alone {'is ' if name == 'A' else ''}{low + 1e-9:.3f} to {high + 1e-9:.3f}")


def test_all_256_draws():
    sums = np.array([sum(draw) for draw in itertools.product((3, -2, 4, 3), repeat=4)])
    assert [int((sums == value).sum()) for value in (-8, -3, -2, 16, 15)] == [1, 8, 4, 1, 8]
    assert (sums < 0).sum() == 13
    assert not (sums == 0).any()
    assert says(f"1 − 13/256 = {100 * (sums > 0).mean():.1f} %")


def test_ranks():
    a, b, c = average_ranks(SCORES)
    assert says(f"**A {a:.2f}, B {b:.2f}, C {c:.2f}**")
    assert says(f"= **{friedman_test(SCORES):.3f}**")
    apart = critical_difference(3, 4)
    assert says(f"= **{apart:.3f}** ranks")
    assert (c - a > apart, c - b > apart, b - a > apart) == (True, False, False)


def test_elo():
    ratings = elo_ratings(win_rates(SCORES), 4)
    assert says("**A {:.0f}, B {:.0f}, C {:.0f}**".format(*ratings))
    expected = 1 / (1 + 10 ** ((ratings[None, :] - ratings[:, None]) / 400))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert says(f"{expected[i, j]:.3f}")
    wins = 4 * win_rates(SCORES) + 0.5
    np.fill_diagonal(expected, 0)
    np.fill_diagonal(wins, 0)
    assert wins.sum(axis=1).tolist() == [8, 6, 1]
    assert 5 * expected.sum(axis=1) == pytest.approx([8, 6, 1], abs=1e-6)


def test_variance_components():
    found = variance_components(SCORES[:2], ("model", "glass"))
    assert says(f"/ 4 = {found['model']:.6f}, glass")
    assert says(f"/ 2 = {found['glass']:.5f}, rest {found['rest']:.5f}")
    shares = variance_shares(SCORES[:2], {"model": ["A", "B"], "glass": list("1234")}).shares.values()
    assert says("**{:.0f} %, {:.0f} % and {:.0f} %**".format(*(100 * share for share in shares)))


def test_improvability_and_front():
    a, b, c = improvability(1 - MEANS)
    assert says(f"= **{b:.1f} %** of its error")
    assert says(f"= **{c:.1f} %**, A {a:.1f} %")
    assert pareto_front(MEANS, np.array([20.0, 2, 1])).all()
    assert pareto_front(MEANS, np.array([20.0, 2, 3])).tolist() == [True, True, False]
