"""Second derivatives of an embedded-atom potential, compiled by numba.

All kernels read a full neighbour list (every pair from both sides) that holds no pair beyond its cutoff, and the
:class:`Bonds` made of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo._compiled import njit

Floats = NDArray[np.float64]


class Bonds(NamedTuple):
    """Derivatives of the energy with respect to distances, for a full list of m pairs.

    Attributes
    ----------
    start : ndarray of shape (n_atoms + 1,), int64
    neighbor : ndarray of shape (m,), int32
    direction : ndarray of shape (m, 3)
        Unit vector from the atom to its neighbour.
    distance : ndarray of shape (m,), Å
    given, taken : ndarray of shape (m,), 1/Å
        Slope of the density that the neighbour gives to the atom, and of the one that the atom gives to the neighbour.
    tension, stiffness : ndarray of shape (m,), eV/Å, eV/Å²
        First and second derivative of the energy with respect to the distance, all densities held fixed in the second.
    curvature : ndarray of shape (n_atoms,), eV
        Second derivative of the embedding energy with respect to the density.
    """

    start: NDArray[np.int64]
    neighbor: NDArray[np.int32]
    direction: Floats
    distance: Floats
    given: Floats
    taken: Floats
    tension: Floats
    stiffness: Floats
    curvature: Floats


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def fill_bonds(  # type: ignore[no-untyped-def]
    kind, pair, embedding, dr, drho, start, neighbor, distance, given, taken, tension, stiffness, curvature
):
    """Write the last five arrays; the others as in :class:`Bonds` and ``EmbeddedAtomTables``."""
    n = len(kind)
    slope = np.empty(n)
    last = embedding.shape[1] - 1
    for i in range(n):
        density = 0.0
        for q in range(start[i], start[i + 1]):
            p = distance[q] / dr
            k = int(p)
            p -= k
            c = pair[kind[i], kind[neighbor[q]], k]
            density += ((c[3] * p + c[2]) * p + c[1]) * p + c[0]
        p = density / drho
        k = max(0, min(int(p), last))
        p -= k
        c = embedding[kind[i], k]
        slope[i] = ((3 * c[3] * p + 2 * c[2]) * p + c[1]) / drho
        curvature[i] = (6 * c[3] * p + 2 * c[2]) / drho**2
    for i in range(n):
        for q in range(start[i], start[i + 1]):
            j = neighbor[q]
            p = distance[q] / dr
            k = int(p)
            p -= k
            c = pair[kind[i], kind[j], k]
            given[q] = ((3 * c[3] * p + 2 * c[2]) * p + c[1]) / dr
            taken[q] = ((3 * c[7] * p + 2 * c[6]) * p + c[5]) / dr
            direct = ((3 * c[11] * p + 2 * c[10]) * p + c[9]) / dr
            tension[q] = slope[i] * given[q] + slope[j] * taken[q] + direct
            stiffness[q] = (
                slope[i] * (6 * c[3] * p + 2 * c[2]) + slope[j] * (6 * c[7] * p + 2 * c[6]) + 6 * c[11] * p + 2 * c[10]
            ) / dr**2


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def count_blocks(start, neighbor):  # type: ignore[no-untyped-def]
    """Number of atoms in each row of the Hessian: the atom, its neighbours and theirs; shape (n_atoms,), int64."""
    n = len(start) - 1
    counts = np.zeros(n, np.int64)
    seen = np.full(n, -1)
    for i in range(n):
        seen[i] = i
        counts[i] = 1
        for q in range(start[i], start[i + 1]):
            k = neighbor[q]
            if seen[k] != i:
                seen[k] = i
                counts[i] += 1
            for s in range(start[k], start[k + 1]):
                j = neighbor[s]
                if seen[j] != i:
                    seen[j] = i
                    counts[i] += 1
    return counts


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def fill_blocks(bonds, row_start, columns, blocks):  # type: ignore[no-untyped-def]
    """Write the Hessian in compressed rows of 3x3 blocks, columns in rising order.

    Parameters
    ----------
    bonds : Bonds
    row_start : (n_atoms + 1,) int64, from :func:`count_blocks`
    columns : (n_blocks,) int32, written
    blocks : (n_blocks, 3, 3), eV/Å², written

    Notes
    -----
    With g_k the gradient of the density at atom k, H = (stiffness and tension of the bonds) + sum_k F''_k g_k g_k^T:
    the last term couples atoms that share a neighbour.
    """
    start, neighbor, direction, distance, given, taken, tension, stiffness, curvature = bonds
    n = len(start) - 1
    own = np.zeros((n, 3))  # derivative of the density at an atom with respect to its own position
    for i in range(n):
        for q in range(start[i], start[i + 1]):
            for a in range(3):
                own[i, a] -= given[q] * direction[q, a]
    row = np.zeros((n, 3, 3))
    touched = np.zeros(n, np.bool_)
    share = np.empty(3)
    for i in range(n):
        touched[i] = True
        for q in range(start[i], start[i + 1]):
            j = neighbor[q]
            touched[j] = True
            across = tension[q] / distance[q]
            for a in range(3):
                for b in range(3):
                    value = (stiffness[q] - across) * direction[q, a] * direction[q, b]
                    if a == b:
                        value += across
                    row[j, a, b] -= value
                    row[i, a, b] += value
        for q in range(start[i] - 1, start[i + 1]):
            if q < start[i]:  # the atom's own density
                k = np.int64(i)
                for a in range(3):
                    share[a] = curvature[i] * own[i, a]
            else:
                k = np.int64(neighbor[q])
                for a in range(3):
                    share[a] = -curvature[k] * taken[q] * direction[q, a]
            for a in range(3):
                for b in range(3):
                    row[k, a, b] += share[a] * own[k, b]
            for s in range(start[k], start[k + 1]):
                j = neighbor[s]
                touched[j] = True
                for a in range(3):
                    for b in range(3):
                        row[j, a, b] += share[a] * given[s] * direction[s, b]
        at = row_start[i]
        for j in range(n):
            if touched[j]:
                columns[at] = j
                for a in range(3):
                    for b in range(3):
                        blocks[at, a, b] = row[j, a, b]
                        row[j, a, b] = 0.0
                touched[j] = False
                at += 1


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def linear_response(bonds, gradient, moves, forces, virials):  # type: ignore[no-untyped-def]
    """Change of forces and atomic virials, to first order, when the space is deformed and atoms move on top of it.

    Parameters
    ----------
    bonds : Bonds
    gradient : (3, 3)
        Displacement gradient: a bond r changes by ``gradient @ r``.
    moves : (n_atoms, 3), Å
    forces : (n_atoms, 3), eV/Å, written
    virials : (n_atoms, 3, 3), eV, written
        Of half of the sum over an atom's bonds of r times tension: their sum over atoms is stress times volume.
    """
    start, neighbor, direction, distance, given, taken, tension, stiffness, curvature = bonds
    n = len(start) - 1
    slope = np.zeros(n)  # change of the slope of the embedding energy
    forces[:] = 0.0
    virials[:] = 0.0
    change = np.empty(3)
    for i in range(n):
        for q in range(start[i], start[i + 1]):
            u, r, j = direction[q], distance[q], neighbor[q]
            longer = 0.0
            for a in range(3):
                affine = r * (gradient[a, 0] * u[0] + gradient[a, 1] * u[1] + gradient[a, 2] * u[2])
                longer += u[a] * (affine + moves[j, a] - moves[i, a])
            slope[i] += curvature[i] * given[q] * longer
    for i in range(n):
        for q in range(start[i], start[i + 1]):
            u, r, j = direction[q], distance[q], neighbor[q]
            longer = 0.0
            for a in range(3):
                affine = r * (gradient[a, 0] * u[0] + gradient[a, 1] * u[1] + gradient[a, 2] * u[2])
                change[a] = affine + moves[j, a] - moves[i, a]
                longer += u[a] * change[a]
            stretch = stiffness[q] * longer + slope[i] * given[q] + slope[j] * taken[q] - tension[q] * longer / r
            for a in range(3):
                forces[i, a] += stretch * u[a] + tension[q] * change[a] / r
                for b in range(3):
                    virials[i, a, b] += 0.5 * (
                        stretch * r * u[a] * u[b] + tension[q] * (change[a] * u[b] + u[a] * change[b])
                    )
