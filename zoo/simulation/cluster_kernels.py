"""Embedded-atom energy, forces and Hessian products of the atoms near a centre, all others frozen; compiled by numba.

The atoms of a glass are sorted by their distance from a centre; the first ``m`` of them move. Only pairs with a mobile
atom are listed. A frozen atom within reach keeps the density that other frozen atoms give it, so that energies and
forces are those of the whole periodic glass.

References
----------
Daw & Baskes, Phys. Rev. B 29, 6443 (1984); Finnis & Sinclair, Phil. Mag. A 50, 45 (1984).
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

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
def _list_pairs(c, w, x, m, anew):
    """List the pairs of the first ``m`` atoms within the cutoff and the skin; False if there is no room."""
    if (anew or _largest_approach(w.candidate_since, x, m) > WIDE_SKIN - SKIN) and not _list_candidates(c, w, x, m):
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
def _largest_approach(since, x, m):
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


@kernel
def free_atoms(c, w, m):
    """Let the first ``m`` atoms move from the start, at zero energy; False if the list of pairs has no room."""
    if not _list_pairs(c, w, c.start, m, True):
        return False
    for j in range(len(c.start)):
        w.frozen_density[j] = 0.0 if j < m else c.density[j]
    per_dr = 1.0 / c.dr
    for i in range(m):
        for q in range(w.first[i], w.first[i + 1]):
            j = w.neighbor[q]
            if j < m:
                continue
            s = c.offset[w.image[q]]
            dx = c.start[j, 0] + s[0] - c.start[i, 0]
            dy = c.start[j, 1] + s[1] - c.start[i, 1]
            dz = c.start[j, 2] + s[2] - c.start[i, 2]
            p = math.sqrt(dx * dx + dy * dy + dz * dz)
            if p < c.cutoff[c.kind[i], c.kind[j]]:
                p *= per_dr
                k = int(p)
                p -= k
                t = c.pair[c.kind[i], c.kind[j], k]
                w.frozen_density[j] -= ((t[7] * p + t[6]) * p + t[5]) * p + t[4]
    w.zero[0] = 0.0
    w.zero[0] = energy_and_forces(c, w, c.start, m, False)
    return True


@kernel
def energy_and_forces(c, w, x, m, curvature):
    """Energy (eV) above the start; NaN if there is no room for the pairs. Forces go to ``w.forces``.

    Parameters
    ----------
    c, w : Cluster, Work
    x : (n, 3) float64, Å
        Only the first ``m`` atoms may have left the start.
    m : int
    curvature : bool
        Keep what :func:`hessian_product` needs.
    """
    if _largest_approach(w.listed, x, m) > SKIN and not _list_pairs(c, w, x, m, False):
        return np.nan
    w.calls[FORCE_CALLS] += 1
    kind, offset, cutoff, density_cutoff, pair = c.kind, c.offset, c.cutoff, c.density_cutoff, c.pair
    first, neighbor, image, density, forces = w.first, w.neighbor, w.image, w.density, w.forces
    pair_first, pair_index, pairs, bends, slope = w.pair_first, w.pair_index, w.pairs, w.bends, w.slope
    per_dr = 1.0 / c.dr
    density[:] = w.frozen_density
    forces[:] = 0.0
    total = 0.0
    size = 0
    last = m
    for i in range(m):
        pair_first[i] = size
        a = kind[i]
        xi, yi, zi = x[i, 0], x[i, 1], x[i, 2]
        own = 0.0
        for q in range(first[i], first[i + 1]):
            j = neighbor[q]
            s = image[q]
            dx = x[j, 0] + offset[s, 0] - xi
            dy = x[j, 1] + offset[s, 1] - yi
            dz = x[j, 2] + offset[s, 2] - zi
            squared = dx * dx + dy * dy + dz * dz
            b = kind[j]
            limit = cutoff[a, b]
            if squared >= limit * limit:
                continue
            last = max(last, j + 1)
            r = math.sqrt(squared)
            inverse = 1.0 / r
            p = r * per_dr
            k = int(p)
            p -= k
            pair_index[size] = j
            pairs[size, 0] = dx * inverse
            pairs[size, 1] = dy * inverse
            pairs[size, 2] = dz * inverse
            pairs[size, 3] = inverse
            c1, c2, c3 = pair[a, b, k, 9], pair[a, b, k, 10], pair[a, b, k, 11]
            total += ((c3 * p + c2) * p + c1) * p + pair[a, b, k, 8]
            pairs[size, 6] = ((3 * c3 * p + 2 * c2) * p + c1) * per_dr
            if curvature:
                bends[size, 2] = (6 * c3 * p + 2 * c2) * per_dr * per_dr
            if r < density_cutoff[a, b]:
                c1, c2, c3 = pair[a, b, k, 1], pair[a, b, k, 2], pair[a, b, k, 3]
                own += ((c3 * p + c2) * p + c1) * p + pair[a, b, k, 0]
                pairs[size, 4] = ((3 * c3 * p + 2 * c2) * p + c1) * per_dr
                if curvature:
                    bends[size, 0] = (6 * c3 * p + 2 * c2) * per_dr * per_dr
                c1, c2, c3 = pair[a, b, k, 5], pair[a, b, k, 6], pair[a, b, k, 7]
                density[j] += ((c3 * p + c2) * p + c1) * p + pair[a, b, k, 4]
                pairs[size, 5] = ((3 * c3 * p + 2 * c2) * p + c1) * per_dr
                if curvature:
                    bends[size, 1] = (6 * c3 * p + 2 * c2) * per_dr * per_dr
            else:
                pairs[size, 4] = pairs[size, 5] = bends[size, 0] = bends[size, 1] = 0.0
            size += 1
        density[i] += own
    pair_first[m] = size
    total += _embed(c, w, m, last)
    for i in range(m):
        fx = fy = fz = 0.0
        own = slope[i]
        for q in range(pair_first[i], pair_first[i + 1]):
            j = pair_index[q]
            pull = own * pairs[q, 4] + slope[j] * pairs[q, 5] + pairs[q, 6]
            gx = pull * pairs[q, 0]
            gy = pull * pairs[q, 1]
            gz = pull * pairs[q, 2]
            fx += gx
            fy += gy
            fz += gz
            forces[j, 0] -= gx
            forces[j, 1] -= gy
            forces[j, 2] -= gz
            if curvature:
                across = pull * pairs[q, 3]
                pairs[q, 7] = own * bends[q, 0] + slope[j] * bends[q, 1] + bends[q, 2] - across
                pairs[q, 6] = across
        forces[i, 0] += fx
        forces[i, 1] += fy
        forces[i, 2] += fz
    return total - w.zero[0]


@inner
def _embed(c, w, m, last):
    """Embedding energy (eV) of the mobile atoms and its change of the frozen ones before ``last``; its derivatives."""
    kind, embedding, density, slope, bend, before = c.kind, c.embedding, w.density, w.slope, w.bend, c.density
    per_drho = 1.0 / c.drho
    bins = embedding.shape[1] - 2
    total = 0.0
    for i in range(last):
        a = kind[i]
        p = density[i] * per_drho
        k = max(0, min(int(p), bins))
        p -= k
        c1, c2, c3 = embedding[a, k, 1], embedding[a, k, 2], embedding[a, k, 3]
        total += ((c3 * p + c2) * p + c1) * p + embedding[a, k, 0]
        slope[i] = ((3 * c3 * p + 2 * c2) * p + c1) * per_drho
        bend[i] = (6 * c3 * p + 2 * c2) * per_drho * per_drho
        if i >= m:
            p = before[i] * per_drho
            k = max(0, min(int(p), bins))
            p -= k
            total -= ((embedding[a, k, 3] * p + embedding[a, k, 2]) * p + embedding[a, k, 1]) * p + embedding[a, k, 0]
    return total


@kernel
def hessian_product(c, w, m, v, out):
    """Write the Hessian of the mobile atoms (eV/Å²) times ``v``, both flat and of 3 m numbers, to ``out``.

    The Hessian is that of the last :func:`energy_and_forces` with ``curvature``: with the density of atom i changing by
    δρ_i = Σ_j ρ'_ij û_ij·(v_j - v_i), a pair answers with V''û(û·δ) + (V'/r)(δ - û(û·δ)) and with
    (F''_i δρ_i ρ'_ij + F''_j δρ_j ρ'_ji) û.
    """
    w.calls[PRODUCTS] += 1
    bend, pair_first, pair_index, pairs = w.bend, w.pair_first, w.pair_index, w.pairs
    n = len(bend)
    change = np.zeros(n)
    moved = np.zeros((n, 3))
    answer = np.zeros((n, 3))
    moved[:m] = v.reshape(m, 3)
    for i in range(m):
        own = 0.0
        vx, vy, vz = moved[i]
        for q in range(pair_first[i], pair_first[i + 1]):
            j = pair_index[q]
            along = (
                pairs[q, 0] * (moved[j, 0] - vx) + pairs[q, 1] * (moved[j, 1] - vy) + pairs[q, 2] * (moved[j, 2] - vz)
            )
            own += pairs[q, 4] * along
            change[j] += pairs[q, 5] * along
        change[i] += own
    change *= bend
    for i in range(m):
        ox = oy = oz = 0.0
        vx, vy, vz = moved[i]
        own = change[i]
        for q in range(pair_first[i], pair_first[i + 1]):
            j = pair_index[q]
            dx = moved[j, 0] - vx
            dy = moved[j, 1] - vy
            dz = moved[j, 2] - vz
            along = pairs[q, 0] * dx + pairs[q, 1] * dy + pairs[q, 2] * dz
            along = pairs[q, 7] * along + own * pairs[q, 4] + change[j] * pairs[q, 5]
            gx = pairs[q, 6] * dx + along * pairs[q, 0]
            gy = pairs[q, 6] * dy + along * pairs[q, 1]
            gz = pairs[q, 6] * dz + along * pairs[q, 2]
            ox += gx
            oy += gy
            oz += gz
            answer[j, 0] += gx
            answer[j, 1] += gy
            answer[j, 2] += gz
        answer[i, 0] -= ox
        answer[i, 1] -= oy
        answer[i, 2] -= oz
    out[:] = answer[:m].ravel()
