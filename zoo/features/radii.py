"""Atomic radii in Å, for descriptors that give every species its own size.

One source for metals and metalloids alike: radii assessed from the structures of metallic glasses and of compounds with
metals, so that a radius describes an atom surrounded by metal.

References
----------
Miracle, Louzguine-Luzgin, Louzguina-Luzgina & Inoue, Int. Mater. Rev. 55, 218 (2010).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from zoo.errors import GlassError
from zoo.glass import Glass

RADII: Mapping[str, float] = MappingProxyType(
    {
        "Li": 1.52, "Be": 1.12, "B": 0.88, "C": 0.77, "N": 0.72, "O": 0.64, "Na": 1.80, "Mg": 1.60, "Al": 1.41,
        "Si": 1.10, "P": 1.02, "S": 1.03, "K": 2.30, "Ca": 2.01, "Sc": 1.62, "Ti": 1.42, "V": 1.34, "Cr": 1.30,
        "Mn": 1.32, "Fe": 1.25, "Co": 1.25, "Ni": 1.26, "Cu": 1.26, "Zn": 1.40, "Ga": 1.34, "Ge": 1.14, "As": 1.15,
        "Se": 1.18, "Rb": 2.44, "Sr": 2.12, "Y": 1.79, "Zr": 1.58, "Nb": 1.43, "Mo": 1.39, "Tc": 1.36, "Ru": 1.34,
        "Rh": 1.32, "Pd": 1.42, "Ag": 1.44, "Cd": 1.57, "In": 1.55, "Sn": 1.55, "Sb": 1.55, "Te": 1.40, "Cs": 2.64,
        "Ba": 2.23, "La": 1.87, "Ce": 1.82, "Pr": 1.83, "Nd": 1.82, "Pm": 1.85, "Sm": 1.85, "Eu": 1.96, "Gd": 1.76,
        "Tb": 1.76, "Dy": 1.75, "Ho": 1.77, "Er": 1.75, "Tm": 1.75, "Yb": 1.90, "Lu": 1.75, "Hf": 1.58, "Ta": 1.45,
        "W": 1.35, "Re": 1.37, "Os": 1.35, "Ir": 1.36, "Pt": 1.39, "Au": 1.43, "Hg": 1.52, "Tl": 1.72, "Pb": 1.74,
        "Bi": 1.62, "Th": 1.78, "U": 1.58,
    }
)  # fmt: skip
"""Å; every species that has a radius."""

FIELD = "radius"
"""Field of a glass, in Å, that comes before the table: for species that are no elements, or radii of one's own."""


def species_without_radius(glass: Glass) -> list[str]:
    """The species whose radius is not known, in alphabetical order; none if the glass brings its radii.

    Where one is no element, all are taken for particles: ``B`` beside ``A`` is not boron.
    """
    strangers = sorted(set(glass.kinds) - set(RADII))
    if FIELD in glass.fields or not strangers:
        return []
    from ase.data import atomic_numbers

    return strangers if all(kind in atomic_numbers for kind in strangers) else list(glass.kinds)


def radii_of(glass: Glass) -> NDArray[np.float64]:
    """Radius of every atom.

    Returns
    -------
    ndarray of shape (n_atoms,), float64, Å
        The field ``radius`` of the glass, or else what :data:`RADII` lists.

    Raises
    ------
    GlassError
        The field is not in Å or not positive; a species is not in :data:`RADII`.
    """
    if FIELD in glass.fields:
        own = glass.fields[FIELD]
        if own.unit != "Å" or own.values.shape != (len(glass),) or not (own.values > 0).all():
            raise GlassError(
                f"the field {FIELD!r} must give each atom a positive radius in Å, got shape {own.values.shape}, unit "
                f"{own.unit!r} and a smallest value of {own.values.min()}"
            )
        return own.values.astype(np.float64)
    if strangers := species_without_radius(glass):
        raise GlassError(
            f"every species must have a known atomic radius, but {', '.join(strangers)} has none: {HOW_TO_GIVE_RADII}"
        )
    radius = np.array([RADII[kind] for kind in glass.kinds])
    return radius[glass.species_index(glass.kinds)]


HOW_TO_GIVE_RADII = "give chemical symbols as species, --radius A=1.25 B=1.1, or the glass a field 'radius' in Å"
