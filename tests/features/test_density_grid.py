"""Images of the surroundings of an atom, in the frame of loading."""

from __future__ import annotations

import numpy as np
import pytest
from disorder import disordered

from zoo.features.compute import compute_features
from zoo.features.declaration import feature_sets
from zoo.features.density_grid import CUTOFF, FRAMES, HALF, SIGMA, STEP, grid_shape
from zoo.glass import Glass

KINDS = ("Cu", "Zr")


def flat(n: int = 200) -> Glass:
    random = np.random.default_rng(0)
    lattice = np.stack(np.meshgrid(np.arange(20), np.arange(10)), -1).reshape(-1, 2) * 1.0
    return Glass(lattice + random.uniform(-0.2, 0.2, (n, 2)), np.resize(["A", "B"], n), [20, 10])


def test_an_image_is_the_sum_of_gaussians_around_the_atom():
    glass, atom = disordered(repeat=6), 30
    spacing = (glass.volume / len(glass)) ** (1 / 3)
    images = compute_features("density-grid", glass)[atom].reshape(2, *grid_shape(3))
    edges = np.diag(glass.cell)
    apart = glass.positions - glass.positions[atom]
    apart -= edges * np.rint(apart / edges)
    r = np.linalg.norm(apart, axis=1)
    fade = np.where((r < CUTOFF * spacing) & (r > 0), (1 - (r / (CUTOFF * spacing)) ** 2) ** 2, 0.0)
    for point in [(5, 5, 5), (7, 5, 4), (0, 10, 3)]:
        at = (np.array(point) - HALF) * STEP * spacing
        gaussians = fade * np.exp(-((apart - at) ** 2).sum(axis=1) / (2 * (SIGMA * spacing) ** 2))
        for k, kind in enumerate(KINDS):
            assert images[(k, *point)] == pytest.approx(gaussians[glass.species == kind].sum(), abs=2e-3)


@pytest.mark.parametrize(("name", "turn"), [("xz", FRAMES["xz"]), ("yz", FRAMES["yz"])])
def test_another_plane_of_shear_is_the_glass_turned(name: str, turn: np.ndarray):
    glass = disordered(repeat=6)
    turned = Glass(glass.positions @ turn.T, glass.species, glass.cell @ turn.T)
    np.testing.assert_allclose(
        compute_features(f"density-grid-{name}", glass), compute_features("density-grid", turned), atol=1e-5
    )


def test_every_frame_is_a_rotation_that_takes_the_stretched_direction_to_the_diagonal():
    stretched = {"xy": (1, 1, 0), "xz": (1, 0, 1), "yz": (0, 1, 1), "-xy": (-1, 1, 0), "xx": (1, 0, 0), "yy": (0, 1, 0)}
    for name, frame in FRAMES.items():
        np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(frame) == pytest.approx(1.0)
        along = frame @ np.array(stretched[name], float)
        assert abs(along @ [1, 1, 0]) / (np.linalg.norm(along) * np.sqrt(2)) == pytest.approx(1.0), name


def test_flat_glasses_have_flat_images():
    glass = flat()
    images = compute_features("density-grid-2d", glass)
    assert images.shape == (200, 2 * 11 * 11)
    assert feature_sets["density-grid"].declines(glass)
    assert feature_sets["density-grid-2d"].declines(disordered())
    turned = compute_features("density-grid-2d-xx", glass)
    assert not np.allclose(images, turned)
    assert images.sum() == pytest.approx(turned.sum(), rel=0.02)
