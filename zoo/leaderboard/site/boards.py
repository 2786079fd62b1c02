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

SCORE = 4
"""Place of the headline score among the cells."""


def board_table(site: Site, entry: Entry) -> Table:
    """Every row of a board with everything that is known about it."""
    metrics = entry.board.metrics
    columns = [
        Column("rank", "#", True),
        Column("descriptor", "descriptor"),
        Column("model", "model"),
        Column(
            "mode", "mode", help="default settings, tuned on training glasses, or an ensemble of tuned ones", extra=True
        ),
        Column(entry.board.headline, entry.metric, True, "the score, with its 95 % interval over glasses"),
        Column("percent_of_ceiling", "% of ceiling", True, "0: ordering at random; 100: what label noise allows"),
        Column("minus_best", "minus best", True, "paired difference to the best row on the same glasses"),
        Column("elo", "Elo", True, "Bradley-Terry rating of wins on single glasses"),
        Column("average_rank", "rank", True, "average rank over glasses or folds", True),
        Column(
            "improvability",
            "improvable %",
            True,
            "share of its error that it would lose if it were as good as the best",
            True,
        ),
        Column("optimism", "optimism", True, "what a random split of atoms would have claimed on top"),
        *(Column(name, TITLES[name], True, extra=number > 0) for number, name in enumerate(metrics[1:])),
        Column("glasses", "glasses", True, "test glasses", True),
        Column("columns", "columns", True, "of the descriptor", True),
        Column("microseconds_per_atom", "µs/atom", True, "cost of the descriptor"),
        Column("fit_seconds", "fit s", True, "CPU seconds of a fit"),
        Column("tune_seconds", "tune s", True, "CPU seconds of the search for settings", True),
        Column("predict_seconds", "predict s", True, extra=True),
        Column("cpu_seconds", "CPU s", True, "of a whole fold: describe, tune, fit, predict", True),
        Column("memory_mb", "MB", True, "added to the memory of the process", True),
        Column("state", "state", extra=all(row.state == "ok" for row in entry.board.rows)),
        Column("checked", "checked", help="who ran it: this project, or a submission and its state", extra=True),
        Column("fresh_lead", "fresh lead", True, "of a submission over a registered set, on new glasses", True),
        Column("date", "date", extra=True),
        Column("citation", "source", extra=True),
    ]
    scored = {name_of(row): number for number, row in enumerate(entry.comparison.rows)}
    rows = [_board_row(site, entry, row, scored.get(name_of(row))) for row in _ordered(entry)]
    rows = _merged(rows, [_submitted_row(site, entry, of) for of in submitted_rows(site, entry)])
    ends = [
        end for row in entry.comparison.rows for end in row.interval or (row.scores.get(entry.board.headline, 0.0),)
    ]
    return Table(entry.key, f"Board of {entry.name}", columns, rows, (min(ends), max(ends)) if ends else None)


def _merged(rows: list[Row], submitted: list[Row]) -> list[Row]:
    """Rows with those of submissions among them, by score; unranked ones below all that have one."""
    for row in submitted:
        value = row.cells[SCORE].value
        below = (k for k, other in enumerate(rows) if not other.scored or _less(other.cells[SCORE].value, value))
        rows.insert(next(below, len(rows)), row)
    return rows


def _less(a: Value, b: Value) -> bool:
    return isinstance(a, float) and isinstance(b, float) and a < b


