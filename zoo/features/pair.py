"""Two inherent structures described together: the published columns of a table of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DatasetError
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    Column("Delta_E", "ε", "energy"),
    *(Column(f"displacement_{rank}", "σ", "displacement") for rank in range(3)),
    Column("total_displacement", "σ", "displacement"),
    Column("PR", "1", "displacement"),
    Column("0to1", "σ", "geometry"),
    Column("0to2", "σ", "geometry"),
    Column("Tij", "1", "dynamics"),
    Column("Tji", "1", "dynamics"),
)


def compute(table: pd.DataFrame, kinds: tuple[str, ...]) -> FloatArray:
    """The columns of ``COLUMNS`` from a table of pairs, shape (n_pairs, 10), float32.

    Raises
    ------
    DatasetError
        A column is missing.
    """
    missing = [column.name for column in COLUMNS if column.name not in table.columns]
    if missing:
        raise DatasetError(f"feature set 'pair' needs the column {missing[0]!r}, the table has {list(table.columns)}")
    return np.ascontiguousarray(table[[column.name for column in COLUMNS]], dtype=np.float32)


feature_sets.register(
    FeatureSet(
        name="pair",
        title="Displacement, energy difference and transition counts of two inherent structures",
        citation="Ciarella et al., Nat. Commun. 14, 4229 (2023)",
        version=1,
        columns=lambda kinds: COLUMNS,
        compute=compute,
        needs=frozenset({"inherent-structures"}),
        rows="pairs",
    )
)
