"""A comparison of rows as text for the terminal."""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table

from zoo.benchmark.metrics import TITLES
from zoo.leaderboard.compare import Comparison, leaders, name_of
from zoo.leaderboard.factors import Shares, all_shares
from zoo.leaderboard.normalisers import Normalisers, normaliser_of
from zoo.leaderboard.statistics import Difference, critical_difference, friedman_test
from zoo.leaderboard.thresholds import Sensitivity


def print_pair(comparison: Comparison, first: str, second: str, console: Console) -> None:
    """Print whether one row is better than another."""
    a, b = comparison.index(first), comparison.index(second)
    found = comparison.difference(a, b)
    title = TITLES[comparison.board.headline]
    text = f"{comparison.board.task.name}: {title} {comparison.headline[a]:.3f} and {comparison.headline[b]:.3f}"
    if found is None:
        console.print(f"{text}; too few glasses for an interval", highlight=False)
        return
    said = "a clear difference" if found.clear else "no clear difference"
    console.print(f"{text}, difference {_text(found)}: {said}", highlight=False)
    console.print(
        f"{first} is ahead in {100 * found.probability:.0f} % of the resamples and on "
        f"{100 * comparison.wins[a, b]:.0f} % of the {len(comparison.units)} {comparison.unit}",
        highlight=False,
    )


def print_comparison(
    comparison: Comparison, known: Normalisers, sensitivity: Sensitivity | None, console: Console, top: int
) -> None:
    """Print ranks, ratings, differences to the best row and cost, then what decides the score."""
    board = comparison.board
    console.print()
    console.print(f"[bold]{board.task.title}[/]  {board.task.name}", highlight=False)
    if not comparison.rows:
        console.print("no row is finished", style="yellow")
        return
    console.print(_table(comparison, known, leaders(comparison, top)))
    for line in notes_of(comparison, known, sensitivity, top):
        console.print(line, style="dim", highlight=False)


def notes_of(comparison: Comparison, known: Normalisers, sensitivity: Sensitivity | None, top: int) -> list[str]:
    """Sentences below the table: scale, significance of ranks, variance shares, other cuts of the label."""
    normaliser = normaliser_of(comparison.board.task, known)
    lines = [scale_text(comparison, known), elo_text(comparison)]
    chosen = leaders(comparison, top)
    if len(chosen) > 2 and len(comparison.units) > 1:
        p = friedman_test(comparison.scores[chosen])
        apart = critical_difference(len(chosen), len(comparison.units))
        lines.append(
            f"ranks of the {len(chosen)} rows above among themselves: Friedman p = {p:.1g}, critical difference "
            f"{apart:.1f} ranks over {len(comparison.units)} {comparison.unit} (Nemenyi, 5 %)"
        )
    lines += [shares_text(shares) for _, shares in all_shares(comparison)]
    if sensitivity:
        agree = ", ".join(
            f"{100 * f:g} %: {t:.2f}" for f, t in zip(sensitivity.fractions, sensitivity.agreement, strict=True)
        )
        lines.append(f"order of rows if the label were cut at (Kendall τ with the declared cut): {agree}")
    if normaliser is None:
        lines.append("0 % and 100 % of this task are not frozen: zoo compare --freeze")
    return lines


def scale_text(comparison: Comparison, known: Normalisers) -> str:
    """What 0 % and 100 % of the scale are."""
    entry = normaliser_of(comparison.board.task, known)
    title = TITLES[comparison.board.headline]
    if entry is None or entry.ceiling is None:
        return "label noise of this task was not measured: no ceiling"
    return f"0 % is {title} {entry.null:.3f} ({entry.null_control}), 100 % is {entry.ceiling:.3f} ({entry.ceiling_of})"


def elo_text(comparison: Comparison) -> str:
    """What 1000 points are."""
    if comparison.anchor is None:
        return "Elo: the mean of all rows is 1000"
    return f"Elo: {name_of(comparison.rows[comparison.anchor])} is 1000"


def shares_text(shares: Shares) -> str:
    """Variance shares in a line."""
    levels = " × ".join(f"{len(names)} {'glasses' if f == 'glass' else f}" for f, names in shares.factors.items())
    parts = ", ".join(f"{name} {100 * value:.0f} %{_between(shares, name)}" for name, value in shares.shares.items())
    zero = f"; below zero, set to 0: {', '.join(shares.below_zero)}" if shares.below_zero else ""
    return f"variance of the score ({levels}; 95 % over glasses): {parts}{zero}"


def _between(shares: Shares, name: str) -> str:
    if name not in shares.intervals or name in shares.below_zero:
        return ""
    low, high = shares.intervals[name]
    return f" ({100 * low:.0f} to {100 * high:.0f})"


def _text(found: Difference) -> str:
    return f"{found.value:+.3f} ({found.interval[0]:+.3f} to {found.interval[1]:+.3f})"


def _table(comparison: Comparison, known: Normalisers, chosen: list[int]) -> Table:
    entry = normaliser_of(comparison.board.task, known)
    rating, span = comparison.elo
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    table.add_column("row", no_wrap=True)
    for title in (TITLES[comparison.board.headline], "% of ceiling", "minus best (95 %)", "rank", "Elo (95 %)"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("improvable %", "CPU s", "front"):
        table.add_column(title, justify="right")
    for number in chosen:
        percent = entry.percent(float(comparison.headline[number])) if entry else None
        found = comparison.difference(number, 0) if number else None
        table.add_row(
            name_of(comparison.rows[number]),
            f"{comparison.headline[number]:.3f}",
            "" if percent is None else str(round(percent)),
            "" if found is None else _text(found),
            f"{comparison.ranks[number]:.1f}",
            f"{rating[number]:.0f}"
            + ("" if np.isnan(span[number]).any() else " ({:.0f}-{:.0f})".format(*span[number])),
            f"{comparison.improvability[number]:.1f}",
            f"{comparison.costs[number]:.2f}",
            "●" if comparison.front[number] else "",
            style="dim" if comparison.rows[number].null_control else None,
        )
    return table
