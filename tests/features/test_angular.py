"""Angular symmetry functions are those of DScribe and of their formula."""

from __future__ import annotations

import numpy as np
import pytest
from dscribe.descriptors import ACSF
from lattices import KINDS, TILT, alloy

from zoo.features.angular import CUTOFF, PARAMETERS, UNIT
from zoo.features.compute import compute_features
from zoo.features.declaration import feature_sets
from zoo.glass import Glass


@pytest.mark.parametrize("tilt", [None, TILT])
def test_they_are_those_of_dscribe(tilt):
    glass = alloy(tilt)
    functions = [[(xi * UNIT) ** -2, zeta, lam] for xi, lam, zeta in PARAMETERS]
    peer = ACSF(r_cut=CUTOFF, g4_params=functions, species=list(KINDS), periodic=True)
    atoms = [0, 17, 250]
    expected = peer.create(glass.to_ase(), centers=atoms)[:, len(KINDS) :]  # its first columns count neighbours
    found = compute_features("angular", glass)[atoms]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_one_triangle_gives_the_formula():
    sides = np.array([[0.0, 0, 0], [2.5, 0, 0], [0, 3.0, 0]])
    glass = Glass(sides, ["Cu", "Cu", "Zr"], [30, 30, 30])
    table = dict(
        zip(
            [column.name for column in feature_sets["angular"].columns(KINDS)],
            compute_features("angular", glass)[0],
            strict=True,
        )
    )
    squared = 2.5**2 + 3.0**2 + (2.5**2 + 3.0**2)
    fade = np.prod([0.5 * (np.cos(np.pi * r / CUTOFF) + 1) for r in (2.5, 3.0, np.hypot(2.5, 3.0))])
    for xi, lam, zeta in PARAMETERS:  # a right angle: the cosine is 0
        expected = 2.0 ** (1 - zeta) * np.exp(-squared / (xi * UNIT) ** 2) * fade
        assert table[f"angle_Cu_Zr_xi{xi:g}_lambda{lam}_zeta{zeta}"] == pytest.approx(expected, rel=1e-5)
        assert table[f"angle_Cu_Cu_xi{xi:g}_lambda{lam}_zeta{zeta}"] == 0
