"""A glass for tests."""

from __future__ import annotations

import numpy as np
from ase.build import bulk

from zoo.glass import Glass

KINDS = ("Cu", "Zr")


def disordered(tilt: np.ndarray | None = None, repeat: int = 5, seed: int = 0) -> Glass:
    """``4 repeat³`` atoms, as disordered as a glass: an fcc lattice with random displacements and species."""
    rng = np.random.default_rng(seed)
    atoms = bulk("Cu", "fcc", a=4.1, cubic=True) * (repeat, repeat, repeat)
    atoms.symbols[:] = rng.choice(KINDS, len(atoms))
    if tilt is not None:
        atoms.set_cell(tilt @ atoms.cell.array, scale_atoms=True)
    atoms.positions += rng.normal(0, 0.25, atoms.positions.shape)
    return Glass.from_ase(atoms)


def liquid(n: int = 512, density: float = 1.2, seed: int = 0, sigma: float = 2.5) -> Glass:
    """Disturbed simple cubic lattice of 80 % A and 20 % B particles, dense as a Kob-Andersen mixture; lengths in Å."""
    random = np.random.default_rng(seed)
    edge = (n / density) ** (1 / 3) * sigma
    sites = round(n ** (1 / 3))
    lattice = (np.indices((sites,) * 3).reshape(3, -1).T + 0.5) * edge / sites
    species = random.permutation(np.repeat(["A", "B"], [n - n // 5, n // 5]))
    return Glass(lattice + random.normal(scale=0.15, size=lattice.shape), species, [edge] * 3)
