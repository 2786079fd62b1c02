"""Sums over the atoms near every atom, without a list of neighbours; compiled by numba.

The atoms of a bin share their candidates: all atoms within the cutoff of the box that they fill. Each atom then looks
through these in one long loop, and a kernel adds up what it finds before it turns to the next atom.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from zoo._compiled import njit
from zoo.neighbors import OVERLAP, bins_of, find_neighbors, require_cutoff

if TYPE_CHECKING:
    from zoo._linked_cells import Bins
    from zoo.glass import Glass

ATOMS_PER_BIN = 24
"""At most about so many, or an atom looks at too many candidates in vain."""

njit_inner = njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def shared_bins(glass: Glass, cutoff: float) -> Bins:
    """Bins as thick as the cutoff (Å), or as a half or a third of it.

    Raises
    ------
    CutoffError
        See :func:`zoo.neighbors.require_cutoff`.
    """
    require_cutoff(glass, cutoff)
    share = (ATOMS_PER_BIN * glass.volume / len(glass)) ** (1 / glass.dimension)
    return bins_of(glass, cutoff, cutoff / min(math.ceil(cutoff / share), 3))


def refuse_overlap(glass: Glass, n_touching: int) -> None:
    """Refuse a glass in which a kernel has met atoms on top of each other.

    Raises
    ------
    GlassError
        Which names two of them.
    """
    if n_touching:
        find_neighbors(glass, 2 * OVERLAP)


@njit(cache=True)
def room_for_candidates(bins):
    """How many candidates the atoms of a bin may have."""
    room = 1
    for k in range(3):
        within = 2 * math.ceil(bins.reach[k]) + 1
        room *= within if bins.periodic[k] else min(within, bins.n_bins[k])
    return room * np.diff(bins.first).max()


@njit_inner
def find_candidates(bins, at, cutoff, place, around):
    """Atoms and images of atoms within ``cutoff`` (Å) of the box that the atoms of bin ``at`` fill.

    Writes their places among the sorted atoms and their coordinates (3, room); returns their number.
    """
    # no tuple in the loops: every use of one of its arrays would count references
    n_bins, first, _, _, _, bin_, _, _, position, cell, periodic, reach, _ = bins
    n_a, n_b, n_c = n_bins
    own, own_end = first[at], first[at + 1]
    lowest, highest = np.empty(3, np.int64), np.empty(3, np.int64)
    for k in range(3):
        far = math.ceil(reach[k])
        lowest[k], highest[k] = bin_[own, k] - far, bin_[own, k] + far
        if not periodic[k]:
            lowest[k], highest[k] = max(lowest[k], 0), min(highest[k], n_bins[k] - 1)
    all_x, all_y, all_z = position
    lower_x, lower_y, lower_z = all_x[own:own_end].min(), all_y[own:own_end].min(), all_z[own:own_end].min()
    upper_x, upper_y, upper_z = all_x[own:own_end].max(), all_y[own:own_end].max(), all_z[own:own_end].max()
    to_x, to_y, to_z = around
    n_found = np.uint64(0)  # unsigned: never counted from the end of an array
    for a in range(lowest[0], highest[0] + 1):
        turn_a = a // n_a
        for b in range(lowest[1], highest[1] + 1):
            turn_b = b // n_b
            row = ((a - turn_a * n_a) * n_b + b - turn_b * n_b) * n_c
            c = lowest[2]
            while c <= highest[2]:
                # all bins of the row that belong to the same image of the cell at once
                turn_c = c // n_c
                stop = min(highest[2] + 1, (turn_c + 1) * n_c)
                begin, end = first[row - turn_c * n_c + c], first[row - turn_c * n_c + stop]
                shift_x = turn_a * cell[0, 0] + turn_b * cell[1, 0] + turn_c * cell[2, 0]
                shift_y = turn_a * cell[0, 1] + turn_b * cell[1, 1] + turn_c * cell[2, 1]
                shift_z = turn_a * cell[0, 2] + turn_b * cell[1, 2] + turn_c * cell[2, 2]
                some_x, some_y, some_z = all_x[begin:end], all_y[begin:end], all_z[begin:end]
                for q in range(end - begin):
                    x, y, z = some_x[q] + shift_x, some_y[q] + shift_y, some_z[q] + shift_z
                    place[n_found] = begin + q
                    to_x[n_found], to_y[n_found], to_z[n_found] = x, y, z
                    dx = max(lower_x - x, x - upper_x, 0.0)
                    dy = max(lower_y - y, y - upper_y, 0.0)
                    dz = max(lower_z - z, z - upper_z, 0.0)
                    n_found += np.uint64(dx * dx + dy * dy + dz * dz < cutoff * cutoff)
                c = stop
    return np.int64(n_found)


@njit_inner
def select_near(x, y, z, around, n_candidates, cutoff, squared, hit, near):
    """Candidates within ``cutoff`` (Å) of an atom at ``x, y, z``, which is itself among them and left out.

    Writes all squared distances (Å²) and, to ``near``, which candidates are meant; returns the number of these, and of
    atoms that are on top of this one.
    """
    least, most = OVERLAP * OVERLAP, cutoff * cutoff
    to_x, to_y, to_z = around[0, :n_candidates], around[1, :n_candidates], around[2, :n_candidates]
    n_touching = np.int64(-1)
    for q in range(n_candidates):
        dx, dy, dz = to_x[q] - x, to_y[q] - y, to_z[q] - z
        squared[q] = dx * dx + dy * dy + dz * dz
    for q in range(n_candidates):
        hit[q] = (squared[q] >= least) & (squared[q] < most)
        n_touching += np.int64(squared[q] < least)
    n_near = np.uint64(0)  # unsigned: never counted from the end of an array
    for q in range(n_candidates):
        near[n_near] = q
        n_near += np.uint64(hit[q])
    return np.int64(n_near), n_touching
