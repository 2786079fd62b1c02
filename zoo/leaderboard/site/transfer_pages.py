"""Pages of transfer matrices: what a model that was learnt on one kind of glass is worth on another."""

from __future__ import annotations

import numpy as np

from zoo.benchmark.metrics import TITLES
from zoo.datasets.card import read_card
from zoo.datasets.registry import dataset_folder
from zoo.errors import ZooError
from zoo.leaderboard.site import charts
from zoo.leaderboard.site.gather import Page, Site, file_names
from zoo.leaderboard.site.tables import Cell, Column, Row, Table, number_cell, text_cell
from zoo.leaderboard.statistics import Floats
from zoo.transfer.ladder import RUNGS
from zoo.transfer.matrix import CellLine, Matrix
from zoo.transfer.page import stored_matrices


def transfer_pages(site: Site) -> list[Page]:
    """A list of the matrices in the results folder and a page for each; none where there are none."""
    matrices = stored_matrices(site.store.folder)
    if not matrices:
        return []
    paths = file_names("transfer", [matrix.name for matrix in matrices])
    table = _list(site, matrices, paths)
    context = {"intro": INTRO, "table": table}
    first = Page("transfer/index.html", "Transfer", "list.html.j2", "transfer", context, [table])
    return [first, *(_page(site, matrix, paths[matrix.name]) for matrix in matrices)]


INTRO = (
    "Learnt on one group of glasses, tested on every other. No glass is on both sides of a fit, every fit learns from "
    "the same number of glasses. Made by zoo transfer."
)


def is_current(matrix: Matrix) -> bool:
    """Whether it was made from the data that are here now."""
    try:
        return all(read_card(dataset_folder(name)).content_hash == data for name, data in matrix.data.items())
    except ZooError:
        return False


def _list(site: Site, matrices: list[Matrix], paths: dict[str, str]) -> Table:
    columns = [
        Column("matrix", "matrix"),
        Column("features", "descriptor"),
        Column("family", "model"),
        Column("groups", "groups", True),
        Column("metric", "metric"),
        Column("in_domain", "in-domain", True, "mean over groups, other glasses of the same group"),
        Column("elsewhere", "elsewhere", True, "mean over pairs of different groups"),
        Column("drop", "drop", True, "mean of score minus in-domain score of the same target"),
        Column("ceiling", "ceiling", True, "what label noise allows, mean over groups"),
        Column("made", "made"),
    ]
    rows = []
    for matrix in matrices:
        names = {group.name for group in matrix.groups}
        pairs = [cell for cell in matrix.cells if cell.source in names and cell.source != cell.target]
        own = [cell.score for cell in matrix.cells if cell.source == cell.target]
        cells = [
            text_cell(f"{' + '.join(matrix.tasks)} by {matrix.by}", paths[matrix.name]),
            text_cell(matrix.features, site.feature_paths.get(matrix.features, "")),
            text_cell(matrix.family, site.family_paths.get(matrix.family, "")),
            number_cell(len(matrix.groups), 0),
            text_cell(TITLES[matrix.metric]),
            number_cell(_mean(own)),
            number_cell(_mean([cell.score for cell in pairs])),
            number_cell(_mean([cell.drop for cell in pairs]), 3, True),
            number_cell(_mean([group.ceiling for group in matrix.groups])),
            text_cell(matrix.made[:10], badge="" if is_current(matrix) else "older data"),
        ]
        rows.append(Row(cells))
    return Table("transfer", "Transfer matrices", columns, rows)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _page(site: Site, matrix: Matrix, path: str) -> Page:
    stem = path.rsplit("/", 1)[-1].removesuffix(".html")
    metric, targets = TITLES[matrix.metric], [group.name for group in matrix.groups]
    scores = f"{metric}: learnt on the row, tested on the column"
    drops = f"{metric} minus the in-domain {metric} of the column"
    tables = [_cells(matrix, f"transfer-{stem}"), _groups(matrix, f"transfer-{stem}-groups")]
    shifts = _shifts(matrix, f"transfer-{stem}-features")
    context = {
        "matrix": matrix,
        "metric": metric,
        "scores": charts.heat_chart(matrix.sources, targets, _grid(matrix, "score"), scores),
        "drops": charts.heat_chart(matrix.sources, targets, _grid(matrix, "drop"), drops, signed=True),
        "cells": tables[0],
        "groups": tables[1],
        "shifts": shifts,
        "ladder": matrix.ladder if len(matrix.ladder) > 1 else [],
        "current": is_current(matrix),
        "failed": list(dict.fromkeys(cell.reason for cell in matrix.cells if cell.reason)),
        "links": {entry.board.task.name: entry.path for entry in site.entries},
    }
    title = f"{' + '.join(matrix.tasks)} by {matrix.by}"
    return Page(path, title, "transfer.html.j2", "transfer", context, [*tables, shifts])


def _grid(matrix: Matrix, name: str) -> Floats:
    grid = np.full((len(matrix.sources), len(matrix.groups)), np.nan)
    for row, source in enumerate(matrix.sources):
        for column, group in enumerate(matrix.groups):
            value = getattr(matrix.cell(source, group.name), name, None)
            grid[row, column] = np.nan if value is None else value
    return grid


