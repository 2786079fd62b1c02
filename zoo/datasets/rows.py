"""Rows of a data set as plain arrays, whether they are atoms of glasses or pairs of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.card import Role
from zoo.datasets.load import Dataset

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Numeric columns over all rows, with the glass of each row.

    Attributes
    ----------
    columns : dict of str to ndarray of shape (n_rows,), float64
    group : ndarray of shape (n_rows,), int64
        Index into ``names``.
    names : list of str
        Of the glasses.
    units : dict of str to str
    """

    columns: dict[str, Floats]
    group: NDArray[np.int64]
    names: list[str]
    units: dict[str, str]

    def __len__(self) -> int:
        return len(self.group)


def rows_of(dataset: Dataset, *roles: Role) -> Rows:
    """Columns of the given roles, as published: values may be missing, rows may repeat."""
    card = dataset.card
    wanted = [column for column in card.columns if column.role in roles]
    units = {column.name: column.unit for column in wanted}
    if card.kind == "pairs":
        names, group = group_of_pairs(dataset)
        table = dataset.raw_table
        return Rows({c.name: table[c.name].to_numpy(dtype=float) for c in wanted}, group, names, units)
    glasses = dataset.glasses
    scalar = [c for c in wanted if all(glass.fields[c.name].values.ndim == 1 for glass in glasses.values())]
    columns = {
        c.name: np.concatenate([glass.fields[c.name].values.astype(float) for glass in glasses.values()])
        for c in scalar
    }
    group = np.repeat(np.arange(len(glasses)), [len(glass) for glass in glasses.values()])
    return Rows(columns, group, list(glasses), units)


def group_of_pairs(dataset: Dataset) -> tuple[list[str], NDArray[np.int64]]:
    """Names of the glasses of a table and the index of each row's glass; rows that name none are one more."""
    import pandas as pd

    (column,) = dataset.card.names("group")
    codes, names = pd.factorize(dataset.raw_table[column], sort=True, use_na_sentinel=False)
    return [f"{name:g}" if isinstance(name, float) else str(name) for name in names], np.asarray(codes, np.int64)


def states_of_pairs(dataset: Dataset) -> NDArray[np.int64]:
    """End states of every row, numbered over the whole table, shape (n_rows, n_states); one is of one glass only."""
    import pandas as pd

    table = dataset.raw_table
    _, group = group_of_pairs(dataset)
    ends = [table[name].to_numpy() for name in dataset.card.names("state")]
    long = pd.DataFrame({"group": np.tile(group, len(ends)), "state": np.concatenate(ends)})
    numbers = long.groupby(["group", "state"], dropna=False).ngroup().to_numpy()
    return np.asarray(numbers.reshape(len(ends), -1).T, np.int64)


def is_flag(values: Floats) -> bool:
    """Whether a column holds classes: zeros and ones only."""
    found = np.unique(values[np.isfinite(values)])
    return len(found) > 0 and set(found.tolist()) <= {0.0, 1.0}


def is_half(name: str) -> bool:
    """Whether a column is a label from half of the measurements, kept to tell how reliable the whole is."""
    return name.endswith(("_even", "_odd"))
