"""Figures of task pages and the overview: a chart and the same numbers as a table, to read by ear and to download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.leaderboard.compare import Comparison, leaders, matrix_by, name_of
from zoo.leaderboard.factors import Shares
from zoo.leaderboard.site import charts
from zoo.leaderboard.site.gather import Entry
from zoo.leaderboard.site.tables import Cell, Column, Row, Table, matrix_table, number_cell, text_cell
from zoo.leaderboard.statistics import Floats, average_ranks, critical_difference, friedman_test

PAIRED = 40
"""Rows that can be chosen for a comparison of two."""


@dataclass(frozen=True)
class Figure:
    """A chart as SVG and its numbers."""

    chart: str
    table: Table


def matrix_figure(
    key: str, caption: str, corner: str, names: tuple[list[str], list[str]], values: Floats, digits: int = 2
) -> Figure:
    """A shaded matrix; NaN leaves a cell empty."""
    chart = charts.heat_chart(*names, values, caption, digits)
    return Figure(chart, matrix_table(key, caption, corner, names, values, digits + 1))


def descriptors_and_models(entry: Entry) -> Figure | None:
    """Score of each descriptor with each model in default mode, best means first."""
    comparison = entry.comparison
    table = {
        (row.features, row.family): float(comparison.headline[k])
        for k, row in enumerate(comparison.rows)
        if row.mode == "default"
    }
    features, families = (_by_mean(table, part) for part in (0, 1))
    if len(features) < 2 or len(families) < 2:
        return None
    values = np.array([[table.get((a, b), np.nan) for b in families] for a in features])
    caption = f"{entry.metric} of each descriptor with each model"
    return matrix_figure(f"{entry.key}-descriptors-models", caption, "descriptor", (features, families), values)


def _by_mean(table: dict[tuple[str, str], float], part: int) -> list[str]:
    names = dict.fromkeys(key[part] for key in table)
    return sorted(names, key=lambda name: -np.mean([value for key, value in table.items() if key[part] == name]))


def wins_figure(entry: Entry) -> Figure | None:
    """Share of units on which each leading row beats each other one, in %."""
    comparison = entry.comparison
    chosen = leaders(comparison, 12)
    if len(chosen) < 2:
        return None
    names = [name_of(comparison.rows[k]) for k in chosen]
    values = 100 * comparison.wins[np.ix_(chosen, chosen)]
    np.fill_diagonal(values, np.nan)
    caption = f"Share of {comparison.unit} (%) on which the row beats the column"
    numbered = [f"{k + 1} {name}" for k, name in enumerate(names)]
    return matrix_figure(f"{entry.key}-wins", caption, "row", (names, numbered), values, 0)


def rank_figures(entry: Entry) -> list[tuple[str, Figure]]:
    """Diagrams of the leading rows, of descriptors and of models, each with Friedman's test."""
    comparison = entry.comparison
    chosen = leaders(comparison, 10)
    found = [("leading rows", [name_of(comparison.rows[k]) for k in chosen], comparison.scores[chosen])]
    default = [k for k, row in enumerate(comparison.rows) if row.mode == "default"]
    part = Comparison(
        comparison.board, [comparison.rows[k] for k in default], comparison.units, comparison.scores[default]
    )
    for title, what in (("descriptors", "features"), ("models", "family")):
        of = [getattr(row, what) for row in part.rows]
        names = list(dict.fromkeys(of))
        if len(names) > 2 and len({of.count(name) for name in names}) == 1:
            found.append((title, names, matrix_by(part, of, names)))
    return [_rank_figure(entry, *of) for of in found if len(of[1]) > 2 and of[2].shape[1] > 1]


TITLES = {
    "leading rows": "Leading rows",
    "descriptors": "Descriptors, mean over models",
    "models": "Models, mean over descriptors",
}


