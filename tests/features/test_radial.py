"""Radial symmetry functions against a direct sum and against DScribe; the null controls beside them."""

from __future__ import annotations

import numpy as np
import pytest
import vesin
from dscribe.descriptors import ACSF
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from zoo.errors import GlassError, ZooError
from zoo.features.compute import compute_features
from zoo.features.declaration import feature_sets
from zoo.features.radial import radial_functions
from zoo.glass import Glass

KINDS = ("Cu", "Zr")
GRIDS = {"radial": (2.0, 10.0, 0.1, 0.1), "radial-coarse": (1.0, 8.0, 0.2, 0.2)}
"""First and last centre, spacing and width σ, Å."""
NAMES = ["radial", "radial-coarse", "coordination", "species"]


def centers_of(name: str) -> np.ndarray:
    first, last, spacing, _ = GRIDS[name]
    return np.arange(round((last - first) / spacing)) * spacing + first


def direct_sum(glass: Glass, kinds: tuple[str, ...], centers: np.ndarray, sigma: float, reach: float) -> np.ndarray:
    """``Σ exp(-(r_ij - r)² / 2σ²)`` over vesin's neighbours."""
    neighbors = vesin.NeighborList(cutoff=reach, full_list=True)
    i, j, r = neighbors.compute(points=glass.positions, box=glass.cell, periodic=True, quantities="ijd")
    table = np.zeros((len(glass), len(kinds), len(centers)))
    np.add.at(table, (i, glass.species_index(kinds)[j]), np.exp(-((r[:, None] - centers) ** 2) / (2 * sigma**2)))
    return table.reshape(len(glass), -1)


@pytest.mark.parametrize("name", GRIDS)
def test_the_columns_are_the_sum_over_neighbours(name: str, large: Glass) -> None:
    expected = direct_sum(large, KINDS, centers_of(name), GRIDS[name][3], reach=12.0)
    np.testing.assert_allclose(compute_features(name, large, KINDS), expected, rtol=1e-6, atol=1e-6)


def test_they_are_also_in_a_tilted_cell(triclinic: Glass) -> None:
    centers = np.arange(2.0, 5.0, 0.25)
    expected = direct_sum(triclinic, KINDS, centers, 0.3, reach=8.0)
    np.testing.assert_allclose(radial_functions(triclinic, KINDS, 2.0, 5.0, 0.25, 0.3), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", GRIDS)
def test_dscribe_finds_the_same(name: str, glass: Glass) -> None:
    """DScribe multiplies each Gaussian by ``(1 + cos(πr / r_cut)) / 2``.

    In an open cluster nothing keeps ``r_cut`` from being 1e4 Å: then that factor is at least 1 - 3e-6 up to 10 Å. Its
    first column for each species, the sum of these factors, is not one of ours.
    """
    near = np.linalg.norm(glass.positions - glass.cell.sum(axis=0) / 2, axis=1) < 8.0
    cluster = Glass(glass.positions[near], glass.species[near], glass.cell, periodic=False)
    centers, sigma = centers_of(name), GRIDS[name][3]
    acsf = ACSF(species=KINDS, r_cut=1e4, g2_params=[[1 / (2 * sigma**2), center] for center in centers])
    theirs = acsf.create(cluster.to_ase()).reshape(len(cluster), len(KINDS), 1 + len(centers))[:, :, 1:]
    ours = compute_features(name, cluster, KINDS)
    assert len(cluster) > 100
    np.testing.assert_allclose(ours, theirs.reshape(len(cluster), -1), rtol=1e-5, atol=1e-6)


def test_a_pair_of_atoms_is_a_gaussian_around_their_distance() -> None:
    pair = Glass([[0, 0, 0], [0, 3.0, 0]], ["Cu", "Zr"], [30.0] * 3)
    table = compute_features("radial", pair, KINDS).reshape(2, 2, 80)
    expected = np.exp(-((np.arange(80) * 0.1 + 2.0 - 3.0) ** 2) / 0.02)
    expected[np.abs(np.arange(80) - 10) > 6] = 0  # beyond six widths
    np.testing.assert_allclose(table[0, 1], expected, atol=1e-6)
    np.testing.assert_allclose(table[1, 0], expected, atol=1e-6)
    assert not table[0, 0].any()
    assert not table[1, 1].any()


@pytest.mark.parametrize("sigma", [0.05, 0.1, 0.35])
def test_a_neighbour_between_two_centres_or_outside_the_grid_is_not_lost(sigma: float) -> None:
    """Distances inside, between, below and above the centres 2.0, 2.5, 3.0 Å."""
    centers = np.array([2.0, 2.5, 3.0])
    for r in (1.5, 1.99, 2.0, 2.24, 2.26, 2.5, 2.9, 3.1, 3.4):
        pair = Glass([[0, 0, 0], [r, 0, 0]], ["A", "A"], [30.0] * 3)
        table = radial_functions(pair, ("A",), 2.0, 3.5, 0.5, sigma)
        np.testing.assert_allclose(table[0], np.exp(-((r - centers) ** 2) / (2 * sigma**2)), atol=2e-8, rtol=1e-6)


def test_two_dimensions_work_alike(flat: Glass) -> None:
    kinds, centers = ("A", "B"), np.arange(0.5, 3.0, 0.1)
    lifted = Glass(
        np.column_stack([flat.positions, np.zeros(400)]),
        flat.species,
        np.array([[20.0, 0, 0], [3.0, 22.0, 0], [0, 0, 50.0]]),
    )
    expected = direct_sum(lifted, kinds, centers, 0.15, reach=5.0)
    np.testing.assert_allclose(radial_functions(flat, kinds, 0.5, 3.0, 0.1, 0.15), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**31))
