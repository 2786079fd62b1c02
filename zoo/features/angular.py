"""Angular symmetry functions: the angles between an atom's neighbours, by their species and the triangle's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass

UNIT = 2.55
"""Å of one σ: published widths are in the diameter σ of a Lennard-Jones particle, whose nearest neighbours are at
1.07 σ; those of a Cu-Zr glass are at 2.72 Å."""
CUTOFF = 5.0
"""Å, about 2 σ."""
PARAMETERS = (
    *((14.638, lam, zeta) for zeta in (1, 2) for lam in (-1, 1)),
    *((2.554, lam, zeta) for zeta in (1, 2) for lam in (-1, 1)),
    *((1.648, 1, zeta) for zeta in (1, 2)),
    *((xi, 1, zeta) for xi in (1.204, 0.933, 0.695) for zeta in (1, 2, 4, 16)),
)
"""(ξ in σ, λ, ζ) of the 22 published functions."""


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """The published functions for every pair of species of the neighbours."""
    return tuple(
        Column(f"angle_{a}_{b}_xi{xi:g}_lambda{lam}_zeta{zeta}", "1", f"angles of {a} and {b}", round(xi * UNIT, 3))
        for k, a in enumerate(kinds)
        for b in kinds[k:]
        for xi, lam, zeta in PARAMETERS
    )


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Angular symmetry functions.

    ``2^(1-ζ) Σ_jk (1 + λ cos θ_jik)^ζ exp(-(r_ij² + r_ik² + r_jk²) / ξ²) f(r_ij) f(r_ik) f(r_jk)`` over pairs of
    neighbours, with the cosine cutoff function ``f`` that vanishes at 5 Å.

    Returns
    -------
    ndarray of shape (n_atoms, 22 n_pairs), float32, dimensionless
        Equal to DScribe's ACSF G4 with ``η = 1/ξ²`` to 1e-4 of the value (see the tests).

    References
    ----------
    Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007); parameters: Cubuk et al., Phys. Rev. Lett. 114, 108001
    (2015), there without ``f`` but cut off too.
    """
    from zoo.features.kernels.angular import sum_triples
    from zoo.neighbors import neighbor_batches

    widths = sorted({xi for xi, _, _ in PARAMETERS})
    eta = np.array([(xi * UNIT) ** -2 for xi in widths])
    which = np.array([widths.index(xi) for xi, _, _ in PARAMETERS])
    sign = np.array([float(lam) for _, lam, _ in PARAMETERS])
    doublings = np.array([zeta.bit_length() - 1 for _, _, zeta in PARAMETERS])
    kind, n_kinds = glass.species_index(kinds), len(kinds)
    table = np.empty((len(glass), n_kinds * (n_kinds + 1) // 2 * len(PARAMETERS)), np.float32)
    for atoms, near in neighbor_batches(glass, CUTOFF):
        sums = sum_triples(near.start, near.index, near.vector, kind, n_kinds, CUTOFF, eta, which, sign, doublings)
        table[atoms] = sums.reshape(len(sums), -1)
    return table


ANGULAR = feature_sets.register(
    FeatureSet(
        name="angular",
        title="Angular symmetry functions",
        citation=(
            "Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007); Cubuk et al., Phys. Rev. Lett. 114, 108001 (2015)"
        ),
        version=1,
        columns=columns,
        compute=compute,
    )
)
