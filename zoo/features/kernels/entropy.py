"""The integral of the two-body excess entropy, compiled by numba."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True)
def integrate(sums, n_kinds, density, spacing, sigma, dimension):
    """Entropy (k_B) of every atom from sums of Gaussians at ``0, spacing, ...`` (Å), by the trapezoidal rule.

    Parameters
    ----------
    sums : (n, n_kinds * n_centers) float32, species-major
    density : (n_kinds,), atoms per Å³ (Å² in 2D)
    sigma : Å, width of the Gaussians

    Returns
    -------
    (n, 2) float64: blind to species; sum over the species of the neighbours
    """
    n, n_centers = len(sums), sums.shape[1] // n_kinds
    total = density.sum()
    peak = math.sqrt(2 * math.pi) * sigma
    table = np.zeros((n, 2))
    r = np.arange(n_centers) * spacing
    shell = 4 * math.pi * r * r if dimension == 3 else 2 * math.pi * r
    weight = -0.5 * spacing * shell
    weight[-1] *= 0.5
    for i in range(n):
        for at in range(1, n_centers):
            whole = resolved = 0.0
            for k in range(n_kinds):
                if density[k] > 0.0:
                    found = sums[i, k * n_centers + at]
                    whole += found
                    resolved += density[k] * _excess(found / (peak * density[k] * shell[at]))
            table[i, 0] += weight[at] * total * _excess(whole / (peak * total * shell[at]))
            table[i, 1] += weight[at] * resolved
    return table


@njit(cache=True, inline="always")
def _excess(g):
    """``g ln g - g + 1``"""
    return (g * math.log(g) if g > 1e-10 else 0.0) - g + 1.0
