"""Shapley values of any model by permutations of the columns, with their standard errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zoo.features.declaration import FloatArray

Floats = NDArray[np.float64]
BATCH = 2**24
"""Numbers in a table that a model is asked about at once: 64 MB of float32."""


def sampled_shapley(
    output: Callable[[FloatArray], Floats], x: FloatArray, background: FloatArray, permutations: int, seed: int
) -> tuple[Floats, Floats]:
    """Interventional Shapley values of sampled rows, estimated.

    Each pair of permutations starts from one background row, a different one as long as there are any, and moves one
    column after the other to the value of the row, once in a random order and once in the reverse. What the sum of the
    mean over the pairs lacks, as not every background row has been used, is given to the columns in proportion to their
    variances.

    Parameters
    ----------
    output : callable of (x,) returning an ndarray of shape (n_rows,)
    x : ndarray of shape (n_rows, n_columns), float32
    background : ndarray of shape (n_background, n_columns), float32
    permutations : int
        Pairs for each row, at least 2.
    seed : int
        The pairs of a row do not depend on which other rows are asked about, only on its place.

    Returns
    -------
    values, error : ndarray of shape (n_rows, n_columns), float64
        With the mean of ``output`` over the background the values add up to ``output``, exactly. The error is the
        standard error of a mean over independent pairs.

    References
    ----------
    Štrumbelj & Kononenko, Knowl. Inf. Syst. 41, 647 (2014); reversed permutations: Mitchell et al., J. Mach. Learn.
    Res. 23, 43 (2022).
    """
    n_columns = x.shape[1]
    base = float(output(background).mean())
    values, error = np.empty(x.shape), np.empty(x.shape)
    at_once = max(1, BATCH // (permutations * (2 * n_columns + 1) * n_columns))
    for first in range(0, len(x), at_once):
        rows = x[first : first + at_once]
        randoms = [np.random.default_rng([seed, 17, first + k]) for k in range(len(rows))]
        pairs = np.stack(
            [_pairs(output, row, background, permutations, r) for row, r in zip(rows, randoms, strict=True)]
        )
        mean = pairs.mean(axis=1)
        variance = pairs.var(axis=1, ddof=1) / permutations
        lacking = output(rows) - base - mean.sum(axis=1)
        total = variance.sum(axis=1)
        weight = np.where(total[:, None] > 0, variance / np.where(total > 0, total, 1.0)[:, None], 1.0 / n_columns)
        values[first : first + at_once] = mean + lacking[:, None] * weight
        error[first : first + at_once] = np.sqrt(variance)
    return values, error


def _pairs(
    output: Callable[[FloatArray], Floats],
    row: FloatArray,
    background: FloatArray,
    permutations: int,
    random: np.random.Generator,
) -> Floats:
    """Estimate of each pair of permutations, shape (permutations, n_columns)."""
    n = len(row)
    order = np.stack([random.permutation(n) for _ in range(permutations)])
    chosen = np.concatenate([random.permutation(len(background)) for _ in range(-(-permutations // len(background)))])
    start = background[chosen[:permutations]]
    place = np.argsort(order, axis=1)  # of each column in its order
    steps = np.arange(n + 1)[None, :, None]
    forward = np.where(place[:, None, :] < steps, row, start[:, None, :])
    backward = np.where(n - 1 - place[:, None, :] < steps[:, 1:-1], row, start[:, None, :])  # the ends are the same
    asked = np.concatenate([forward, backward], axis=1)
    found = output(np.ascontiguousarray(asked.reshape(-1, n))).reshape(permutations, -1)
    there = np.diff(found[:, : n + 1], axis=1)
    back = np.diff(np.concatenate([found[:, :1], found[:, n + 1 :], found[:, n : n + 1]], axis=1), axis=1)
    at = np.arange(permutations)[:, None]
    return np.asarray(0.5 * (there[at, place] + back[at, n - 1 - place]))
