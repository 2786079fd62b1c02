"""Voronoi polyhedra: which faces the cell of an atom has, how large it is, how round, how five-fold.

Faces smaller than 1 % of the surface of their cell are dropped before faces are counted: they come and go
with the thermal noise of second neighbours. In a dense Cu-Zr glass these are 8 of 100 faces, and the mean
coordination goes from 14.0 to 12.9. All edges of the faces that stay are counted, also those towards a
dropped face. Volume and surface include all faces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.features.conditions import declines_unless_bulk
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets
from zoo.features.radii import FIELD, HOW_TO_GIVE_RADII, radii_of, species_without_radius

if TYPE_CHECKING:
    from zoo.features.kernels.tessellation import Tessellation
    from zoo.glass import Glass

MINIMUM_AREA_FRACTION = 0.01
"""Part of a cell's surface below which a face does not count."""

ICOSAHEDRON = (0, 0, 12, 0)
"""Voronoi index of an atom with 12 neighbours on the corners of an icosahedron."""

ICOSAHEDRON_LIKE = 0.75
"""Least part of five-fold faces; the Frank-Kasper polyhedra <0 0 12 k>, k = 0, 2, 3, 4, have that or more."""


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """The same 13 for any species."""
    return (
        Column("n3", "1", "symmetry"),
        Column("n4", "1", "symmetry"),
        Column("n5", "1", "symmetry"),
        Column("n6", "1", "symmetry"),
        Column("coordination", "1", "coordination"),
        Column("five_fold_fraction", "1", "symmetry"),
        Column("is_icosahedron", "1", "symmetry"),
        Column("is_icosahedron_like", "1", "symmetry"),
        Column("sphericity", "1", "symmetry"),
        Column("face_area_std", "Å²", "symmetry"),
        Column("face_area_mean", "Å²", "density"),
        Column("surface_area", "Å²", "density"),
        Column("volume", "Å³", "density"),
    )


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Plain cells: shape (n_atoms, 13), float32; see :func:`describe_cells`."""
    from zoo.features.kernels.tessellation import tessellate

    return describe_cells(tessellate(glass))


def compute_radical(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Radical cells: shape (n_atoms, 13), float32; see :func:`describe_cells`."""
    from zoo.features.kernels.tessellation import tessellate

    return describe_cells(tessellate(glass, radii_of(glass)))


def voronoi_indices(
    tessellation: Tessellation, minimum_area_fraction: float = MINIMUM_AREA_FRACTION
) -> NDArray[np.int64]:
    """Voronoi index <n3 n4 n5 n6> of every atom.

    Parameters
    ----------
    tessellation : Tessellation
    minimum_area_fraction : float
        Faces smaller than this part of the surface of their cell are dropped.

    Returns
    -------
    ndarray of shape (n_atoms, 4), int64
        Numbers of faces with 3, 4, 5 and 6 edges; faces with more edges are in none of them.

    References
    ----------
    Finney, Proc. R. Soc. Lond. A 319, 479 (1970).
    """
    n_atoms = len(tessellation.volume)
    counted = _large_faces(tessellation, minimum_area_fraction) & (tessellation.n_edges <= 6)
    at = 4 * tessellation.center[counted] + tessellation.n_edges[counted] - 3
    return np.bincount(at, minlength=4 * n_atoms).reshape(n_atoms, 4)


def describe_cells(tessellation: Tessellation) -> FloatArray:
    """The columns of both feature sets.

    Parameters
    ----------
    tessellation : Tessellation

    Returns
    -------
    ndarray of shape (n_atoms, 13), float32
        In the order of :func:`columns`. ``coordination`` is the number of faces that count; the five-fold
        fraction and the mean and standard deviation of the face area are taken over these. ``sphericity``
        is the surface of a sphere of the same volume, divided by that of the cell: 1 for a sphere, 0.905
        in an fcc crystal. All columns are 0 for an empty radical cell. Indices are those of OVITO, faces and edges
        those of multivoro, plain and radical, and plain faces those of freud, atom by atom; volumes agree with OVITO to
        1e-5 Å³ and with freud to 1e-5 of the value (single precision there; see the tests).
    """
    n_atoms = len(tessellation.volume)
    index = voronoi_indices(tessellation)
    large = _large_faces(tessellation, MINIMUM_AREA_FRACTION)
    center, area = tessellation.center[large], tessellation.area[large]
    coordination = np.bincount(center, minlength=n_atoms)
    at_least_one = np.maximum(coordination, 1)
    mean = np.bincount(center, area, n_atoms) / at_least_one
    deviation = np.sqrt(np.bincount(center, (area - mean[center]) ** 2, n_atoms) / at_least_one)
    five_fold = index[:, 2] / at_least_one
    surface = _surface(tessellation)
    sphere = np.cbrt(36 * np.pi * tessellation.volume**2)
    sphericity = np.divide(sphere, surface, out=np.zeros(n_atoms), where=surface > 0)
    return np.column_stack(
        [
            index,
            coordination,
            five_fold,
            (index == ICOSAHEDRON).all(axis=1) & (coordination == 12),
            five_fold >= ICOSAHEDRON_LIKE,
            sphericity,
            deviation,
            mean,
            surface,
            tessellation.volume,
        ]
    ).astype(np.float32)


def _surface(tessellation: Tessellation) -> NDArray[np.float64]:
    n_atoms = len(tessellation.volume)
    return np.asarray(np.bincount(tessellation.center, tessellation.area, n_atoms), dtype=np.float64)


def _large_faces(tessellation: Tessellation, minimum_area_fraction: float) -> NDArray[np.bool_]:
    return np.asarray(tessellation.area >= minimum_area_fraction * _surface(tessellation)[tessellation.center])


def declines_radical(glass: Glass) -> str | None:
    """Also a glass with a species that has no known radius."""
    if reason := declines_unless_bulk(glass):
        return reason
    strangers = species_without_radius(glass)
    return f"no atomic radius is known for {', '.join(strangers)}: {HOW_TO_GIVE_RADII}" if strangers else None


feature_sets.register(
    FeatureSet(
        name="voronoi",
        title="Voronoi polyhedra",
        citation=(
            "Finney, Proc. R. Soc. Lond. A 319, 479 (1970); in metallic glasses: "
            "Cheng & Ma, Prog. Mater. Sci. 56, 379 (2011)"
        ),
        version=1,
        columns=columns,
        compute=compute,
        smooth=False,
        declines=declines_unless_bulk,
    )
)

VORONOI_RADICAL = feature_sets.register(
    FeatureSet(
        name="voronoi-radical",
        title="Radical Voronoi polyhedra, weighted by atomic radii",
        citation=(
            "Gellatly & Finney, J. Non-Cryst. Solids 50, 313 (1982); in metallic glasses: "
            "Cheng & Ma, Prog. Mater. Sci. 56, 379 (2011)"
        ),
        version=2,
        columns=columns,
        compute=compute_radical,
        smooth=False,
        needs=frozenset({"positions", "radii"}),
        fields=(FIELD,),
        declines=declines_radical,
    )
)
