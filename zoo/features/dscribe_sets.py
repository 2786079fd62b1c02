"""SOAP and atom-centred symmetry functions, computed by DScribe (extra ``descriptors``)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass

CUTOFF = 5.0
"""Å, between the first and the second shell of a metallic glass."""
SOAP_SETTINGS: dict[str, Any] = {"n_max": 6, "l_max": 6, "sigma": 0.5}
RADIAL_WIDTHS = (0.05, 0.23, 1.07, 2.0)
"""1/Å², of functions centred on the atom."""
RADIAL_SHIFTS = (2.5, 3.0, 3.5, 4.5)
"""Å, centres of functions of width 2 /Å²."""
ANGULAR_WIDTHS = (0.005, 0.05)
ANGULAR_POWERS = (1, 4)
CHUNK = 2000
"""Atoms described at a time: DScribe works in double precision."""


def _soap(kinds: tuple[str, ...]) -> Any:
    from dscribe.descriptors import SOAP  # type: ignore[import-untyped, unused-ignore]

    return SOAP(species=kinds, r_cut=CUTOFF, periodic=True, **SOAP_SETTINGS)


def _acsf(kinds: tuple[str, ...]) -> Any:
    from dscribe.descriptors import ACSF  # type: ignore[import-untyped, unused-ignore]

    radial = [*((eta, 0.0) for eta in RADIAL_WIDTHS), *((RADIAL_WIDTHS[-1], shift) for shift in RADIAL_SHIFTS)]
    angular = [(eta, zeta, sign) for eta in ANGULAR_WIDTHS for zeta in ANGULAR_POWERS for sign in (-1, 1)]
    return ACSF(species=kinds, r_cut=CUTOFF, g2_params=radial, g4_params=angular, periodic=True)


def soap_columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """The power spectrum: pairs of species, of radial functions, and the angular number l."""
    n, degrees = SOAP_SETTINGS["n_max"], SOAP_SETTINGS["l_max"] + 1
    return tuple(
        Column(f"soap_{a}_{b}_{i}_{j}_{degree}", "1", f"density of {a} and {b}", CUTOFF)
        for k, a in enumerate(kinds)
        for b in kinds[k:]
        for i in range(n)
        for j in range(i if a == b else 0, n)
        for degree in range(degrees)
    )


def acsf_columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """G1, and G2 of each species; G4 of each pair of species."""
    n_radial = 1 + len(RADIAL_WIDTHS) + len(RADIAL_SHIFTS)
    n_angular = 2 * len(ANGULAR_WIDTHS) * len(ANGULAR_POWERS)
    pairs = [(a, b) for k, a in enumerate(kinds) for b in kinds[k:]]
    return (
        *(Column(f"acsf_{kind}_{k}", "1", f"density of {kind}", CUTOFF) for kind in kinds for k in range(n_radial)),
        *(
            Column(f"acsf_{a}_{b}_{k}", "1", f"angles of {a} and {b}", CUTOFF)
            for a, b in pairs
            for k in range(n_angular)
        ),
    )


def _compute(descriptor: Any, glass: Glass) -> FloatArray:
    atoms = glass.to_ase()
    atoms.wrap()  # DScribe misses neighbours of atoms that lie outside of the cell
    parts = [
        np.asarray(descriptor.create(atoms, centers=list(range(first, min(first + CHUNK, len(glass))))), np.float32)
        for first in range(0, len(glass), CHUNK)
    ]
    return np.concatenate(parts)


def declines(glass: Glass) -> str | None:
    """A 2D glass, species that are no elements, or DScribe not installed."""
    from ase.data import atomic_numbers

    if find_spec("dscribe") is None:
        return "DScribe is not installed: pip install 'glass-zoo[descriptors]'"
    if glass.dimension != 3:
        return "DScribe describes 3D structures"
    strangers = [kind for kind in glass.kinds if kind not in atomic_numbers]
    return f"DScribe knows elements only, not {', '.join(strangers)}" if strangers else None


ELEMENTS_ONLY = {"relabelling": "DScribe knows elements only", "missing species": "DScribe knows elements only"}

feature_sets.register(
    FeatureSet(
        name="soap",
        title="Smooth overlap of atomic positions (DScribe)",
        citation="Bartók, Kondor & Csányi, Phys. Rev. B 87, 184115 (2013); Himanen et al., Comput. Phys. Commun. 247, "
        "106949 (2020)",
        version=1,
        columns=soap_columns,
        compute=lambda glass, kinds: _compute(_soap(kinds), glass),
        declines=declines,
        exempt=ELEMENTS_ONLY,
    )
)
feature_sets.register(
    FeatureSet(
        name="acsf",
        title="Atom-centred symmetry functions (DScribe)",
        citation="Behler, J. Chem. Phys. 134, 074106 (2011); Himanen et al., Comput. Phys. Commun. 247, 106949 (2020)",
        version=1,
        columns=acsf_columns,
        compute=lambda glass, kinds: _compute(_acsf(kinds), glass),
        declines=declines,
        exempt=ELEMENTS_ONLY,
    )
)
