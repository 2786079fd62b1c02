"""Null control: species and the number of neighbours of each species within a fixed distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass

CUTOFF = 3.8
"""Å; close to the first minimum of g(r) in Cu-Zr glasses."""


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """Species flags, total coordination, coordination by each species."""
    return (
        *(Column(f"is_{kind}", "1", "chemistry") for kind in kinds),
        Column("coordination", "1", "coordination", CUTOFF),
        *(Column(f"coordination_{kind}", "1", "coordination", CUTOFF) for kind in kinds),
    )


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Shape (n_atoms, 2 n_kinds + 1), float32, dimensionless; neighbours within 3.8 Å."""
    from zoo.neighbors import find_neighbors

    neighbors = find_neighbors(glass, CUTOFF)
    species = glass.species_index(kinds)
    flags = np.eye(len(kinds), dtype=np.float32)[species]
    by_kind = np.zeros((len(glass), len(kinds)), np.float32)
    np.add.at(by_kind, (neighbors.center, species[neighbors.index]), 1.0)
    return np.column_stack([flags, neighbors.counts.astype(np.float32), by_kind])


feature_sets.register(
    FeatureSet(
        name="coordination",
        title="Species and coordination number (null control)",
        citation="no source: the simplest count of neighbours, within 3.8 Å",
        version=1,
        columns=columns,
        compute=compute,
        smooth=False,
        null_control=True,
    )
)
