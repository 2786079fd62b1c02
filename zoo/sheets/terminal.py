"""Checks and sheets of data sets in the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zoo.checks.declaration import Report
from zoo.datasets.card import Card
from zoo.sheets.sheet import Sheet

STYLES = {"error": "bold red", "warning": "yellow", "info": "blue"}


def print_report(report: Report, console: Console) -> None:
    """Print what the checks of one data set have found, and how to mend it."""
    console.print(f"[bold]{escape(report.dataset)}[/] {escape(report.version)}  {escape(report.summary)}")
    if report.skipped:
        return
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1, 1, 0))
    table.add_column("code", no_wrap=True)
    table.add_column("level", no_wrap=True)
    table.add_column("finding", ratio=3)
    table.add_column("how to mend", ratio=2, style="dim")
    for outcome in report.found():
        for finding in outcome.findings:
            level = f"[{STYLES[outcome.check.level]}]{outcome.check.level}[/]"
            table.add_row(outcome.check.code, level, escape(finding), escape(outcome.check.mend))
    if table.row_count:
        console.print(table)
    for outcome in report.outcomes:
        if outcome.state == "failed":
            console.print(f"{outcome.check.code} could not be run: {escape(outcome.reason)}", style="yellow")
    unused = [outcome.check.code for outcome in report.outcomes if outcome.state == "not-applicable"]
    if unused:
        console.print(f"not applicable: {', '.join(unused)}", style="dim")
    for flaw in report.known_flaws:
        console.print(f"known, and stated on the card: {escape(flaw)}", style="dim")


def report_as_json(report: Report) -> dict[str, Any]:
    """A report for scripts."""
    return {
        "dataset": report.dataset,
        "version": report.version,
        "skipped": report.skipped,
        "known_flaws": list(report.known_flaws),
        "findings": [
            {
                "code": o.check.code,
                "level": o.check.level,
                "title": o.check.title,
                "finding": text,
                "mend": o.check.mend,
            }
            for o in report.found()
            for text in o.findings
        ],
        "clean": [outcome.check.code for outcome in report.outcomes if outcome.state == "clean"],
        "not_applicable": {o.check.code: o.reason for o in report.outcomes if o.state == "not-applicable"},
        "failed": {o.check.code: o.reason for o in report.outcomes if o.state == "failed"},
    }


def print_sheet(sheet: Sheet, console: Console, everything: bool = False) -> None:
    """Print what a data set is, in a screenful.

    Parameters
    ----------
    sheet : Sheet
    console : rich.console.Console
    everything : bool
        Every column, glass and quality figure too.
    """
    card = sheet.card
    console.print(f"[bold]{escape(card.title)}[/]")
    console.print(f"{escape(card.name)} {escape(card.version)}, created {escape(card.created)}", style="dim")
    console.print(escape(" ".join(card.description.split())))
    for flaw in card.known_flaws:
        console.print(f"[red]not to be learnt from:[/] {escape(flaw)}")
    console.print()
    console.print(_facts(sheet))
    _print_quality(sheet, console, everything)
    if everything:
        _print_columns(sheet, console)
        _print_glasses(card, console)
        for note in card.notes:
            console.print(f"• {escape(note)}")
        for key, value in card.made.items():
            console.print(f"[bold]{escape(key)}[/] {escape(str(value))}", soft_wrap=True)
        if (sheet.folder / "quality.png").exists():
            console.print(f"figure {escape(str(sheet.folder / 'quality.png'))}", soft_wrap=True)
    else:
        more = [f"{len(card.columns)} columns", *([f"{len(card.notes)} notes"] if card.notes else [])]
        console.print(f"\n{' and '.join(more)}: zoo data show {escape(card.name)} --all", style="dim")
        console.print(f"figures: zoo data page {escape(card.name)}", style="dim")


def _facts(sheet: Sheet) -> Table:
    card = sheet.card
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(ratio=1)
    lines: list[tuple[str, str]] = [("content", sheet.content)]
    targets = card.names("target")
    shown = ", ".join(targets[:4]) + (f" and {len(targets) - 4} more" if len(targets) > 4 else "")
    lines.append(("labels", shown))
    if features := card.names("feature"):
        lines.append(("features", ", ".join(features)))
    lines += [("task", f"{task.name}: {task.text}") for task in sheet.tasks]
    if sheet.dataset is not None:
        lines += [("label noise", text) for text in _noise(sheet)]
    lines += [("licence", card.license), ("citation", card.citation)]
    lines += [("get it again", text) for text in sheet.rebuild]
    before = ""
    for key, text in lines:
        table.add_row("" if key == before else key, escape(text))
        before = key
    table.add_row("checks", escape(sheet.report.summary))
    for outcome in sheet.report.found("error", "warning"):
        text = f"{outcome.check.code} {outcome.check.title.lower()}: {outcome.findings[0]}"
        table.add_row("", escape(text), style=STYLES[outcome.check.level])
    return table


def _noise(sheet: Sheet) -> list[str]:
    """Reliability of what tasks predict first; of the first labels where there are no tasks."""
    if not sheet.reliability:
        return ["not known: nothing was measured twice"]
    wanted = {name for task in sheet.tasks for name in task.target}
    used = [entry for entry in sheet.reliability if wanted & {*entry.parts, entry.label}] or sheet.reliability[:3]
    return [
        f"{entry.label}: reliability {entry.reliability:.2f} ({entry.how}), ceiling of correlations {entry.ceiling:.2f}"
        for entry in used
    ]


def _print_quality(sheet: Sheet, console: Console, everything: bool) -> None:
    rows = [row for row in sheet.quality if everything or row.literature]
    if not rows:
        return
    strata = list(dict.fromkeys(entry.stratum for entry in sheet.card.quality))
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("quality")
    for stratum in strata:
        table.add_column(escape(stratum), justify="right")
    table.add_column("unit", no_wrap=True)
    table.add_column("literature", style="dim")
    for row in rows:
        values = [f"{row.values[stratum]:.4g}" if stratum in row.values else "" for stratum in strata]
        unit = "" if row.unit == "1" else row.unit
        table.add_row(escape(row.quantity), *values, escape(unit), escape("; ".join(row.literature)))
    console.print()
    console.print(table)


def _print_columns(sheet: Sheet, console: Console) -> None:
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("column", "unit", "role", "least … median … largest", "missing", "what it is"):
        table.add_column(title, no_wrap=title == "column")
    for column in sheet.columns:
        cells = (column.name, column.unit, column.role, column.span, column.missing, column.description)
        table.add_row(*map(escape, cells))
    console.print()
    console.print(table)


def _print_glasses(card: Card, console: Console) -> None:
    if not card.glasses:
        return
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("glass", "stratum", "atoms", "seed", "quench rate (K/s)", "origin"):
        table.add_column(title, justify="right" if title in ("atoms", "seed", "quench rate (K/s)") else "left")
    for glass in card.glasses:
        rate = "" if glass.quench_rate is None else f"{glass.quench_rate:.0e}"
        seed = "" if glass.seed is None else str(glass.seed)
        table.add_row(escape(glass.id), escape(glass.stratum), str(glass.n_atoms), seed, rate, escape(glass.origin))
    console.print()
    console.print(table)
