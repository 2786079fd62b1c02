"""Local shear moduli against a glass that is really sheared, a little, and minimised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk

from zoo.glass import Glass
from zoo.simulation.calculator import EmbeddedAtomCalculator
from zoo.simulation.elasticity import PLANES, ShearModuli, shear_moduli
from zoo.simulation.minimize import minimize
from zoo.simulation.potentials import EmbeddedAtomTables
from zoo.simulation.vibrations import find_bonds, vibrations

STRAIN = 3e-5
VOIGT = (5, 4, 3)


@pytest.fixture(scope="module")
def relaxed(minimum: Glass, tables: EmbeddedAtomTables) -> Glass:
    """Deeper in the minimum than labels need: stresses are compared to 1e-7 of a modulus."""
    atoms = minimum.to_ase()
    atoms.calc = EmbeddedAtomCalculator(tables)
    minimize(atoms, 1e-10)
    return Glass(atoms.positions, minimum.species, minimum.cell)


@pytest.fixture(scope="module")
def volumes(relaxed: Glass) -> np.ndarray:
    """Any volumes will do that fill the cell."""
    share = np.random.default_rng(0).uniform(0.5, 1.5, len(relaxed))
    return share * relaxed.volume / share.sum()


@pytest.fixture(scope="module")
def moduli(relaxed: Glass, tables: EmbeddedAtomTables, volumes: np.ndarray) -> ShearModuli:
    bonds = find_bonds(relaxed, tables)
    masses = np.where(relaxed.species == "Cu", 63.546, 91.224)
    return shear_moduli(bonds, volumes, vibrations(bonds, masses).relax)


def sheared(glass: Glass, tables: EmbeddedAtomTables, at: int) -> Iterator[Atoms]:
    """The glass under a strain of ``STRAIN`` forth and back: first straight away, then minimised."""
    a, b = PLANES[at]
    for sign in (1, -1):
        atoms = glass.to_ase()
        atoms.calc = EmbeddedAtomCalculator(tables)
        tilt = np.eye(3)
        tilt[a, b] = tilt[b, a] = sign * STRAIN / 2
        atoms.set_cell(glass.cell @ tilt, scale_atoms=True)
        yield atoms.copy()
        minimize(atoms, 1e-10)
        yield atoms


def virials(atoms: Atoms, tables: EmbeddedAtomTables, at: int) -> np.ndarray:
    """Stress times volume of every atom (eV), half of each bond."""
    bonds = find_bonds(Glass.from_ase(atoms), tables)
    a, b = PLANES[at]
    each = 0.5 * bonds.tension * bonds.distance * bonds.direction[:, a] * bonds.direction[:, b]
    return np.add.reduceat(each, bonds.start[:-1])


@pytest.mark.parametrize("at", range(3))
def test_moduli_are_the_slope_of_stress(
    relaxed: Glass, tables: EmbeddedAtomTables, volumes: np.ndarray, moduli: ShearModuli, at: int
) -> None:
    affine_forth, forth, affine_back, back = sheared(relaxed, tables, at)
    # the whole glass: the stress that the calculator gives
    stresses = []
    for atoms in (forth, back):
        atoms.calc = EmbeddedAtomCalculator(tables)
        stresses.append(atoms.get_stress()[VOIGT[at]] / units.GPa)
    whole = volumes @ moduli.relaxed[:, at] / relaxed.volume
    assert whole == pytest.approx((stresses[0] - stresses[1]) / (2 * STRAIN), rel=1e-4)
    assert 5 < whole < volumes @ moduli.affine[:, at] / relaxed.volume
    # every atom
    for found, plus, minus in ((moduli.affine, affine_forth, affine_back), (moduli.relaxed, forth, back)):
        slope = (virials(plus, tables, at) - virials(minus, tables, at)) / (2 * STRAIN * volumes * units.GPa)
        np.testing.assert_allclose(found[:, at], slope, atol=1e-3 * np.abs(slope).max())
    moved = (forth.positions - affine_forth.positions - back.positions + affine_back.positions) / (2 * STRAIN)
    moved -= moved.mean(axis=0)
    masses = forth.get_masses()[:, None]
    moved -= (masses * moved).sum(axis=0) / masses.sum()
    np.testing.assert_allclose(moduli.nonaffine[:, at], np.linalg.norm(moved, axis=1), atol=1e-2)


def test_a_crystal_with_one_atom_per_cell_follows_the_shear(tables: EmbeddedAtomTables) -> None:
    crystal = Glass.from_ase(bulk("Cu", "fcc", a=3.59, cubic=True) * (4, 4, 4))
    bonds = find_bonds(crystal, tables)
    found = shear_moduli(bonds, np.full(256, crystal.volume / 256), vibrations(bonds, np.full(256, 63.546)).relax)
    assert found.nonaffine.max() < 1e-8
    np.testing.assert_allclose(found.relaxed, found.affine, rtol=1e-8)
    np.testing.assert_allclose(found.affine, found.affine[0, 0], rtol=1e-8)
