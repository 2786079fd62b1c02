"""Averages over the surroundings of an atom with weights that fall off exponentially; compiled by numba."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from zoo._compiled import njit


@njit(cache=True)
def exponential_averages(start, index, distance, kind, n_kinds, lengths, cutoff, energy, surface):
    """Density, mean energy, mean surface and variance of the energy around every atom, itself included.

    Parameters
    ----------
    start, index, distance : neighbours within ``cutoff`` (Å) in compressed rows
    kind : (n,), index of each atom's species
    lengths : (n_lengths,), Å
    energy, surface : (n,)

    Returns
    -------
    (n, n_kinds + 1, n_lengths, 4) float32: over the atoms of each species, last over all; zeros where there are none
    """
    n, n_lengths = len(kind), len(lengths)
    table = np.zeros((n, n_kinds + 1, n_lengths, 4), np.float32)
    sums = np.empty((n_kinds + 1, n_lengths, 4))
    for i in range(n):
        sums[:] = 0.0
        for q in range(start[i] - 1, start[i + 1]):
            j = index[q] if q >= start[i] else i
            r = distance[q] if q >= start[i] else 0.0
            fade = (1.0 - (r / cutoff) ** 2) ** 2
            # relative to the atom's own energy: the variance is a small difference otherwise
            excess = energy[j] - energy[i]
            for k in range(n_lengths):
                weight = fade * math.exp(-r / lengths[k])
                for group in (np.int64(kind[j]), n_kinds):
                    sums[group, k, 0] += weight
                    sums[group, k, 1] += weight * excess
                    sums[group, k, 2] += weight * surface[j]
                    sums[group, k, 3] += weight * excess * excess
        for group in range(n_kinds + 1):
            for k in range(n_lengths):
                density = sums[group, k, 0]
                if density > 0.0:
                    mean = sums[group, k, 1] / density
                    table[i, group, k, 0] = density
                    table[i, group, k, 1] = mean + energy[i]
                    table[i, group, k, 2] = sums[group, k, 2] / density
                    table[i, group, k, 3] = max(sums[group, k, 3] / density - mean * mean, 0.0)
    return table
