"""Sums over surroundings reach exactly the neighbours, whatever the cell and the bins are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import CutoffError, GlassError
from zoo.features.combinations import coarse_grain
from zoo.features.kernels import nearby
from zoo.features.radial import radial_functions
from zoo.glass import Glass
from zoo.neighbors import find_neighbors


@st.composite
def gases(draw: st.DrawFn) -> Glass:
    """Atoms that do not touch in a random cell, periodic or not, some of them outside it; dense or sparse."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = [draw(st.sampled_from([1, 3, 7])) for _ in range(3)]
    sites = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3)
    sites = sites[rng.random(len(sites)) < 0.7] if len(sites) > 9 else sites
    cell = np.diag(rng.uniform(6, 15, 3)) + draw(st.sampled_from([0.0, 1.0, 3.0])) * rng.uniform(-1, 1, (3, 3))
    fractional = (sites + rng.uniform(0, 0.8, sites.shape)) / draw(st.sampled_from([shape, [9, 9, 9]]))
    fractional += rng.integers(-1, 2, fractional.shape)
    periodic = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    return Glass(fractional @ cell, rng.choice(["A", "B"], len(sites)), cell, periodic)


def means_over_neighbors(glass: Glass, values: np.ndarray, reach: float) -> np.ndarray:
    near = find_neighbors(glass, reach)
    weight = (1 - (near.distance / reach) ** 2) ** 2
    sums, total = values.copy(), np.ones(len(glass))
    np.add.at(sums, near.center, weight[:, None] * values[near.index])
    np.add.at(total, near.center, weight)
    return sums / total[:, None]


@given(glass=gases(), part=st.floats(0.2, 1.0), atoms_per_bin=st.sampled_from([0.01, 1, 24, 1e6]))
def test_means_are_those_over_the_neighbours(glass: Glass, part: float, atoms_per_bin: float) -> None:
    reach = part * float(glass.heights.min()) / 2
    values = np.random.default_rng(0).normal(size=(len(glass), 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearby, "ATOMS_PER_BIN", atoms_per_bin)
        found = coarse_grain(glass, values, reach)
    np.testing.assert_allclose(found, means_over_neighbors(glass, values, reach), rtol=1e-6, atol=1e-6)


@given(glass=gases())
def test_gaussians_are_those_of_the_neighbours(glass: Glass) -> None:
    last = float(glass.heights.min()) / 2 - 0.7
    n_centers, near = round((last - 0.5) / 0.1), find_neighbors(glass, last + 0.6)
    centers = 0.5 + 0.1 * np.arange(n_centers)
    expected = np.zeros((len(glass), 2, n_centers))
    species = glass.species_index(("A", "B"))[near.index]
    gaussians = np.exp(-((near.distance[:, None] - centers) ** 2) / 0.02)
    np.add.at(expected, (near.center, species), gaussians)
    found = radial_functions(glass, ("A", "B"), 0.5, last, 0.1, 0.1)
    np.testing.assert_allclose(found, expected.reshape(len(glass), -1), rtol=1e-6, atol=1e-6)


def test_a_dense_corner_of_a_large_empty_cell_is_searched_whole() -> None:
    corner = np.stack(np.meshgrid(*[np.arange(9)] * 3), -1).reshape(-1, 3) * 0.5
    glass, values = Glass(corner, ["A"] * len(corner), [400.0] * 3), np.arange(len(corner))[:, None] * 1.0
    np.testing.assert_allclose(coarse_grain(glass, values, 2.9), means_over_neighbors(glass, values, 2.9), rtol=1e-6)


def test_the_sums_are_the_same_at_every_call(large: Glass) -> None:
    one, two = (radial_functions(large, ("Cu", "Zr"), 2.0, 10.0, 0.1, 0.1) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_atoms_on_top_of_each_other_are_named() -> None:
    glass = Glass([[0, 0, 0], [5, 5, 5], [3, 0, 0], [5, 5, 29.99]], ["A"] * 4, [25.0] * 3)
    with pytest.raises(GlassError, match=r"atoms 1 and 3 \(counted from 0\) are 0.01 Å"):
        coarse_grain(glass, np.ones((4, 1)), 3.0)
    with pytest.raises(GlassError, match="atoms 1 and 3"):
        radial_functions(glass, ("A",), 2.0, 3.0, 0.1, 0.1)


@pytest.mark.parametrize(
    ("reach", "words"), [(30.0, r"one of 30 Å holds 6,5\d\d .* check the unit"), (0.0, "positive"), (np.nan, "nan")]
)
def test_a_reach_that_makes_no_sense_is_refused(reach: float, words: str, glass: Glass) -> None:
    with pytest.raises(CutoffError, match=words):
        coarse_grain(glass, np.ones((len(glass), 1)), reach)
