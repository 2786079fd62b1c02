"""Local shear moduli: how the stress of each atom answers to a small uniform shear of the whole glass."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from ase import units
from numpy.typing import NDArray

from zoo.simulation.hessian_kernels import Bonds, linear_response

Floats = NDArray[np.float64]

PLANES = ((0, 1), (0, 2), (1, 2))
"""xy, xz and yz."""


class ShearModuli(NamedTuple):
    """Of every atom in the planes xy, xz and yz.

    Attributes
    ----------
    affine : ndarray of shape (n_atoms, 3), GPa
        All atoms follow the shear (Born term).
    relaxed : ndarray of shape (n_atoms, 3), GPa
        Atoms move on to the new minimum. Both are averages over the atoms, weighted by their volumes, of which the
        whole glass has the plain value.
    nonaffine : ndarray of shape (n_atoms, 3), Å
        How far each atom moves beyond the shear, per unit of strain.
    """

    affine: Floats
    relaxed: Floats
    nonaffine: Floats


def shear_moduli(bonds: Bonds, volumes: Floats, relax: Callable[[Floats], Floats]) -> ShearModuli:
    """Derivatives of the atomic stresses with respect to a uniform engineering shear strain of the cell.

    The stress of an atom is half of the sum over its bonds of r_a f_b, over its volume. The strain is pure shear, so
    that local stresses are not turned with the cell. The sum of moduli times volumes is the second derivative of the
    energy: Born term minus Xi^T H^-1 Xi, Xi the forces that an affine shear gives rise to.

    Parameters
    ----------
    bonds : Bonds
        From :func:`zoo.simulation.vibrations.find_bonds`.
    volumes : ndarray of shape (n_atoms,), Å³
    relax : callable
        Forces (n_atoms, 3; eV/Å) to the moves (Å) that balance them to first order, such as ``Vibrations.relax``.

    Returns
    -------
    ShearModuli

    References
    ----------
    Lutsko, J. Appl. Phys. 65, 2991 (1989); Lemaître & Maloney, J. Stat. Phys. 123, 415 (2006); local values: Mizuno,
    Mossa & Barrat, Phys. Rev. E 87, 042306 (2013).
    """
    n_atoms = len(volumes)
    affine, relaxed, nonaffine = np.empty((3, n_atoms, len(PLANES)))
    forces, virials = np.empty((n_atoms, 3)), np.empty((n_atoms, 3, 3))
    for at, (a, b) in enumerate(PLANES):
        gradient = np.zeros((3, 3))
        gradient[a, b] = gradient[b, a] = 0.5
        linear_response(bonds, gradient, np.zeros((n_atoms, 3)), forces, virials)
        affine[:, at] = virials[:, a, b] / volumes / units.GPa
        moves = relax(forces)
        linear_response(bonds, gradient, moves, forces, virials)
        relaxed[:, at] = virials[:, a, b] / volumes / units.GPa
        nonaffine[:, at] = np.sqrt((moves**2).sum(axis=1))
    return ShearModuli(affine, relaxed, nonaffine)
