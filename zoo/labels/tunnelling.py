"""Double wells along a minimum-energy path: the flag, the barrier, and the quantum levels in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.errors import ZooError

Floats = NDArray[np.float64]

DEPTH = 1e-4
"""Dips and bumps of the energy along a path that are smaller than this are taken for noise of the path."""
MINIMUM, MAXIMUM = -1, 1
GRID = 2000
"""Points of the finite differences; twice as many change splittings by less than 1e-3 of themselves."""


@dataclass(frozen=True)
class Wells:
    """Shape of the energy along a path between two minima.

    Attributes
    ----------
    n_minima, n_barriers : int
        Both ends are minima of the glass and count as such, however low the barrier beside them.
    barrier : float
        From the lower end to the highest point.
    asymmetry : float
        Absolute difference of the energies of the two ends.
    """

    n_minima: int
    n_barriers: int
    barrier: float
    asymmetry: float

    @property
    def is_double_well(self) -> bool:
        """One barrier, no third minimum."""
        return self.n_barriers == 1 and self.n_minima == 2


def count_wells(energy: ArrayLike, depth: float = DEPTH) -> Wells:
    """Minima and barriers of the energy along a path, both ends included.

    Parameters
    ----------
    energy : array_like of shape (n,)
        From one minimum to the other.
    depth : float, units of energy
        Between the ends, a minimum counts if the energy rises by more than this on both sides before it falls below it,
        a barrier if it falls by more than this on both sides.

    Returns
    -------
    Wells

    References
    ----------
    Khomenko, Scalliet, Berthier, Reichman & Zamponi, Phys. Rev. Lett. 124, 225901 (2020).
    """
    values = np.asarray(energy, dtype=float)
    if values.ndim != 1 or len(values) < 3 or not np.isfinite(values).all():
        raise ZooError(f"a path needs at least three finite energies in a row, got shape {values.shape}")
    turns = _turning_points(values, depth)
    lower = min(values[0], values[-1])
    return Wells(
        n_minima=2 + turns[1:-1].count(MINIMUM),
        n_barriers=turns[1:-1].count(MAXIMUM),
        barrier=float(values.max() - lower),
        asymmetry=float(abs(values[-1] - values[0])),
    )


def _turning_points(values: Floats, depth: float) -> list[int]:
    """``MINIMUM`` and ``MAXIMUM`` in turn, ends included, each ``depth`` apart from the one before and after."""
    turns: list[int] = []
    low = high = values[0]
    for value in values[1:]:
        going = -turns[-1] if turns else 0  # up after a minimum, down after a maximum, unknown at first
        low, high = min(low, value), max(high, value)
        if going <= 0 and value - low > depth:
            turns.append(MINIMUM)
            high = value
        elif going >= 0 and high - value > depth:
            turns.append(MAXIMUM)
            low = value
    return [*turns, -turns[-1]] if turns else []


def energy_levels(
    coordinate: ArrayLike, energy: ArrayLike, hbar: float, mass: float = 1.0, n_levels: int = 2, grid: int = GRID
) -> Floats:
    """Lowest levels of ``-(hbar² / 2 mass) d²/ds² + V(s)`` between hard walls.

    V is the cubic spline through the points. The operator in central differences on an even grid is a symmetric
    tridiagonal matrix, for which LAPACK's solver behind :func:`scipy.linalg.eigh_tridiagonal` finds just the lowest
    eigenvalues to machine precision: unlike a shift-and-invert Lanczos iteration it has no starting vector, no shift
    to choose, and no trouble with the two almost equal levels of a high barrier. The levels on two grids are
    extrapolated to a vanishing spacing.

    Parameters
    ----------
    coordinate : array_like of shape (n,)
        Ascending; it must reach beyond both wells, to where the wave functions vanish.
    energy : array_like of shape (n,)
    hbar, mass : float
        In the units of ``coordinate`` and ``energy``; 1 mass = energy time² / length².
    n_levels, grid : int

    Returns
    -------
    ndarray of shape (n_levels,), float64
        Ascending, from the same zero as ``energy``.

    Raises
    ------
    ZooError
        Fewer than four points, or ``coordinate`` does not ascend.
    """
    from scipy.interpolate import CubicSpline

    s, v = np.asarray(coordinate, dtype=float), np.asarray(energy, dtype=float)
    if s.shape != v.shape or len(s) < 4 or not (np.diff(s) > 0).all():
        raise ZooError(f"a potential needs at least four points that ascend, got {len(s)} with shape {v.shape}")
    spline = CubicSpline(s, v - v.min())
    coarse, fine = (_levels(spline, s[0], s[-1], hbar, mass, n_levels, points) for points in (grid // 2, grid))
    return np.asarray(v.min() + fine + (fine - coarse) / ((grid + 1) ** 2 / (grid // 2 + 1) ** 2 - 1))


def _levels(potential: object, left: float, right: float, hbar: float, mass: float, n: int, points: int) -> Floats:
    from scipy.linalg import eigh_tridiagonal

    step = (right - left) / (points + 1)
    s = left + step * np.arange(1, points + 1)
    hop = hbar**2 / (2.0 * mass * step**2)
    diagonal = 2.0 * hop + potential(s)  # type: ignore[operator]
    off = np.full(points - 1, -hop)
    return np.asarray(eigh_tridiagonal(diagonal, off, eigvals_only=True, select="i", select_range=(0, n - 1)))


def quantum_splitting(coordinate: ArrayLike, energy: ArrayLike, hbar: float, mass: float = 1.0) -> float:
    """``E1 - E0`` of :func:`energy_levels`: the tunnel splitting of a double well if it is almost symmetric."""
    lowest, next_ = energy_levels(coordinate, energy, hbar, mass)
    return float(next_ - lowest)
