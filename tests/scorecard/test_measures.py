"""What a scorecard measures, on fields and glasses whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from disorder import disordered
from scipy.stats import binomtest

from zoo.errors import ScorecardError
from zoo.glass import Glass
from zoo.scorecard.correlation import autocorrelation, bins_for, decay_of, random_fields, spacing_of
from zoo.scorecard.response import arrhenius, bins_of, response, wilson
from zoo.scorecard.shape import link_to_anisotropy, local_anisotropy


def random_glass(seed: int, side: int = 8, dimension: int = 3) -> Glass:
    """``side^d`` atoms of two species, each anywhere near its place on a lattice of 2.6 Å."""
    random = np.random.default_rng(seed)
    lattice = np.stack(np.meshgrid(*[np.arange(side)] * dimension), -1).reshape(-1, dimension)
    positions = 2.6 * (lattice + random.uniform(-0.4, 0.4, lattice.shape))
    return Glass(positions, np.where(np.arange(len(lattice)) % 3, "A", "B"), [2.6 * side] * dimension)


def test_intervals_of_probabilities_are_wilsons():
    low, high = wilson(np.array([0.0, 3.0, 40.0]), np.array([20.0, 50.0, 40.0]))
    for k, (true, n) in enumerate(((0, 20), (3, 50), (40, 40))):
        known = binomtest(true, n).proportion_ci(method="wilson")
        assert low[k] == pytest.approx(known.low, abs=1e-6)
        assert high[k] == pytest.approx(known.high, abs=1e-6)


def test_an_exponential_probability_is_found_again():
    random = np.random.default_rng(0)
    score = random.normal(size=40_000)
    label = (random.random(len(score)) < 0.05 * np.exp(0.5 * score)).astype(float)
    found = response(score, label, np.arange(len(score)) % 8, True)
    assert found.slope == pytest.approx(0.5, abs=4 * found.slope_error)
    assert 0.005 < found.slope_error < 0.05
    truth = 0.05 * np.exp(0.5 * found.softness)
    inside = (found.low < truth) & (truth < found.high)
    assert inside.mean() > 0.8
    assert (found.n == 2000).all()


def test_a_value_has_the_error_of_its_mean_and_missing_ones_do_not_count():
    random = np.random.default_rng(1)
    score = random.normal(size=4000)
    value = 2 * score + random.normal(size=4000)
    value[::2] = np.nan
    found = response(score, value, np.arange(4000) % 2, False)
    assert found.n.sum() == 2000
    assert found.slope == pytest.approx(2, abs=0.05)
    assert np.isnan(found.glass_low).all(), "two glasses give no interval"
    width = (found.high - found.low)[5:15] / (2 * 1.96)
    assert np.median(width) == pytest.approx(1 / np.sqrt(100), rel=0.2)


def test_scores_that_are_often_the_same_share_a_bin():
    score = np.repeat([0.0, 1.0, 5.0], [900, 80, 20])
    assert bins_of(score).max() < 3
    assert (np.diff(bins_of(score)) >= 0).all()
    with pytest.raises(ScorecardError, match="same for all rows"):
        bins_of(np.ones(100))


def planted(temperatures: list[float], power: float = 1.0) -> tuple[np.ndarray, ...]:
    """Labels of P = exp(1 - (2 - 0.3 S) / T^power)."""
    random = np.random.default_rng(2)
    temperature = np.repeat(temperatures, 60_000)
    score = random.uniform(-2, 2, len(temperature))
    chance = np.exp(1 - (2 - 0.3 * score) / temperature**power)
    return score, (random.random(len(score)) < chance).astype(float), temperature


def test_barriers_are_found_from_several_temperatures():
    found = arrhenius(*planted([0.5, 0.6, 0.8, 1.0]))
    assert np.abs((found.barrier - (2 - 0.3 * found.softness)) / found.barrier_error).max() < 3.5
    assert found.barrier_error.max() < 0.12
    assert found.entropy.mean() == pytest.approx(1, abs=0.1)
    assert found.misfit < 2
    assert arrhenius(*planted([0.5, 0.6, 0.8, 1.0], power=3.0)).misfit > 5, "no straight line"
    assert np.isnan(arrhenius(*planted([0.5, 1.0])).misfit)
    with pytest.raises(ScorecardError, match=r"one temperature only \(0.5\)"):
        arrhenius(*planted([0.5]))


def test_autocorrelation_equals_the_sum_over_pairs():
    glass = random_glass(3, 7)
    random = np.random.default_rng(3)
    fields = random.normal(size=(2, 343)) + 5 * (glass.species == "A")
    fields[1, :100] = np.nan
    edges = bins_for([glass])
    found = autocorrelation(glass, fields, edges)
    apart = glass.positions[:, None] - glass.positions
    apart -= glass.cell.diagonal() * np.round(apart / glass.cell.diagonal())
    distance = np.sqrt((apart**2).sum(-1))[np.triu_indices(343, 1)]
    for k in range(2):
        delta = fields[k].copy()
        for kind in "AB":
            delta[glass.species == kind] -= np.nanmean(delta[glass.species == kind])
        product = np.outer(delta, delta)[np.triu_indices(343, 1)]
        for b in range(len(edges) - 1):
            here = (distance >= edges[b]) & (distance < edges[b + 1]) & np.isfinite(product)
            if here.sum() >= 50:
                assert found[k, b] == pytest.approx(product[here].mean() / np.nanmean(delta**2), abs=1e-12)


@pytest.mark.parametrize(("dimension", "side"), [(2, 24), (3, 9)])
def test_a_planted_decay_length_is_found_again(dimension, side):
    curves, length = [], 0.1 * 2.6 * side
    for seed in range(5):
        glass = random_glass(seed, side, dimension)
        edge = glass.cell[0, 0]
        apart = glass.positions[:, None] - glass.positions
        distance = np.sqrt(((apart - edge * np.round(apart / edge)) ** 2).sum(-1))
        values, vectors = np.linalg.eigh(np.exp(-distance / length))
        random = np.random.default_rng(seed)
        fields = (vectors * np.sqrt(np.maximum(values, 0))) @ random.normal(size=(len(glass), 6))
        edges = bins_for([glass])
        curves.extend(autocorrelation(glass, np.vstack([f, random.normal(size=len(glass))]), edges) for f in fields.T)
    table = np.array(curves)
    found = decay_of("field", table[:, 0], edges, spacing_of(glass))
    assert found.length == pytest.approx(length, rel=0.25)
    assert found.low < found.length < found.high
    assert 0 < found.length_error < 1
    assert found.amplitude == pytest.approx(np.exp(-found.fit_from / length), abs=0.08)
    assert found.offset < 0, "a field less its mean adds up to 0"
    noise = decay_of("noise", table[:, 1], edges, spacing_of(glass))
    assert np.isnan(noise.length) or noise.amplitude < 0.05


def test_a_constant_field_has_no_correlation_and_a_small_box_is_refused():
    glass = random_glass(4)
    edges = bins_for([glass])
    found = decay_of("constant", autocorrelation(glass, np.ones((1, 512)), edges), edges, spacing_of(glass))
    assert np.isnan(found.length)
    with pytest.raises(ScorecardError, match="the glasses are too small"):
        bins_for([random_glass(5, 3)])


def test_random_weights_give_fields_of_the_descriptor():
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    x[:, 3] = 7.0  # a constant column says nothing
    fields = random_fields(x, 0, 5)
    assert fields.shape == (5, 50)
    assert np.abs(fields.mean(axis=1)).max() < 1e-6
    assert np.linalg.matrix_rank(fields, tol=1e-6) == 3


def test_a_crystal_is_isotropic_and_a_stretched_one_is_not():
    base = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    cells = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    positions = (cells + base).reshape(-1, 3) * 4.0
    fcc = Glass(positions, ["A"] * 108, [12.0] * 3)
    assert local_anisotropy(fcc)[0].max() < 1e-6
    stretched = Glass(positions * [1, 1, 1.1], ["A"] * 108, [12.0, 12.0, 13.2])
    assert local_anisotropy(stretched)[0].min() > 0.02
    square = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), -1).reshape(-1, 2)
    values, measure = local_anisotropy(Glass(square, ["A"] * 36, [6.0, 6.0]))
    assert values.max() < 1e-12
    assert "first shell" in measure
    open_side = Glass(square * [1, 1.2], ["A"] * 36, [6.0, 7.2], [True, False])
    assert local_anisotropy(open_side)[0].max() > 0.02


def test_anisotropy_does_not_depend_on_orientation():
    glass = disordered()
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned = Glass(glass.positions @ turn, glass.species, glass.cell @ turn)
    assert np.allclose(local_anisotropy(glass)[0], local_anisotropy(turned)[0], atol=1e-8)
    assert local_anisotropy(glass)[0].std() > 0.02


def test_a_link_is_that_within_a_species():
    glasses = [disordered(seed=seed) for seed in range(4)]
    shapes = [local_anisotropy(glass)[0] for glass in glasses]
    fields = [-shape + 9.0 * (glass.species == "Zr") for glass, shape in zip(glasses, shapes, strict=True)]
    link = link_to_anisotropy("field", glasses, shapes, fields)
    assert link.correlation == pytest.approx(-1)
    assert link.high < -0.99
    assert link.curve.slope < 0
    fields[0][:100] = np.nan
    assert link_to_anisotropy("field", glasses, shapes, fields).curve.n.sum() == 1900
