"""Pages of tasks: the board with intervals, comparisons, cost, what decides the score, and a glass to look at."""

from __future__ import annotations

from zoo.leaderboard.compare import Comparison, leaders, name_of
from zoo.leaderboard.compare_text import elo_text
from zoo.leaderboard.published import note
from zoo.leaderboard.site import charts
from zoo.leaderboard.site.boards import board_table
from zoo.leaderboard.site.charts import Mark
from zoo.leaderboard.site.figures import (
    Figure,
    Pairs,
    descriptors_and_models,
    levels_text,
    pairs_of,
    rank_figures,
    shares_figure,
    wins_figure,
)
from zoo.leaderboard.site.gather import Entry, Page, Progress, Site
from zoo.leaderboard.site.glass_view import view_of
from zoo.leaderboard.site.submission_pages import submitted_rows
from zoo.leaderboard.site.tables import Column, Row, Table, number_cell, text_cell, two_digits

SHOWN = 20
"""Rows of a chart."""


def task_pages(site: Site, progress: Progress) -> list[Page]:
    """A list of the tasks and a page for each."""
    table = _list(site)
    first = Page("tasks/index.html", "Tasks", "list.html.j2", "tasks", {"intro": INTRO, "table": table}, [table])
    pages = [first]
    for entry in site.entries:
        progress(f"{entry.name}: page")
        pages.append(_page(site, entry))
    return pages


INTRO = (
    "A task is a question to a data set: what is predicted, how it becomes a label, how glasses are split, what is "
    "scored."
)


def _page(site: Site, entry: Entry) -> Page:
    board = board_table(site, entry)
    cuts = _cuts_table(entry)
    comparison = entry.comparison
    heat, wins, ranks = descriptors_and_models(entry), wins_figure(entry), rank_figures(entry)
    shares, pairs = shares_figure(f"{entry.key}-shares", "analysis", entry.shares), pairs_of(entry)
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
        "heat": heat,
        "wins": wins,
        "ranks": ranks,
        "shares": shares,
        "share_texts": [f"{name}: {levels_text(share, comparison.unit)}" for name, share in entry.shares],
        "elo_text": elo_text(comparison),
        "pairs": pairs,
        "view": view_of(entry, site.store),
        "tied": _tied(comparison),
        "unscored": _unscored(entry),
        "submitted": bool(submitted_rows(site, entry)),
        "published": note(entry.suite, entry.published) if entry.published else "",
        "n_published": sum(map(entry.came_along, comparison.rows)),
    }
    figures: list[Figure | Pairs | None] = [heat, wins, shares, pairs, *(figure for _, figure in ranks)]
    tables = [board, *([cuts] if cuts else []), *(figure.table for figure in figures if figure)]
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
        comparison, task = entry.comparison, entry.board.task
        best, value = comparison.rows[0], float(comparison.headline[0])
        null = [float(comparison.headline[k]) for k, row in enumerate(comparison.rows) if row.null_control]
        rows.append(
            Row(
                [
                    text_cell(entry.name, entry.path),
                    text_cell(task.title),
                    text_cell(task.data_name, f"data/{task.dataset}.html" if task.data_name == task.dataset else ""),
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
