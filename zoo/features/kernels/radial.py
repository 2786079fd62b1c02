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


def gaussian_table(spacing: float, sigma: float, tails: int) -> NDArray[np.float64]:
    """Gaussians at the ``2 tails + 1`` nearest centres of a grid, for distances through one step of it.

    Returns
    -------
    ndarray of shape (rows + 1, 2, width), float64
        ``[t, 0]`` at a distance of ``t / rows - 1/2`` steps from a centre, ``[t, 1]`` what is added up to the next row.
    """
    rows = math.ceil(ROWS * spacing / sigma)
    offset = (np.arange(rows + 2) / rows - 0.5)[:, None] - np.arange(-tails, tails + 1)
    values = np.exp(-0.5 * (offset * spacing / sigma) ** 2)
    table = np.zeros((rows + 1, 2, -(-values.shape[1] // LANES) * LANES))
    table[:, 0, : values.shape[1]] = values[:-1]
    table[:, 1, : values.shape[1]] = np.diff(values, axis=0)
    return table


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
    row = np.empty((n_kinds, before + n_centers + width))
    for i in range(n):
        row[:] = 0.0
        for p in range(start[i], start[i + 1]):
            r = math.sqrt(vector[p, 0] ** 2 + vector[p, 1] ** 2 + vector[p, 2] ** 2)
            steps = (r - first) / spacing
            nearest = math.floor(steps + 0.5)
            if nearest < -tails:
                continue
            between = (steps - nearest + 0.5) * n_rows
            t = int(between)
            between -= t
            base, slope = table[t, 0], table[t, 1]
            lowest = nearest - tails + before
            part = row[species[index[p]], lowest : lowest + width]
            for k in range(width):
                part[k] += base[k] + between * slope[k]
        for s in range(n_kinds):
            for k in range(n_centers):
                sums[i, s * n_centers + k] = row[s, before + k]
    return sums
