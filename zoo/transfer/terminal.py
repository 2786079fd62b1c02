"""A transfer matrix as tables in the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from zoo.benchmark.metrics import TITLES
from zoo.transfer.matrix import OTHERS, CellLine, Matrix


def print_matrix(matrix: Matrix, console: Console) -> None:
    """Print scores, drops, the ladder, shifts of features, and what could not be scored."""
    title = TITLES[matrix.metric]
    console.print(f"\n[bold]{title}[/] of a model learnt on the row, tested on the column", highlight=False)
    glasses = f"{matrix.n_glasses} glasses" if matrix.n_glasses > 1 else "one glass"
    others = " (all others: as many, the same part from each)" if OTHERS in matrix.sources else ""
    console.print(
        f"{matrix.features}, {matrix.family}; every fit learns from {matrix.n_train_rows:,} {matrix.rows_are} of "
        f"{glasses} of its group{others}; diagonal: in-domain, on glasses held out; "
        "small: 95 % by bootstrap over test glasses",
        style="dim",
        highlight=False,
        soft_wrap=True,
    )
    console.print(_grid(matrix, _score))
    console.print(f"\n[bold]Drop[/] against the in-domain {title} of the column; * where its interval excludes 0")
    console.print(_grid(matrix, _drop))
    if any(cell.asymmetry is not None for cell in matrix.cells):
        console.print("\n[bold]Asymmetry[/]: row to column minus column to row; * where its interval excludes 0")
        console.print(_grid(matrix, _asymmetry))
    if any(cell.oracle is not None for cell in matrix.cells):
        console.print("\n[bold]Labels as predictions[/]: what the values behind the row's labels score, atom by atom")
        console.print(_grid(matrix, lambda cell: "" if cell.oracle is None else f"{cell.oracle:.3f}"))
    _print_ladder(matrix, console)
    _print_shifts(matrix, console)
    reasons = {cell.reason for cell in matrix.cells if cell.reason}
    for reason in sorted(reasons):
        console.print(reason, style="yellow", highlight=False, markup=False)


def _grid(matrix: Matrix, text: Any) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    table.add_column("learnt on")
    for group in matrix.groups:
        table.add_column(group.name, justify="right", no_wrap=True)
    for source in matrix.sources:
        cells = [matrix.cell(source, group.name) for group in matrix.groups]
        texts = ["" if cell is None else text(cell) for cell in cells]
        if any(texts):
            table.add_row(source, *texts, style="italic" if source == OTHERS else None)
    if any(group.ceiling is not None for group in matrix.groups) and text is _score:
        best = ["" if group.ceiling is None else f"{group.ceiling:.3f}" for group in matrix.groups]
        table.add_row("ceiling of label noise", *best, style="dim")
    return table


def _score(cell: CellLine) -> str:
    if cell.score is None:
        return cell.reason.partition(":")[0]
    low_high = f"\n[dim]{cell.interval[0]:.3f}-{cell.interval[1]:.3f}[/]" if cell.interval else ""
    score = f"[bold]{cell.score:.3f}[/]" if cell.source == cell.target else f"{cell.score:.3f}"
    return score + low_high


def _drop(cell: CellLine) -> str:
    return _starred(cell.drop, cell.drop_interval)


def _asymmetry(cell: CellLine) -> str:
    return _starred(cell.asymmetry, cell.asymmetry_interval)


def _starred(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return ""
    low, high = interval or (-1.0, 1.0)
    return f"{value:+.3f}" + ("*" if low > 0 or high < 0 else " ")


def _print_ladder(matrix: Matrix, console: Console) -> None:
    if len(matrix.ladder) < 2:
        return
    console.print("\n[bold]Ladder[/] (Wang & Jain 2019): mean over the cells of each rung, least and largest cell")
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    for name in ("rung", "cells", TITLES[matrix.metric], "least", "largest", "drop"):
        table.add_column(name, justify="left" if name == "rung" else "right")
    for rung in matrix.ladder:
        drop = "" if rung.drop is None else f"{rung.drop:+.3f}"
        table.add_row(
            rung.title, str(rung.n_cells), f"{rung.score:.3f}", f"{rung.least:.3f}", f"{rung.largest:.3f}", drop
        )
    console.print(table)


def _print_shifts(matrix: Matrix, console: Console) -> None:
    shifts = [shift for shift in matrix.shifts if shift.auc is not None]
    if not shifts:
        return
    console.print(
        "\n[bold]Do the features differ?[/] ROC AUC of telling two groups apart on glasses not seen (0.5: not at all), "
        "the mean where glasses are dealt to the two sides otherwise, and the part p of all deals that do as well",
        soft_wrap=True,
    )
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    for name in ("groups", "AUC", "by chance", "p", "composition differs by"):
        table.add_column(name, justify="left" if name == "groups" else "right")
    for shift in sorted(shifts, key=lambda shift: -(shift.auc or 0)):
        distance = "" if shift.composition_distance is None else f"{100 * shift.composition_distance:.0f} %"
        table.add_row(
            f"{shift.first} | {shift.second}",
            f"{shift.auc:.3f}",
            "" if shift.null_mean is None else f"{shift.null_mean:.3f}",
            "" if shift.p_value is None else f"{shift.p_value:.2f}",
            distance,
        )
    console.print(table)
