"""A cell smaller than the reach of a descriptor is one of an endless glass: images of an atom are its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from disorder import KINDS, disordered

from zoo.conformance.glasses import doubled
from zoo.features.compute import compute_features
from zoo.glass import Glass


@pytest.fixture(scope="module")
def small() -> Glass:
    """32 atoms, an edge of 8.2 Å."""
    glass = disordered(repeat=2)
    return glass.with_fields(energy=(np.random.default_rng(0).random(32), "eV"))


@pytest.mark.parametrize("name", ["all-structural", "coordination", "density-grid", "voronoi@cg", "physics-inspired"])
def test_it_has_the_columns_of_the_same_cell_written_side_by_side(name: str, small: Glass) -> None:
    large = small
    for axis in (0, 1, 2, 0, 1, 2):
        large = doubled(large, axis)  # an edge of 32.8 Å, in which every reach fits
    expected = compute_features(name, large, KINDS)[: len(small)]
    found = compute_features(name, small, KINDS)
    scale = np.abs(expected).max(axis=0) + 1e-6
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-4)
