"""The surroundings of an atom as an image: density of each species on a grid that lies along the axes of loading.

The other descriptors do not change when a glass is turned; what shear does to an atom does. A convolutional network
reads these images; other families see a long row of numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.features.conditions import declines_if_open
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass

HALF, TAILS = 5, 2
"""Steps from the centre to the end of the grid, and from an atom to the end of its Gaussian."""
STEP, SIGMA, CUTOFF = 0.4, 0.2, 3.0
"""Step of the grid, width of the Gaussian, reach, in mean spacings ``(V / N)^(1/d)``: 1.0, 0.5 and 7.8 Å in Cu-Zr."""
DIAGONAL = np.sqrt(0.5)
FRAMES: dict[str, NDArray[np.float64]] = {
    "xy": np.eye(3),
    "xz": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "yz": np.array([[0, 1.0, 0], [0, 0, 1], [1, 0, 0]]),
    "-xy": np.array([[0, 1.0, 0], [-1, 0, 0], [0, 0, 1]]),
    "xx": np.array([[DIAGONAL, -DIAGONAL, 0], [DIAGONAL, DIAGONAL, 0], [0, 0, 1]]),
    "yy": np.array([[DIAGONAL, DIAGONAL, 0], [-DIAGONAL, DIAGONAL, 0], [0, 0, 1]]),
}
"""Rows are the axes of the grid for each loading, turned so that all loadings stretch along its first diagonal."""


def grid_shape(dimension: int) -> tuple[int, ...]:
    """Points of the grid along each axis: (11, 11, 11), or (11, 11) in 2D."""
    return (2 * HALF + 1,) * dimension


def columns(kinds: tuple[str, ...], dimension: int = 3) -> tuple[Column, ...]:
    """One for each species and point of the grid, its last axis fastest."""
    points = np.ndindex(grid_shape(dimension))
    names = ["_".join(str(at - HALF) for at in point) for point in points]
    return tuple(Column(f"grid_{kind}_{name}", "1", f"density of {kind}") for kind in kinds for name in names)


def density_grid(glass: Glass, kinds: tuple[str, ...], loading: str) -> FloatArray:
    """Images of the surroundings of every atom.

    Parameters
    ----------
    glass : Glass
    kinds : tuple of str
        Species, one image each.
    loading : str
        One of ``FRAMES``.

    Returns
    -------
    ndarray of shape (n_atoms, n_kinds * 11³), float32
        Sums of Gaussians at the points of the grid, without the atom itself.

    References
    ----------
    Fan & Ma, Nat. Commun. 12, 1506 (2021).
    """
    from zoo.features.kernels.grid import smear
    from zoo.neighbors import find_neighbors

    spacing = (glass.volume / len(glass)) ** (1 / glass.dimension)
    near = find_neighbors(glass, CUTOFF * spacing)
    images = smear(
        near.start,
        near.index,
        near.vector @ FRAMES[loading].T,
        glass.species_index(kinds),
        len(kinds),
        STEP * spacing,
        HALF,
        TAILS,
        SIGMA * spacing,
        CUTOFF * spacing,
        HALF if glass.dimension == 3 else 0,
    )
    return np.asarray(images.reshape(len(glass), -1))


def _declines(glass: Glass, dimension: int) -> str | None:
    """A glass of the other dimension, as it has another number of points, or with an open surface."""
    if glass.dimension != dimension:
        other = "density-grid" if glass.dimension == 3 else "density-grid-2d"
        return f"its images are those of a {dimension}D glass: take {other} for one in {glass.dimension}D"
    return declines_if_open(glass)


def _register(loading: str, dimension: int) -> None:
    ending = "" if loading == "xy" else f"-{loading.replace('-', 'minus-')}"
    feature_sets.register(
        FeatureSet(
            name=f"density-grid{'-2d' if dimension == 2 else ''}{ending}",
            title=f"Images of the density in the frame of loading {loading}, in {dimension}D",
            citation="Fan & Ma, Nat. Commun. 12, 1506 (2021)",
            version=1,
            columns=lambda kinds: columns(kinds, dimension),
            compute=lambda glass, kinds: density_grid(glass, kinds, loading),
            declines=lambda glass: _declines(glass, dimension),
            image=(2 * HALF + 1,) * dimension,
            exempt={"rotation": "its images lie along the axes of loading"},
        )
    )


for _loading in ("xy", "xz", "yz"):
    _register(_loading, 3)
for _loading in ("xy", "-xy", "xx", "yy"):
    _register(_loading, 2)
