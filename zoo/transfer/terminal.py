"""A transfer matrix, or the difference of two, as tables in the terminal."""

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
    console.print(
        f"{matrix.features}, {matrix.family}; every fit learns from {glasses} of its group"
        + (f", {matrix.max_train_rows} rows at most" if matrix.max_train_rows else "")
        + "; diagonal: in-domain, on glasses held out; small: 95 % by bootstrap over test glasses",
        style="dim",
        highlight=False,
        soft_wrap=True,
    )
    console.print(_grid(matrix, _score))
    console.print(f"\n[bold]Drop[/] against the in-domain {title} of the column; * where its interval excludes 0")
    console.print(_grid(matrix, _drop))
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
    if cell.drop is None:
        return ""
    low, high = cell.drop_interval or (-1.0, 1.0)
    return f"{cell.drop:+.3f}" + ("*" if low > 0 or high < 0 else " ")


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
        "and the largest of five with the glasses dealt to the two sides at random",
        soft_wrap=True,
    )
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    for name in ("groups", "AUC", "by chance", "composition differs by"):
        table.add_column(name, justify="left" if name == "groups" else "right")
    for shift in sorted(shifts, key=lambda shift: -(shift.auc or 0)):
        distance = "" if shift.composition_distance is None else f"{100 * shift.composition_distance:.0f} %"
        table.add_row(
            f"{shift.first} | {shift.second}",
            f"{shift.auc:.3f}",
            "" if shift.null_largest is None else f"{shift.null_largest:.3f}",
            distance,
        )
    console.print(table)


def print_difference(first: Matrix, second: Matrix, console: Console) -> None:
    """Print the second matrix minus the first, on the groups of both."""
    rows = difference(first, second)
    if not rows:
        from zoo.errors import TransferError

        raise TransferError(
            f"two matrices are compared on the groups of both, but {first.name} and {second.name} share none"
        )
    console.print(f"\n[bold]{TITLES[second.metric]}[/]: {second.name} minus {first.name}", highlight=False)
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    table.add_column("learnt on")
    targets = list(dict.fromkeys(target for _, target in rows))
    for target in targets:
        table.add_column(target, justify="right", no_wrap=True)
    for source in dict.fromkeys(source for source, _ in rows):
        found = [rows.get((source, target)) for target in targets]
        table.add_row(source, *("" if value is None else f"{value:+.3f}" for value in found))
    console.print(table)


def difference(first: Matrix, second: Matrix) -> dict[tuple[str, str], float]:
    """Second minus first for every cell that both have; empty where their metrics differ."""
    if first.metric != second.metric:
        return {}
    old = {(cell.source, cell.target): cell.score for cell in first.cells}
    return {
        (cell.source, cell.target): cell.score - before
        for cell in second.cells
        if cell.score is not None and (before := old.get((cell.source, cell.target))) is not None
    }
