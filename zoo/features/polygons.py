"""Voronoi polygons of a 2D glass: how many edges the cell of an atom has, how large and how round it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.features.conditions import declines_if_open
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass

FIRST_REACH, NEXT_REACH = 5.0, 1.5
"""Mean spacings around the cell within which images of atoms are taken first, and the factor if that is too little."""
SHORTEST_EDGE = 1e-6
"""Å; where four cells meet in one corner, rounding leaves edges far shorter than this."""


class Polygons(NamedTuple):
    """Each of shape (n_atoms,): number of edges, perimeter (Å), area (Å²)."""

    n_edges: NDArray[np.int64]
    perimeter: NDArray[np.float64]
    area: NDArray[np.float64]


def polygons(glass: Glass) -> Polygons:
    """Voronoi cells of a 2D glass that is periodic in both directions, by qhull through SciPy."""
    reach = FIRST_REACH * np.sqrt(glass.volume / len(glass))
    while (found := _polygons_within(glass, reach)) is None:
        reach *= NEXT_REACH
    return found


def _polygons_within(glass: Glass, reach: float) -> Polygons | None:
    """Cells among the images within ``reach`` (Å) of the periodic cell; None if farther ones may still cut them."""
    from scipy.spatial import Voronoi

    margin, n_atoms = reach / glass.heights, len(glass)
    turns = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in np.ceil(margin).astype(int)), indexing="ij"), -1)
    inside = (glass.positions @ np.linalg.inv(glass.cell)) % 1.0
    images = np.concatenate([inside + turn for turn in turns.reshape(-1, 2) if turn.any()])
    images = images[((images > -margin) & (images < 1.0 + margin)).all(axis=1)]
    diagram = Voronoi(np.concatenate([inside, images]) @ glass.cell)
    corner = np.asarray(diagram.ridge_vertices)
    # every edge, seen from the atoms on both of its sides
    atom, other = np.concatenate([diagram.ridge_points, diagram.ridge_points[:, ::-1]]).T
    own = atom < n_atoms
    atom, other, corner = atom[own], other[own], np.concatenate([corner, corner])[own]
    start, end = diagram.vertices[corner[:, 0]], diagram.vertices[corner[:, 1]]
    at = diagram.points[atom]
    if (corner < 0).any() or 2 * np.linalg.norm([start - at, end - at], axis=2).max() > reach:
        return None
    length = np.linalg.norm(end - start, axis=1)
    height = 0.5 * np.linalg.norm(diagram.points[other] - at, axis=1)
    return Polygons(
        np.bincount(atom, length > SHORTEST_EDGE, n_atoms).astype(np.int64),
        np.asarray(np.bincount(atom, length, n_atoms), np.float64),
        np.asarray(np.bincount(atom, 0.5 * length * height, n_atoms), np.float64),
    )


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """The same 4 for any species."""
    return (
        Column("n_edges", "1", "coordination"),
        Column("circularity", "1", "symmetry"),
        Column("perimeter", "Å", "density"),
        Column("area", "Å²", "density"),
    )


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Shape (n_atoms, 4), float32; circularity is ``4π area / perimeter²``: 1 for a circle, 0.907 for a hexagon."""
    found = polygons(glass)
    circularity = 4 * np.pi * found.area / found.perimeter**2
    return np.column_stack([found.n_edges, circularity, found.perimeter, found.area]).astype(np.float32)


def declines(glass: Glass) -> str | None:
    """A 3D glass, or one with an open edge."""
    if glass.dimension != 2:
        return "it is defined for a 2D glass: take voronoi for one in 3D"
    return declines_if_open(glass)


feature_sets.register(
    FeatureSet(
        name="voronoi-2d",
        title="Voronoi polygons of a 2D glass",
        citation="Finney, Proc. R. Soc. Lond. A 319, 479 (1970), there in 3D; Barber, Dobkin & Huhdanpaa, ACM Trans. "
        "Math. Softw. 22, 469 (1996)",
        version=1,
        columns=columns,
        compute=compute,
        smooth=False,
        declines=declines,
    )
)
