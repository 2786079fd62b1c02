"""Sums of Gaussians over neighbour distances, compiled by numba."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from zoo._compiled import njit
from zoo.features.kernels.nearby import find_candidates, room_for_candidates, select_near

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


@njit(cache=True)
def sum_gaussians(bins, species, n_kinds, cutoff, first, spacing, n_centers, tails, table):
    """Radial symmetry functions of every atom.

    Parameters
    ----------
    bins : see :func:`zoo.features.kernels.nearby.shared_bins`
    species : (n,) int32, index of each atom's species
    cutoff (Å), first (Å), spacing (Å), n_centers : reach of the sums, and the grid
    tails : a neighbour counts for centres within so many grid steps of its distance
    table : see :func:`gaussian_table`

    Returns
    -------
    (n, n_kinds * n_centers) float32, by species of the neighbour; number of atoms found on top of another
    """
    _, starts, _, atom, _, _, _, _, position, _, _, _, _ = bins
    width, n_rows = table.shape[2], table.shape[0] - 1
    # there is room on both sides of the grid for what falls beside it
    length, n_touching = 2 * tails + n_centers + width, 0
    sums, result = np.zeros(n_kinds * length, np.float32), np.empty((len(atom), n_kinds * n_centers), np.float32)
    room = room_for_candidates(bins)
    place, block, near = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    around, squared, hit = np.empty((3, room)), np.empty(room), np.empty(room, np.uint8)
    close, begin, line = np.empty(room), np.empty(room, np.int32), np.empty(room, np.int32)
    between = np.empty(room, np.float32)
    steps_per_length, shift = 1.0 / spacing, tails + 0.5 - first / spacing
    for at in range(len(starts) - 1):
        if starts[at] == starts[at + 1]:
            continue
        n_candidates = find_candidates(bins, at, cutoff, place, around)
        for q in range(n_candidates):
            block[q] = species[atom[place[q]]] * length
        for p in range(starts[at], starts[at + 1]):
            x, y, z = position[0, p], position[1, p], position[2, p]
            n_near, touching = select_near(x, y, z, around, n_candidates, cutoff, squared, hit, near)
            n_touching += touching
            # where each Gaussian goes first, then the sums: roots and additions would wait for each other
            for q in range(n_near):
                close[q], begin[q] = squared[near[q]], block[near[q]]
            for q in range(n_near):
                steps = max(math.sqrt(close[q]) * steps_per_length + shift, 0.0)
                lowest = np.int32(steps)
                row = (steps - lowest) * n_rows
                begin[q] += lowest
                line[q] = np.int32(row)
                between[q] = row - line[q]
            for q in range(n_near):
                peak, along, mine = table[line[q]], between[q], sums[begin[q] :]
                for k in range(width):
                    mine[k] += peak[0, k] + along * peak[1, k]
            for kind in range(n_kinds):
                for k in range(n_centers):
                    result[atom[p], kind * n_centers + k] = sums[kind * length + 2 * tails + k]
            sums[:] = 0.0
    return result, n_touching
