"""Null control: random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass

N_COLUMNS = 3


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Shape (n_atoms, 3), float32, normally distributed and seeded by the glass: the same at every call."""
    random = np.random.default_rng(int(glass.content_hash[:16], 16))
    return random.normal(size=(len(glass), N_COLUMNS)).astype(np.float32)


feature_sets.register(
    FeatureSet(
        name="random",
        title="Random numbers (null control)",
        citation="no source: what a score is worth by chance",
        version=1,
        columns=lambda kinds: tuple(Column(f"random_{k}", "1", "chance") for k in range(N_COLUMNS)),
        compute=compute,
        null_control=True,
        exempt=dict.fromkeys(
            ("rotation", "translation", "images", "permutation", "supercell", "relabelling", "smoothness", "identity"),
            "its numbers are random",
        ),
    )
)