def _submitted_row(site: Site, entry: Entry, of: Submitted) -> Row:
    """A row of a submission: its scores, without what compares rows that were run here.

    One that is not ranked shows its scores as words: nothing to sort by, to draw or to download.
    """
    found, metrics = of.outcome, entry.board.metrics
    family = model_families[of.claim.family].name if of.claim.family else ""
    numbers = [number_cell(found.found.get(name), 1 if name.startswith("enrichment") else 3) for name in metrics]
    value = found.found[metrics[0]]
    numbers[0] = number_cell(value, 3, interval=found.interval)
    percent = number_cell(entry.percent(value), 0)
    if not of.ranked:
        percent, *numbers = (
            replace(cell, value=None, interval=None, help=STATES[of.entry.state]) for cell in (percent, *numbers)
        )
    name = of.entry.name
    cells = [
        Cell(""),
        text_cell(name, site.submission_paths[name], of.entry.title, f"submitted, {of.entry.state}"),
        text_cell(family or "its own", site.family_paths.get(family, "")),
        text_cell("default" if family else ""),
        numbers[0],
        percent,
        *[Cell("")] * 5,
        *numbers[1:],
        number_cell(found.n_glasses, 0),
        number_cell(found.n_columns or None, 0),
        quantity_cell(found.microseconds_per_atom or None),
        quantity_cell(found.fit_seconds or None),
        Cell(""),
        quantity_cell(found.predict_seconds or None),
        *[Cell("")] * 2,
        text_cell("ok"),
        text_cell(of.entry.state, help=STATES[of.entry.state]),
        number_cell(of.fresh.fresh_lead if of.fresh else None, 3, True),
        text_cell(of.entry.record.date if of.entry.record else of.entry.made),
        text_cell(of.entry.card.citation if of.entry.card else ""),
    ]
    return Row(cells, mode="default" if family else "")


def _ordered(entry: Entry) -> list[BoardRow]:
    scored = {name_of(row) for row in entry.comparison.rows}
    return [*entry.comparison.rows, *(row for row in entry.board.rows if name_of(row) not in scored)]


def _board_row(site: Site, entry: Entry, row: BoardRow, number: int | None) -> Row:
    features, family = feature_sets[row.features], model_families[row.family]
    start = [
        number_cell(None if number is None else number + 1, 0),
        text_cell(
            row.features,
            site.feature_paths[row.features],
            features.title,
            "null control" if features.null_control else "",
        ),
        text_cell(row.family, site.family_paths[row.family], family.title, _badge(entry, row, number)),
        text_cell(row.mode),
    ]
    metrics = entry.board.metrics
    scores = [number_cell(row.scores.get(name), 1 if name.startswith("enrichment") else 3) for name in metrics]
    if number is None:
        source = text_cell(f"{features.citation}; {family.citation}")
        end = [text_cell(row.state, help=row.reason), text_cell(""), Cell(""), text_cell(""), source]
        blank = Cell("")
        return Row(
            [*start, scores[0], *[blank] * 6, *scores[1:], *[blank] * 8, *end], row.null_control, False, row.mode
        )
    comparison = entry.comparison
    rating, span = comparison.elo
    low, high = span[number].round().tolist()
    against = comparison.difference(number, 0) if number else None
    value = float(comparison.headline[number])
    return Row(
        [
            *start,
            number_cell(value, 3, interval=row.interval),
            number_cell(entry.percent(value), 0),
            _against(against),
            number_cell(float(rating[number]), 0, help=f"95 %: {low:.0f} to {high:.0f}" if np.isfinite(low) else ""),
            number_cell(float(comparison.ranks[number]), 1),
            number_cell(float(comparison.improvability[number]), 1),
            number_cell(row.optimism, 3, True),
            *scores[1:],
            number_cell(row.n_glasses, 0),
            number_cell(row.n_columns, 0),
            quantity_cell(row.microseconds_per_atom),
            quantity_cell(row.fit_seconds),
            quantity_cell(row.tune_seconds or None),
            quantity_cell(row.predict_seconds),
            quantity_cell(cpu_seconds(row)),
            number_cell(row.peak_memory_mb, 0),
            text_cell(row.state),
            text_cell("run here"),
            Cell(""),
            text_cell(row.date),
            text_cell(f"{features.citation}; {family.citation}"),
        ],
        row.null_control,
        True,
        row.mode,
    )


def _against(found: Difference | None) -> Cell:
    """Difference to the best row, with ≈ where the glasses do not tell the two apart."""
    if found is None:
        return Cell("")
    cell = number_cell(found.value, 3, True, help=_interval(found.interval))
    return cell if found.clear else replace(cell, badge="≈")


def _badge(entry: Entry, row: BoardRow, number: int | None) -> str:
    if model_families[row.family].null_control:
        return "null control"
    mode = "" if row.mode == "default" else row.mode
    front = "front" if number is not None and entry.comparison.front[number] else ""
    return ", ".join(filter(None, (mode, front)))


def _interval(interval: tuple[float, float]) -> str:
    return f"95 %: {interval[0]:+.3f} to {interval[1]:+.3f}".replace("-", "−")
