"""What is found at a given score: the probability to rearrange P_R(S), the mean of a value; and with temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.intervals import widening
from zoo.errors import ScorecardError

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]

BINS = 20
LEAST = 50
"""Rows of a bin, at least, where there are as many."""
RESAMPLED = 500
Z = 1.959964
"""95 % of a normal distribution lie within so many standard deviations."""


@dataclass(frozen=True)
class Response:
    """A quantity in bins of the score, which hold about equally many rows.

    Attributes
    ----------
    softness, mean : ndarrays of shape (n_bins,)
        Mean score and mean quantity.
    low, high : ndarrays of shape (n_bins,)
        95 % interval as if rows were independent: Wilson's of a probability, 1.96 standard errors of a mean.
    glass_low, glass_high : ndarrays of shape (n_bins,)
        95 % interval by drawing glasses anew; NaN with fewer than three.
    n : ndarray of shape (n_bins,), int64
    slope, slope_error : float
        Of ln P_R against the score for probabilities, of the mean for values; error from drawing glasses anew.
    """

    softness: Floats
    mean: Floats
    low: Floats
    high: Floats
    glass_low: Floats
    glass_high: Floats
    n: NDArray[np.int64]
    slope: float
    slope_error: float


def drawn_glasses(n_glasses: int, seed: int = 0, times: int = RESAMPLED) -> Floats:
    """How often each glass is drawn, with replacement, shape (times, n_glasses)."""
    random = np.random.default_rng([seed, 23])
    return random.multinomial(n_glasses, np.full(n_glasses, 1 / n_glasses), size=times).astype(float)


def wilson(n_true: Floats, n: Floats) -> tuple[Floats, Floats]:
    """95 % interval of a probability of which ``n_true`` of ``n`` trials are seen.

    References
    ----------
    Wilson, J. Am. Stat. Assoc. 22, 209 (1927).
    """
    share = n_true / n
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return middle - half, middle + half


def bins_of(softness: Floats, most: int = BINS) -> NDArray[np.int64]:
    """Bin of every row, from 0, by quantiles: as many as there are rows and different scores for.

    Raises
    ------
    ScorecardError
        The score is the same for all rows.
    """
    edges = np.unique(np.quantile(softness, np.linspace(0, 1, max(2, min(most, len(softness) // LEAST)) + 1)))
    if len(edges) < 2:
        raise ScorecardError("the score is the same for all rows: there is nothing to set beside it")
    place = np.clip(np.searchsorted(edges, softness, side="right") - 1, 0, len(edges) - 2)
    return np.asarray(np.unique(place, return_inverse=True)[1], np.int64)


def response(softness: Floats, quantity: Floats, glass: Ints, probability: bool) -> Response:
    """Mean of a quantity in bins of the score.

    Parameters
    ----------
    softness, quantity : ndarrays of shape (n_rows,)
        Rows without a quantity (NaN) are left out.
    glass : ndarray of shape (n_rows,)
    probability : bool
        Whether the quantity is 0 or 1.

    Raises
    ------
    ScorecardError
        No row has a quantity, or the score is the same for all.
    """
    known = np.isfinite(quantity) & np.isfinite(softness)
    if not known.any():
        raise ScorecardError("no held-out row has a value of it")
    softness, quantity, (names, glass) = softness[known], quantity[known], np.unique(glass[known], return_inverse=True)
    place = bins_of(softness)
    n_bins, n_glasses = int(place.max()) + 1, len(names)
    at = glass * n_bins + place

    def sums(value: Floats) -> Floats:
        return np.asarray(np.bincount(at, value, n_bins * n_glasses), float).reshape(n_glasses, n_bins)

    n, total, of_score = sums(np.ones(len(at))), sums(quantity), sums(softness)
    count = n.sum(axis=0)
    mean, middle = total.sum(axis=0) / count, of_score.sum(axis=0) / count
    if probability:
        low, high = wilson(total.sum(axis=0), count)
    else:
        variance = np.maximum(sums(quantity**2).sum(axis=0) / count - mean**2, 0.0)
        low, high = mean - Z * np.sqrt(variance / count), mean + Z * np.sqrt(variance / count)
    glass_low = glass_high = np.full(n_bins, np.nan)
    slope, error = slope_of(middle, mean, count, probability), np.nan
    if n_glasses > 2:
        times = drawn_glasses(n_glasses)
        of_draws = np.divide(times @ total, times @ n, out=np.full((len(times), n_bins), np.nan), where=times @ n > 0)
        wider = widening(n_glasses)
        glass_low, glass_high = mean + wider * (np.nanpercentile(of_draws, [2.5, 97.5], axis=0) - mean)
        slopes = [slope_of(middle, of, w, probability) for of, w in zip(of_draws, times @ n, strict=True)]
        error = float(np.nanstd(slopes))
    return Response(middle, mean, low, high, glass_low, glass_high, count.astype(np.int64), slope, error)


def slope_of(softness: Floats, mean: Floats, n: Floats, probability: bool) -> float:
    """Straight line through the bins; of ln P_R, bins weighted by how well it is known (counts of class 1)."""
    used = np.isfinite(mean) & (n > 0) & ((mean > 0) if probability else True)
    if used.sum() < 2 or np.ptp(softness[used]) == 0:
        return float("nan")
    value = np.log(mean[used]) if probability else mean[used]
    weight = (n * mean / np.maximum(1 - mean, 1e-9) if probability else n)[used]
    return float(np.polyfit(softness[used], value, 1, w=np.sqrt(weight))[0])


@dataclass(frozen=True)
class Arrhenius:
    """ln P_R against 1/T at a given score: ``P_R(S, T) = exp(Σ(S) - ΔE(S) / T)``.

    Attributes
    ----------
    temperature : ndarray of shape (n_temperatures,)
    softness : ndarray of shape (n_bins,)
    probability, low, high : ndarrays of shape (n_temperatures, n_bins)
    barrier, barrier_error, entropy : ndarrays of shape (n_bins,)
        ΔE in the unit of the temperature, and Σ; NaN where a temperature has no row of class 1.
    misfit : float
        χ² by degree of freedom of the straight lines, 1 for counts that follow them; NaN with two temperatures, through
        which any line goes.

    References
    ----------
    Schoenholz, Cubuk, Sussman, Kaxiras & Liu, Nat. Phys. 12, 469 (2016).
    """

    temperature: Floats
    softness: Floats
    probability: Floats
    low: Floats
    high: Floats
    barrier: Floats
    barrier_error: Floats
    entropy: Floats
    misfit: float


def arrhenius(softness: Floats, label: Floats, temperature: Floats) -> Arrhenius:
    """Fit straight lines to ln P_R against 1/T in ten bins of the score.

    Parameters
    ----------
    softness, label, temperature : ndarrays of shape (n_rows,)
        ``label`` is 0 or 1 by a rule that is the same at all temperatures.

    Raises
    ------
    ScorecardError
        There is one temperature only, or one is not positive.
    """
    known = np.unique(temperature)
    if len(known) < 2:
        raise ScorecardError(f"one temperature only ({known[0]:g}): no Arrhenius check")
    if not (known > 0).all():
        raise ScorecardError(f"temperatures must be positive, got {known[0]:g}")
    place = bins_of(softness, 10)
    n_bins = int(place.max()) + 1
    at = np.searchsorted(known, temperature) * n_bins + place
    shape = len(known), n_bins
    n = np.bincount(at, minlength=len(known) * n_bins).reshape(shape).astype(float)
    true = np.asarray(np.bincount(at, label, len(known) * n_bins), float).reshape(shape)
    middle = np.bincount(place, softness) / np.bincount(place)
    low, high = wilson(true, np.maximum(n, 1.0))
    barrier, error, entropy, chi = (np.full(n_bins, np.nan) for _ in range(4))
    for k in np.flatnonzero((true > 0).all(axis=0)):
        value = np.log(true[:, k] / n[:, k])
        sigma = np.sqrt(np.maximum(1 - true[:, k] / n[:, k], 1 / n[:, k]) / true[:, k])
        design = np.column_stack([np.ones(len(known)), -1 / known]) / sigma[:, None]
        covariance = np.linalg.inv(design.T @ design)
        entropy[k], barrier[k] = covariance @ design.T @ (value / sigma)
        error[k] = np.sqrt(covariance[1, 1])
        chi[k] = (((value - entropy[k] + barrier[k] / known) / sigma) ** 2).sum()
    fitted = int(np.isfinite(chi).sum())
    misfit = float(np.nansum(chi) / (fitted * (len(known) - 2))) if fitted and len(known) > 2 else float("nan")
    return Arrhenius(
        known, middle, np.where(n > 0, true / np.maximum(n, 1), np.nan), low, high, barrier, error, entropy, misfit
    )
