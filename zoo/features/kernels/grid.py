"""Gaussian-smeared density on a grid around every atom; compiled by numba."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from zoo._compiled import njit


@njit(cache=True)
def smear(start, index, vector, kind, n_kinds, spacing, half, tails, sigma, cutoff, depth):
    """Density of each species at the points of a grid centred on each atom.

    Parameters
    ----------
    start, index, vector : neighbours within ``cutoff`` (Å) in compressed rows, vectors in the frame of the grid
    kind : (n,), index of each atom's species
    spacing, sigma : Å
    half, tails : steps of the grid from the centre to its end, and from an atom to the end of its Gaussian
    depth : ``half`` in 3D, 0 in 2D

    Returns
    -------
    (n, n_kinds, 2 half + 1, 2 half + 1, 2 depth + 1) float32, each neighbour faded by ``(1 - (r / cutoff)²)²``
    """
    n, width = len(start) - 1, 2 * half + 1
    table = np.zeros((n, n_kinds, width, width, 2 * depth + 1), np.float32)
    shape = np.empty((3, 2 * tails + 1))
    near = np.empty(3, np.int64)
    for i in range(n):
        for q in range(start[i], start[i + 1]):
            squared = 0.0
            for axis in range(3):
                x = vector[q, axis] / spacing
                near[axis] = math.floor(x + 0.5)
                squared += vector[q, axis] ** 2
                for k in range(2 * tails + 1):
                    apart = (near[axis] + k - tails - x) * spacing / sigma
                    shape[axis, k] = math.exp(-0.5 * apart * apart)
            fade = (1.0 - squared / (cutoff * cutoff)) ** 2
            for a in range(2 * tails + 1):
                u = near[0] + a - tails + half
                if u < 0 or u >= width:
                    continue
                for b in range(2 * tails + 1):
                    v = near[1] + b - tails + half
                    if v < 0 or v >= width:
                        continue
                    weight = fade * shape[0, a] * shape[1, b]
                    for c in range(2 * tails + 1):
                        w = near[2] + c - tails + depth
                        if 0 <= w <= 2 * depth:
                            table[i, kind[index[q]], u, v, w] += weight * shape[2, c]
    return table
