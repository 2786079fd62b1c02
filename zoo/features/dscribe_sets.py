"""SOAP and atom-centred symmetry functions, computed by DScribe (extra ``descriptors``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.features.conditions import declines_unless_bulk
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
N_RADIAL = 1 + len(RADIAL_WIDTHS) + len(RADIAL_SHIFTS)
N_ANGULAR = 2 * len(ANGULAR_WIDTHS) * len(ANGULAR_POWERS)
REACH = CUTOFF + 4 * SOAP_SETTINGS["sigma"]
"""Å; of SOAP: DScribe looks at Gaussians whose centres are up to 3.8 widths beyond the cutoff."""
SOAP_BATCH, ACSF_BATCH = 200, 500
"""Atoms that DScribe is asked about at a time; with 500 SOAP takes 1.3 times as long, symmetry functions are faster."""


def _soap(kinds: tuple[str, ...], periodic: bool = False) -> Any:
    from dscribe.descriptors import SOAP  # type: ignore[import-untyped, unused-ignore]

    return SOAP(species=kinds, r_cut=CUTOFF, periodic=periodic, **SOAP_SETTINGS)


def _acsf(kinds: tuple[str, ...], periodic: bool = False) -> Any:
    from dscribe.descriptors import ACSF  # type: ignore[import-untyped, unused-ignore]

    radial = [*((eta, 0.0) for eta in RADIAL_WIDTHS), *((RADIAL_WIDTHS[-1], shift) for shift in RADIAL_SHIFTS)]
    angular = [(eta, zeta, sign) for eta in ANGULAR_WIDTHS for zeta in ANGULAR_POWERS for sign in (-1, 1)]
    return ACSF(species=kinds, r_cut=CUTOFF, g2_params=radial, g4_params=angular, periodic=periodic)


def soap_columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """The power spectrum: pairs of species, angular number l, radial functions of the one and of the other species."""
    n = SOAP_SETTINGS["n_max"]
    return tuple(
        Column(f"soap_{a}_{b}_l{degree}_{i}_{j}", "1", f"density of {a} and {b}", CUTOFF)
        for a, b in _pairs(kinds)
        for degree in range(SOAP_SETTINGS["l_max"] + 1)
        for i in range(n)
        for j in range(i if a == b else 0, n)
    )


def acsf_columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """G1, and G2 of each species; G4 of each pair of species."""
    return (
        *(Column(f"acsf_{kind}_{k}", "1", f"density of {kind}", CUTOFF) for kind in kinds for k in range(N_RADIAL)),
        *(
            Column(f"acsf_{a}_{b}_{k}", "1", f"angles of {a} and {b}", CUTOFF)
            for a, b in _pairs(kinds)
            for k in range(N_ANGULAR)
        ),
    )


def compute_soap(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """SOAP's power spectrum, shape (n_atoms, n_columns), float32; DScribe's numbers, species in alphabetical order."""
    descriptor, n = _soap(kinds), SOAP_SETTINGS["n_max"]
    order = []
    for a, b in _pairs(kinds):
        place = np.arange(descriptor.get_number_of_features())[descriptor.get_location((a, b))]
        if atomic_number(a) > atomic_number(b):  # DScribe sorts by atomic number: the radial functions change places
            place = place.reshape(-1, n, n).swapaxes(1, 2).ravel()
        order.append(place)
    return _create(descriptor, glass, REACH, SOAP_BATCH, np.concatenate(order))


def compute_acsf(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Symmetry functions, shape (n_atoms, n_columns), float32; DScribe's numbers, species in alphabetical order."""
    rank = {kind: k for k, kind in enumerate(sorted(kinds, key=atomic_number))}
    order = [N_RADIAL * rank[kind] + np.arange(N_RADIAL) for kind in kinds]
    for pair in _pairs(kinds):
        low, high = sorted(rank[kind] for kind in pair)
        at = high * (high + 1) // 2 + low  # DScribe's pairs are 00, 10, 11, 20, ...
        order.append(N_RADIAL * len(kinds) + N_ANGULAR * at + np.arange(N_ANGULAR))
    return _create(_acsf(kinds), glass, CUTOFF, ACSF_BATCH, np.concatenate(order))


def atomic_number(kind: str) -> int:
    """Of a chemical symbol."""
    from ase.data import atomic_numbers

    return int(atomic_numbers[kind])


def _pairs(kinds: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(a, b) for k, a in enumerate(kinds) for b in kinds[k:]]


def _create(descriptor: Any, glass: Glass, reach: float, batch: int, order: NDArray[np.int64]) -> FloatArray:
    """Columns ``order`` of a descriptor, which is shown ``batch`` atoms at a time with what is within ``reach`` (Å).

    For every atom DScribe looks at all that it is given: time and memory would grow with the square of the glass.
    """
    import ase

    from zoo.neighbors import neighbor_batches

    numbers = np.array([atomic_number(kind) for kind in glass.kinds])[glass.species_index(glass.kinds)]
    matrix = np.empty((len(glass), len(order)), np.float32)
    for atoms, near in neighbor_batches(glass, reach, batch):
        # atoms and images of atoms, each once: the number of the atom, then 8 bits for each component of the image
        image = np.concatenate([np.zeros((len(atoms), 3), np.int64), near.image]) + 128
        index = np.concatenate([atoms, near.index]).astype(np.int64)
        code, place = np.unique(
            ((index * 256 + image[:, 0]) * 256 + image[:, 1]) * 256 + image[:, 2], return_inverse=True
        )
        index, image = code >> 24, np.stack([code >> shift & 255 for shift in (16, 8, 0)], axis=1) - 128
        around = ase.Atoms(numbers[index], glass.positions[index] + image @ glass.cell)
        matrix[atoms] = descriptor.create(around, centers=place[: len(atoms)].tolist())[:, order]
    return matrix


def declines(glass: Glass) -> str | None:
    """A 2D glass, an open one, or species that are no elements."""
    from ase.data import atomic_numbers

    if reason := declines_unless_bulk(glass, "DScribe"):
        return reason
    strangers = [kind for kind in glass.kinds if kind not in atomic_numbers]
    return f"DScribe knows elements only, not {', '.join(strangers)}" if strangers else None


feature_sets.register(
    FeatureSet(
        name="soap",
        title="Smooth overlap of atomic positions (DScribe)",
        citation="Bartók, Kondor & Csányi, Phys. Rev. B 87, 184115 (2013); Himanen et al., Comput. Phys. Commun. 247, "
        "106949 (2020)",
        version=1,
        columns=soap_columns,
        compute=compute_soap,
        declines=declines,
        requires=(("dscribe", "glass-zoo[descriptors]"),),
    )
)
feature_sets.register(
    FeatureSet(
        name="acsf",
        title="Atom-centred symmetry functions (DScribe)",
        citation="Behler, J. Chem. Phys. 134, 074106 (2011); Himanen et al., Comput. Phys. Commun. 247, 106949 (2020)",
        version=1,
        columns=acsf_columns,
        compute=compute_acsf,
        declines=declines,
        requires=(("dscribe", "glass-zoo[descriptors]"),),
    )
)
