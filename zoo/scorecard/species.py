"""How much of a score is chemistry: species alone, within one species, and with the species of a glass swapped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.cell import folds_of
from zoo.benchmark.metrics import evaluate
from zoo.errors import ScorecardError
from zoo.scorecard.fields import Held, place_of_rows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """A score on some of the rows.

    ``base``: share of class 1 of these rows, which is the average precision by chance; NaN for values.
    """

    name: str
    n: int
    scores: dict[str, float]
    base: float


@dataclass(frozen=True)
class Swap:
    """The score with the species of every glass swapped, everything else as it was.

    Attributes
    ----------
    correlation : float
        Rank correlation of both scores over the atoms of a glass, mean over glasses; NaN where one is constant.
    correlation_within : float
        The same among atoms of one species.
    change : float
        Median absolute change, in standard deviations of the score: linear models leave all bounds for some atoms.
    shift : dict of str to float
        Median change of the atoms of each species (by its true name), in standard deviations.
    scores : dict of float
        How well the swapped score still ranks the true labels.
    """

    correlation: float
    correlation_within: float
    change: float
    shift: dict[str, float]
    scores: dict[str, float]


@dataclass(frozen=True)
class Chemistry:
    """All parts together.

    ``whole``: all rows; ``alone``: rows ranked by their species only; ``within``: rows of one species each; ``mean``:
    their mean, weighted by rows. ``swap`` is None where ``no_swap`` says why.
    """

    whole: Part
    alone: Part
    within: list[Part]
    mean: dict[str, float]
    swap: Swap | None
    no_swap: str


def chemistry_of(held: Held) -> Chemistry:
    """How much of a score is chemistry.

    Raises
    ------
    ScorecardError
        The rows are pairs.
    """
    rows = held.rows
    if rows.dataset.card.kind == "pairs":
        raise ScorecardError(f"{rows.dataset.card.name} is a table of pairs: its rows have no species")
    species = species_of_rows(held)
    everything = np.ones(len(rows), bool)
    within = [_part(held, kind, held.softness, species == kind) for kind in np.unique(species).tolist()]
    mean = {
        name: float(np.average([part.scores[name] for part in within], weights=[part.n for part in within]))
        for name in within[0].scores
    }
    return Chemistry(
        _part(held, "all", held.softness, everything),
        _part(held, "species alone", _species_alone(held, species), everything),
        within,
        mean,
        _swap(held, species) if held.swapped else None,
        held.no_swap,
    )


def species_of_rows(held: Held) -> NDArray[np.str_]:
    """Species of every row of a task on glasses."""
    glasses = held.rows.dataset.glasses
    return np.concatenate([glasses[name].species for name in held.rows.glass_names])[held.rows.source]


def scores_of(held: Held, score: Floats, used: NDArray[np.bool_]) -> dict[str, float]:
    """Metrics of order or of a straight line, by glass or by fold as the task is scored; their mean."""
    rows = held.rows
    group = rows.glass if rows.task.score_by == "glass" else held.fold
    wanted = ("average_precision", "roc_auc") if rows.task.kind == "classification" else ("pearson", "spearman")
    found = []
    for number in np.unique(group[used]):
        here = used & (group == number) & np.isfinite(score)
        if here.sum() > 1:
            metrics = evaluate(rows.task.kind, rows.target[here], score[here])
            found.append([metrics[name] for name in wanted])
    table = np.array(found).reshape(-1, len(wanted))
    known = np.isfinite(table)
    mean = np.where(known, table, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return {name: float(mean[k]) if known[:, k].any() else float("nan") for k, name in enumerate(wanted)}


def _part(held: Held, name: str, score: Floats, used: NDArray[np.bool_]) -> Part:
    rows = held.rows
    base = float(rows.target[used].mean()) if rows.task.kind == "classification" else float("nan")
    return Part(name, int(used.sum()), scores_of(held, score, used), base)


def _species_alone(held: Held, species: NDArray[np.str_]) -> Floats:
    """Mean label of the species in the training glasses of a row's fold."""
    rows, score = held.rows, np.zeros(len(held.rows))
    for split in folds_of(held.plan.task, "glass"):
        overall = float(rows.target[split.train].mean())
        for kind in np.unique(species[split.test]):
            of_kind = split.train[species[split.train] == kind]
            score[split.test[species[split.test] == kind]] = rows.target[of_kind].mean() if len(of_kind) else overall
    return score


def _swap(held: Held, species: NDArray[np.str_]) -> Swap:
    rows, place = held.rows, place_of_rows(held.plan.task)
    swapped = np.full(len(rows), np.nan)
    whole, within, changes, shift = [], [], list[Floats](), dict[str, list[Floats]]()
    for number, after in held.swapped.items():
        before, glass = held.atoms[number], rows.dataset.glasses[rows.glass_names[number]]
        here = rows.glass == number
        swapped[here] = after[place[here]]
        known = np.isfinite(before) & np.isfinite(after)
        whole.append(_rank_correlation(before[known], after[known]))
        changes.append(np.abs(after - before)[known])
        for kind in glass.kinds:
            used = known & (glass.species == kind)
            if not used.any():
                continue
            within.append(_rank_correlation(before[used], after[used]))
            shift.setdefault(kind, []).append((after - before)[used])
    return Swap(
        _mean(whole),
        _mean(within),
        float(np.median(np.concatenate(changes))),
        {kind: float(np.median(np.concatenate(values))) for kind, values in shift.items()},
        scores_of(held, swapped, np.isfinite(swapped)),
    )


def _rank_correlation(a: Floats, b: Floats) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(a, b)[0]) if len(a) > 2 and np.ptp(a) and np.ptp(b) else float("nan")


def _mean(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
