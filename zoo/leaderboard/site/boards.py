"""The board of a task as a table: every row with everything that is known about it, submissions among them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zoo.benchmark.metrics import TITLES
from zoo.features.declaration import feature_sets
from zoo.leaderboard.board import BoardRow
from zoo.leaderboard.compare import cpu_seconds, name_of
from zoo.leaderboard.site.gather import Entry, Site
from zoo.leaderboard.site.submission_pages import STATES, Submitted, submitted_rows
from zoo.leaderboard.site.tables import Cell, Column, Row, Table, Value, number_cell, quantity_cell, text_cell
from zoo.leaderboard.statistics import Difference
from zoo.models.declaration import model_families


def board_table(site: Site, entry: Entry) -> Table:
    """Every row of a board with everything that is known about it."""
    columns = _columns(entry)
    scored = {name_of(row): number for number, row in enumerate(entry.comparison.rows)}
    rows = []
    for row in _ordered(entry):
        number = scored.get(name_of(row))
        cells = _who(site, entry, row, number) | ({} if number is None else _found(entry, row, number))
        rows.append(Row(_in_order(columns, cells), row.null_control, number is not None, row.mode))
    submitted = [
        Row(_in_order(columns, _submitted(site, entry, of)), mode="default" if of.claim.family else "")
        for of in submitted_rows(site, entry)
    ]
    place = [column.key for column in columns].index(entry.board.headline)
    rows = _merged(rows, submitted, place)
    ends = [
        end for row in entry.comparison.rows for end in row.interval or (row.scores.get(entry.board.headline, 0.0),)
    ]
    return Table(entry.key, f"Board of {entry.name}", columns, rows, (min(ends), max(ends)) if ends else None)


def _columns(entry: Entry) -> list[Column]:
    return [
        Column("rank", "#", True),
        Column("descriptor", "descriptor"),
        Column("model", "model"),
        Column(entry.board.headline, entry.metric, True, "the score, with its 95 % interval over glasses"),
        Column("mode", "mode", help="default settings, tuned on training glasses, or an ensemble of tuned ones"),
        Column("percent_of_ceiling", "% of ceiling", True, "0: ordering at random; 100: what label noise allows"),
        Column(
            "minus_best",
            "minus best",
            True,
            "paired difference to the best row on the same glasses; ≈: its 95 % interval holds zero",
            drawn=False,
        ),
        Column("elo", "Elo", True, "Bradley-Terry rating of wins on single glasses", drawn=False),
        Column("average_rank", "rank", True, "average rank over glasses or folds", True),
        Column(
            "improvability",
            "improvable %",
            True,
            "share of its error that it would lose if it were as good as the best",
            True,
        ),
        Column("optimism", "optimism", True, "what a random split of atoms would have claimed on top"),
        Column("glasses", "glasses", True, "test glasses", wide=True),
        Column("state", "state", help="ok, or why there is no score", wide=True),
        Column("checked", "checked", help="run here, by the project, or the state of a submission", wide=True),
        *(Column(name, TITLES[name], True, extra=number > 0) for number, name in enumerate(entry.board.metrics[1:])),
        Column("columns", "columns", True, "of the descriptor", True),
        Column("microseconds_per_atom", "µs/atom", True, "cost of the descriptor"),
        Column("fit_seconds", "fit s", True, "CPU seconds of a fit"),
        Column("tune_seconds", "tune s", True, "CPU seconds of the search for settings", True),
        Column("predict_seconds", "predict s", True, "CPU seconds of predicting the test rows", True),
        Column("cpu_seconds", "CPU s", True, "of a whole fold: describe, tune, fit, predict", True),
        Column("memory_mb", "MB", True, "added to the memory of the process", True),
        Column("fresh_lead", "fresh lead", True, "of a submission over a registered set, on new glasses", True),
        Column("date", "date", extra=True),
        Column("citation", "source", extra=True),
    ]


def _in_order(columns: list[Column], cells: dict[str, Cell]) -> list[Cell]:
    return [cells.get(column.key, Cell("")) for column in columns]


def _ordered(entry: Entry) -> list[BoardRow]:
    scored = {name_of(row) for row in entry.comparison.rows}
    return [*entry.comparison.rows, *(row for row in entry.board.rows if name_of(row) not in scored)]


def _merged(rows: list[Row], submitted: list[Row], place: int) -> list[Row]:
    """Rows with those of submissions among them, by the score, the cell at ``place``; unranked ones below all of it."""
    for row in submitted:
        value = row.cells[place].value
        below = (k for k, other in enumerate(rows) if not other.scored or _less(other.cells[place].value, value))
        rows.insert(next(below, len(rows)), row)
    return rows


def _less(a: Value, b: Value) -> bool:
    return isinstance(a, float) and isinstance(b, float) and a < b


def _submitted(site: Site, entry: Entry, of: Submitted) -> dict[str, Cell]:
    """A row of a submission: its scores, without what compares rows that were run here.

    One that is not ranked shows its scores as words: nothing to sort by, to draw or to download.
    """
    found, headline = of.outcome, entry.board.headline
    family = model_families[of.claim.family].name if of.claim.family else ""
    value, name = found.found[headline], of.entry.name
    scores = {
        **_scores(entry, found.found),
        headline: number_cell(value, 3, interval=found.interval),
        "percent_of_ceiling": number_cell(entry.percent(value), 0),
    }
    if not of.ranked:
        help_ = STATES[of.entry.state]
        scores = {key: replace(cell, value=None, interval=None, help=help_) for key, cell in scores.items()}
    return {
        "descriptor": text_cell(name, site.submission_paths[name], of.entry.title, f"submitted, {of.entry.state}"),
        "model": text_cell(family or "its own", site.family_paths.get(family, "")),
        "mode": text_cell("default" if family else ""),
        **scores,
        "glasses": number_cell(found.n_glasses, 0),
        "columns": number_cell(found.n_columns or None, 0),
        "microseconds_per_atom": quantity_cell(found.microseconds_per_atom or None),
        "fit_seconds": quantity_cell(found.fit_seconds or None),
        "predict_seconds": quantity_cell(found.predict_seconds or None),
        "state": text_cell("ok"),
        "checked": text_cell(of.entry.state, help=STATES[of.entry.state]),
        "fresh_lead": number_cell(of.fresh.fresh_lead if of.fresh else None, 3, True),
        "date": text_cell(of.entry.record.date if of.entry.record else of.entry.made),
        "citation": text_cell(of.entry.card.citation if of.entry.card else ""),
    }


def _scores(entry: Entry, scores: dict[str, float]) -> dict[str, Cell]:
    return {
        name: number_cell(scores.get(name), 1 if name.startswith("enrichment") else 3) for name in entry.board.metrics
    }


def _who(site: Site, entry: Entry, row: BoardRow, number: int | None) -> dict[str, Cell]:
    """What is known of a row without a score, too."""
    features, family = feature_sets[row.features], model_families[row.family]
    null = "null control" if features.null_control else ""
    return {
        "descriptor": text_cell(row.features, site.feature_paths[row.features], features.title, null),
        "model": text_cell(row.family, site.family_paths[row.family], family.title, _badge(entry, row, number)),
        "mode": text_cell(row.mode),
        **_scores(entry, row.scores),
        "state": text_cell(row.state, help=row.reason),
        "citation": text_cell(f"{features.citation}; {family.citation}"),
    }


def _found(entry: Entry, row: BoardRow, number: int) -> dict[str, Cell]:
    """What was computed of a row with a score."""
    comparison = entry.comparison
    rating, span = comparison.elo
    low, high = span[number].tolist()
    known = (low, high) if np.isfinite(low) else None
    between = f"95 %: {low:.0f} to {high:.0f}" if known else ""
    value = float(comparison.headline[number])
    return {
        "rank": number_cell(number + 1, 0),
        entry.board.headline: number_cell(value, 3, interval=row.interval),
        "percent_of_ceiling": number_cell(entry.percent(value), 0),
        "minus_best": _against(comparison.difference(number, 0) if number else None),
        "elo": number_cell(float(rating[number]), 0, interval=known, help=between),
        "average_rank": number_cell(float(comparison.ranks[number]), 1),
        "improvability": number_cell(float(comparison.improvability[number]), 1),
        "optimism": number_cell(row.optimism, 3, True),
        "glasses": number_cell(row.n_glasses, 0),
        "checked": text_cell("by the project" if entry.came_along(row) else "run here"),
        "columns": number_cell(row.n_columns, 0),
        "microseconds_per_atom": quantity_cell(row.microseconds_per_atom),
        "fit_seconds": quantity_cell(row.fit_seconds),
        "tune_seconds": quantity_cell(row.tune_seconds or None),
        "predict_seconds": quantity_cell(row.predict_seconds),
        "cpu_seconds": quantity_cell(cpu_seconds(row)),
        "memory_mb": number_cell(row.peak_memory_mb, 0),
        "date": text_cell(row.date),
    }


def _against(found: Difference | None) -> Cell:
    """Difference to the best row, with ≈ where the glasses do not tell the two apart."""
    if found is None:
        return Cell("")
    cell = number_cell(found.value, 3, True, found.interval, _interval(found.interval))
    return cell if found.clear else replace(cell, badge="≈")


def _badge(entry: Entry, row: BoardRow, number: int | None) -> str:
    if model_families[row.family].null_control:
        return "null control"
    mode = "" if row.mode == "default" else row.mode
    front = "front" if number is not None and entry.comparison.front[number] else ""
    return ", ".join(filter(None, (mode, front)))


def _interval(interval: tuple[float, float]) -> str:
    return f"95 %: {interval[0]:+.3f} to {interval[1]:+.3f}".replace("-", "−")
