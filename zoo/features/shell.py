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
    from zoo.features.kernels.faces import select_faces

    start, neighbor, n_edges, vector, distance = select_faces(
        cells.start, cells.neighbor, cells.n_edges, cells.area, cells.vector, SMALLEST_FACE
    )
    return Shell(start, neighbor, vector, distance), n_edges
