"""Over which distance the score of an atom is like that of others: spatial autocorrelation and its decay length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.intervals import interval_of, widening
from zoo.errors import ScorecardError
from zoo.glass import Glass
from zoo.neighbors import neighbor_batches
from zoo.scorecard.response import drawn_glasses

Floats = NDArray[np.float64]

REACH = 6.0
"""Distance up to which pairs are looked at, in mean spacings (volume per atom to the power 1/d)."""
BEYOND = 1.5
"""Distance from which decays are fitted, in mean spacings: beyond the first shell."""
STEP = 0.15
"""Width of a bin, in mean spacings."""
LEAST_PAIRS = 50
"""Pairs of a bin in a glass, at least; fewer are left out."""
LONGEST = 20.0
"""Decay lengths are sought up to this, in units of the fitted range."""
TRIED = 400
"""Decay lengths that are tried."""
DRAWS = 500


@dataclass(frozen=True)
class Decay:
    """Autocorrelation of one field.

    Attributes
    ----------
    name : str
    r, mean, error : ndarrays of shape (n_bins,)
        Distance, mean of C(r) over glasses, its standard error (NaN with one glass).
    length, length_error, low, high : float
        ξ of ``A exp(-(r - r_0) / ξ) + b`` by least squares over the fitted range, standard deviation and 95 % interval
        from drawing glasses anew. NaN where nothing decays there: no correlation beyond ``r_0``.
    amplitude, offset : float
        A, the correlation at ``r_0`` by the fit, and b.
    fit_from, fit_to : float
        The fitted range: r_0 and its end.
    shortest : float
        The width of a bin, below which no ξ is told apart.
    n_glasses : int
    """

    name: str
    r: Floats
    mean: Floats
    error: Floats
    length: float
    length_error: float
    low: float
    high: float
    amplitude: float
    offset: float
    fit_from: float
    fit_to: float
    shortest: float
    n_glasses: int

    @property
    def at_start(self) -> float:
        """C(r_0) by the fit."""
        return self.amplitude + self.offset


def spacing_of(glass: Glass) -> float:
    """Mean distance between atoms: (volume per atom) to the power 1/d, in the unit of the positions."""
    return float((glass.volume / len(glass)) ** (1 / glass.dimension))


def bins_for(glasses: list[Glass]) -> Floats:
    """Edges of the bins of distance for some glasses.

    Raises
    ------
    ScorecardError
        The smallest box leaves fewer than four bins beyond the first shell.
    """
    spacing = float(np.mean([spacing_of(glass) for glass in glasses]))
    half = min(0.499 * float(glass.heights[glass.periodic].min(initial=np.inf)) for glass in glasses)
    reach = min(REACH * spacing, half)
    edges = np.arange(0.75 * spacing, reach + 1e-9, STEP * spacing)
    if (edges[:-1] >= BEYOND * spacing).sum() < 4:
        raise ScorecardError(
            f"a decay is fitted from {BEYOND * spacing:.3g} to half of the smallest box at most, which is {half:.3g}: "
            "the glasses are too small"
        )
    return edges


def autocorrelation(glass: Glass, fields: Floats, edges: Floats) -> Floats:
    """``C(r) = <δ_i δ_j> / <δ²>`` of some fields in one glass.

    δ is the field less its mean over the atoms of the same species, so that C does not follow which species are how far
    apart, shell by shell.

    Parameters
    ----------
    glass : Glass
    fields : ndarray of shape (n_fields, n_atoms)
        NaN where not known: pairs with such an atom are left out.
    edges : ndarray of shape (n_bins + 1,), in the unit of the positions

    Returns
    -------
    ndarray of shape (n_fields, n_bins)
        NaN where there are few pairs, or where a field does not vary.
    """
    delta = without_species(glass, fields)
    known = np.isfinite(delta)
    value = np.where(known, delta, 0.0)
    n_bins = len(edges) - 1
    total, pairs = np.zeros((len(fields), n_bins)), np.zeros((len(fields), n_bins))
    everywhere: NDArray[np.bool_] = np.all(known, axis=1)
    for atoms, near in neighbor_batches(glass, float(edges[-1])):
        place = np.searchsorted(edges, near.distance, side="right") - 1
        used = (place >= 0) & (place < n_bins) & (atoms[near.center] < near.index)  # each pair once
        i, j, place = atoms[near.center[used]], near.index[used], place[used]
        count = np.bincount(place, minlength=n_bins)
        for k in range(len(fields)):
            total[k] += np.bincount(place, value[k, i] * value[k, j], n_bins)
            pairs[k] += count if everywhere[k] else np.bincount(place, known[k, i] & known[k, j], n_bins)
    variance = np.asarray((value**2).sum(axis=1) / np.maximum(known.sum(axis=1), 1))
    enough = (pairs >= LEAST_PAIRS) & (variance > 0)[:, None]
    return np.asarray(np.divide(total, pairs * variance[:, None], out=np.full(total.shape, np.nan), where=enough))


def without_species(glass: Glass, fields: Floats) -> Floats:
    """Fields less their mean over the atoms of the same species, shape (n_fields, n_atoms)."""
    delta = np.array(fields, float)
    for kind in glass.kinds:
        here = glass.species == kind
        known = np.isfinite(delta[:, here])
        mean = np.where(known, delta[:, here], 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        delta[:, here] -= mean[:, None]
    return delta


def decay_of(name: str, curves: Floats, edges: Floats, spacing: float) -> Decay:
    """Mean curve of several glasses, its decay length, and the error of that from drawing glasses anew.

    Parameters
    ----------
    name : str
    curves : ndarray of shape (n_glasses, n_bins)
    edges : ndarray of shape (n_bins + 1,)
    spacing : float
        Mean distance between atoms, in the same unit.
    """
    curves = curves[np.isfinite(curves).any(axis=1)]
    r, n_glasses = 0.5 * (edges[1:] + edges[:-1]), len(curves)
    full = np.isfinite(curves).all(axis=0) if n_glasses else np.zeros(len(r), bool)
    mean = np.where(full, np.nan_to_num(curves).mean(axis=0) if n_glasses else 0.0, np.nan)
    error = np.full(len(r), np.nan)
    if n_glasses > 1:
        error = np.where(full, np.nan_to_num(curves).std(axis=0, ddof=1) / np.sqrt(n_glasses), np.nan)
    fitted = full & (edges[:-1] >= BEYOND * spacing * (1 - 1e-9))
    start, end = BEYOND * spacing, float(edges[-1])
    step = float(edges[1] - edges[0])
    length, amplitude, offset = (float(part[0]) for part in fit_decay(r[fitted] - start, mean[None, fitted], step))
    spread, low, high = float("nan"), float("nan"), float("nan")
    if n_glasses > 2 and np.isfinite(length):
        means = drawn_glasses(n_glasses, times=DRAWS) @ curves[:, fitted] / n_glasses
        found = fit_decay(r[fitted] - start, means, step)[0]
        spread = float(np.nanstd(found))
        if len(finite := found[np.isfinite(found)]):
            low, high = interval_of(length, finite, widening(n_glasses))
    return Decay(name, r, mean, error, length, spread, low, high, amplitude, offset, start, end, step, n_glasses)


def fit_decay(r: Floats, curves: Floats, shortest: float) -> tuple[Floats, Floats, Floats]:
    """ξ, A and b of ``A exp(-r / ξ) + b`` by least squares, of several curves.

    b is not above 0: a field less its mean adds up to 0, so that C lies lower everywhere, the more the smaller the
    glass. Without it, ξ of a glass eight times as wide would come out a third too short.

    Parameters
    ----------
    r : ndarray of shape (n_bins,)
        From the start of the fitted range.
    curves : ndarray of shape (n_curves, n_bins)
    shortest : float
        Least ξ, such as the width of a bin.

    Returns
    -------
    three ndarrays of shape (n_curves,)
        NaN where nothing positive decays within the range.
    """
    failed = np.full((3, len(curves)), np.nan)
    if len(r) < 4 or not len(curves):
        return failed[0], failed[1], failed[2]
    lengths = np.geomspace(shortest, LONGEST * np.ptp(r), TRIED)
    shape = np.exp(-r / lengths[:, None])

    def best(of_shape: Floats, of_curve: Floats) -> tuple[NDArray[np.int64], Floats]:
        """Which length explains most of each curve, and A."""
        along = np.maximum(of_curve @ of_shape.T, 0.0)
        size = (of_shape**2).sum(axis=1)
        chosen = (along**2 / size).argmax(axis=1)
        return chosen, along[np.arange(len(along)), chosen] / size[chosen]

    mean = curves.mean(axis=1)
    chosen, amplitude = best(shape - shape.mean(axis=1, keepdims=True), curves - mean[:, None])
    offset = mean - amplitude * shape[chosen].mean(axis=1)
    plain, plain_amplitude = best(shape, curves)
    below = offset < 0
    chosen, amplitude = np.where(below, chosen, plain), np.where(below, amplitude, plain_amplitude)
    found = np.array([lengths[chosen], amplitude, np.where(below, offset, 0.0)])
    found[:, (amplitude <= 0) | (chosen == TRIED - 1)] = np.nan
    return found[0], found[1], found[2]


def random_fields(features: NDArray[np.float32], seed: int, n: int = 8) -> Floats:
    """Sums of the standardised columns with random weights, shape (n, n_atoms): what the descriptor alone would give.

    Surroundings of atoms close to each other overlap, so that any field made of them is correlated.
    """
    x = np.asarray(features, np.float64)
    x = x - x.mean(axis=0)
    x /= np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    return np.asarray(np.random.default_rng([seed, 29]).normal(size=(n, x.shape[1])) @ x.T)
