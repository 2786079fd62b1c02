"""The first shell of an atom: the neighbours that share a face of the Voronoi tessellation which is not tiny."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from zoo.features.kernels.tessellation import Tessellation
    from zoo.glass import Glass

SMALLEST_FACE = 0.05
"""Part of the mean area of an atom's faces below which a face makes no neighbour, as in Wang & Jain (2019)."""


STATISTICS = ("mean", "std", "min", "max")
"""What is said of the neighbours' values, in this order."""


class Shell(NamedTuple):
    """Neighbours in compressed rows.

    Attributes
    ----------
    start : ndarray of shape (n_atoms + 1,), int64
    neighbor : ndarray of shape (n_pairs,), int32
    vector : ndarray of shape (n_pairs, 3), Å
    distance : ndarray of shape (n_pairs,), Å
    """

    start: NDArray[np.int64]
    neighbor: NDArray[np.int32]
    vector: NDArray[np.float64]
    distance: NDArray[np.float64]


def first_shell(glass: Glass) -> Shell:
    """First shell of every atom of a 3D glass that is periodic in all directions."""
    from zoo.features.kernels.tessellation import tessellate

    return shell_of(tessellate(glass))[0]


def shell_of(cells: Tessellation) -> tuple[Shell, NDArray[np.int32]]:
    """First shell from a tessellation that is at hand, and the number of edges of each of its faces."""
    n_faces = np.diff(cells.start)
    mean = np.bincount(cells.center, cells.area, len(n_faces)) / np.maximum(n_faces, 1)
    counted = cells.area >= SMALLEST_FACE * mean[cells.center]
    start = np.concatenate([[0], np.cumsum(np.bincount(cells.center[counted], minlength=len(n_faces)))])
    shell = Shell(start, cells.neighbor[counted], cells.vector[counted], cells.distance[counted])
    return shell, cells.n_edges[counted]
