"""Small glasses whose descriptors are known or can be computed in another way."""

from __future__ import annotations

import numpy as np
from ase.build import bulk

from zoo.glass import Glass

KINDS = ("Cu", "Zr")
TILT = np.array([[20.0, 0.0, 0.0], [5.0, 20.0, 0.0], [-4.0, 6.5, 20.0]]) / 20.0
"""Rows multiply the vectors of a cubic cell and make it triclinic."""


def alloy(tilt: np.ndarray | None = None, displacement: float = 0.25, seed: int = 0) -> Glass:
    """500 atoms, as disordered as a glass: an fcc lattice with random displacements (Å) and species."""
    rng = np.random.default_rng(seed)
    atoms = bulk("Cu", "fcc", a=4.1, cubic=True) * (5, 5, 5)
    atoms.symbols[:] = rng.choice(KINDS, len(atoms))
    if tilt is not None:
        atoms.set_cell(tilt @ atoms.cell.array, scale_atoms=True)
    atoms.positions += rng.normal(0, displacement, atoms.positions.shape)
    return Glass.from_ase(atoms)


def crystal(lattice: str, displacement: float = 0.0) -> Glass:
    atoms = bulk("Cu", lattice, a=3.6, cubic=True) * (5, 5, 5)
    atoms.positions += np.random.default_rng(1).normal(0, displacement, atoms.positions.shape)
    return Glass.from_ase(atoms)
