"""Embedded-atom energy, forces and Hessian products of the atoms near a centre, all others frozen; compiled by numba.

A frozen atom within reach keeps the density that other frozen atoms give it, so that energies and forces are those of
the whole periodic glass.

References
----------
Daw & Baskes, Phys. Rev. B 29, 6443 (1984); Finnis & Sinclair, Phil. Mag. A 50, 45 (1984).
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from zoo.simulation.cluster import FORCE_CALLS, PRODUCTS, SKIN, inner, kernel, largest_approach, list_pairs


@kernel
def free_atoms(c, w, m):
    """Let the first ``m`` atoms move from the start, at zero energy; False if the list of pairs has no room."""
    if not list_pairs(c, w, c.start, m, True):
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
    if largest_approach(w.listed, x, m) > SKIN and not list_pairs(c, w, x, m, False):
        return np.nan
    w.calls[FORCE_CALLS] += 1
    total, reached = _pair_terms(c, w, x, m)
    total += _embed(c, w, m, reached)
    _pull(w, m, curvature)
    return total - w.zero[0]


@inner
def _cubic(table, a, b, k, first, p):
    """Value of a cubic at 0 <= p < 1 and its first two derivatives; four coefficients from ``first`` on."""
    c1, c2, c3 = table[a, b, k, first + 1], table[a, b, k, first + 2], table[a, b, k, first + 3]
    return ((c3 * p + c2) * p + c1) * p + table[a, b, k, first], (3 * c3 * p + 2 * c2) * p + c1, 6 * c3 * p + 2 * c2


@inner
def _pair_terms(c, w, x, m):
    """Keep the pairs within the cutoff and add up densities; pair energy (eV) and one beyond the farthest atom met."""
    kind, offset, cutoff, density_cutoff, pair = c.kind, c.offset, c.cutoff, c.density_cutoff, c.pair
    first, neighbor, image, density = w.first, w.neighbor, w.image, w.density
    pair_first, pair_index, pairs, bends = w.pair_first, w.pair_index, w.pairs, w.bends
    per_dr = 1.0 / c.dr
    density[:] = w.frozen_density
    total = 0.0
    size = 0
    reached = m
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
            reached = max(reached, j + 1)
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
            value, tilt, bow = _cubic(pair, a, b, k, 8, p)
            total += value
            pairs[size, 6] = tilt * per_dr
            bends[size, 2] = bow * per_dr * per_dr
            pairs[size, 4] = pairs[size, 5] = bends[size, 0] = bends[size, 1] = 0.0
            if r < density_cutoff[a, b]:
                value, tilt, bow = _cubic(pair, a, b, k, 0, p)
                own += value
                pairs[size, 4] = tilt * per_dr
                bends[size, 0] = bow * per_dr * per_dr
                value, tilt, bow = _cubic(pair, a, b, k, 4, p)
                density[j] += value
                pairs[size, 5] = tilt * per_dr
                bends[size, 1] = bow * per_dr * per_dr
            size += 1
        density[i] += own
    pair_first[m] = size
    return total, reached


@inner
def _embed(c, w, m, reached):
    """Embedding energy (eV) of mobile atoms, its change of frozen ones before ``reached``; its derivatives."""
    kind, embedding, density, slope, bend, before = c.kind, c.embedding, w.density, w.slope, w.bend, c.density
    per_drho = 1.0 / c.drho
    bins = embedding.shape[1] - 1
    total = 0.0
    for i in range(reached):
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


@inner
def _pull(w, m, curvature):
    """Forces from the slopes of the pairs that were kept; with ``curvature`` their second derivatives."""
    forces, slope = w.forces, w.slope
    pair_first, pair_index, pairs, bends = w.pair_first, w.pair_index, w.pairs, w.bends
    forces[:] = 0.0
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