def _cells(matrix: Matrix, key: str) -> Table:
    ceilings = {group.name: group.ceiling for group in matrix.groups}
    columns = [
        Column("source", "learnt on"),
        Column("target", "tested on"),
        Column(matrix.metric, TITLES[matrix.metric], True, "with its 95 % interval over test glasses"),
        Column("drop", "drop", True, "score minus in-domain score of the same target; ≈: its interval holds zero"),
        Column("asymmetry", "asymmetry", True, "score minus that of the other way round; ≈: its interval holds zero"),
        Column("ceiling", "ceiling", True, "what the noise of the target's labels allows"),
        Column("labels_as_predictions", "labels as predictions", True, "a perfect model of the source would reach it"),
        Column("spread", "spread over fits", True),
        Column("rung", "rung", help="of the ladder: what differs between source and target", extra=True),
        Column("train_glasses", "glasses learnt", True, extra=True),
        Column("train_rows", "rows learnt", True, extra=True),
        Column("test_glasses", "glasses tested", True, extra=True),
    ]
    rows = [_cell_row(cell, ceilings.get(cell.target)) for cell in matrix.cells]
    ends = [end for cell in matrix.cells for end in (cell.interval or ()) or (cell.score or 0.0,)]
    return Table(key, "Every pair of groups", columns, rows, (min(ends), max(ends)) if ends else None).pruned()


def _cell_row(cell: CellLine, ceiling: float | None) -> Row:
    score = number_cell(cell.score, 3, interval=cell.interval)
    same = cell.source == cell.target
    return Row(
        [
            text_cell(cell.source),
            text_cell(cell.target, badge="in-domain" if same else ""),
            Cell(cell.reason.partition(":")[0], None, help=cell.reason) if cell.score is None else score,
            _difference(cell.drop, cell.drop_interval),
            _difference(cell.asymmetry, cell.asymmetry_interval),
            number_cell(ceiling),
            number_cell(cell.oracle),
            number_cell(cell.spread),
            text_cell(RUNGS.get(cell.rung, cell.rung)),
            number_cell(cell.n_train_glasses or None, 0),
            number_cell(cell.n_train_rows or None, 0),
            number_cell(cell.n_test_glasses or None, 0),
        ]
    )


def _difference(value: float | None, interval: tuple[float, float] | None) -> Cell:
    cell = number_cell(value, 3, True)
    if value is None or interval is None:
        return cell
    low, high = interval
    text = f"95 %: {low:+.3f} to {high:+.3f}".replace("-", "−")
    return Cell(cell.text, cell.value, help=text, badge="≈" if low <= 0 <= high else "")


def _groups(matrix: Matrix, key: str) -> Table:
    columns = [
        Column("group", "group"),
        Column("task", "task"),
        Column("glasses", "glasses", True),
        Column("rows", "rows", True),
        Column("class_1", "class 1, %", True, "share of the rows that are to be found"),
        Column("composition", "composition"),
        Column("quench_rate", "quench rate (K/s)", True),
        Column("ceiling", "ceiling", True, "best score that label noise allows"),
        Column("ceiling_of", "ceiling from"),
    ]
    rows = [
        Row(
            [
                text_cell(group.name),
                text_cell(group.task),
                number_cell(group.n_glasses, 0),
                Cell(f"{group.n_rows:,}", group.n_rows),
                number_cell(None if group.base_rate is None else 100 * group.base_rate, 1),
                text_cell(", ".join(f"{kind} {100 * part:.0f} %" for kind, part in group.composition.items())),
                Cell(f"{group.quench_rate:.2g}", group.quench_rate) if group.quench_rate else Cell(""),
                number_cell(group.ceiling),
                text_cell(group.ceiling_note),
            ]
        )
        for group in matrix.groups
    ]
    return Table(key, "Groups", columns, rows).pruned()


def _shifts(matrix: Matrix, key: str) -> Table:
    columns = [
        Column("first", "group"),
        Column("second", "other group"),
        Column("auc", "ROC AUC", True, "of telling atoms of the two apart by their features: 0.5 is alike"),
        Column("by_chance", "by chance", True, "mean over other deals of the glasses to the two sides"),
        Column("by_chance_largest", "at most", True, "largest of those deals"),
        Column("p_value", "p", True, "how likely features that do not differ give such a ROC AUC"),
        Column("composition_distance", "composition differs by, %", True),
        Column("note", "note"),
    ]
    rows = [
        Row(
            [
                text_cell(shift.first),
                text_cell(shift.second),
                number_cell(shift.auc),
                number_cell(shift.null_mean),
                number_cell(shift.null_largest),
                number_cell(shift.p_value, 2, help=f"from {shift.n_null} deals"),
                number_cell(None if shift.composition_distance is None else 100 * shift.composition_distance, 0),
                text_cell(shift.note),
            ]
        )
        for shift in matrix.shifts
    ]
    return Table(key, "Do the features differ?", columns, rows).pruned()
