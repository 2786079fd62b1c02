"""Sums of Gaussians over neighbour distances, compiled by numba."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

ROWS = 1024
"""Rows of the table for one σ: a straight line between two rows is off by 1.2e-7 of a peak at most."""
LANES = 16
"""A row of the table is padded to a multiple of this: the loop over it then has no remainder."""


def gaussian_table(spacing: float, sigma: float, tails: int) -> NDArray[np.float32]:
    """Gaussians at the ``2 tails + 1`` nearest centres of a grid, for distances through one step of it.

    Returns
    -------
    ndarray of shape (rows + 1, 2, width), float32
        ``[t, 0]`` at a distance of ``t / rows - 1/2`` steps from a centre, ``[t, 1]`` what is added up to the next row.
    """
    rows = math.ceil(ROWS * spacing / sigma)
    offset = (np.arange(rows + 2) / rows - 0.5)[:, None] - np.arange(-tails, tails + 1)
    values = np.exp(-0.5 * (offset * spacing / sigma) ** 2)
    table = np.zeros((rows + 1, 2, -(-values.shape[1] // LANES) * LANES))
    table[:, 0, : values.shape[1]] = values[:-1]
    table[:, 1, : values.shape[1]] = np.diff(values, axis=0)
    return table.astype(np.float32)


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def sum_gaussians(start, index, vector, species, n_kinds, first, spacing, n_centers, tails, table):  # type: ignore[no-untyped-def]
    """Radial symmetry functions of every atom.

    Parameters
    ----------
    start : (n + 1,) int64, index : (m,) int32, vector : (m, 3) float64, Å : see ``NeighborList``
    species : (n,) int32, index of each atom's species
    n_kinds, first (Å), spacing (Å), n_centers : the grid
    tails : a neighbour counts for centres within so many grid steps of its distance
    table : see :func:`gaussian_table`

    Returns
    -------
    (n, n_kinds * n_centers) float32, species-major
    """
    n, width, n_rows = start.shape[0] - 1, table.shape[2], table.shape[0] - 1
    sums = np.empty((n, n_kinds * n_centers), np.float32)
    # room on both sides for what falls beside the grid
    before = 2 * tails
    row = np.empty((n_kinds, before + n_centers + width), np.float32)
    most = 0
    for i in range(n):
        most = max(most, start[i + 1] - start[i])
    lowest, line, between = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.float32)
    for i in range(n):
        near = start[i + 1] - start[i]
        # where each Gaussian goes first, then the sums: divisions and additions would wait for each other
        for q in range(near):
            x, y, z = vector[start[i] + q, 0], vector[start[i] + q, 1], vector[start[i] + q, 2]
            steps = max((math.sqrt(x * x + y * y + z * z) - first) / spacing + tails + 0.5, 0.0)
            lowest[q] = np.int32(steps)
            at = (steps - lowest[q]) * n_rows
            line[q] = np.int32(at)
            between[q] = at - line[q]
        row[:] = 0.0
        for q in range(near):
            base, slope, along = table[line[q], 0], table[line[q], 1], between[q]
            part = row[species[index[start[i] + q]], lowest[q] : lowest[q] + width]
            for k in range(width):
                part[k] += base[k] + along * slope[k]
        for s in range(n_kinds):
            for k in range(n_centers):
                sums[i, s * n_centers + k] = row[s, before + k]
    return sums
