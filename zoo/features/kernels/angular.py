"""Angular symmetry functions, compiled by numba."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from zoo._compiled import njit


@njit(cache=True)
def sum_triples(start, index, vector, kind, n_kinds, cutoff, eta, which, sign, doublings):
    """Sums over pairs of neighbours of every atom.

    Parameters
    ----------
    start, index, vector : neighbours within ``cutoff`` (Å) in compressed rows
    kind : (n,), index of each atom's species
    eta : (n_eta,), 1/Å²
    which, sign, doublings : (n_functions,), index of eta, λ = ±1, and log2 of ζ of each function

    Returns
    -------
    (n, n_kinds (n_kinds + 1) / 2, n_functions) float32; pairs of species in the order 00, 01, ..., 11, ...
    """
    n, n_functions = len(start) - 1, len(which)
    n_pairs = n_kinds * (n_kinds + 1) // 2
    table = np.empty((n, n_pairs, n_functions), np.float32)
    row = np.empty((n_pairs, n_functions))
    most = np.diff(start).max() if n else 0
    squared, fade = np.empty(most), np.empty(most)
    decay = np.empty(len(eta))
    for i in range(n):
        row[:] = 0.0
        first, count = start[i], start[i + 1] - start[i]
        for a in range(count):
            x, y, z = vector[first + a, 0], vector[first + a, 1], vector[first + a, 2]
            squared[a] = x * x + y * y + z * z
            fade[a] = 0.5 * (math.cos(math.pi * math.sqrt(squared[a]) / cutoff) + 1.0)
        for a in range(count):
            x, y, z = vector[first + a, 0], vector[first + a, 1], vector[first + a, 2]
            for b in range(a + 1, count):
                dot = x * vector[first + b, 0] + y * vector[first + b, 1] + z * vector[first + b, 2]
                opposite = squared[a] + squared[b] - 2.0 * dot
                if opposite >= cutoff * cutoff:
                    continue
                weight = fade[a] * fade[b] * 0.5 * (math.cos(math.pi * math.sqrt(opposite) / cutoff) + 1.0)
                around = squared[a] + squared[b] + opposite
                for k in range(len(eta)):
                    decay[k] = weight * math.exp(-eta[k] * around)
                cosine = dot / math.sqrt(squared[a] * squared[b])
                low = min(kind[index[first + a]], kind[index[first + b]])
                high = max(kind[index[first + a]], kind[index[first + b]])
                pair = low * n_kinds - low * (low - 1) // 2 + high - low
                for f in range(n_functions):
                    # 2^(1 - ζ) (1 + λ cos θ)^ζ by squaring
                    lobe = 0.5 * (1.0 + sign[f] * cosine)
                    for _ in range(doublings[f]):
                        lobe *= lobe
                    row[pair, f] += 2.0 * lobe * decay[which[f]]
        table[i] = row
    return table
