"""D1: what lets a model look better than it is: glasses told apart, names learnt, states on both sides of a split."""

from __future__ import annotations

import re

import numpy as np

from zoo._words import plural, quantity, some
from zoo.checks.declaration import BOTH, PAIRS, Check, NotApplicable
from zoo.datasets.load import Dataset
from zoo.datasets.rows import group_of_pairs, is_flag, is_half, rows_of, states_of_pairs
from zoo.datasets.statistics import rank_correlation, ranked, separation, share_between

DOMINANT = 0.2
"""Share of the variance of ranks between glasses. Barriers of SymGNN: 0.3; D2min at 2 % strain: 0.07 to 0.15."""
GIVEN_AWAY = 0.99
FEW_GLASSES = 5
NAMES = {"i", "j", "i2", "j2", "id", "index", "row", "conf", "glass", "seed", "state"}
"""How published tables call rows, glasses and states."""


def disjoint_classes(dataset: Dataset) -> list[str]:
    rows = rows_of(dataset, "target")
    flags = {name: values for name, values in rows.columns.items() if is_flag(values) and np.nanstd(values) > 0}
    if not flags or len(rows.names) < 2:
        raise NotApplicable("no target is a flag of both classes, or there is one glass")
    found = []
    for name, values in flags.items():
        known = np.isfinite(values)
        share = np.bincount(rows.group[known], values[known]) / np.maximum(np.bincount(rows.group[known]), 1)
        both = int(((share > 0) & (share < 1)).sum())
        if both <= 0.05 * len(share):
            ones = int((share == 1).sum())
            found.append(
                f"{name}: {both or 'none'} of {plural(len(share), 'glass')} {'has' if both < 2 else 'have'} rows of "
                f"both classes; {ones} have class 1 only, {len(share) - ones - both} class 0 only"
            )
    return found


def dominant_glass(dataset: Dataset) -> list[str]:
    rows = rows_of(dataset, "target")
    if len(rows.names) < 2:
        raise NotApplicable("there is one glass")
    shares = {
        name: share_between(_ranks(values), rows.group) for name, values in rows.columns.items() if not is_half(name)
    }
    dominant = sorted((name for name, share in shares.items() if share > DOMINANT), key=lambda name: -shares[name])
    if not dominant:
        return []
    name = dominant[0]
    known = np.isfinite(rows.columns[name])
    values, group = rows.columns[name][known], rows.group[known]
    counts = np.maximum(np.bincount(group, minlength=len(rows.names)), 1)
    means = np.bincount(group, values, len(rows.names)) / counts
    text = (
        f"{100 * shares[name]:.0f} % of the variance of {name} (of its ranks) lies between glasses, whose means run "
        f"from {means.min():.3g} to {quantity(means.max(), rows.units[name])}"
    )
    if not is_flag(values):
        share = 100 * np.bincount(group, values > np.quantile(values, 0.9), len(rows.names)) / counts
        text += (
            f"; the 10 % of all rows with the largest values hold {share.min():.2g} to {share.max():.2g} % of a glass"
        )
    others = [f"{other} ({100 * shares[other]:.0f} %)" for other in dominant[1:]]
    return [text + (f"; also {some(others)}" if others else "")]


def learnt_identity(dataset: Dataset) -> list[str]:
    rows = rows_of(dataset, "feature")
    if not rows.columns:
        raise NotApplicable("the card declares no features")
    identities = _identity_codes(dataset) if dataset.card.kind == "pairs" else {}
    found = []
    for name, values in rows.columns.items():
        ranks = _ranks(values)
        twin = next((key for key, codes in identities.items() if abs(rank_correlation(ranks, codes)) > 0.9999), None)
        share = share_between(ranks, rows.group)
        if twin:
            found.append(f"the feature {name} orders rows exactly as {twin} does, which names them")
        elif _is_numbering(values):
            found.append(f"the feature {name} numbers the {len(values)} rows from {np.min(values):.0f} on")
        elif share > GIVEN_AWAY:
            found.append(f"{100 * share:.1f} % of the variance of the feature {name} is between glasses: it names them")
        elif re.sub(r"[\W_]", "", name.lower()) in NAMES:
            found.append(f"the feature {name} is called like a name of rows, glasses or states")
    return found


def given_away(dataset: Dataset) -> list[str]:
    features, targets = rows_of(dataset, "feature"), rows_of(dataset, "target")
    if not features.columns:
        raise NotApplicable("the card declares no features")
    found = []
    for target, values in targets.columns.items():
        flag = is_flag(values)
        for name, feature in features.columns.items():
            strength = separation(feature, values) if flag else abs(rank_correlation(feature, values))
            if strength > GIVEN_AWAY:
                measure = "ROC AUC" if flag else "rank correlation"
                found.append(f"the feature {name} alone gives {target} away: {measure} {strength:.4f} over all rows")
    return found


def shared_states(dataset: Dataset) -> list[str]:
    states = _end_states(dataset)
    times = np.bincount(states.ravel())
    others = (times[states] - 1).sum(axis=1)  # rows that share a state with this one
    share = float((others > 0).mean())
    if share < 0.01:
        return []
    exposed = 1 - float((0.2**others).mean())
    return [
        f"{100 * share:.1f} % of the {len(states):,} pairs share an inherent structure with another pair (the most "
        f"frequent of {len(times):,} is in {times.max()}); a random split 80:20 leaves about {100 * exposed:.0f} % of "
        "test pairs with one that was trained on"
    ]


