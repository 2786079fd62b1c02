"""What decides a score: descriptor, model, tuning, split or the glass? Variance components of a balanced table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from zoo.leaderboard.board import BoardRow
from zoo.leaderboard.compare import Comparison
from zoo.leaderboard.statistics import Floats

MODES = ("default", "tuned", "ensembled")
SPLITS = ("by glass", "at random")


@dataclass(frozen=True)
class Shares:
    """Shares of the variance of the headline score.

    Attributes
    ----------
    factors : dict of list of str
        Levels of each factor; every combination was scored.
    shares : dict of float
        Of each factor, each pair of factors (``descriptor × model``) and ``rest``; they add up to 1.
    intervals : dict of (float, float)
        95 % of each share over the levels of the last factor, cut to 0 and 1; empty with fewer than three of them.
    below_zero : tuple of str
        Sources whose estimate was negative and was set to 0.
    """

    factors: dict[str, list[str]]
    shares: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    below_zero: tuple[str, ...] = ()


def variance_components(values: Floats, names: tuple[str, ...]) -> dict[str, float]:
    """Variance components of a balanced table with crossed random factors and one value in each cell.

    The expected mean square of a source is the sum of the components of all sources that contain its factors, each
    times the number of cells that share a level of them; the components solve these equations (method of moments).
    They are unbiased: what chance alone would give is subtracted, so a source without an effect is 0 on average and
    may be negative. Of two factors, the interaction cannot be told from noise and is the rest; of more, interactions
    of three and more factors are in the rest.

    Parameters
    ----------
    values : ndarray with one axis for each factor, two levels or more of each
    names : tuple of str
        Of the axes.

    Returns
    -------
    dict of float
        Of each factor, each pair of factors and ``rest``, in the square of the unit of ``values``.

    References
    ----------
    Searle, Casella & McCulloch, Variance Components (Wiley, 1992), sections 4.3 and 4.4.
    """
    axes = range(values.ndim)
    subsets = [kept for n in range(1, values.ndim + 1) for kept in combinations(axes, n)]
    largest = min(2, values.ndim - 1)
    centred = values - values.mean()
    sums: dict[tuple[int, ...], float] = {}
    squares: dict[tuple[int, ...], float] = {}
    for kept in subsets:
        means = centred.mean(axis=tuple(axis for axis in axes if axis not in kept))
        below = sum(sums[other] for other in sums if set(other) < set(kept))
        sums[kept] = float((means**2).sum() * values.size / means.size) - below
        squares[kept] = sums[kept] / float(np.prod([values.shape[axis] - 1 for axis in kept]))
    found = dict.fromkeys([" × ".join(names[axis] for axis in kept) for kept in subsets if len(kept) <= largest], 0.0)
    found["rest"] = 0.0
    for kept in subsets:
        contrast = sum((-1) ** (len(of) - len(kept)) * squares[of] for of in subsets if set(kept) <= set(of))
        alike = float(np.prod([values.shape[axis] for axis in axes if axis not in kept]))
        source = " × ".join(names[axis] for axis in kept) if len(kept) <= largest else "rest"
        found[source] += contrast / alike
    return found


def variance_shares(values: Floats, factors: dict[str, list[str]]) -> Shares:
    """Variance components as shares of their sum, negative ones set to 0, with intervals over the last factor.

    Intervals are those of the jackknife: the shares are computed again without each level of the last factor.

    Parameters
    ----------
    values : ndarray with one axis for each factor
    factors : dict of list of str
        Levels of each factor; the last one is the glass.

    References
    ----------
    Arvesen & Schmitz, Biometrics 26, 677 (1970): the jackknife for variance components.
    """
    from scipy.stats import t

    names = tuple(factors)
    components = variance_components(values, names)
    shares = _shares(components)
    n = values.shape[-1]
    intervals: dict[str, tuple[float, float]] = {}
    if n >= 3 and shares:
        parts = [_shares(variance_components(np.delete(values, k, axis=-1), names)) for k in range(n)]
        for name, share in shares.items():
            without = np.array([part.get(name, 0.0) for part in parts])
            error = float(t.ppf(0.975, n - 1) * np.sqrt((n - 1) * without.var()))
            intervals[name] = (max(0.0, share - error), min(1.0, share + error))
    tiny = 1e-12 * max(map(abs, components.values()))
    return Shares(factors, shares, intervals, tuple(name for name, value in components.items() if value < -tiny))


def _shares(components: dict[str, float]) -> dict[str, float]:
    """Positive parts over their sum; empty where nothing varies."""
    total = sum(max(0.0, value) for value in components.values())
    return {name: max(0.0, value) / total for name, value in components.items()} if total > 0 else {}


def all_shares(comparison: Comparison) -> list[tuple[str, Shares]]:
    """Shares of what was scored: default settings, with tuning, with a random split; each where it is there."""
    found = [
        ("Default settings", descriptor_and_model(comparison)),
        ("With tuning", descriptor_model_and_tuning(comparison)),
        ("With a random split", descriptor_model_and_split(comparison)),
    ]
    return [(name, shares) for name, shares in found if shares is not None and shares.shares]


def descriptor_and_model(comparison: Comparison) -> Shares | None:
    """Shares of descriptor, model and glass in default mode; None where no two of each were scored together.

    Null controls are left out: that they are worse than everything would be most of the variance.
    """
    return _of(comparison, "", ("",), lambda row: "" if row.mode == "default" else None)


def descriptor_model_and_tuning(comparison: Comparison) -> Shares | None:
    """The same with the mode as a factor, of those rows that were scored in several modes."""
    modes = [mode for mode in MODES if any(row.mode == mode and not row.null_control for row in comparison.rows)]
    return _of(comparison, "tuning", tuple(modes), lambda row: row.mode) if len(modes) > 1 else None


def descriptor_model_and_split(comparison: Comparison) -> Shares | None:
    """The same with the split as a factor, of rows in default mode that were scored under a random split of atoms too.

    None where scores are averaged over folds, which hold other rows under another split, and where predictions of
    the random split are not at hand.
    """
    units = comparison.units
    both = [
        (row, number)
        for number, row in enumerate(comparison.rows)
        if row.mode == "default" and all(unit in row.random_by_unit for unit in units)
    ]
    rows = {(row.features, row.family, SPLITS[0]): comparison.scores[k] for row, k in both if not row.null_control}
    rows |= {
        (row.features, row.family, SPLITS[1]): np.array([row.random_by_unit[unit] for unit in units])
        for row, _ in both
        if not row.null_control
    }
    return _table_shares(rows, "split", SPLITS, units)


def _of(
    comparison: Comparison, factor: str, levels: tuple[str, ...], level: Callable[[BoardRow], str | None]
) -> Shares | None:
    rows = {
        (row.features, row.family, name): comparison.scores[number]
        for number, row in enumerate(comparison.rows)
        if not row.null_control and (name := level(row)) is not None
    }
    return _table_shares(rows, factor, levels, comparison.units)


def _table_shares(
    rows: dict[tuple[str, str, str], Floats], factor: str, levels: tuple[str, ...], units: list[str]
) -> Shares | None:
    """Shares of the largest block of descriptors and models of which every combination has every level."""
    whole = {key[:2] for key in rows if all((*key[:2], level) in rows for level in levels)}
    features, families = complete_block(whole)
    if len(features) < 2 or len(families) < 2 or len(units) < 2:
        return None
    table = np.array([[[rows[a, b, level] for level in levels] for b in families] for a in features])
    factors = {"descriptor": features, "model": families, factor: list(levels), "glass": units}
    if len(levels) == 1:
        table = table[:, :, 0]
        del factors[factor]
    return variance_shares(table, factors)


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
