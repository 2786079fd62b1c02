"""Non-affine displacement: zero where the field says so, and independent of who looks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from zoo.errors import CutoffError, GlassMismatchError
from zoo.glass import Glass
from zoo.labels.nonaffine import local_deformation, nonaffine_displacement
from zoo.neighbors import find_neighbors

CUTOFF = 3.8


def deformed(glass: Glass, gradient: np.ndarray, displacement: np.ndarray | float = 0.0) -> Glass:
    """Affinely deformed (``x -> x gradient``), then displaced."""
    return Glass((glass.positions @ gradient) + displacement, glass.species, glass.cell @ gradient, glass.periodic)


def shaken(glass: Glass, size: float = 0.2, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, glass.positions.shape)


def simple_shear(dimension: int, strain: float) -> np.ndarray:
    gradient = np.eye(dimension)
    gradient[1, 0] = strain
    return gradient


@pytest.mark.parametrize("which", ["glass", "triclinic", "flat"])
@given(seed=st.integers(0, 1000))
def test_an_affine_deformation_has_no_d2min(which: str, seed: int, request: pytest.FixtureRequest) -> None:
    glass: Glass = request.getfixturevalue(which)
    gradient = np.eye(glass.dimension) + np.random.default_rng(seed).uniform(-0.1, 0.1, (glass.dimension,) * 2)
    local = local_deformation(glass, deformed(glass, gradient), 1.6 if glass.dimension == 2 else CUTOFF)
    np.testing.assert_allclose(local.d2min, 0, atol=1e-20)
    strain = 0.5 * (gradient @ gradient.T - np.eye(glass.dimension))
    deviator = strain - np.trace(strain) / glass.dimension * np.eye(glass.dimension)
    np.testing.assert_allclose(local.von_mises, np.sqrt(0.5 * (deviator**2).sum()), rtol=1e-9)


def test_ovito_finds_the_same() -> None:
    """OVITO sums over the neighbours where we average; its shear strain is the von Mises invariant too."""
    stored = json.loads((Path(__file__).parent / "reference" / "ovito_strain.json").read_text())
    before = Glass(stored["positions"], ["Cu"] * 108, stored["cell"])
    after = Glass(stored["positions_after"], ["Cu"] * 108, stored["cell_after"])
    local, counts = local_deformation(before, after, CUTOFF), find_neighbors(before, CUTOFF).counts
    np.testing.assert_allclose(local.d2min * counts, stored["nonaffine_squared_displacement"], rtol=1e-10)
    np.testing.assert_allclose(local.von_mises, stored["shear_strain"], rtol=1e-10)


@pytest.mark.parametrize("strain", [0.01, 0.1, 0.6])
def test_simple_shear_has_the_strain_of_the_textbook(strain: float, glass: Glass) -> None:
    """Green-Lagrange: E_xy = g/2 and E_yy = g²/2; von Mises as in Shimizu, Ogata & Li (2007)."""
    local = local_deformation(glass, deformed(glass, simple_shear(3, strain)), CUTOFF)
    xy, yy = strain / 2, strain**2 / 2
    np.testing.assert_allclose(local.von_mises, np.sqrt(xy**2 + (yy**2 + yy**2) / 6), rtol=1e-9)
    np.testing.assert_allclose(local.d2min, 0, atol=1e-20)


def test_one_displaced_atom_of_a_simple_cubic_crystal() -> None:
    """Six neighbours at distance a; one moves outwards by u.

    Around its six first neighbours the best affine fit takes half of u along x from both sides: of the two neighbours
    along x one is left u/2 too far, the other u/2 too near, and D2min = 2 (u/2)² / 6. The atom itself sees all six
    neighbours displaced by -u: no linear map does that, D2min = u².
    """
    a, u = 3.0, 0.12
    grid = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) * a
    before = Glass(grid, ["Cu"] * 64, [4 * a] * 3)
    moved = grid.copy()
    moved[0, 0] += u
    found = nonaffine_displacement(before, Glass(moved, before.species, before.cell), 1.2 * a)
    expected = np.zeros(64)
    expected[0] = u**2
    neighbors = find_neighbors(before, 1.2 * a)
    along_x = np.abs(neighbors.vector[:, 0]) > 0.5 * a
    first = neighbors.index[: neighbors.start[1]]
    expected[first] = 2 * (u / 2) ** 2 / 6
    assert along_x[: neighbors.start[1]].sum() == 2
    np.testing.assert_allclose(found, expected, atol=1e-15)


@pytest.mark.parametrize("reach", [0.2, 0.4999])
def test_the_sum_is_that_of_numpys_least_squares(reach: float, triclinic: Glass) -> None:
    """Up to a cutoff of half the cell, where another image of the neighbour may be the nearest one afterwards."""
    after = deformed(triclinic, simple_shear(3, 0.04), shaken(triclinic, 0.5))
    cutoff = reach * triclinic.heights.min()
    found = nonaffine_displacement(triclinic, after, cutoff)
    neighbors = find_neighbors(triclinic, cutoff)
    for i in range(0, len(triclinic), 10):
        row = slice(neighbors.start[i], neighbors.start[i + 1])
        there = after.positions[neighbors.index[row]] + neighbors.image[row] @ after.cell - after.positions[i]
        _, residual, _, _ = np.linalg.lstsq(neighbors.vector[row], there)
        assert found[i] == pytest.approx(residual.sum() / len(there), rel=1e-9)


@pytest.mark.parametrize("which", ["glass", "triclinic", "flat"])
def test_wrapping_atoms_into_the_cell_changes_nothing(which: str, request: pytest.FixtureRequest) -> None:
    glass: Glass = request.getfixturevalue(which)
    cutoff = 1.6 if glass.dimension == 2 else CUTOFF
    after = deformed(glass, simple_shear(glass.dimension, 0.1), shaken(glass, 0.05 * cutoff))
    inside = (after.positions @ np.linalg.inv(after.cell)) % 1.0
    elsewhere = inside + np.random.default_rng(1).integers(-2, 3, inside.shape)
    one = local_deformation(glass, after, cutoff)
    for fractional in (inside, elsewhere):
        two = local_deformation(glass, Glass(fractional @ after.cell, after.species, after.cell), cutoff)
        np.testing.assert_allclose(two.d2min, one.d2min, rtol=1e-9)
        np.testing.assert_allclose(two.von_mises, one.von_mises, rtol=1e-9)


@pytest.mark.parametrize("turned", ["both", "after only"])
def test_turning_the_glass_changes_nothing(turned: str, glass: Glass) -> None:
    turn = Rotation.from_rotvec([0.1, -0.2, 0.15]).as_matrix()
    after = deformed(glass, simple_shear(3, 0.05), shaken(glass))
    one = local_deformation(glass, after, CUTOFF)
    before = deformed(glass, turn) if turned == "both" else glass
    two = local_deformation(before, deformed(after, turn), CUTOFF)
    np.testing.assert_allclose(two.d2min, one.d2min, rtol=1e-8)
    np.testing.assert_allclose(two.von_mises, one.von_mises, rtol=1e-8)


def test_order_and_origin_of_the_atoms_change_nothing(glass: Glass) -> None:
    after = deformed(glass, simple_shear(3, 0.05), shaken(glass))
    order = np.random.default_rng(3).permutation(len(glass))
    before_, after_ = (
        Glass((g.positions + offset)[order], g.species[order], g.cell)
        for g, offset in ((glass, 3.0), (after, [-40.0, 0.0, 11.0]))
    )
    np.testing.assert_allclose(
        nonaffine_displacement(before_, after_, CUTOFF), nonaffine_displacement(glass, after, CUTOFF)[order], rtol=1e-9
    )


def test_twice_the_displacement_is_four_times_d2min(glass: Glass) -> None:
    one, two = (deformed(glass, np.eye(3), factor * shaken(glass, 0.1)) for factor in (1, 2))
    np.testing.assert_allclose(
        nonaffine_displacement(glass, two, CUTOFF), 4 * nonaffine_displacement(glass, one, CUTOFF), rtol=1e-9
    )


def test_an_atom_without_enough_neighbours_has_no_value() -> None:
    """A bipyramid, a pair and a lone atom: three neighbours fix a map in 3D, and a fourth tells how good it is."""
    corners = [[0, 0, 0], [2.5, 0, 0], [0, 2.5, 0], [0, 0, 2.5], [0, 0, -2.5]]
    positions = np.array([*corners, [10, 10, 10], [10, 10, 12.5], [15, 15, 2]], dtype=float)
    glass = Glass(positions, ["Cu"] * 8, [20, 20, 20])
    local = local_deformation(glass, glass, 3.6)
    assert find_neighbors(glass, 3.6).counts.tolist() == [4, 4, 4, 3, 3, 1, 1, 0]
    np.testing.assert_array_equal(np.isnan(local.d2min), [False] * 3 + [True] * 5)
    np.testing.assert_array_equal(np.isnan(local.von_mises), [False] * 5 + [True] * 3)
    np.testing.assert_allclose(local.d2min[:3], 0, atol=1e-20)


@pytest.mark.parametrize("shape", ["chain", "plane"])
def test_neighbours_in_one_line_or_plane_fix_no_strain(shape: str) -> None:
    """There are enough of them, but they say nothing about the directions that are missing."""
    n = 8
    rng = np.random.default_rng(2)
    positions = np.zeros((n * n, 3))
    grid = np.stack(np.meshgrid(np.arange(n), np.arange(n)), axis=-1).reshape(-1, 2) * 2.5
    positions[:, :2] = grid + rng.normal(0, 0.1, grid.shape)
    if shape == "chain":
        positions = np.array([[1.1 * k, 0.0, 0.0] for k in range(20)])
    glass = Glass(positions, ["Cu"] * len(positions), [22, 22, 22])
    local = local_deformation(glass, glass, CUTOFF)
    assert np.isnan(local.d2min).all()
    assert np.isnan(local.von_mises).all()


def test_glasses_that_are_not_the_same_atoms_are_refused(glass: Glass, flat: Glass) -> None:
    fewer = Glass(glass.positions[:-1], glass.species[:-1], glass.cell)
    with pytest.raises(GlassMismatchError, match=r"same atoms, got \(500, 3\) and \(499, 3\)"):
        local_deformation(glass, fewer)
    with pytest.raises(GlassMismatchError, match=r"\(500, 3\) and \(400, 2\)"):
        local_deformation(glass, flat)
    swapped = glass.species.copy()
    swapped[17] = "Zr" if swapped[17] == "Cu" else "Cu"
    with pytest.raises(GlassMismatchError, match=r"but atom 17 is (Cu|Zr) in one and (Cu|Zr) .*sort both by atom id"):
        local_deformation(glass, Glass(glass.positions, swapped, glass.cell))
    opened = Glass(glass.positions, glass.species, glass.cell, periodic=[True, True, False])
    with pytest.raises(GlassMismatchError, match="periodic in the same directions"):
        local_deformation(glass, opened)


def test_a_cutoff_larger_than_the_cell_allows_is_refused(glass: Glass) -> None:
    with pytest.raises(CutoffError, match="use a larger glass"):
        local_deformation(glass, glass, 12.0)