def _rank_figure(entry: Entry, what: str, names: list[str], scores: Floats) -> tuple[str, Figure]:
    ranks, apart, p = average_ranks(scores), critical_difference(len(names), scores.shape[1]), friedman_test(scores)
    columns = [
        Column("row", what),
        Column("average_rank", "average rank", True, f"over {scores.shape[1]} {entry.comparison.unit}; 1 is best"),
        Column("critical_difference", "critical difference", True, "from which on ranks differ (Nemenyi, 5 %)"),
        Column("friedman_p", "Friedman p", True, "of the hypothesis that all of these rows are equally good"),
    ]
    rows = [
        Row([text_cell(names[k]), number_cell(float(ranks[k]), 2), number_cell(apart, 2), Cell(f"{p:.1g}", p)])
        for k in np.argsort(ranks, kind="stable")
    ]
    key = f"{entry.key}-ranks-{what.split()[-1]}"
    table = Table(key, f"Average ranks of {what}", columns, rows)
    return f"{TITLES[what]} (Friedman p = {p:.1g})", Figure(charts.rank_chart(names, ranks, apart), table)


def shares_figure(key: str, what: str, analyses: Sequence[tuple[str, Shares]]) -> Figure | None:
    """Variance shares of one or more analyses as stacked bars; ``what`` names what their names are."""
    if not analyses:
        return None
    columns = [
        Column(what.replace(" ", "_"), what),
        Column("source", "source"),
        Column("share", "share of the variance, %", True, "with its 95 % interval over glasses (jackknife)"),
        Column("levels", "levels", help="how many descriptors, models, … there were"),
        Column("note", "note"),
    ]
    rows = []
    for name, found in analyses:
        for source, share in found.shares.items():
            low, high = found.intervals.get(source, (None, None))
            interval = None if low is None or high is None else (100 * low, 100 * high)
            levels = " × ".join(str(len(found.factors[of])) for of in source.split(" × ") if of in found.factors)
            note = "estimated below zero" if source in found.below_zero else ""
            value = number_cell(100 * share, 0, interval=interval)
            rows.append(Row([text_cell(name), text_cell(source), value, text_cell(levels), text_cell(note)]))
    chart = charts.share_chart([(name, found.shares) for name, found in analyses])
    return Figure(chart, Table(key, "Shares of the variance of the score", columns, rows, (0.0, 100.0)).pruned())


def levels_text(shares: Shares, unit: str) -> str:
    """``8 descriptors × 6 models × 15 glasses``, and what was estimated below zero; ``unit``: glasses or folds."""
    words = {
        "descriptor": "descriptors",
        "model": "models",
        "tuning": "modes",
        "split": "splits",
        "glass": unit,
    }
    text = " × ".join(f"{len(levels)} {words[name]}" for name, levels in shares.factors.items())
    return text + (f" (below zero, set to 0: {', '.join(shares.below_zero)})" if shares.below_zero else "")


@dataclass(frozen=True)
class Pairs:
    """Differences of all pairs of leading rows: for the script, and as a table."""

    data: dict[str, object]
    table: Table


def pairs_of(entry: Entry) -> Pairs | None:
    """Value, interval, share of resamples and of units on which the first row is ahead; None without intervals."""
    comparison = entry.comparison
    chosen = leaders(comparison, PAIRED)
    names = [name_of(comparison.rows[k]) for k in chosen]
    entries, rows = [], []
    for place, a in enumerate(chosen):
        for b in chosen[place + 1 :]:
            found = comparison.difference(a, b)
            if found is None:
                return None
            wins = float(comparison.wins[a, b])
            entries.append([round(x, 4) for x in (found.value, *found.interval, found.probability, wins)])
            cells = [text_cell(name_of(comparison.rows[k])) for k in (a, b)]
            low, high = (f"{end:+.3f}".replace("-", "−") for end in found.interval)
            difference = number_cell(found.value, 3, True, found.interval)
            said = text_cell("yes" if found.clear else "no")
            numbers = [number_cell(100 * found.probability, 0), number_cell(100 * wins, 0)]
            rows.append(Row([*cells, difference, text_cell(f"{low} to {high}"), said, *numbers]))
    columns = [
        Column("first", "row"),
        Column("second", "against"),
        Column("difference", "difference", True, "on the same resampled glasses", drawn=False),
        Column("interval", "95 %"),
        Column("clear", "told apart"),
        Column("ahead_resamples", "ahead, % of resamples", True),
        Column("ahead_units", f"ahead, % of {comparison.unit}", True),
    ]
    table = Table(f"{entry.key}-pairs", f"Differences of pairs of rows of {entry.name}", columns, rows)
    return Pairs({"names": names, "pairs": entries, "unit": comparison.unit}, table) if rows else None
