"""The atoms near a centre of which the nearest move, and the lists of their pairs; compiled by numba.

The atoms of a glass are sorted by their distance from a centre; the first ``m`` of them move. Only pairs with a mobile
atom are listed.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo._compiled import njit

Floats = NDArray[np.float64]
SKIN, WIDE_SKIN = 0.6, 3.0
"""Å by which the list of pairs, and the list of candidates for it, reach beyond the cutoff."""
FORCE_CALLS, PRODUCTS, LISTS, CANDIDATE_LISTS, FULL = range(5)
"""Places in ``Work.calls``; the last one counts lists that found no room, which makes all later numbers invalid."""
kernel = njit(cache=True, fastmath=True, no_cfunc_wrapper=True)
inner = njit(cache=True, fastmath=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


class Cluster(NamedTuple):
    """What stays: ``n`` atoms around a centre at the origin, nearest first, and the potential."""

    start: Floats  # (n, 3), Å; of each atom the image that rounding gives
    distance: Floats  # (n,), Å, of the image nearest to the centre
    kind: NDArray[np.int32]  # (n,)
    density: Floats  # (n,): at the start, from the whole glass
    cell: Floats  # (3, 3), Å
    inverse: Floats  # (3, 3)
    offset: Floats  # (27, 3), Å: shift of each image code
    cutoff: Floats  # (k, k), Å
    density_cutoff: Floats  # (k, k), Å
    pair: Floats  # (k, k, n_r, 12), see EmbeddedAtomTables
    embedding: Floats  # (k, n_rho, 4)
    dr: float
    drho: float


class Work(NamedTuple):
    """What changes; nothing in it outlives a search."""

    candidate_first: NDArray[np.int64]  # (n + 1,): candidates for the list of each mobile atom
    candidate_index: NDArray[np.int32]  # (room,)
    candidate_since: Floats  # (n, 3), Å: positions when they were found
    first: NDArray[np.int64]  # (n + 1,): listed pairs of each mobile atom
    neighbor: NDArray[np.int32]  # (room,)
    image: NDArray[np.uint8]  # (room,)
    listed: Floats  # (n, 3), Å: positions when the list was made
    frozen_density: Floats  # (n,): what frozen atoms give to frozen ones
    density: Floats  # (n,)
    slope: Floats  # (n,): first and second derivative of the embedding energy
    bend: Floats  # (n,)
    pair_first: NDArray[np.int64]  # (n + 1,): pairs within the cutoff
    pair_index: NDArray[np.int32]  # (room,)
    pairs: Floats  # (room, 8): unit vector, 1/r, slopes of both densities and of the energy
    bends: Floats  # (room, 3): their second derivatives
    forces: Floats  # (n, 3), eV/Å
    zero: Floats  # (1,): energy of the start, eV
    calls: NDArray[np.int64]  # (5,)


def make_work(n_atoms: int, room: int) -> Work:
    """Empty arrays for ``room`` pairs."""
    return Work(
        candidate_first=np.zeros(n_atoms + 1, np.int64),
        candidate_index=np.empty(room, np.int32),
        candidate_since=np.zeros((n_atoms, 3)),
        first=np.zeros(n_atoms + 1, np.int64),
        neighbor=np.empty(room, np.int32),
        image=np.empty(room, np.uint8),
        listed=np.zeros((n_atoms, 3)),
        frozen_density=np.zeros(n_atoms),
        density=np.zeros(n_atoms),
        slope=np.zeros(n_atoms),
        bend=np.zeros(n_atoms),
        pair_first=np.zeros(n_atoms + 1, np.int64),
        pair_index=np.empty(room, np.int32),
        pairs=np.empty((room, 8)),
        bends=np.empty((room, 3)),
        forces=np.zeros((n_atoms, 3)),
        zero=np.zeros(1),
        calls=np.zeros(5, np.int64),
    )


@inner
def _list_candidates(c, w, x, m):
    """List what may come within the cutoff of the first ``m`` atoms before long; False if there is no room."""
    # arrays out of the tuples: every use of one inside a loop would count references
    start, distance, kind, cell, inverse, cutoff = c.start, c.distance, c.kind, c.cell, c.inverse, c.cutoff
    first, index, since = w.candidate_first, w.candidate_index, w.candidate_since
    n = x.shape[0]
    fractional = np.empty((3, n))
    farthest = 0.0
    for i in range(n):
        moved = 0.0
        for k in range(3):
            fractional[k, i] = x[i, 0] * inverse[0, k] + x[i, 1] * inverse[1, k] + x[i, 2] * inverse[2, k]
            since[i, k] = x[i, k]
            moved += (x[i, k] - start[i, k]) ** 2
        farthest = max(farthest, moved)
    # two atoms are at least as far apart as their distances from the centre differ
    longest = cutoff.max() + WIDE_SKIN + 2.0 * math.sqrt(farthest)
    u, v, t = fractional
    xx, xy, xz, yx, yy, yz, zx, zy, zz = cell.flat
    squared = np.empty(n)
    size = 0
    end = 0
    for i in range(m):
        first[i] = size
        while end < n and distance[end] < distance[i] + longest:
            end += 1
        ui, vi, ti = u[i], v[i], t[i]
        for j in range(i + 1, end):
            a = u[j] - ui
            b = v[j] - vi
            g = t[j] - ti
            a -= np.rint(a)
            b -= np.rint(b)
            g -= np.rint(g)
            dx = a * xx + b * yx + g * zx
            dy = a * xy + b * yy + g * zy
            dz = a * xz + b * yz + g * zz
            squared[j] = dx * dx + dy * dy + dz * dz
        if size + end - i > len(index):
            w.calls[FULL] += 1
            return False
        for j in range(i + 1, end):
            reach = cutoff[kind[i], kind[j]] + WIDE_SKIN
            index[size] = j
            size += squared[j] < reach * reach
    first[m] = size
    w.calls[CANDIDATE_LISTS] += 1
    return True


@inner
def list_pairs(c, w, x, m, anew):
    """List the pairs of the first ``m`` atoms within the cutoff and the skin; False if there is no room."""
    if (anew or largest_approach(w.candidate_since, x, m) > WIDE_SKIN - SKIN) and not _list_candidates(c, w, x, m):
        return False
    kind, inverse, offset, cutoff = c.kind, c.inverse, c.offset, c.cutoff
    first, neighbor, image = w.first, w.neighbor, w.image
    candidate_first, candidate_index = w.candidate_first, w.candidate_index
    n = x.shape[0]
    fractional = np.empty((n, 3))
    for i in range(n):
        for k in range(3):
            fractional[i, k] = x[i, 0] * inverse[0, k] + x[i, 1] * inverse[1, k] + x[i, 2] * inverse[2, k]
    w.listed[:] = x
    size = 0
    for i in range(m):
        first[i] = size
        if size + candidate_first[i + 1] - candidate_first[i] > len(neighbor):
            w.calls[FULL] += 1
            return False
        for q in range(candidate_first[i], candidate_first[i + 1]):
            j = candidate_index[q]
            turns = 13.0
            turns -= 9.0 * np.rint(fractional[j, 0] - fractional[i, 0])
            turns -= 3.0 * np.rint(fractional[j, 1] - fractional[i, 1])
            turns -= np.rint(fractional[j, 2] - fractional[i, 2])
            s = int(turns)
            dx = x[j, 0] + offset[s, 0] - x[i, 0]
            dy = x[j, 1] + offset[s, 1] - x[i, 1]
            dz = x[j, 2] + offset[s, 2] - x[i, 2]
            reach = cutoff[kind[i], kind[j]] + SKIN
            neighbor[size] = j
            image[size] = s
            size += dx * dx + dy * dy + dz * dz < reach * reach
    first[m] = size
    w.calls[LISTS] += 1
    return True


@inner
def largest_approach(since, x, m):
    """By how much (Å) two atoms can have come closer at most."""
    one = two = 0.0
    for i in range(m):
        moved = (x[i, 0] - since[i, 0]) ** 2 + (x[i, 1] - since[i, 1]) ** 2 + (x[i, 2] - since[i, 2]) ** 2
        if moved > one:
            two = one
            one = moved
        elif moved > two:
            two = moved
    return math.sqrt(one) + math.sqrt(two)