def connected_pairs(dataset: Dataset) -> list[str]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    states = _end_states(dataset)
    names, group = group_of_pairs(dataset)
    n = int(states.max()) + 1
    _, component = connected_components(coo_array((np.ones(len(states)), tuple(states.T)), shape=(n, n)), False)
    of_pair = component[states[:, 0]]
    largest = np.array([np.bincount(of_pair[group == g]).max() / (group == g).sum() for g in range(len(names))])
    mostly_one = int((largest > 0.5).sum())
    if mostly_one <= len(names) / 2:
        return []
    return [
        f"in {mostly_one} of {plural(len(names), 'glass')} more than half of the pairs hang together through shared "
        f"states (median {100 * np.median(largest):.0f} % of a glass in one component, {len(np.unique(of_pair))} "
        "components in all): inside a glass no split keeps states apart"
    ]


def few_glasses(dataset: Dataset) -> list[str]:
    card = dataset.card
    if card.kind == "pairs":
        count, lonely = len(group_of_pairs(dataset)[0]), []
    else:
        origins = {entry.origin or entry.id: entry.stratum for entry in card.glasses}
        strata = list(origins.values())
        count = len(origins)
        lonely = sorted(stratum for stratum in set(strata) if strata.count(stratum) == 1)
    found = []
    if count < FEW_GLASSES:
        found.append(
            f"there {'is' if count == 1 else 'are'} {plural(count, 'independent glass')}: "
            + ("a split by glass is impossible" if count == 1 else "folds and intervals rest on single glasses")
        )
    if lonely and count > 1:
        found.append(
            f"{plural(len(lonely), 'stratum')} of one glass: when {some(lonely)} is tested, none was trained on"
        )
    return found


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of the finite values, NaN elsewhere."""
    ranks = np.full(len(values), np.nan)
    known = np.isfinite(values)
    ranks[known] = ranked(values[known])
    return ranks


def _identity_codes(dataset: Dataset) -> dict[str, np.ndarray]:
    """Numbers in the order of each column that names rows."""
    import pandas as pd

    return {
        name: pd.factorize(dataset.raw_table[name], sort=True)[0].astype(float)
        for name in dataset.card.names("identity", "group", "state")
    }


def _is_numbering(values: np.ndarray) -> bool:
    if len(values) < 20 or not np.isfinite(values).all():
        return False
    return bool((np.diff(np.sort(values)) == 1).all())


def _end_states(dataset: Dataset) -> np.ndarray:
    if len(dataset.card.names("state")) != 2:
        raise NotApplicable("rows are not pairs of states")
    return states_of_pairs(dataset)


CHECKS = (
    Check(
        code="D101",
        title="Classes from disjoint glasses",
        level="error",
        kinds=BOTH,
        why="Where no glass has rows of both classes, whatever tells glasses apart (density, temperature, the run "
        "that a row comes from) predicts the class. Scores are close to perfect and say nothing about "
        "rearrangements.",
        mend="Label rows of both classes in every glass, or do not score a classification on these rows.",
        find=disjoint_classes,
    ),
    Check(
        code="D102",
        title="The glass dominates the label",
        level="warning",
        kinds=BOTH,
        why="Where the mean of a label differs much between glasses, one threshold over all of them mostly labels "
        "the glass, and a correlation over all rows mostly ranks glasses.",
        mend="Set thresholds per glass (top-fraction without pooled), score within each glass and average, and "
        "report a pooled score beside it only.",
        find=dominant_glass,
    ),
    Check(
        code="D103",
        title="An identity is a feature",
        level="error",
        kinds=BOTH,
        why="A column that names a row, a state or a glass lets a model look labels up instead of predicting "
        "them; row numbers often follow the order in which the authors sorted their classes.",
        mend="Give the column the role identity, group or state in the card.",
        find=learnt_identity,
    ),
    Check(
        code="D104",
        title="One feature gives the target away",
        level="error",
        kinds=BOTH,
        why="A column that ranks rows as the target does was most likely computed from it, or is the target in "
        "other units; every model will look perfect.",
        mend="Give the column the role target or identity; if it is a fair descriptor, the task is solved by it "
        "and needs no model.",
        find=given_away,
    ),
    Check(
        code="D105",
        title="End states shared between pairs",
        level="info",
        kinds=PAIRS,
        why="Pairs with a common inherent structure share most of their features. A random split of pairs puts "
        "the same structure on both sides and scores memory.",
        mend="Split by glass, as every task here does; never by pair.",
        find=shared_states,
    ),
    Check(
        code="D106",
        title="The pairs of a glass hang together",
        level="info",
        kinds=PAIRS,
        why="Where shared states connect most pairs of a glass into one graph, pairs of one glass cannot be put "
        "on two sides of a split without sharing states.",
        mend="Split by glass; a split inside a glass has to drop the pairs that cross it.",
        find=connected_pairs,
    ),
    Check(
        code="D107",
        title="Few glasses",
        level="warning",
        kinds=BOTH,
        why="Atoms of one glass share its history, so the number of independent glasses, not of atoms, limits "
        "what a score can tell: folds, intervals and strata all need several.",
        mend="Add glasses with other seeds; until then quote scores of single glasses rather than an interval.",
        find=few_glasses,
    ),
)
