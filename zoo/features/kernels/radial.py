"""Sums of Gaussians over neighbour distances, compiled by numba."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def sum_gaussians(start, index, vector, species, n_kinds, first, spacing, n_centers, sigma, tails):  # type: ignore[no-untyped-def]
    """Radial symmetry functions of every atom.

    Neighbouring centres differ by a factor that itself changes by a constant factor, so one Gaussian costs two
    multiplications instead of an exponential.

    Parameters
    ----------
    start : (n + 1,) int64, index : (m,) int32, vector : (m, 3) float64, Å : see ``NeighborList``
    species : (n,) int32, index of each atom's species
    n_kinds, first (Å), spacing (Å), n_centers, sigma (Å), tails : the grid; a neighbour counts for centres within
        ``tails`` grid steps of its distance

    Returns
    -------
    (n, n_kinds * n_centers) float32, species-major
    """
    n = start.shape[0] - 1
    sums = np.zeros((n, n_kinds * n_centers), np.float32)
    row = np.zeros(n_kinds * n_centers)
    per_sigma2 = 1.0 / (sigma * sigma)
    turn = math.exp(-spacing * spacing * per_sigma2)
    for i in range(n):
        row[:] = 0.0
        for p in range(start[i], start[i + 1]):
            r = math.sqrt(vector[p, 0] ** 2 + vector[p, 1] ** 2 + vector[p, 2] ** 2)
            base = species[index[p]] * n_centers
            nearest = math.floor((r - first) / spacing + 0.5)
            x = r - first - nearest * spacing
            peak = math.exp(-0.5 * x * x * per_sigma2)
            half = math.exp(-0.5 * spacing * spacing * per_sigma2)
            grow = math.exp(x * spacing * per_sigma2)
            value = peak
            factor = half * grow
            for k in range(nearest, min(nearest + tails + 1, n_centers)):
                if k >= 0:
                    row[base + k] += value
                value *= factor
                factor *= turn
            value = peak
            factor = half / grow
            for k in range(nearest - 1, max(nearest - tails - 1, -1), -1):
                value *= factor
                factor *= turn
                if k < n_centers:
                    row[base + k] += value
        for k in range(n_kinds * n_centers):
            sums[i, k] = row[k]
    return sums
