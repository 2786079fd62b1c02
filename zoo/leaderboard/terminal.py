"""The board as a table in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from zoo.benchmark.metrics import TITLES
from zoo.leaderboard.board import BoardRow, TaskBoard

SHOWN = {
    "classification": ["average_precision", "roc_auc", "mcc", "enrichment_1", "enrichment_5"],
    "regression": ["pearson", "spearman", "r2", "rmse"],
}


def print_board(boards: list[TaskBoard], console: Console, top: int | None = None) -> None:
    """Print one table per task.

    Parameters
    ----------
    boards : list of TaskBoard
    console : rich.console.Console
    top : int, optional
        Rows with a score to print; all by default.
    """
    for board in boards:
        scored = [row for row in board.rows if row.state == "ok"]
        console.print()
        console.print(f"[bold]{board.task.title}[/]  {board.task.name}", highlight=False)
        glasses = scored[0].n_glasses if scored else 0
        console.print(
            f"data {board.task.data_name}, {glasses} glasses, {board.task.folds} folds by glass; "
            f"sorted by {TITLES[board.headline]}; interval: 95 %, bootstrap over glasses",
            style="dim",
            highlight=False,
        )
        console.print(_table(board, scored[:top]))
        if top is not None and len(scored) > top:
            console.print(f"… {len(scored) - top} more rows", style="dim")
        _print_unscored(board, console)


def _table(board: TaskBoard, rows: list[BoardRow]) -> Table:
    shown = SHOWN[board.task.kind]
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    table.add_column("#", justify="right")
    table.add_column("features", no_wrap=True)
    table.add_column("family", no_wrap=True)
    table.add_column(TITLES[shown[0]], justify="right", no_wrap=True)
    table.add_column("95 %", justify="right", no_wrap=True)
    for name in shown[1:]:
        table.add_column(TITLES[name], justify="right")
    for title in ("optimism", "fit s", "µs/atom", "MB"):
        table.add_column(title, justify="right")
    for rank, row in enumerate(rows, 1):
        low, high = row.interval or (float("nan"), float("nan"))
        table.add_row(
            str(rank),
            row.features,
            row.model,
            number(row.scores.get(shown[0])),
            f"{low:.3f}-{high:.3f}" if row.interval else "",
            *(number(row.scores.get(name)) for name in shown[1:]),
            "" if row.optimism is None else f"{row.optimism:+.3f}",
            f"{row.fit_seconds:.2f}",
            f"{row.microseconds_per_atom:.1f}",
            f"{row.peak_memory_mb:.0f}",
            style="dim" if row.null_control else None,
        )
    return table


def number(value: float | None) -> str:
    """Three decimals, or nothing for a metric that is not defined."""
    return "" if value is None else f"{value:.3f}"


def _print_unscored(board: TaskBoard, console: Console) -> None:
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for row in board.rows:
        if row.state != "ok":
            reasons.setdefault((row.state, row.model, row.reason), []).append(row.features)
    for (state, family, reason), features in reasons.items():
        console.print(
            f"{state}: {family} on {', '.join(features)}: {reason}", style="yellow", highlight=False, markup=False
        )
