"""Non-affine displacement and local strain between two configurations of the same atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo._compiled import njit
from zoo.errors import GlassMismatchError
from zoo.glass import Glass
from zoo.neighbors import find_neighbors, require_cutoff_fits

FLAT = 1e-9
"""Determinant of the neighbours' moments below which they lie in a plane; 1 for neighbours on all sides alike."""


@dataclass(frozen=True)
class LocalDeformation:
    """Best affine fit of each atom's surroundings.

    Attributes
    ----------
    d2min : ndarray of shape (n_atoms,), float64, Å²
        Mean squared distance of the neighbours from the affine fit; NaN where these do not fix it or leave nothing
        over: no more neighbours than dimensions, or all of them in one plane. OVITO gives the sum instead of the
        mean, equal to 1e-14 (see the tests).
    von_mises : ndarray of shape (n_atoms,), float64, dimensionless
        von Mises invariant of the local Green-Lagrange strain; as many neighbours as dimensions fix it.
    """

    d2min: NDArray[np.float64]
    von_mises: NDArray[np.float64]


def local_deformation(reference: Glass, deformed: Glass, cutoff: float = 3.8) -> LocalDeformation:
    """Least-squares non-affine displacement of every atom, mean over its neighbours, and its local shear strain.

    Parameters
    ----------
    reference, deformed : Glass
        The same ``n_atoms`` atoms before and after deformation, in the same order. Atoms may have been wrapped into
        the cell in between: of all images of a neighbour, the one nearest to the affine prediction is taken.
    cutoff : float, Å
        Neighbours are taken within this distance in ``reference``; about the first minimum of g(r).

    Returns
    -------
    LocalDeformation

    Raises
    ------
    GlassMismatchError
        Atom counts, species, dimensions or periodic directions differ.
    CutoffError
        The cell is too small for ``cutoff``.

    References
    ----------
    Falk & Langer, Phys. Rev. E 57, 7192 (1998), eqs. 2.11-2.14; Shimizu, Ogata & Li, Mater. Trans. 48, 2923 (2007).
    """
    if reference.positions.shape != deformed.positions.shape:
        raise GlassMismatchError(
            "reference and deformed must hold the same atoms, got "
            f"{reference.positions.shape} and {deformed.positions.shape} positions"
        )
    if not np.array_equal(reference.species, deformed.species):
        first = int(np.flatnonzero(reference.species != deformed.species)[0])
        raise GlassMismatchError(
            f"reference and deformed must list the same atoms in the same order, but atom {first} is "
            f"{reference.species[first]} in one and {deformed.species[first]} in the other: sort both by atom id"
        )
    if not np.array_equal(reference.periodic, deformed.periodic):
        raise GlassMismatchError(
            "reference and deformed must be periodic in the same directions, got "
            f"{reference.periodic.tolist()} and {deformed.periodic.tolist()}"
        )
    d = reference.dimension
    require_cutoff_fits(reference, cutoff)
    neighbors = find_neighbors(reference, cutoff)
    center = neighbors.center
    before = np.ascontiguousarray(neighbors.vector[:, :d])
    after = _nearest_to_affine(reference, deformed, center, neighbors.index, before)
    moments, cross = _moments(neighbors.start, before, after)
    enough = np.linalg.det(moments) > FLAT * (np.trace(moments, axis1=1, axis2=2) / d) ** d
    moments[~enough] = np.eye(d)
    gradient = np.linalg.solve(moments, cross)  # after = before @ gradient
    residual = after - np.einsum("pa,pab->pb", before, gradient[center])
    summed = np.bincount(center, (residual**2).sum(axis=1), minlength=len(reference))
    left = enough & (neighbors.counts > d)  # d neighbours are fitted exactly, which says nothing
    d2min = np.where(left, summed / np.maximum(neighbors.counts, 1), np.nan)
    strain = 0.5 * (gradient @ np.swapaxes(gradient, 1, 2) - np.eye(d))
    return LocalDeformation(d2min, np.where(enough, _von_mises(strain), np.nan))


def nonaffine_displacement(reference: Glass, deformed: Glass, cutoff: float = 3.8) -> NDArray[np.float64]:
    """``d2min`` of :func:`local_deformation`: shape (n_atoms,), float64, Å²."""
    return local_deformation(reference, deformed, cutoff).d2min


def _nearest_to_affine(
    reference: Glass,
    deformed: Glass,
    center: NDArray[np.int64],
    index: NDArray[np.int32],
    before: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Vectors to the neighbours after deformation, shape (n_pairs, d), Å."""
    expected = before @ np.linalg.inv(reference.cell)
    fractional = (deformed.positions[index] - deformed.positions[center]) @ np.linalg.inv(deformed.cell)
    turns = np.where(deformed.periodic, np.rint(expected - fractional), 0.0)
    return np.asarray((fractional + turns) @ deformed.cell)


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _moments(start, before, after):  # type: ignore[no-untyped-def]
    """Sums over neighbours of before⊗before and before⊗after, each of shape (n_atoms, d, d), Å²."""
    n, d = len(start) - 1, before.shape[1]
    moments = np.zeros((n, d, d))
    cross = np.zeros((n, d, d))
    for i in range(n):
        for p in range(start[i], start[i + 1]):
            for a in range(d):
                for b in range(d):
                    moments[i, a, b] += before[p, a] * before[p, b]
                    cross[i, a, b] += before[p, a] * after[p, b]
    return moments, cross


def _von_mises(strain: NDArray[np.float64]) -> NDArray[np.float64]:
    d = strain.shape[1]
    deviator = strain - np.trace(strain, axis1=1, axis2=2)[:, None, None] / d * np.eye(d)
    return np.asarray(np.sqrt(0.5 * np.einsum("iab,iab->i", deviator, deviator)))
