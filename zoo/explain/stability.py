"""Whether an explanation can be relied on: between folds, and between families."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.explain.explain import Explanation, Study
from zoo.explain.importance import Group, group_importance, importance, importance_by_fold, noise

Floats = NDArray[np.float64]

STABLE = 0.7
"""Mean rank correlation of the importance of columns between folds below which an explanation is called unstable."""
TOP = 10


@dataclass(frozen=True)
class Stability:
    """Of one family.

    Attributes
    ----------
    correlation : ndarray of shape (n_folds, n_folds)
        Rank correlation of the mean absolute values of the columns; NaN with fewer than three columns.
    mean, least : float
        Over pairs of folds.
    clusters, families : float
        The same mean for clusters of correlated columns and for physical families; NaN with fewer than three.
    top : float
        Share of the ten most important columns that two folds have in common, mean over pairs; NaN with ten or fewer.
    warnings : list of str
        Sentences; empty if there is nothing to object to.
    """

    correlation: Floats
    mean: float
    least: float
    clusters: float
    families: float
    top: float
    warnings: list[str]


def stability_of(found: Explanation, clusters: Sequence[Group] = (), families: Sequence[Group] = ()) -> Stability:
    """Rank correlation between folds: what other training glasses, background and test glasses change.

    Folds share training glasses (:func:`shared_training`), so that glasses of another origin would agree less.
    """
    by_fold = importance_by_fold(found)
    n_folds, n_columns = by_fold.shape
    correlation = _rank_correlation(by_fold)
    pairs = correlation[np.triu_indices(n_folds, 1)]
    mean, least = (float(pairs.mean()), float(pairs.min())) if n_columns > 2 and len(pairs) else (np.nan, np.nan)
    of_clusters, of_families = _of_groups(found, clusters), _of_groups(found, families)
    best = [set(np.argsort(-part, kind="stable")[:TOP].tolist()) for part in by_fold]
    common = [len(best[a] & best[b]) / len(best[a]) for a, b in zip(*np.triu_indices(n_folds, 1), strict=True)]
    warnings = []
    if not found.raw.any():
        warnings.append(f"{found.family}: its output does not depend on any column; all values are zero")
    elif mean < STABLE:
        warnings.append(
            f"{found.family} is not stable: the importance of columns has a rank correlation of {mean:.2f} between "
            f"folds, below {STABLE}; {_advice(of_clusters, of_families)}"
        )
    floor = noise(found)
    drowned = int((importance(found) < 2 * floor).sum())
    if drowned:
        warnings.append(
            f"{found.family}: {drowned} of {n_columns} columns are less than twice as important as sampling noise "
            "makes any column; more --permutations tell them apart"
        )
    if n_folds == 1:
        warnings.append(f"{found.family} is explained on one fold: whether another fit would say the same is not known")
    top = float(np.mean(common)) if n_columns > TOP and common else np.nan
    return Stability(correlation, mean, least, of_clusters, of_families, top, warnings)


def shared_training(folds: int) -> float:
    """Share of the training glasses of a fold that another fold has learnt from too."""
    return (folds - 2) / (folds - 1)


def _of_groups(found: Explanation, groups: Sequence[Group]) -> float:
    folds = np.unique(found.fold)
    if len(groups) < 3 or len(folds) < 2:
        return float("nan")
    by_fold = np.stack([group_importance(found, groups, found.drawn & (found.fold == fold)) for fold in folds])
    return float(_rank_correlation(by_fold)[np.triu_indices(len(folds), 1)].mean())


def _advice(clusters: float, families: float) -> str:
    """What to read instead of single columns, by how stable it is itself."""
    known = {name: value for name, value in (("clusters", clusters), ("families", families)) if np.isfinite(value)}
    if not known:
        return "there are too few groups of columns to read instead"
    said = ", ".join(f"{name} {value:.2f}" for name, value in known.items())
    stable = [name for name, value in known.items() if value >= STABLE]
    return f"read {' or '.join(stable)} of columns instead ({said})" if stable else f"nor are groups of them ({said})"


def agreement_of(study: Study) -> Floats:
    """Rank correlation of the importance of columns between families, on the rows that all of them explain."""
    shared = set.intersection(*(set(found.rows[found.drawn].tolist()) for found in study.explanations))
    rows = [found.drawn & np.isin(found.rows, list(shared)) for found in study.explanations]
    return _rank_correlation(
        np.stack([importance(found, of) for found, of in zip(study.explanations, rows, strict=True)])
    )


def _rank_correlation(values: Floats) -> Floats:
    """Of every two rows, shape (n_rows, n_rows); NaN where a row is constant or has fewer than three entries."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    size = np.sqrt((ranks**2).sum(axis=1))
    if values.shape[1] < 3:
        return np.full((len(values), len(values)), np.nan)
    with np.errstate(invalid="ignore"):
        return np.asarray((ranks @ ranks.T) / np.outer(size, size))
