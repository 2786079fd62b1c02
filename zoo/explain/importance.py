"""What the values of many rows say about columns: how much they matter, in which direction, alone and in groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.explain.explain import Explanation, Study
from zoo.features.declaration import Column

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

JOINED = 0.7
"""Columns whose mean rank correlation is at least this, whatever its sign, are one cluster."""
CLUSTER_ROWS = 2000
EMPTY = 0.02
"""Mean of a radial function, which counts neighbours, below which there are none at its distance."""
LENGTHS = 3
"""Least number of different lengths of a family that is drawn against them."""


@dataclass(frozen=True)
class Group:
    """Columns that belong together: a physical family, or a cluster of correlated ones.

    ``columns`` are their numbers.
    """

    name: str
    columns: Ints


@dataclass(frozen=True)
class Profile:
    """Importance of the columns of a physical family against the length that they look at.

    Attributes
    ----------
    name : str
    length : ndarray of shape (n_lengths,), Å
    importance, low, high : ndarrays of shape (n_lengths,)
        Sum over the columns of a length, its least and largest value over folds.
    direction : ndarray of shape (n_lengths,)
        Rank correlation of the value of the column with its contribution, from -1 to 1.
    mean : ndarray of shape (n_lengths,)
        Of the column itself, over the rows that were drawn: for radial functions the pair distribution.
    empty : float, Å
        Up to here there are no neighbours; 0 where there are, and for columns that do not count any.
    """

    name: str
    length: Floats
    importance: Floats
    low: Floats
    high: Floats
    direction: Floats
    mean: Floats
    empty: float


def importance(found: Explanation, rows: NDArray[np.bool_] | None = None) -> Floats:
    """Mean absolute value of every column over the rows drawn, shape (n_columns,), in standard deviations."""
    rows = found.drawn if rows is None else rows
    return np.asarray(np.abs(found.values[rows]).mean(axis=0))


def importance_by_fold(found: Explanation) -> Floats:
    """The same in every fold, shape (n_folds, n_columns)."""
    return np.stack([importance(found, found.drawn & (found.fold == fold)) for fold in np.unique(found.fold)])


def noise(found: Explanation) -> Floats:
    """Mean absolute value that a column without any effect would have, as values are sampled; shape (n_columns,)."""
    if found.error is None:
        return np.zeros(found.raw.shape[1])
    return np.asarray(np.sqrt(2 / np.pi) * found.error[found.drawn].mean(axis=0))


def group_importance(found: Explanation, groups: Sequence[Group], rows: NDArray[np.bool_] | None = None) -> Floats:
    """Mean absolute sum of the values of each group, shape (n_groups,): what cancels within it does not count."""
    rows = found.drawn if rows is None else rows
    return np.array([np.abs(found.values[rows][:, group.columns].sum(axis=1)).mean() for group in groups])


def direction(found: Explanation, x: NDArray[np.float32]) -> Floats:
    """Rank correlation of every column with its values over the rows drawn, shape (n_columns,); 0 where it is constant.

    Near 1: larger means a larger output. Near 0: no effect, or one that depends on other columns.
    """
    from scipy.stats import rankdata

    rows = found.rows[found.drawn]
    a, b = rankdata(x[rows], axis=0), rankdata(found.values[found.drawn], axis=0)
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    size = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.asarray(np.divide((a * b).sum(axis=0), size, out=np.zeros(len(size)), where=size > 0))


def families_of(columns: Sequence[Column]) -> list[Group]:
    """Physical families, as the feature set declares them."""
    names = list(dict.fromkeys(column.family for column in columns))
    return [Group(name, np.flatnonzero([column.family == name for column in columns])) for name in names]


def clusters_of(study: Study) -> list[Group]:
    """Clusters of columns by rank correlation over the rows of the task (average linkage), named by a member."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    from scipy.stats import rankdata

    names = [column.name for column in study.columns]
    if len(names) == 1:
        return [Group(names[0], np.array([0]))]
    random = np.random.default_rng([study.request.seed, 19])
    rows = random.choice(len(study.x), min(CLUSTER_ROWS, len(study.x)), replace=False)
    ranks = rankdata(study.x[rows], axis=0)
    ranks -= ranks.mean(axis=0)
    size = np.sqrt((ranks**2).sum(axis=0))
    ranks /= np.where(size > 0, size, 1.0)
    apart = np.clip(1.0 - np.abs(ranks.T @ ranks), 0.0, 1.0)
    np.fill_diagonal(apart, 0.0)
    label = fcluster(linkage(squareform(apart, checks=False), "average"), 1.0 - JOINED, "distance")
    groups = [np.flatnonzero(label == number) for number in np.unique(label)]
    groups.sort(key=lambda members: int(members[0]))
    weight = np.mean([importance(found) for found in study.explanations], axis=0)
    return [Group(_cluster_name(names, members, weight), members) for members in groups]


def _cluster_name(names: list[str], members: Ints, weight: Floats) -> str:
    first = names[int(members[weight[members].argmax()])]
    return first if len(members) == 1 else f"{first} and {len(members) - 1} like it"


def profiles_of(study: Study, found: Explanation) -> list[Profile]:
    """Importance against length, for every physical family that has columns of several lengths."""
    profiles = []
    mean, by_fold, sign = importance(found), importance_by_fold(found), direction(found, study.x)
    rows = found.rows[found.drawn]
    for group in families_of(study.columns):
        lengths = np.array([study.columns[k].length or np.nan for k in group.columns])
        known = np.unique(lengths[np.isfinite(lengths)])
        if len(known) < LENGTHS:
            continue
        at = [group.columns[lengths == length] for length in known]
        folds = np.array([[part[k].sum() for k in at] for part in by_fold])
        strongest = [int(k[mean[k].argmax()]) for k in at]
        of_columns = study.x[rows][:, strongest].astype(np.float64).mean(axis=0)
        profiles.append(
            Profile(
                group.name,
                known,
                np.array([mean[k].sum() for k in at]),
                folds.min(axis=0),
                folds.max(axis=0),
                sign[strongest],
                of_columns,
                _empty_to(group.name, known, of_columns),
            )
        )
    return profiles


def _empty_to(name: str, length: Floats, mean: Floats) -> float:
    """Half way from the last length without neighbours to the first with some."""
    first = int((mean >= EMPTY).argmax())
    return float(length[first - 1 : first + 1].mean()) if first and name.startswith("density of ") else 0.0