def test_rotation_translation_and_order_change_nothing(name: str, seed: int, large: Glass) -> None:
    rng = np.random.default_rng(seed)
    table = compute_features(name, large, KINDS)
    turn = Rotation.random(rng=rng).as_matrix()
    order = rng.permutation(len(large))
    moved = Glass((large.positions @ turn + rng.uniform(-50, 50, 3))[order], large.species[order], large.cell @ turn)
    np.testing.assert_allclose(compute_features(name, moved, KINDS), table[order], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_species_of_the_data_set_have_columns_even_if_this_glass_lacks_them(name: str, large: Glass) -> None:
    kinds = ("Al", "Cu", "Zr")
    columns = feature_sets[name].columns(kinds)
    table = compute_features(name, large, kinds)
    of_aluminium = np.array(["Al" in column.name for column in columns])
    assert of_aluminium.any()
    assert not table[:, of_aluminium].any()
    np.testing.assert_array_equal(table[:, ~of_aluminium], compute_features(name, large, KINDS))
    with pytest.raises(GlassError, match="this glass also has Zr"):
        compute_features(name, large, ("Al", "Cu"))


@pytest.mark.parametrize("name", NAMES)
def test_renaming_the_species_moves_the_columns(name: str, large: Glass) -> None:
    """Columns are named after species: with Cu and Zr exchanged, the columns of Cu are those that Zr had."""
    exchanged = Glass(large.positions, np.where(large.species == "Cu", "Zr", "Cu"), large.cell)
    names = [column.name for column in feature_sets[name].columns(KINDS)]
    table = compute_features(name, large, KINDS)
    swap = [names.index(text.replace("_Cu", "_#").replace("_Zr", "_Cu").replace("_#", "_Zr")) for text in names]
    np.testing.assert_array_equal(compute_features(name, exchanged, KINDS), table[:, swap])


@pytest.mark.parametrize(
    ("name", "first", "last", "n"), [("radial", "2.0", "9.9", 80), ("radial-coarse", "1.0", "7.8", 35)]
)
def test_columns_are_named_after_species_and_distance(name: str, first: str, last: str, n: int) -> None:
    columns = feature_sets[name].columns(KINDS)
    assert len(columns) == 2 * n
    assert [columns[k].name for k in (0, n - 1, n, 2 * n - 1)] == [
        f"g_Cu_{first}",
        f"g_Cu_{last}",
        f"g_Zr_{first}",
        f"g_Zr_{last}",
    ]
    assert len({column.name for column in columns}) == 2 * n
    np.testing.assert_allclose([column.length for column in columns[:n]], centers_of(name), atol=1e-9)
    assert {column.unit for column in columns} == {"1"}


def test_the_null_controls_know_species_and_numbers_of_neighbours() -> None:
    """An fcc crystal with a = 3.6 Å: 12 neighbours at 2.55 Å, the next at 3.6 Å, in all 18 within 3.8 Å."""
    steps = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    base = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    species = ["Zr", "Cu", "Cu", "Cu"] * 64  # the L1_2 order: each Zr has 12 Cu and then 6 Zr around it
    glass = Glass((steps + base).reshape(-1, 3) * 3.6, species, [4 * 3.6] * 3)
    columns = [column.name for column in feature_sets["coordination"].columns(KINDS)]
    assert columns == ["is_Cu", "is_Zr", "coordination", "coordination_Cu", "coordination_Zr"]
    table = compute_features("coordination", glass)
    np.testing.assert_array_equal(table[glass.species == "Zr"], np.tile([0, 1, 18, 12, 6], (64, 1)))
    np.testing.assert_array_equal(table[glass.species == "Cu"], np.tile([1, 0, 18, 14, 4], (192, 1)))
    np.testing.assert_array_equal(compute_features("species", glass), table[:, :2])
    assert all(feature_sets[name].null_control for name in ("coordination", "species"))


def test_a_set_that_describes_pairs_is_not_computed_for_atoms(glass: Glass) -> None:
    with pytest.raises(ZooError, match="feature set 'pair' describes pairs, not the atoms of a glass"):
        compute_features("pair", glass)
