"""Atomic radii in Å, for descriptors that give every species its own size.

Three classes, so that a radius always describes an atom surrounded by metal:

- metals: metallic radius for 12 neighbours (Goldschmidt's convention), from Kaye & Laby, Tables of
  Physical and Chemical Constants, 16th ed., Longman (1995);
- rare earths with Sc and Y: metallic radius for 12 neighbours, from Gschneidner, Bull. Alloy Phase
  Diagrams 11, 216 (1990), rounded to 0.01 Å;
- metalloids, whose metallic neighbours are closer than 12-neighbour radii say: covalent radius, from
  Cordero et al., Dalton Trans. 2832 (2008), carbon as sp3.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.errors import GlassError

METALS: Mapping[str, float] = MappingProxyType(
    {
        "Li": 1.55, "Be": 1.12, "Na": 1.90, "Mg": 1.60, "Al": 1.43, "K": 2.35, "Ca": 1.97, "Ti": 1.47,
        "V": 1.34, "Cr": 1.28, "Mn": 1.27, "Fe": 1.26, "Co": 1.25, "Ni": 1.24, "Cu": 1.28, "Zn": 1.34,
        "Ga": 1.40, "Zr": 1.60, "Nb": 1.46, "Mo": 1.39, "Ru": 1.34, "Rh": 1.34, "Pd": 1.37, "Ag": 1.44,
        "Cd": 1.51, "In": 1.58, "Sn": 1.63, "Hf": 1.59, "Ta": 1.46, "W": 1.39, "Re": 1.37, "Os": 1.35,
        "Ir": 1.36, "Pt": 1.39, "Au": 1.44, "Tl": 1.60, "Pb": 1.70,
    }
)  # fmt: skip
"""Å; metallic, 12 neighbours."""

RARE_EARTHS: Mapping[str, float] = MappingProxyType(
    {
        "Sc": 1.64, "Y": 1.80, "La": 1.88, "Ce": 1.82, "Pr": 1.83, "Nd": 1.82, "Sm": 1.80, "Eu": 2.04,
        "Gd": 1.80, "Tb": 1.78, "Dy": 1.77, "Ho": 1.77, "Er": 1.76, "Tm": 1.75, "Yb": 1.94, "Lu": 1.73,
    }
)  # fmt: skip
"""Å; metallic, 12 neighbours."""

METALLOIDS: Mapping[str, float] = MappingProxyType({"B": 0.84, "C": 0.76, "Si": 1.11, "P": 1.07, "S": 1.05, "Ge": 1.20})
"""Å; covalent."""

RADII: Mapping[str, float] = MappingProxyType({**METALS, **RARE_EARTHS, **METALLOIDS})
"""Å; every species that has a radius."""


def species_without_radius(species: ArrayLike) -> list[str]:
    """The distinct species that :data:`RADII` does not list, in alphabetical order."""
    return sorted({str(kind) for kind in np.unique(np.asarray(species, dtype=np.str_))} - set(RADII))


def radii_of(species: ArrayLike) -> NDArray[np.float64]:
    """Radius of every atom.

    Parameters
    ----------
    species : array_like of n_atoms str
        Chemical symbols.

    Returns
    -------
    ndarray of shape (n_atoms,), float64, Å

    Raises
    ------
    GlassError
        A species is not in :data:`RADII`.
    """
    strangers = species_without_radius(species)
    if strangers:
        raise GlassError(
            f"every species must have a listed atomic radius, got {', '.join(strangers)}: give "
            "chemical symbols as species, or choose a descriptor that needs no radii"
        )
    kinds, index = np.unique(np.asarray(species, dtype=np.str_), return_inverse=True)
    return np.array([RADII[str(kind)] for kind in kinds])[index]
