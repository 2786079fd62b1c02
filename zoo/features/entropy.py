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
        :func:`zoo.features.combinations.coarse_grain`.

    References
    ----------
    Piaggi & Parrinello, J. Chem. Phys. 147, 114112 (2017), eq. 2.
    """
    from zoo.features.kernels.entropy import integrate

    sums = radial_functions(glass, kinds, 0.0, REACH + SPACING, SPACING, SIGMA)
    density = np.array([(glass.species == kind).sum() for kind in kinds]) / glass.volume
    own = integrate(sums, len(kinds), density, SPACING, SIGMA, glass.dimension)
    return np.hstack([own.astype(np.float32), coarse_grain(glass, own, AVERAGE)])


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
