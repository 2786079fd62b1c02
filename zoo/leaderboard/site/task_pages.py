"""Pages of tasks: the board with intervals, comparisons, cost, what decides the score, and a glass to look at."""

from __future__ import annotations

import numpy as np

from zoo.leaderboard.compare import Comparison, leaders, matrix_by, name_of
from zoo.leaderboard.compare_text import elo_text
from zoo.leaderboard.site import charts
from zoo.leaderboard.site.boards import board_table
from zoo.leaderboard.site.charts import Mark
from zoo.leaderboard.site.gather import Entry, Page, Site
from zoo.leaderboard.site.glass_view import view_of
from zoo.leaderboard.site.submission_pages import submitted_rows
from zoo.leaderboard.site.tables import Column, Row, Table, number_cell, text_cell, two_digits
from zoo.leaderboard.statistics import Floats, average_ranks, critical_difference, friedman_test

SHOWN = 20
"""Rows of a chart."""
PAIRED = 40
"""Rows that can be chosen for a comparison of two."""


def task_pages(site: Site) -> list[Page]:
    """A list of the tasks and a page for each."""
    table = _list(site)
    first = Page("tasks/index.html", "Tasks", "list.html.j2", "tasks", {"intro": INTRO, "table": table}, [table])
    return [first, *(_page(site, entry) for entry in site.entries)]


INTRO = (
    "A task is a question to a data set: what is predicted, how it becomes a label, how glasses are split, what is "
    "scored."
)


def _page(site: Site, entry: Entry) -> Page:
    board = board_table(site, entry)
    cuts = _cuts_table(entry)
    comparison = entry.comparison
    context = {
        "entry": entry,
        "board": board,
        "cuts": cuts,
        "best": comparison.rows[0] if comparison.rows else None,
        "chart": charts.interval_chart(_marks(entry, leaders(comparison, SHOWN)), entry.metric, _lines(entry)),
        "pareto": charts.pareto_chart(
            _marks(entry, list(range(len(comparison.rows)))),
            "CPU seconds of a fold: describe, tune, fit, predict",
            entry.metric,
        ),
        "heat": _heat(comparison),
        "wins": _wins(comparison),
        "ranks": _rank_charts(comparison),
        "shares": charts.share_chart([(name, share.shares) for name, share in entry.shares]),
        "share_texts": [_levels(share.factors) for _, share in entry.shares],
        "elo_text": elo_text(comparison),
        "pairs": _pairs(comparison),
        "view": view_of(entry, site.store),
        "tied": _tied(comparison),
        "unscored": _unscored(entry),
        "submitted": bool(submitted_rows(site, entry)),
    }
    tables = [board, *([cuts] if cuts else [])]
    return Page(entry.path, entry.board.task.title, "task.html.j2", "tasks", context, tables, ("site.js", "viewer.js"))


def _marks(entry: Entry, chosen: list[int]) -> list[Mark]:
    comparison = entry.comparison
    features = list(dict.fromkeys(row.features for row in comparison.rows if not row.null_control))
    marks = []
    for number in chosen:
        row, value = comparison.rows[number], float(comparison.headline[number])
        between = f" ({row.interval[0]:.3f} to {row.interval[1]:.3f})" if row.interval else ""
        tip = (
            f"{name_of(row)}: {entry.metric} {value:.3f}{between}, {two_digits(float(comparison.costs[number]))} CPU s"
        )
        colour = features.index(row.features) if row.features in features else 0
        cost, front = float(comparison.costs[number]), bool(comparison.front[number])
        marks.append(Mark(name_of(row), value, row.interval, cost, colour, row.null_control, front, tip))
    return marks


def _lines(entry: Entry) -> list[tuple[float, str]]:
    return [(entry.normaliser.null, "random order")] if entry.normaliser else []


def _heat(comparison: Comparison) -> str:
    """Score of each descriptor with each model in default mode."""
    table = {
        (row.features, row.family): float(comparison.headline[k])
        for k, row in enumerate(comparison.rows)
        if row.mode == "default"
    }
    features, families = (_by_mean(table, part) for part in (0, 1))
    if len(features) < 2 or len(families) < 2:
        return ""
    values = np.array([[table.get((a, b), np.nan) for b in families] for a in features])
    return charts.heat_chart(features, families, values, "Score of each descriptor with each model")


def _by_mean(table: dict[tuple[str, str], float], part: int) -> list[str]:
    names = dict.fromkeys(key[part] for key in table)
    return sorted(names, key=lambda name: -np.mean([value for key, value in table.items() if key[part] == name]))


def _wins(comparison: Comparison) -> str:
    chosen = leaders(comparison, 12)
    if len(chosen) < 2:
        return ""
    names = [name_of(comparison.rows[k]) for k in chosen]
    values = 100 * comparison.wins[np.ix_(chosen, chosen)]
    np.fill_diagonal(values, np.nan)
    what = f"Share of {comparison.unit} (%) on which the row beats the column"
    return charts.heat_chart(names, [str(k + 1) + " " + name for k, name in enumerate(names)], values, what, 0)


