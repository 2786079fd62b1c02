"""Two-body excess entropy of an atom: how far its pair distribution is from that of an ideal gas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.features.combinations import coarse_grain
from zoo.features.conditions import declines_if_open
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets
from zoo.features.radial import radial_functions

if TYPE_CHECKING:
    from zoo.glass import Glass

REACH = 6.0
"""Å, upper limit of the integral."""
SIGMA, SPACING = 0.2, 0.1
"""Å: width of the Gaussians that smear g(r), and of the steps of the integral."""
AVERAGE = 6.0
"""Å, within which the coarse-grained entropy is averaged."""
TINY = np.float32(1e-10)
"""Of g, below which g ln g is 0."""
ROWS = 1000
"""Atoms integrated at a time: the arrays of more would leave the processor's cache."""


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """Blind to species, by species of the neighbours; both also coarse-grained."""
    return (
        Column("s2", "k_B", "entropy", REACH),
        Column("s2_by_species", "k_B", "entropy", REACH),
        Column("s2_cg", "k_B", "entropy", REACH + AVERAGE),
        Column("s2_by_species_cg", "k_B", "entropy", REACH + AVERAGE),
    )


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Two-body excess entropy.

    ``s2_i = -2π Σ_b ρ_b ∫ [g_ib ln g_ib - g_ib + 1] r² dr`` up to 6 Å, with ``g_ib`` the Gaussian-smeared pair
    distribution of atom i with species b and ``ρ_b`` its density in the whole glass; one sum over all atoms without
    regard to species in the first column. In 2D ``-π Σ_b ρ_b ∫ [...] r dr``.

    Returns
    -------
    ndarray of shape (n_atoms, 4), float32, k_B
        Negative; the more ordered the surroundings, the lower. Coarse-grained: see
        :func:`zoo.features.combinations.coarse_grain`. Equal to the integral on a fine grid to 1e-2; mdapy's numbers
        differ, as it takes steps of 0.2 Å and no neighbours beyond 6 Å: its integral done so equals them to 2e-6.

    References
    ----------
    Piaggi & Parrinello, J. Chem. Phys. 147, 114112 (2017), eq. 2.
    """
    sums = radial_functions(glass, kinds, 0.0, REACH + SPACING, SPACING, SIGMA).reshape(len(glass), len(kinds), -1)
    density = np.array([(glass.species == kind).sum() for kind in kinds]) / glass.volume
    blocks = [_integrate(sums[begin : begin + ROWS], density, glass.dimension) for begin in range(0, len(glass), ROWS)]
    own = np.vstack(blocks)
    return np.hstack([own, coarse_grain(glass, own, AVERAGE)])


def _integrate(sums: FloatArray, density: np.ndarray, dimension: int) -> FloatArray:
    """Entropy (k_B), blind to species and by species, from sums of Gaussians (n, n_kinds, n_centers) at 0, 0.1, ... Å.

    By the trapezoidal rule, in single precision: the integrand is nowhere negative, so that nothing cancels.
    """
    r = np.arange(1, sums.shape[2]) * SPACING
    shell = 4 * np.pi * r * r if dimension == 3 else 2 * np.pi * r
    weight = -0.5 * SPACING * shell
    weight[-1] *= 0.5
    to_density = np.float32(1.0 / (np.sqrt(2 * np.pi) * SIGMA * shell))
    around = sums[:, :, 1:] * to_density
    entropy = np.zeros((len(sums), 2), np.float32)
    entropy[:, 0] = _excess(around.sum(axis=1), density.sum(), weight)
    for kind in np.flatnonzero(density):
        entropy[:, 1] += _excess(around[:, kind], density[kind], weight)
    return entropy


def _excess(around: FloatArray, density: float, weight: np.ndarray) -> FloatArray:
    """Weighted sum of ``g ln g - g + 1`` over the last axis, with ``g`` the density around an atom over the mean."""
    g = around / np.float32(density)
    integrand = g * (np.log(np.maximum(g, TINY)) - 1) + 1
    return np.asarray(np.einsum("ij,j->i", integrand, np.float32(density * weight)))


ENTROPY = feature_sets.register(
    FeatureSet(
        name="entropy",
        title="Two-body excess entropy, plain and coarse-grained",
        citation="Piaggi & Parrinello, J. Chem. Phys. 147, 114112 (2017)",
        version=2,
        columns=columns,
        compute=compute,
        declines=declines_if_open,
    )
)
