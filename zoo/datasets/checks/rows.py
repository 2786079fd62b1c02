"""Rows of a data set as plain arrays, whether they are atoms of glasses or pairs of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.card import Role
from zoo.datasets.checks.declaration import NotApplicable
from zoo.datasets.load import Dataset
from zoo.glass import Glass

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


def glasses_of(dataset: Dataset) -> dict[str, Glass]:
    """Every glass; a table of pairs may hold them too.

    Raises
    ------
    NotApplicable
        There are none.
    """
    if not dataset.card.glasses:
        raise NotApplicable("the data set holds no glasses")
    return dataset.glasses


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


def ranked(values: Floats) -> Floats:
    """Ranks from 1 on; equal values share their average."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's; NaN where a column is constant or fewer than 3 rows have both values."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return float("nan")
    return float(np.corrcoef(ranked(a[both]), ranked(b[both]))[0, 1])


def separation(score: Floats, flag: Floats) -> float:
    """ROC AUC of one column for a flag, turned so that it is at least 0.5; NaN where one class is missing."""
    known = np.isfinite(score) & np.isfinite(flag)
    score, positive = score[known], flag[known] == 1
    n_positive, n_negative = positive.sum(), (~positive).sum()
    if not n_positive or not n_negative:
        return float("nan")
    auc = (ranked(score)[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
    return float(max(auc, 1 - auc))


def share_between(values: Floats, group: NDArray[np.int64]) -> float:
    """Share of the variance that lies between groups, corrected for what chance would give (epsilon squared)."""
    known = np.isfinite(values)
    values, group = values[known], np.unique(group[known], return_inverse=True)[1]
    n, k = len(values), int(group.max()) + 1 if len(group) else 0
    if k < 2 or n <= k or np.ptp(values) == 0:
        return 0.0
    counts = np.bincount(group)
    means = np.bincount(group, values) / counts
    between = float((counts * (means - values.mean()) ** 2).sum())
    total = float(((values - values.mean()) ** 2).sum())
    return max(0.0, 1 - (1 - between / total) * (n - 1) / (n - k))


def plural(count: int, noun: str) -> str:
    """``3 glasses``, ``1 row``."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def quantity(value: float, unit: str) -> str:
    """``0.014 ε``; a dimensionless one without its 1."""
    return f"{value:.3g}" if unit == "1" else f"{value:.3g} {unit}"


def some(names: list[str], shown: int = 3) -> str:
    """The first few names and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
