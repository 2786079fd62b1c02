"""Radial symmetry functions: the pair distribution around one atom, by species, smeared by a Gaussian.

``G_s(r) = Σ_j exp(-(r_ij - r)² / 2σ²)`` over neighbours ``j`` of species ``s``. Two published grids are registered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass

TAIL = 6.0
"""Widths σ beyond which a Gaussian (1.5e-8 there) is left out."""


def grid_columns(first: float, last: float, spacing: float) -> Callable[[tuple[str, ...]], tuple[Column, ...]]:
    """Columns for centres ``first``, ``first + spacing``, … below ``last`` (Å), for each species of neighbours."""
    n_centers = round((last - first) / spacing)

    def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
        return tuple(
            Column(f"g_{kind}_{first + k * spacing:.1f}", "1", f"density of {kind}", round(first + k * spacing, 3))
            for kind in kinds
            for k in range(n_centers)
        )

    return columns


def radial_functions(
    glass: Glass, kinds: tuple[str, ...], first: float, last: float, spacing: float, sigma: float
) -> FloatArray:
    """Radial symmetry functions on a regular grid of distances.

    Parameters
    ----------
    glass : Glass
        2D or 3D.
    kinds : tuple of str
        Species of neighbours, one block of columns each.
    first, last, spacing, sigma : float, Å
        Centres from ``first`` up to but not including ``last``; width of the Gaussian.

    Returns
    -------
    ndarray of shape (n_atoms, n_kinds * n_centers), float32, dimensionless
        Equal to DScribe's ACSF G2 with the same centres, up to that code's cutoff function (see the tests).
        Gaussians are read from a table, each good to 1.2e-7.

    Raises
    ------
    CutoffError
        See :func:`zoo.neighbors.require_cutoff`.

    References
    ----------
    Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007); Cubuk et al., Phys. Rev. Lett. 114, 108001 (2015).
    """
    from zoo.features.kernels.nearby import refuse_overlap, shared_bins
    from zoo.features.kernels.radial import gaussian_table, sum_gaussians

    n_centers = round((last - first) / spacing)
    species, tails = glass.species_index(kinds), int(np.ceil(TAIL * sigma / spacing))
    cutoff, table = first + (n_centers - 1) * spacing + TAIL * sigma, gaussian_table(spacing, sigma, tails)
    bins = shared_bins(glass, cutoff)
    sums, n_touching = sum_gaussians(bins, species, len(kinds), cutoff, first, spacing, n_centers, tails, table)
    refuse_overlap(glass, n_touching)
    return np.asarray(sums)


RADIAL = feature_sets.register(
    FeatureSet(
        name="radial",
        title="Radial functions, fine grid (2-10 Å, σ = 0.1 Å)",
        citation="Cubuk et al., Phys. Rev. Lett. 114, 108001 (2015)",
        version=3,
        columns=grid_columns(2.0, 10.0, 0.1),
        compute=lambda glass, kinds: radial_functions(glass, kinds, 2.0, 10.0, 0.1, 0.1),
    )
)
RADIAL_COARSE = feature_sets.register(
    FeatureSet(
        name="radial-coarse",
        title="Radial functions, coarse grid (1-8 Å, σ = 0.2 Å)",
        citation="Xu et al. (SAR descriptor); grid as in Wang, Ding & Ma, npj Comput. Mater. 6, 194 (2020)",
        version=3,
        columns=grid_columns(1.0, 8.0, 0.2),
        compute=lambda glass, kinds: radial_functions(glass, kinds, 1.0, 8.0, 0.2, 0.2),
    )
)