def _rank_charts(comparison: Comparison) -> list[tuple[str, str]]:
    """Diagrams of the leading rows, of descriptors and of models, each with Friedman's test."""
    chosen = leaders(comparison, 10)
    found = [("Leading rows", [name_of(comparison.rows[k]) for k in chosen], comparison.scores[chosen])]
    default = [k for k, row in enumerate(comparison.rows) if row.mode == "default"]
    part = Comparison(
        comparison.board, [comparison.rows[k] for k in default], comparison.units, comparison.scores[default]
    )
    for title, what in (("Descriptors, mean over models", "features"), ("Models, mean over descriptors", "family")):
        of = [getattr(row, what) for row in part.rows]
        names = list(dict.fromkeys(of))
        if len(names) > 2 and len({of.count(name) for name in names}) == 1:
            found.append((title, names, matrix_by(part, of, names)))
    return [(f"{t} ({_friedman(s)})", _rank_chart(n, s)) for t, n, s in found if len(n) > 2 and s.shape[1] > 1]


def _friedman(scores: Floats) -> str:
    return f"Friedman p = {friedman_test(scores):.1g}"


def _rank_chart(names: list[str], scores: Floats) -> str:
    return charts.rank_chart(names, average_ranks(scores), critical_difference(len(names), scores.shape[1]))


def _levels(factors: dict[str, list[str]]) -> str:
    words = {"descriptor": "descriptors", "model": "models", "tuning": "modes", "glass": "glasses or folds"}
    return " × ".join(f"{len(levels)} {words[name]}" for name, levels in factors.items())


def _unscored(entry: Entry) -> list[str]:
    """What has no score, and why: one sentence for all descriptors of a model that share a reason."""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for row in entry.board.rows:
        if row.state != "ok":
            reasons.setdefault((row.state, row.model, row.reason), []).append(row.features)
    return [f"{model} on {', '.join(of)}: {state}; {reason}" for (state, model, reason), of in reasons.items()]


def _tied(comparison: Comparison) -> int:
    """Rows that are not clearly worse than the best one."""
    found = (comparison.difference(k, 0) for k in range(1, len(comparison.rows)))
    return sum(difference is not None and not difference.clear for difference in found)


def _pairs(comparison: Comparison) -> dict[str, object]:
    """Differences of all pairs of leading rows for the script: value, interval, share of resamples ahead."""
    chosen = leaders(comparison, PAIRED)
    entries = []
    for place, a in enumerate(chosen):
        for b in chosen[place + 1 :]:
            found = comparison.difference(a, b)
            if found is None:
                return {}
            entries.append(
                [round(x, 4) for x in (found.value, *found.interval, found.probability, float(comparison.wins[a, b]))]
            )
    names = [name_of(comparison.rows[k]) for k in chosen]
    return {"names": names, "pairs": entries, "unit": comparison.unit} if len(names) > 1 else {}


def _cuts_table(entry: Entry) -> Table | None:
    found = entry.sensitivity
    if found is None:
        return None
    columns = [Column("descriptor", "descriptor"), Column("model", "model")]
    for cut in found.fractions:
        share = f"{100 * cut:g} %"
        columns.append(Column(f"ap_{100 * cut:g}", f"AP at {share}", True, f"average precision, largest {share}"))
        columns.append(
            Column(f"gain_{100 * cut:g}", f"× chance at {share}", True, "average precision over that of a random order")
        )
        columns.append(Column(f"auc_{100 * cut:g}", f"AUC at {share}", True, extra=True))
    rows = []
    for number, row in enumerate(found.rows):
        cells = [text_cell(row.features), text_cell(row.model)]
        for k, cut in enumerate(found.fractions):
            precision = float(found.average_precision[number, k])
            cells += [
                number_cell(precision),
                number_cell(precision / cut, 2),
                number_cell(float(found.roc_auc[number, k])),
            ]
        rows.append(Row(cells, row.null_control, True, row.mode))
    return Table(f"{entry.key}-cuts", f"Other cuts of the label of {entry.name}", columns, rows)


def _list(site: Site) -> Table:
    columns = [
        Column("task", "task"),
        Column("question", "question"),
        Column("data", "data"),
        Column("metric", "metric"),
        Column("best", "best row"),
        Column("score", "best score", True),
        Column("percent_of_ceiling", "% of ceiling", True, "0: ordering at random; 100: what label noise allows"),
        Column("null", "best null control", True),
        Column("rows", "rows", True),
    ]
    rows = []
    for entry in site.entries:
        comparison = entry.comparison
        best, value = comparison.rows[0], float(comparison.headline[0])
        null = [float(comparison.headline[k]) for k, row in enumerate(comparison.rows) if row.null_control]
        rows.append(
            Row(
                [
                    text_cell(entry.name, entry.path),
                    text_cell(entry.board.task.title),
                    text_cell(entry.board.task.dataset, f"data/{entry.board.task.dataset}.html"),
                    text_cell(entry.metric),
                    text_cell(name_of(best), site.feature_paths[best.features]),
                    number_cell(value, interval=best.interval),
                    number_cell(entry.percent(value), 0),
                    number_cell(max(null) if null else None),
                    number_cell(len(comparison.rows), 0),
                ]
            )
        )
    return Table("tasks", "Tasks", columns, rows, (0.0, 1.0))
