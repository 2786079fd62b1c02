"""Facts about Voronoi polygons in two dimensions."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.features.compute import compute_features
from zoo.features.polygons import polygons
from zoo.glass import Glass


def disks(n: int = 200, edge: float = 40.0, seed: int = 0) -> Glass:
    random = np.random.default_rng(seed)
    cell = np.array([[edge, 0.0], [0.3 * edge, edge]])
    return Glass(random.random((n, 2)) @ cell, random.choice(["A", "B"], n), cell)


def test_a_triangular_lattice_has_hexagons() -> None:
    cell = 2.5 * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
    single = polygons(Glass([[0.3, 0.2]], ["A"], cell))  # all neighbours are images of the atom itself
    assert single.n_edges.tolist() == [6]
    assert single.area[0] == pytest.approx(2.5**2 * np.sqrt(0.75))
    assert single.perimeter[0] == pytest.approx(6 * 2.5 / np.sqrt(3))
    circularity = compute_features("voronoi-2d", Glass([[0.3, 0.2]], ["A"], cell))[0, 1]
    assert circularity == pytest.approx(np.pi / (2 * np.sqrt(3)), rel=1e-6)


def test_a_square_lattice_has_squares_though_four_cells_meet_in_a_corner() -> None:
    steps = np.stack(np.meshgrid(np.arange(4), np.arange(4)), -1).reshape(-1, 2)
    found = polygons(Glass(3.0 * steps, ["A"] * 16, [12.0, 12.0]))
    np.testing.assert_array_equal(found.n_edges, 4)
    np.testing.assert_allclose(found.perimeter, 12.0)


@pytest.mark.parametrize("n", [3, 200])
def test_polygons_fill_the_plane_and_have_six_edges_on_average(n: int) -> None:
    glass = disks(n)
    found = polygons(glass)
    assert found.area.sum() == pytest.approx(glass.volume, rel=1e-9)
    assert found.n_edges.mean() == pytest.approx(6.0)


def test_physics_inspired_columns_are_known_in_two_dimensions() -> None:
    glass = disks()
    glass = glass.with_fields(energy=(np.random.default_rng(1).random(200), "eV"))
    table = compute_features("physics-inspired", glass)
    perimeter = polygons(glass).perimeter
    assert table.shape == (200, 60)
    means = table[:, 42::4]  # over all atoms, at five lengths
    assert (means >= perimeter.min()).all()
    assert (means <= perimeter.max()).all()
