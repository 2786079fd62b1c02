"""Two matrices beside each other: the second minus the first, where they differ clearly, and what was set otherwise."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from zoo.benchmark.metrics import TITLES
from zoo.errors import TransferError
from zoo.transfer.matrix import CellLine, Matrix

SETTINGS = (
    "tasks", "by", "only", "features", "family", "alignment", "n_glasses", "n_train_rows", "max_train_rows", "seed",
    "data", "versions",
)  # fmt: skip
"""Of a matrix, that change its scores."""


def print_difference(first: Matrix, second: Matrix, console: Console) -> None:
    """Print what is set otherwise, and the second matrix minus the first on the groups of both.

    Raises
    ------
    TransferError
        They are of different metrics, or share no groups.
    """
    rows = difference(first, second)
    console.print(f"\n[bold]{TITLES[second.metric]}[/]: {second.name} minus {first.name}", highlight=False)
    for line in settings_apart(first, second) or ["settings, data and versions are the same"]:
        console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    table.add_column("learnt on")
    targets = list(dict.fromkeys(target for _, target in rows))
    for target in targets:
        table.add_column(target, justify="right", no_wrap=True)
    for source in dict.fromkeys(source for source, _ in rows):
        found = [(rows.get((source, target)), target) for target in targets]
        texts = ["" if v is None else f"{v:+.3f}" + _mark(first, second, source, target) for v, target in found]
        table.add_row(source, *texts)
    console.print(table)
    console.print("*: each score is outside the 95 % interval of the other", style="dim")


def difference(first: Matrix, second: Matrix) -> dict[tuple[str, str], float]:
    """Second minus first for every cell that both have a score for, by source and target.

    Raises
    ------
    TransferError
        They are of different metrics, or share no such cell.
    """
    if first.metric != second.metric:
        raise TransferError(
            f"two matrices are compared in one metric, but {first.name} has {TITLES[first.metric]} and {second.name} "
            f"has {TITLES[second.metric]}: name two of one kind of task"
        )
    old = {(cell.source, cell.target): cell.score for cell in first.cells}
    found = {
        (cell.source, cell.target): cell.score - before
        for cell in second.cells
        if cell.score is not None and (before := old.get((cell.source, cell.target))) is not None
    }
    if not found:
        raise TransferError(
            f"two matrices are compared on the groups of both, but {first.name} has "
            f"{_names(first)} and {second.name} {_names(second)}: name two that share a group"
        )
    return found


def _names(matrix: Matrix) -> str:
    return ", ".join(group.name for group in matrix.groups)


def settings_apart(first: Matrix, second: Matrix) -> list[str]:
    """Settings, data and versions that differ, a line each."""
    lines = []
    for name in SETTINGS:
        a, b = getattr(first, name), getattr(second, name)
        if isinstance(a, dict):
            keys = sorted({*a, *b})
            lines += [f"{k}: {_text(a.get(k))} | {_text(b.get(k))}" for k in keys if a.get(k) != b.get(k)]
        elif a != b:
            lines.append(f"{name}: {_text(a)} | {_text(b)}")
    return lines


def _text(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text[:16] + "…" if len(text) == 64 else text or "none"  # a sha256


def _mark(first: Matrix, second: Matrix, source: str, target: str) -> str:
    cells = first.cell(source, target), second.cell(source, target)
    return "*" if cells[0] and cells[1] and clearly_apart(cells[0], cells[1]) else " "


def clearly_apart(first: CellLine, second: CellLine) -> bool:
    """Whether each score is outside the interval of the other; False where one has no interval."""
    if first.interval is None or second.interval is None or first.score is None or second.score is None:
        return False
    return not (
        first.interval[0] <= second.score <= first.interval[1]
        or second.interval[0] <= first.score <= second.interval[1]
    )
