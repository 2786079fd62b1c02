"""Facts about interstices, and agreement with matminer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from lattices import KINDS, alloy, crystal

from zoo.features.compute import compute_features
from zoo.features.declaration import feature_sets
from zoo.features.interstice import describe_shell
from zoo.features.kernels.tessellation import tessellate
from zoo.features.radii import RADII, radii_of
from zoo.features.shell import Shell, first_shell
from zoo.glass import Glass

REFERENCE = json.loads((Path(__file__).parent / "reference" / "matminer_interstice.json").read_text())


def test_interstices_are_those_of_matminer_where_every_face_counts():
    glass = alloy()
    cells = tessellate(glass)
    every_face = Shell(cells.start, cells.neighbor, cells.vector, cells.distance)
    ours = describe_shell(every_face, radii_of(glass))[REFERENCE["atoms"], :12]
    np.testing.assert_allclose(ours, REFERENCE["values"], atol=1e-6)


def test_touching_spheres_leave_no_gap_along_their_bonds():
    """fcc: 12 neighbours, 8 triangles of the hull and 6 squares that are cut into two triangles each."""
    edge = 2 * np.sqrt(2) * RADII["Cu"]
    lattice = crystal("fcc")
    copper = Glass(lattice.positions / 3.6 * edge, lattice.species, lattice.cell / 3.6 * edge)
    shell = compute_features("interstice-shell", copper)
    np.testing.assert_allclose(shell[:, :4], 0.0, atol=1e-6)
    triangle = 1 - np.pi / (2 * np.sqrt(3))  # three spheres that touch
    half_square = 1 - np.pi / 4
    assert shell[:, 6] == pytest.approx(triangle, abs=1e-5)
    assert shell[:, 7] == pytest.approx(half_square, abs=1e-5)
    assert shell[:, 4] == pytest.approx((8 * triangle + 12 * half_square) / 20, abs=1e-5)
    packing = describe_shell(first_shell(copper), radii_of(copper))[:, 12]
    assert packing == pytest.approx(np.pi / (3 * np.sqrt(2)), abs=0.03)  # near that of the crystal, 0.74


def test_larger_spheres_leave_less_room():
    glass = alloy()
    small, large = (glass.with_fields(radius=(np.full(len(glass), r), "Å")) for r in (1.2, 1.3))
    assert (compute_features("interstice-shell", small) >= compute_features("interstice-shell", large) - 1e-6)[
        :, [0, 2, 3, 4, 6, 7, 8, 10, 11]
    ].all()


def test_the_published_set_has_80_columns_four_of_which_sum_up_each_own_one():
    glass = alloy()
    names = [column.name for column in feature_sets["interstice"].columns(KINDS)]
    table = dict(zip(names, compute_features("interstice", glass).T, strict=True))
    assert len(table) == 80
    shell = first_shell(glass)
    for atom in (0, 99, 400):
        around = table["volume_mean"][shell.neighbor[shell.start[atom] : shell.start[atom + 1]]]
        found = [table[f"volume_mean_around_{s}"][atom] for s in ("mean", "std", "min", "max")]
        assert found == pytest.approx([around.mean(), around.std(), around.min(), around.max()], abs=1e-6)
        near = np.linalg.norm(displacements(glass, atom), axis=1) < 4.0
        near[atom] = False
        around = table["distance4_mean"][near]
        found = [table[f"distance4_mean_around_{s}"][atom] for s in ("mean", "std", "min", "max")]
        assert found == pytest.approx([around.mean(), around.std(), around.min(), around.max()], abs=1e-6)


def displacements(glass: Glass, atom: int) -> np.ndarray:
    """From one atom to the nearest image of every other, in an orthogonal cell."""
    edges = np.diag(glass.cell)
    apart = glass.positions - glass.positions[atom]
    return apart - edges * np.rint(apart / edges)
