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
def add_gaussians(sums, atoms, start, index, vector, species, first, spacing, tails, table):  # type: ignore[no-untyped-def]
    """Add what some pairs of atoms give to the radial symmetry functions of both.

    Parameters
    ----------
    sums : (n, n_kinds, 2 tails + n_centers + width) float32, by species of the neighbour
        The first centre is at ``2 tails``: there is room on both sides for what falls beside the grid.
    atoms : (n_rows,) int32, the atoms that the rows of pairs belong to
    start, index, vector : see ``NeighborList``; each pair once
    species : (n,) int32, index of each atom's species
    first (Å), spacing (Å) : the grid
    tails : a neighbour counts for centres within so many grid steps of its distance
    table : see :func:`gaussian_table`
    """
    width, n_rows = table.shape[2], table.shape[0] - 1
    most = 0
    for i in range(len(start) - 1):
        most = max(most, start[i + 1] - start[i])
    lowest, line, between = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.float32)
    peak = np.empty(width, np.float32)
    for i in range(len(start) - 1):
        near = start[i + 1] - start[i]
        # where each Gaussian goes first, then the sums: divisions and additions would wait for each other
        for q in range(near):
            x, y, z = vector[start[i] + q, 0], vector[start[i] + q, 1], vector[start[i] + q, 2]
            steps = max((math.sqrt(x * x + y * y + z * z) - first) / spacing + tails + 0.5, 0.0)
            lowest[q] = np.int32(steps)
            at = (steps - lowest[q]) * n_rows
            line[q] = np.int32(at)
            between[q] = at - line[q]
        for q in range(near):
            base, slope, along, j = table[line[q], 0], table[line[q], 1], between[q], index[start[i] + q]
            for k in range(width):
                peak[k] = base[k] + along * slope[k]
            mine = sums[atoms[i], species[j], lowest[q] : lowest[q] + width]
            for k in range(width):
                mine[k] += peak[k]
            other = sums[j, species[atoms[i]], lowest[q] : lowest[q] + width]
            for k in range(width):
                other[k] += peak[k]
