"""Soft repulsive spheres of many sizes in a cubic cell: energy, forces, dynamics and swap Monte Carlo, by numba.

The pair potential is ``v(x) = x^-6 + c4 x^2 + c2 x + c0`` with ``x = (r / sigma_ij)^2``; the three constants let v, v'
and v'' vanish at ``r = 1.25 sigma_ij``. Lengths are in σ, energies in ε, masses in m, times in σ sqrt(m/ε).

References
----------
Ninarello, Berthier & Coslovich, Phys. Rev. X 7, 021039 (2017), eqs. 1-3.
"""

from __future__ import annotations

import numpy as np

from zoo._compiled import njit

CUTOFF = 1.25
"""In units of sigma_ij."""
NON_ADDITIVITY = 0.2
C0 = -28.0 / CUTOFF**12
C2 = 48.0 / CUTOFF**14
C4 = -21.0 / CUTOFF**16
LIMIT = CUTOFF**2

_inline = njit(cache=True, fastmath=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
_compiled = njit(cache=True, fastmath=True)


@_inline
def _mixed(a, b):  # type: ignore[no-untyped-def]
    """sigma_ij of two diameters: non-additive, so that large and small spheres do not demix."""
    return 0.5 * (a + b) * (1.0 - NON_ADDITIVITY * abs(a - b))


@_inline
def _squared(positions, i, j, edge, per_edge):  # type: ignore[no-untyped-def]
    """Squared distance to the nearest image."""
    dx = positions[i, 0] - positions[j, 0]
    dy = positions[i, 1] - positions[j, 1]
    dz = positions[i, 2] - positions[j, 2]
    dx -= edge * np.rint(dx * per_edge)
    dy -= edge * np.rint(dy * per_edge)
    dz -= edge * np.rint(dz * per_edge)
    return dx * dx + dy * dy + dz * dz


@_compiled
def select_pairs(positions, diameters, edge, skin, start, index):  # type: ignore[no-untyped-def]
    """Of a half list, the pairs within ``1.25 sigma_ij + skin``; returns (start, index) of the shorter list."""
    n = len(diameters)
    kept_start = np.zeros(n + 1, np.int64)
    kept = np.empty(len(index), np.int32)
    found = 0
    for i in range(n):
        for q in range(start[i], start[i + 1]):
            j = index[q]
            reach = CUTOFF * _mixed(diameters[i], diameters[j]) + skin
            if _squared(positions, i, j, edge, 1.0 / edge) < reach * reach:
                kept[found] = j
                found += 1
        kept_start[i + 1] = found
    return kept_start, kept[:found].copy()


@_compiled
def soft_forces(positions, diameters, edge, start, index, forces, energies):  # type: ignore[no-untyped-def]
    """Total energy of a half list of pairs; forces (n, 3) and energies (n,) of the atoms are written in place."""
    n = len(diameters)
    per_edge = 1.0 / edge
    near = np.empty((n, 5))
    near_index = np.empty(n, np.uint64)
    total = 0.0
    for i in range(n):
        energies[i] = 0.0
        for c in range(3):
            forces[i, c] = 0.0
    for i in range(n):
        x, y, z, own = positions[i, 0], positions[i, 1], positions[i, 2], diameters[i]
        m = 0
        for q in range(start[i], start[i + 1]):  # select first: a mispredicted branch costs more than the distance
            j = np.uint64(index[q])  # unsigned: numba then spares the check for a negative index
            dx = x - positions[j, 0]
            dy = y - positions[j, 1]
            dz = z - positions[j, 2]
            dx -= edge * np.rint(dx * per_edge)
            dy -= edge * np.rint(dy * per_edge)
            dz -= edge * np.rint(dz * per_edge)
            sigma = _mixed(own, diameters[j])
            per_square = 1.0 / (sigma * sigma)
            u = (dx * dx + dy * dy + dz * dz) * per_square
            near_index[m] = j
            near[m, 0] = dx
            near[m, 1] = dy
            near[m, 2] = dz
            near[m, 3] = per_square
            near[m, 4] = u
            m += u < LIMIT
        fx = fy = fz = e = 0.0
        for k in range(m):
            u = near[k, 4]
            inverse = 1.0 / u
            sixth = inverse * inverse * inverse
            sixth *= sixth
            half = 0.5 * (sixth + C0 + u * (C2 + C4 * u))
            push = 2.0 * (6.0 * sixth * inverse - C2 - 2.0 * C4 * u) * near[k, 3]
            j = near_index[k]
            e += half
            energies[j] += half
            gx = push * near[k, 0]
            gy = push * near[k, 1]
            gz = push * near[k, 2]
            fx += gx
            fy += gy
            fz += gz
            forces[j, 0] -= gx
            forces[j, 1] -= gy
            forces[j, 2] -= gz
        forces[i, 0] += fx
        forces[i, 1] += fy
        forces[i, 2] += fz
        energies[i] += e
    for i in range(n):
        total += energies[i]
    return total


@_compiled
def verlet_steps(  # type: ignore[no-untyped-def]
    positions, velocities, forces, energies, diameters, edge, start, index, origin, reach, dt, steps
):
    """Velocity Verlet with unit masses, in place, until ``steps`` are done or an atom is ``reach`` from ``origin``.

    Returns the number of steps done; ``forces`` must be those of ``positions`` and are again afterwards, but for the
    last step before a return with fewer steps: then positions have moved out of the list, and the caller must find
    neighbours and forces anew and give the velocities their second half step.
    """
    n = len(diameters)
    for step in range(steps):
        farthest = 0.0
        for i in range(n):
            moved = 0.0
            for c in range(3):
                velocities[i, c] += 0.5 * dt * forces[i, c]
                positions[i, c] += dt * velocities[i, c]
                moved += (positions[i, c] - origin[i, c]) ** 2
            farthest = max(farthest, moved)
        if farthest > reach * reach:
            return step
        soft_forces(positions, diameters, edge, start, index, forces, energies)
        for i in range(n):
            for c in range(3):
                velocities[i, c] += 0.5 * dt * forces[i, c]
    return steps


@_inline
def _energy_of(i, diameter, positions, diameters, edge, start, index, near):  # type: ignore[no-untyped-def]
    """Energy of atom ``i`` with all others if it had this diameter; positions lie within the cell."""
    x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
    m = 0
    for q in range(start[i], start[i + 1]):
        j = np.uint64(index[q])
        dx = abs(x - positions[j, 0])
        dy = abs(y - positions[j, 1])
        dz = abs(z - positions[j, 2])
        dx = min(dx, abs(edge - dx))
        dy = min(dy, abs(edge - dy))
        dz = min(dz, abs(edge - dz))
        sigma = _mixed(diameter, diameters[j])
        near[m] = (dx * dx + dy * dy + dz * dz) / (sigma * sigma)
        m += near[m] < LIMIT
    energy = 0.0
    for k in range(m):
        u = near[k]
        inverse = 1.0 / u
        sixth = inverse * inverse * inverse
        energy += sixth * sixth + C0 + u * (C2 + C4 * u)
    return energy


@_compiled
def swap_moves(  # type: ignore[no-untyped-def]
    random, moves, temperature, jump, swaps, window, positions, diameters, edge, start, index, origin, reach, accepted
):
    """Metropolis moves in place until ``moves`` are tried or an atom is ``reach`` from ``origin``; how many were.

    A fraction ``swaps`` of them exchanges the diameters of two random atoms if these differ by less than ``window``
    (a condition that is the same for the way back, so detailed balance holds); the others shift an atom by up to
    ``jump / 2`` along each axis. ``start``, ``index``: full list valid for any exchange. ``accepted`` counts shifts
    and swaps.
    """
    n = len(diameters)
    near = np.empty(n)
    for move in range(moves):
        i = min(int(random.random() * n), n - 1)
        if random.random() < swaps:
            j = min(int(random.random() * n), n - 1)
            a, b = diameters[i], diameters[j]
            if i == j or abs(a - b) > window:
                continue
            # the pair i-j is counted twice on both sides; sigma_ij is symmetric, so it does not change
            before = _energy_of(i, a, positions, diameters, edge, start, index, near)
            before += _energy_of(j, b, positions, diameters, edge, start, index, near)
            diameters[i] = b
            diameters[j] = a
            after = _energy_of(i, b, positions, diameters, edge, start, index, near)
            after += _energy_of(j, a, positions, diameters, edge, start, index, near)
            if after <= before or random.random() < np.exp((before - after) / temperature):
                accepted[1] += 1
            else:
                diameters[i] = a
                diameters[j] = b
            continue
        x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
        before = _energy_of(i, diameters[i], positions, diameters, edge, start, index, near)
        for c in range(3):
            positions[i, c] += jump * (random.random() - 0.5)
        after = _energy_of(i, diameters[i], positions, diameters, edge, start, index, near)
        if after <= before or random.random() < np.exp((before - after) / temperature):
            accepted[0] += 1
            moved = 0.0
            for c in range(3):
                moved += (positions[i, c] - origin[i, c]) ** 2
            if moved > reach * reach:
                return move + 1
        else:
            positions[i, 0] = x
            positions[i, 1] = y
            positions[i, 2] = z
    return moves
