"""``zoo list``."""

from __future__ import annotations

import click
from rich.markup import escape
from rich.table import Table

from zoo.cli import console

KINDS = ("datasets", "features", "models", "tasks", "suites")


@click.command("list", epilog="Examples: zoo list features, zoo list tasks")
@click.argument("kind", type=click.Choice(KINDS))
def command(kind: str) -> None:
    """Show what is registered: datasets, features, models, tasks or suites."""
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    {"datasets": _datasets, "features": _features, "models": _models, "tasks": _tasks, "suites": _suites}[kind](table)
    console(highlight=False).print(table)


def _columns(table: Table, *titles: str) -> None:
    for title in titles:
        table.add_column(title, no_wrap=title == "name")


def _datasets(table: Table) -> None:
    from zoo.datasets.fetch import is_at_hand
    from zoo.datasets.registry import list_cards

    _columns(table, "name", "version", "title", "rows", "licence", "state")
    for card in list_cards():
        external = [entry.url for entry in card.files if entry.url]
        here = all(is_at_hand(url) for url in external)
        state = "in the project" if not external else "fetched" if here else f"zoo data fetch {card.name}"
        rows = (
            f"{sum(g.n_atoms for g in card.glasses)} atoms, {len(card.glasses)} glasses" if card.glasses else card.kind
        )
        table.add_row(card.name, card.version, card.title, rows, card.license, state)


def _features(table: Table) -> None:
    from zoo.features.declaration import feature_sets

    _columns(table, "name", "columns (2 species)", "rows", "needs", "title", "source")
    for entry in feature_sets:
        columns = str(len(entry.columns(("A", "B"))))
        table.add_row(entry.name, columns, entry.rows, ", ".join(sorted(entry.needs)), entry.title, entry.citation)


def _models(table: Table) -> None:
    from typing import get_args

    from zoo.errors import MissingSoftwareError
    from zoo.models.declaration import TaskKind, model_families

    _columns(table, "name", "tasks", "title", "state", "source")
    for entry in model_families:
        reasons = {kind: entry.declines(kind) for kind in get_args(TaskKind)}
        kinds = [kind for kind, reason in reasons.items() if reason is None]
        try:
            entry.require_software()
            state = "ready" if kinds else next(iter(reasons.values())) or ""
        except MissingSoftwareError as error:
            state = escape(str(error).partition(": ")[2])
        table.add_row(entry.name, ", ".join(kinds), entry.title, state, entry.citation)


def _tasks(table: Table) -> None:
    from zoo.benchmark.task import read_task, task_names

    _columns(table, "name", "kind", "data set", "target", "label", "folds", "title")
    for name in task_names():
        task = read_task(name)
        label = task.label.rule + (f" {task.label.fraction:g}" if task.label.fraction else "")
        target = task.target[0] + (f" and {len(task.target) - 1} more" if len(task.target) > 1 else "")
        table.add_row(name, task.kind, task.data_name, target, label, str(task.folds), task.title)


def _suites(table: Table) -> None:
    from zoo.benchmark.suite import cells_of, read_suite, suite_names

    _columns(table, "name", "cells", "tasks", "title")
    for name in suite_names():
        suite = read_suite(name)
        table.add_row(name, str(len(cells_of(suite))), ", ".join(e.task for e in suite.entries), suite.title)
