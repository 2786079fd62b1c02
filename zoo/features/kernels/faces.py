"""Faces of a tessellation in the order of their atoms, and those that are not tiny; compiled by numba."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from zoo._compiled import njit


@njit(cache=True)
def place_faces(start, atoms, neighbor, n_edges, area, vector, to_neighbor, to_edges, to_area, to_vector):
    """Write the faces that are listed for ``atoms`` to the rows of these.

    Parameters
    ----------
    start : (n_atoms + 1,), rows of all atoms
    atoms : (n,), which atoms
    neighbor, n_edges, area, vector : (n_faces, ...), of their faces, one atom after the other
    to_neighbor, to_edges, to_area, to_vector : (n_all_faces, ...), where to
    """
    face = 0
    for i in atoms:
        for q in range(start[i], start[i + 1]):
            to_neighbor[q], to_edges[q], to_area[q] = neighbor[face], n_edges[face], area[face]
            for axis in range(3):
                to_vector[q, axis] = vector[face, axis]
            face += 1


@njit(cache=True)
def select_faces(start, neighbor, n_edges, area, vector, share):
    """Faces of at least ``share`` of the mean area of the faces of their atom.

    Parameters
    ----------
    start, neighbor, n_edges, area, vector : see :class:`zoo.features.kernels.tessellation.Tessellation`

    Returns
    -------
    start, neighbor, n_edges, vector and distance (Å) of those that are kept, in compressed rows
    """
    n, total = len(start) - 1, 0
    first = np.zeros(n + 1, np.int64)
    kept, edges = np.empty(len(area), np.int32), np.empty(len(area), np.int32)
    to, distance = np.empty((len(area), 3)), np.empty(len(area))
    for i in range(n):
        surface = 0.0
        for q in range(start[i], start[i + 1]):
            surface += area[q]
        least = share * (surface / max(start[i + 1] - start[i], 1))
        for q in range(start[i], start[i + 1]):
            if area[q] >= least:
                kept[total], edges[total] = neighbor[q], n_edges[q]
                x, y, z = vector[q, 0], vector[q, 1], vector[q, 2]
                to[total, 0], to[total, 1], to[total, 2] = x, y, z
                distance[total] = math.sqrt(x * x + y * y + z * z)
                total += 1
        first[i + 1] = total
    return first, kept[:total], edges[:total], to[:total], distance[:total]
