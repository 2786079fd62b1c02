"""Images are turned into those that shear cannot tell apart, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.features.density_grid import density_grid, grid_shape
from zoo.glass import Glass
from zoo.models.declaration import model_families

torch = pytest.importorskip("torch")
from zoo.models._networks import turned_copies  # noqa: E402


@pytest.mark.parametrize("dimension", [2, 3])
def test_copies_are_the_images_of_the_glass_turned_about_its_loading(dimension: int) -> None:
    random = np.random.default_rng(3)
    shape, edge = grid_shape(dimension), 12.0 if dimension == 2 else 8.0
    sites = 12 if dimension == 2 else 8
    lattice = np.indices((sites,) * dimension).reshape(dimension, -1).T + 0.5
    at = lattice + random.uniform(-0.3, 0.3, size=lattice.shape)
    kinds = random.choice(["L", "S"], len(at))

    def image_of(positions: np.ndarray) -> np.ndarray:
        return density_grid(Glass(positions, kinds, [edge] * dimension), ("L", "S"), "xy")

    n_copies = 4 if dimension == 2 else 8
    copies = turned_copies(image_of(at), shape).reshape(n_copies, len(at), -1)
    swapped = at[:, [1, 0, *range(2, dimension)]]
    reversed_ = at.copy()
    reversed_[:, :2] = edge - reversed_[:, :2]
    for number, expected in ((0, at), (1, swapped), (2, reversed_)):
        np.testing.assert_allclose(copies[number], image_of(expected), atol=1e-4)
    mirrored = at.copy()
    mirrored[:, 0] = edge - mirrored[:, 0]  # this turns the strain by 90 degrees: not among them
    assert not any(np.allclose(copy, image_of(mirrored), atol=1e-4) for copy in copies)


def test_a_turned_network_does_not_tell_copies_apart() -> None:
    random = np.random.default_rng(0)
    shape = (11, 11)
    x = random.normal(size=(24, 242)).astype(np.float32)
    y = (x.reshape(24, 2, 11, 11)[:, 0, 5:, 5:].mean(axis=(1, 2)) > 0).astype(float)
    plain, turned = (
        model_families["cnn"].estimator("classification", 0, shape, {"epochs": 1} | more).fit(x, y)
        for more in ({}, {"turned": True})
    )
    copies = turned_copies(x, shape)
    found = turned.decision_function(copies).reshape(4, 24)
    np.testing.assert_allclose(found, np.tile(found[0], (4, 1)), atol=1e-5)
    assert np.ptp(plain.decision_function(copies).reshape(4, 24), axis=0).max() > 0.01
