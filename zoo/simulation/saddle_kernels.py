"""The stages of a search for one saddle point, from the kick to the minima that it joins; compiled by numba.

The activation-relaxation technique: leave the minimum along a random direction until the energy curves down, climb
along the lowest mode while the energy falls in all other directions, descend on both sides. Curvature comes from
Hessian products instead of differences of forces.

References
----------
Barkema & Mousseau, Phys. Rev. Lett. 77, 4358 (1996); Malek & Mousseau, Phys. Rev. E 62, 7723 (2000);
Cancès, Legoll, Marinica, Minoukadeh & Willaime, J. Chem. Phys. 130, 114711 (2009), for the use of Lanczos.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from zoo.simulation.cluster import inner, kernel
from zoo.simulation.cluster_kernels import energy_and_forces, hessian_product

CONNECTED, NOT_CONNECTED, NOT_CONVERGED, TOO_HIGH, NO_ESCAPE = range(5)
"""How a search may end."""

PUSH = 0.15
"""Å that the centre atom is driven at a time."""
PUSHES = 40
RELAXATIONS = 4
"""Steps of the other atoms, and of the centre across its direction, after each push."""
MOBILITY = 0.025
"""Å²/eV: step per force before anything is known of the curvature."""
ESCAPED = -0.05
"""eV/Å²: lowest curvature at which the basin is left."""
COLD, WARM, THOROUGH = 12, 3, 40
"""Lanczos vectors where the mode is not known, where it is, and where the second one is asked for."""
MEMORY = 12
"""Steps that L-BFGS remembers."""
LONGEST = 0.15
"""Å: longest move of an atom in one step."""
CLIMBS = 400
DESCENTS = 500
"""Limits of force calls."""


@inner
def _dot(a, b):
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@inner
def _longest(v):
    """Largest length among the 3-vectors of a flat array."""
    most = 0.0
    for i in range(0, len(v), 3):
        most = max(most, v[i] * v[i] + v[i + 1] * v[i + 1] + v[i + 2] * v[i + 2])
    return math.sqrt(most)


@inner
def _move(x, step):
    """Add a flat step to the first atoms of ``x``."""
    for i in range(len(step)):
        x[i // 3, i % 3] += step[i]


@inner
def _lanczos(c, w, m, start, size):
    """Krylov space of the Hessian from ``start``: orthonormal basis, Ritz values and vectors (in the basis).

    With full orthogonalisation, at the positions of the last call with ``curvature``.
    """
    n = 3 * m
    basis = np.empty((size, n))
    image = np.empty(n)
    tridiagonal = np.zeros((size, size))
    basis[0] = start / math.sqrt(_dot(start, start))
    length = size
    for k in range(size):
        hessian_product(c, w, m, basis[k], image)
        tridiagonal[k, k] = _dot(basis[k], image)
        if k + 1 == size:
            break
        for j in range(k + 1):
            along = _dot(basis[j], image)
            for i in range(n):
                image[i] -= along * basis[j, i]
        norm = math.sqrt(_dot(image, image))
        if norm < 1e-6:
            length = k + 1
            break
        tridiagonal[k, k + 1] = tridiagonal[k + 1, k] = norm
        basis[k + 1] = image / norm
    values, vectors = np.linalg.eigh(tridiagonal[:length, :length])
    return basis, values, vectors


@inner
def _combine(basis, weights, out):
    """Write the vector with these components in a basis; it leans towards the first vector of the basis."""
    out[:] = 0.0
    for k in range(len(weights)):
        weight = weights[k] if weights[0] >= 0.0 else -weights[k]
        for i in range(len(out)):
            out[i] += weight * basis[k, i]


@kernel
def lowest_mode(c, w, m, mode, size):
    """Lowest curvature (eV/Å²) in the Krylov space of ``size`` vectors from ``mode``, which is overwritten."""
    basis, values, vectors = _lanczos(c, w, m, mode, size)
    _combine(basis, vectors[:, 0], mode)
    return values[0]


@kernel
def second_mode(c, w, m, mode, other):
    """Second lowest curvature (eV/Å²): no less than the true one, so that a negative one proves a second descent.

    From the sum of ``mode``, the lowest one, and ``other``, a guess that is overwritten.
    """
    along = _dot(mode, other) / _dot(mode, mode)
    other -= along * mode
    other *= math.sqrt(_dot(mode, mode) / _dot(other, other))
    basis, values, vectors = _lanczos(c, w, m, mode + other, THOROUGH)
    _combine(basis, vectors[:, 1], other)
    return values[1]


@inner
def _quasi_newton(steps, changes, known, force, out):
    """Write the L-BFGS step for a force; the newest of ``known`` pairs comes last (Nocedal & Wright, alg. 7.4)."""
    out[:] = force
    weights = np.empty(known)
    for k in range(known - 1, -1, -1):
        weights[k] = _dot(steps[k], out) / _dot(steps[k], changes[k])
        for i in range(len(out)):
            out[i] -= weights[k] * changes[k, i]
    scale = MOBILITY
    if known:
        scale = _dot(steps[known - 1], changes[known - 1]) / _dot(changes[known - 1], changes[known - 1])
    for i in range(len(out)):
        out[i] *= scale
    for k in range(known):
        weight = weights[k] - _dot(changes[k], out) / _dot(steps[k], changes[k])
        for i in range(len(out)):
            out[i] += weight * steps[k, i]
    if known and _dot(out, force) <= 0.0:
        for i in range(len(out)):
            out[i] = MOBILITY * force[i]
        return 0
    return known


@inner
def _remember(steps, changes, known, step, change):
    """Keep a pair for L-BFGS, or forget all where the curvature along it is not positive."""
    if _dot(step, change) <= 1e-10:
        return 0
    if known == MEMORY:
        steps[:-1] = steps[1:].copy()
        changes[:-1] = changes[1:].copy()
        known -= 1
    steps[known] = step
    changes[known] = change
    return known + 1


@inner
def _shorten(step):
    longest = _longest(step)
    if longest > LONGEST:
        step *= LONGEST / longest


@kernel
def escape(c, w, m, x, kick, mode, ceiling):
    """Drive the centre atom along the unit vector ``kick`` until the lowest curvature is negative; how it ended.

    ``x`` and ``mode``, which then points away from the start, are overwritten.
    """
    mode[:] = 0.0
    mode[:3] = kick
    flat = w.forces.reshape(-1)
    step = np.empty(3 * m)
    for push in range(PUSHES):
        for k in range(3):
            x[0, k] += PUSH * kick[k]
        energy = energy_and_forces(c, w, x, m, False)
        for relaxation in range(RELAXATIONS):
            step[:] = flat[: 3 * m]
            along = _dot(step[:3], kick)
            for k in range(3):
                step[k] -= along * kick[k]
            step *= MOBILITY
            _shorten(step)
            _move(x, step)
            energy = energy_and_forces(c, w, x, m, relaxation == RELAXATIONS - 1)
        if math.isnan(energy):
            return NOT_CONVERGED
        if energy > ceiling:
            return TOO_HIGH
        if push >= 2 and lowest_mode(c, w, m, mode, COLD) < ESCAPED:
            away = 0.0
            for i in range(3 * m):
                away += mode[i] * (x[i // 3, i % 3] - c.start[i // 3, i % 3])
            if away < 0.0:
                mode *= -1.0
            return CONNECTED
    return NO_ESCAPE


@kernel
def climb(c, w, m, x, mode, tolerance, ceiling):
    """Climb along the lowest mode and relax across it, until the forces vanish: (how it ended, energy, curvature).

    L-BFGS on the force with its part along the mode inverted. ``x`` and ``mode`` are overwritten.
    """
    n = 3 * m
    flat = w.forces.reshape(-1)
    force, before, step, change = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    steps, changes = np.empty((MEMORY, n)), np.empty((MEMORY, n))
    known = 0
    energy = energy_and_forces(c, w, x, m, True)
    curvature = lowest_mode(c, w, m, mode, COLD)
    for _ in range(CLIMBS):
        if math.isnan(energy):
            return NOT_CONVERGED, energy, curvature
        if energy > ceiling:
            return TOO_HIGH, energy, curvature
        before[:] = flat[:n]
        if curvature < 0.0 and _longest(before) < tolerance:
            return CONNECTED, energy, curvature
        along = _dot(before, mode)
        if curvature < 0.0:
            for i in range(n):
                force[i] = before[i] - 2.0 * along * mode[i]
            known = _quasi_newton(steps, changes, known, force, step)
            _shorten(step)
        else:
            known = 0
            step[:] = mode if along < 0.0 else -mode
            step *= LONGEST / _longest(step)
        _move(x, step)
        energy = energy_and_forces(c, w, x, m, True)
        curvature = lowest_mode(c, w, m, mode, WARM if curvature < ESCAPED else COLD)
        for i in range(n):
            change[i] = before[i] - flat[i]
        along = _dot(change, mode)
        for i in range(n):
            change[i] -= 2.0 * along * mode[i]
        known = _remember(steps, changes, known, step, change)
    return NOT_CONVERGED, energy, curvature


@kernel
def descend(c, w, m, x, tolerance, home):
    """Energy (eV) of the minimum below ``x``, which is overwritten; NaN if it is not reached.

    L-BFGS; ends early where the start is recognised: no atom farther from it than ``home`` (Å), energy within 1e-3 eV.
    """
    n = 3 * m
    flat = w.forces.reshape(-1)
    before, step, change = np.empty(n), np.empty(n), np.empty(n)
    steps, changes = np.empty((MEMORY, n)), np.empty((MEMORY, n))
    known = 0
    energy = energy_and_forces(c, w, x, m, False)
    for _ in range(DESCENTS):
        before[:] = flat[:n]
        if math.isnan(energy) or _longest(before) < tolerance or is_home(c, x, m, energy, home):
            return energy
        known = _quasi_newton(steps, changes, known, before, step)
        _shorten(step)
        _move(x, step)
        lower = energy_and_forces(c, w, x, m, False)
        if lower > energy + 1e-6:
            step *= -0.9
            _move(x, step)
            step *= -1.0 / 9.0
            lower = energy_and_forces(c, w, x, m, False)
            known = 0
        else:
            for i in range(n):
                change[i] = before[i] - flat[i]
            known = _remember(steps, changes, known, step, change)
        energy = lower
    return np.nan


@kernel
def is_home(c, x, m, energy, home):
    """Whether a minimum is the start."""
    if abs(energy) > 1e-3:
        return False
    most = 0.0
    for i in range(m):
        most = max(
            most, (x[i, 0] - c.start[i, 0]) ** 2 + (x[i, 1] - c.start[i, 1]) ** 2 + (x[i, 2] - c.start[i, 2]) ** 2
        )
    return most < home * home
