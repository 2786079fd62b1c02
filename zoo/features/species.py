"""Null control: the atom's own species, nothing about its surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """One flag per species."""
    return tuple(Column(f"is_{kind}", "1", "chemistry") for kind in kinds)


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """One-hot species, shape (n_atoms, n_kinds), float32."""
    return np.eye(len(kinds), dtype=np.float32)[glass.species_index(kinds)]


feature_sets.register(
    FeatureSet(
        name="species",
        title="Species of the atom (null control)",
        citation="no source: what a score is worth without any structure",
        version=1,
        columns=columns,
        compute=compute,
        null_control=True,
    )
)
