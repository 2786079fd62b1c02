"""The columns of a table as they are: what its owner says may be learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    import pandas as pd


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """One for each column of role *feature*, named by ``kinds``; units and families are those of the card."""
    return tuple(Column(name, "see card", "see card") for name in kinds)


def compute(table: pd.DataFrame, kinds: tuple[str, ...]) -> FloatArray:
    """The columns ``kinds`` of the table, shape (n_rows, n_columns), float32."""
    return np.ascontiguousarray(table[list(kinds)], dtype=np.float32)


feature_sets.register(
    FeatureSet(
        name="columns",
        title="Every column of a table that its card calls a feature",
        citation="no source: the table's own columns",
        version=1,
        columns=columns,
        compute=compute,
        needs=frozenset(),
        rows="pairs",
    )
)
