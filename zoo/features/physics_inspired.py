"""Density, energy, surface of the Voronoi cell and spread of the energy around an atom, over several lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.features.conditions import declines_if_open, declines_without
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass

LENGTHS = (1.0, 2.0, 3.0, 4.0, 6.0)
"""Å, over which the weight falls to 1/e."""
CUTOFF = 10.0
"""Å; the weight is taken to 0 smoothly there."""
QUANTITIES = (
    ("density", "1", "density"),
    ("energy", "eV", "energy"),
    ("surface", "Å²", "density"),
    ("energy_variance", "eV²", "energy"),
)


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """Each quantity at each length, over the atoms of each species and over all."""
    return tuple(
        Column(f"{name}_{group}_{length:g}", unit, f"{family} of surroundings", length)
        for group in (*kinds, "all")
        for length in LENGTHS
        for name, unit, family in QUANTITIES
    )


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Coarse-grained physical quantities of the inherent structure.

    With ``w(r) = exp(-r / l) (1 - (r / 10 Å)²)²`` over the atom itself and all others: ``ρ = Σ w``, means of the
    potential energy and of the surface of the Voronoi cell, and the variance of the energy, all weighted by ``w``.

    Returns
    -------
    ndarray of shape (n_atoms, 20 (n_kinds + 1)), float32
        0 where no atom of a species is near. In 2D ``surface`` is the perimeter of the cell, in Å.

    References
    ----------
    Jung, Biroli & Berthier, Phys. Rev. Lett. 130, 238202 (2023), there in 2D and 3D Lennard-Jones liquids.
    """
    from zoo.features.kernels.coarse import exponential_averages
    from zoo.neighbors import find_neighbors

    near = find_neighbors(glass, CUTOFF)
    table = exponential_averages(
        near.start,
        near.index,
        near.distance,
        glass.species_index(kinds),
        len(kinds),
        np.array(LENGTHS),
        CUTOFF,
        glass.fields["energy"].values.astype(np.float64),
        _surface(glass),
    )
    return np.asarray(table.reshape(len(glass), -1))


def _surface(glass: Glass) -> NDArray[np.float64]:
    """Of every Voronoi cell: its area in Å², or in 2D its perimeter in Å."""
    if glass.dimension == 2:
        from zoo.features.polygons import polygons

        return polygons(glass).perimeter
    from zoo.features.kernels.tessellation import tessellate

    cells = tessellate(glass)
    return np.asarray(np.bincount(cells.center, cells.area, len(glass)), np.float64)


def declines(glass: Glass) -> str | None:
    """A glass with an open surface, or whose atoms' energies are not stored."""
    return declines_if_open(glass) or declines_without(glass, "energy", "eV", "zoo features --potential gives it")


feature_sets.register(
    FeatureSet(
        name="physics-inspired",
        title="Density, energy, cell surface and energy variance over several lengths",
        citation="Jung, Biroli & Berthier, Phys. Rev. Lett. 130, 238202 (2023)",
        version=1,
        columns=columns,
        compute=compute,
        needs=frozenset({"positions", "potential"}),
        fields=("energy",),
        declines=declines,
    )
)
