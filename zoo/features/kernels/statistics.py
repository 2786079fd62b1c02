"""Mean, standard deviation, least and largest over the neighbours of every atom; compiled by numba."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from zoo._compiled import njit
from zoo.features.kernels.nearby import find_candidates, room_for_candidates, select_near


@njit(cache=True)
def pair_statistics(start, values):
    """Statistics of a number per pair, shape (n_atoms, 4); zeros for an atom without neighbours.

    Parameters
    ----------
    start : (n_atoms + 1,), values : (n_pairs,), in compressed rows
    """
    n = len(start) - 1
    table = np.zeros((n, 4))
    for i in range(n):
        summarize(values[start[i] : start[i + 1]], start[i + 1] - start[i], table[i])
    return table


@njit(cache=True)
def neighbor_statistics(start, index, values):
    """Statistics of the neighbours' numbers, shape (n_atoms, 4 n_columns): all four of the first column come first.

    Parameters
    ----------
    start, index : neighbours in compressed rows
    values : (n_atoms, n_columns) float64
    """
    n, n_columns = values.shape
    table = np.zeros((n, 4 * n_columns))
    around = np.empty(np.diff(start).max() if n else 0)
    for i in range(n):
        count = start[i + 1] - start[i]
        for column in range(n_columns):
            for q in range(count):
                around[q] = values[index[start[i] + q], column]
            summarize(around, count, table[i, 4 * column : 4 * column + 4])
    return table


@njit(cache=True)
def neighbor_means(start, index, weight, values):
    """Weighted mean of the neighbours' numbers, shape (n_atoms, n_columns); zeros for an atom without neighbours.

    Parameters
    ----------
    start, index, weight : neighbours in compressed rows
    values : (n_atoms, n_columns) float64
    """
    n, n_columns = values.shape
    means = np.zeros((n, n_columns))
    for i in range(n):
        total = 0.0
        for q in range(start[i], start[i + 1]):
            total += weight[q]
            for column in range(n_columns):
                means[i, column] += weight[q] * values[index[q], column]
        if total > 0.0:
            means[i] /= total
    return means


@njit(cache=True)
def means_with_self(bins, reach, values):
    """Mean of every atom's own numbers and those of the atoms within ``reach`` (Å), weighted by ``(1 - r²/reach²)²``.

    Parameters
    ----------
    bins : see :func:`zoo.features.kernels.nearby.shared_bins`
    values : (n, n_columns) float64

    Returns
    -------
    (n, n_columns) float64; number of atoms found on top of another
    """
    _, starts, _, atom, _, _, _, _, position, _, _, _, _ = bins
    n_touching, means, values = 0, values.copy(), values[atom]
    room = room_for_candidates(bins)
    place, near, hit = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.uint8)
    around, squared = np.empty((3, room)), np.empty(room)
    for at in range(len(starts) - 1):
        if starts[at] == starts[at + 1]:
            continue
        n_candidates = find_candidates(bins, at, reach, place, around)
        for p in range(starts[at], starts[at + 1]):
            x, y, z = position[0, p], position[1, p], position[2, p]
            n_near, touching = select_near(x, y, z, around, n_candidates, reach, squared, hit, near)
            n_touching += touching
            total, mean = 1.0, means[atom[p]]
            for q in range(n_near):
                weight = (1.0 - squared[near[q]] / (reach * reach)) ** 2
                total += weight
                other = values[place[near[q]]]
                for column in range(values.shape[1]):
                    mean[column] += weight * other[column]
            mean /= total
    return means, n_touching


@njit(cache=True)
def summarize(values, count, out):
    """Write mean, standard deviation, least and largest of the first ``count`` values; zeros if there are none."""
    out[:] = 0.0
    if count == 0:
        return
    mean = 0.0
    for k in range(count):
        mean += values[k]
    mean /= count
    spread = 0.0
    least = largest = values[0]
    for k in range(count):
        spread += (values[k] - mean) ** 2
        least = min(least, values[k])
        largest = max(largest, values[k])
    out[0] = mean
    out[1] = math.sqrt(spread / count)
    out[2] = least
    out[3] = largest
