"""What decides a score: descriptor, model, tuning or the glass? Analysis of variance of a balanced table of rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from zoo.leaderboard.compare import Comparison
from zoo.leaderboard.statistics import Floats

MODES = ("default", "tuned", "ensembled")


@dataclass(frozen=True)
class Shares:
    """Shares of the variance of the headline score.

    Attributes
    ----------
    factors : dict of list of str
        Levels of each factor; every combination was scored.
    shares : dict of float
        Of each factor, each pair of factors (``descriptor × model``) and ``rest``; they add up to 1.
    """

    factors: dict[str, list[str]]
    shares: dict[str, float]


def variance_shares(values: Floats, names: tuple[str, ...]) -> dict[str, float]:
    """Shares of the sum of squares of a balanced table: main effects, interactions of two factors, the rest.

    In a balanced table sums of squares of type I, II and III are the same, and they add up.

    Parameters
    ----------
    values : ndarray with one axis for each factor
    names : tuple of str
        Of the axes.

    References
    ----------
    Searle, Casella & McCulloch, Variance Components (Wiley, 1992), chapter 4.
    """
    axes = range(values.ndim)
    total = float(((values - values.mean()) ** 2).sum())
    if total == 0:
        return {}
    centred = values - values.mean()

    def explained(kept: tuple[int, ...]) -> float:
        means = centred.mean(axis=tuple(axis for axis in axes if axis not in kept))
        return float((means**2).sum() * values.size / means.size)

    mains = {axis: explained((axis,)) for axis in axes}
    sums = {names[axis]: value for axis, value in mains.items()}
    for a, b in combinations(axes, 2):
        if values.ndim > 2:  # of two factors alone, the interaction is the rest
            sums[f"{names[a]} × {names[b]}"] = explained((a, b)) - mains[a] - mains[b]
    shares = {name: max(0.0, value / total) for name, value in sums.items()}
    return shares | {"rest": max(0.0, 1 - sum(shares.values()))}


def descriptor_and_model(comparison: Comparison) -> Shares | None:
    """Shares of descriptor, model and glass in default mode; None where no two of each were scored together.

    Null controls are left out: that they are worse than everything would be most of the variance.
    """
    rows = {
        (row.features, row.family): comparison.scores[number]
        for number, row in enumerate(comparison.rows)
        if row.mode == "default" and not row.null_control
    }
    features, families = complete_block(set(rows))
    if len(features) < 2 or len(families) < 2:
        return None
    table = np.array([[rows[a, b] for b in families] for a in features])
    levels = {"descriptor": features, "model": families, "glass": comparison.units}
    return Shares(levels, variance_shares(table, tuple(levels)))


def descriptor_model_and_tuning(comparison: Comparison) -> Shares | None:
    """The same with the mode as a factor, of those rows that were scored in several modes."""
    rows = {
        (row.features, row.family, row.mode): comparison.scores[number]
        for number, row in enumerate(comparison.rows)
        if not row.null_control
    }
    modes = [mode for mode in MODES if any(key[2] == mode for key in rows)]
    both = {key[:2] for key in rows if all((*key[:2], mode) in rows for mode in modes)}
    features, families = complete_block(both)
    if len(modes) < 2 or len(features) < 2 or len(families) < 2:
        return None
    table = np.array([[[rows[a, b, mode] for mode in modes] for b in families] for a in features])
    levels = {"descriptor": features, "model": families, "tuning": modes, "glass": comparison.units}
    return Shares(levels, variance_shares(table, tuple(levels)))


def complete_block(pairs: set[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Descriptors and models of which every combination is there; those that lack most are given up first."""
    features, families = {a for a, _ in pairs}, {b for _, b in pairs}
    while features and families:
        lacking = {
            **{(0, a): sum((a, b) not in pairs for b in families) / len(families) for a in features},
            **{(1, b): sum((a, b) not in pairs for a in features) / len(features) for b in families},
        }
        worst = max(sorted(lacking), key=lambda key: lacking[key])
        if lacking[worst] == 0:
            break
        (families if worst[0] else features).discard(worst[1])
    return sorted(features), sorted(families)
