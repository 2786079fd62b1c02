"""The linked-cell search behind every neighbour list: atoms sorted into bins, then the bins that a sphere touches.

Any cell shape and any mix of periodic and open directions. Compiled by numba at first use and cached on disk.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo._compiled import njit

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]
Longs = NDArray[np.int64]

MOST_BINS = 64
"""Bins along a cell vector; more would only cost memory in an almost empty cell."""

MARGIN = 1e-6
"""Part of a bin by which the search looks farther than it must, so that rounding loses no pair."""

# functions that only other compiled functions call compile faster without an entry for Python
_njit_inner = njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


class Bins(NamedTuple):
    """Atoms sorted by the bin of the cell that they are in; bins are slices along the cell vectors."""

    n_bins: Longs  # (3,): along each vector
    first: Longs  # (bins + 1,): place of the first atom of each bin
    place: Longs  # (n,): of each atom, the others below are in the order of the places
    atom: Integers  # (n,)
    kind: Integers  # (n,)
    bin: Longs  # (n, 3)
    inside: Floats  # (n, 3): position in units of bins
    wrap: Longs  # (n, 3): cells that were subtracted from the position
    position: Floats  # (3, n), Å
    cell: Floats  # (3, 3), Å
    periodic: NDArray[np.bool_]  # (3,)
    reach: Floats  # (3,): the cutoff in units of bins
    skewness: float  # squared distances from planes along three cell faces add up to this times a squared length


def sort_into_bins(
    positions: Floats, kind: Integers, cell: Floats, periodic: NDArray[np.bool_], cutoff: float, edge: float
) -> Bins:
    """With large bins more pairs are looked at in vain, with small ones more bins: half the cutoff is a fair edge."""
    inverse = np.linalg.inv(cell)
    x, y, z = np.array(positions.T)
    # sums are spelled out: a matrix product may round differently from one machine to the next
    fractional = np.array([x * inverse[0, k] + y * inverse[1, k] + z * inverse[2, k] for k in range(3)])
    wrap = np.where(periodic[:, None], np.floor(fractional), 0.0)
    fractional -= wrap
    low = np.where(periodic, 0.0, fractional.min(axis=1))
    span = np.where(periodic, 1.0, np.maximum(fractional.max(axis=1) - low, 1e-9))
    normal = np.sqrt(inverse[0] ** 2 + inverse[1] ** 2 + inverse[2] ** 2)
    height = span / normal
    n_bins = np.clip((height / edge).astype(np.int64), 1, MOST_BINS)
    inside = (fractional - low[:, None]) / span[:, None] * n_bins[:, None]
    bin_ = np.minimum(inside.astype(np.int64), n_bins[:, None] - 1)
    number = (bin_[0] * n_bins[1] + bin_[1]) * n_bins[2] + bin_[2]
    atom = np.argsort(number, kind="stable")
    place = np.empty(len(atom), np.int64)
    place[atom] = np.arange(len(atom))
    wrapped = np.array(
        [x_c - wrap[0] * cell[0, c] - wrap[1] * cell[1, c] - wrap[2] * cell[2, c] for c, x_c in enumerate((x, y, z))]
    )
    directions = inverse / normal
    return Bins(
        n_bins=n_bins,
        first=np.concatenate([[0], np.cumsum(np.bincount(number, minlength=int(n_bins.prod())))]),
        place=place,
        atom=atom.astype(np.int32),
        kind=kind[atom],
        bin=np.ascontiguousarray(bin_.T[atom]),
        inside=np.ascontiguousarray(inside.T[atom]),
        wrap=wrap.T[atom].astype(np.int64),
        position=np.ascontiguousarray(wrapped[:, atom]),
        cell=np.array(cell),
        periodic=np.array(periodic),
        reach=cutoff / (height / n_bins) + MARGIN,
        skewness=float(np.linalg.eigvalsh(directions.T @ directions)[-1]),
    )


@njit(cache=True, no_cfunc_wrapper=True)
def search(
    bins: Bins,
    squared_cutoff: Floats,
    half: bool,
    places: Longs,
    start: Longs,
    index: Integers,
    image: NDArray[np.int8],
    vector: Floats,
) -> np.int64:
    """Write the pairs of the atoms at ``places``; their number, or -1 if there is no room for them."""
    # no tuple in the loops: every use of one of its arrays would count references
    n_bins, first, _, atom, kind, bin_, inside, wrap, position, cell, periodic, reach, skewness = bins
    near = np.empty(len(atom), np.int64)
    n_pairs = np.int64(0)
    for i in range(len(places)):
        p = places[i]
        own_a, own_b, own_c = bin_[p, 0], bin_[p, 1], bin_[p, 2]
        u, v, w = inside[p, 0], inside[p, 1], inside[p, 2]
        lower_a, upper_a = _bins_within(u, reach[0], 1.0, n_bins[0], periodic[0])
        for a in range(own_a if half else lower_a, upper_a + 1):
            turn_a = a // n_bins[0]
            left_a = skewness - _gap(u, a, reach[0])
            lower_b, upper_b = _bins_within(v, reach[1], left_a, n_bins[1], periodic[1])
            in_own_layer = half and a == own_a
            for b in range(own_b if in_own_layer else lower_b, upper_b + 1):
                turn_b = b // n_bins[1]
                left_b = left_a - _gap(v, b, reach[1])
                lower_c, upper_c = _bins_within(w, reach[2], left_b, n_bins[2], periodic[2])
                row = ((a - turn_a * n_bins[0]) * n_bins[1] + b - turn_b * n_bins[1]) * n_bins[2]
                in_own_row = in_own_layer and b == own_b
                c = own_c if in_own_row else lower_c
                while c <= upper_c:
                    # all bins of the row that belong to the same image of the cell at once
                    turn_c = c // n_bins[2]
                    stop = min(upper_c + 1, (turn_c + 1) * n_bins[2])
                    begin = first[row - turn_c * n_bins[2] + c]
                    end = first[row - turn_c * n_bins[2] + stop]
                    if in_own_row and c == own_c:
                        begin = p + 1
                    c = stop
                    x = position[0, p] - turn_a * cell[0, 0] - turn_b * cell[1, 0] - turn_c * cell[2, 0]
                    y = position[1, p] - turn_a * cell[0, 1] - turn_b * cell[1, 1] - turn_c * cell[2, 1]
                    z = position[2, p] - turn_a * cell[0, 2] - turn_b * cell[1, 2] - turn_c * cell[2, 2]
                    n_near = _select(begin, end, x, y, z, kind[p], position, kind, squared_cutoff, near)
                    if n_pairs + n_near > len(index):
                        return np.int64(-1)
                    for m in range(n_near):
                        q = near[m]
                        if q == p and turn_a == 0 and turn_b == 0 and turn_c == 0:
                            continue
                        index[n_pairs] = atom[q]
                        image[n_pairs, 0] = turn_a + wrap[p, 0] - wrap[q, 0]
                        image[n_pairs, 1] = turn_b + wrap[p, 1] - wrap[q, 1]
                        image[n_pairs, 2] = turn_c + wrap[p, 2] - wrap[q, 2]
                        if len(vector):
                            vector[n_pairs, 0] = position[0, q] - x
                            vector[n_pairs, 1] = position[1, q] - y
                            vector[n_pairs, 2] = position[2, q] - z
                        n_pairs += 1
        start[i + 1] = n_pairs
    return n_pairs


@_njit_inner
def _bins_within(at: float, reach: float, left: float, n_bins: int, periodic: bool) -> tuple[int, int]:
    """First and last bin along an axis that the sphere around an atom may touch.

    ``at`` and ``reach``: position and cutoff in units of bins; ``left``: what the other axes leave of the squared
    cutoff, as a fraction.
    """
    reach *= math.sqrt(max(min(left, 1.0), 0.0))
    lower, upper = math.floor(at - reach - MARGIN), math.floor(at + reach + MARGIN)
    if periodic:
        return lower, upper
    return max(lower, 0), min(upper, n_bins - 1)


@_njit_inner
def _gap(at: float, a: int, reach: float) -> float:
    """Squared distance from an atom to bin ``a`` along an axis, as a fraction of the squared cutoff."""
    gap = max(a - at, at - (a + 1), 0.0) / reach
    return gap * gap


@_njit_inner
def _select(
    begin: int,
    end: int,
    x: float,
    y: float,
    z: float,
    own_kind: int,
    position: Floats,
    kind: Integers,
    squared_cutoff: Floats,
    near: Longs,
) -> np.int64:
    """Write the places in ``begin:end`` that are within the cutoff of a point; their number."""
    n_near = np.int64(0)
    for q in range(begin, end):
        dx, dy, dz = position[0, q] - x, position[1, q] - y, position[2, q] - z
        near[n_near] = q
        n_near += np.int64(dx * dx + dy * dy + dz * dz < squared_cutoff[own_kind, kind[q]])
    return n_near
