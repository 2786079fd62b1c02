"""``zoo explain``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from zoo.cli import console
from zoo.cli._bar import FoldBar
from zoo.errors import ExplainError

if TYPE_CHECKING:
    from zoo.benchmark.saved import SavedModel
    from zoo.explain.report import Summary
    from zoo.explain.request import Request

JOINED_FOLDS = 2
"""Folds of an ensemble that are explained unless more are asked for: each fit takes a minute and more."""
GLASS = """Glass that is explained in whole, for the slice and the extxyz; the first by default, none for none. Families
whose values are sampled have neither: they are explained on a sample of atoms only."""
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(
    "explain",
    epilog="Examples: zoo explain shear-2pct --features radial-coarse --family lightgbm -o why; zoo explain shear-2pct "
    "--features radial-coarse --compare logistic,random-forest,lightgbm --atoms cu50zr50-s1:12; zoo explain "
    "soft-double-well --features pair --family gradient-boosting; zoo explain shear-2pct --model "
    "shear-2pct-model. Open why/index.html; the extxyz opens in OVITO.",
)
@click.argument("task")
@click.option("--features", default="", help="Feature set, or an expression such as radial+voronoi@cg.")
@click.option("--family", default="", help="Model family.")
@click.option("--compare", default="", help="Several families, a,b,c, on the same rows.")
@click.option("--model", type=FOLDER, help="A model saved by zoo automl, instead of features and family.")
@click.option("--rows", type=click.IntRange(1), default=400, show_default=True, help="Held-out rows, over all folds.")
@click.option("--sampled-rows", type=click.IntRange(1), default=40, show_default=True, help="Where values are sampled.")
@click.option("--folds", type=click.IntRange(1), help="How many to fit and explain; all, of AutoGluon's ensembles 2.")
@click.option("--background", type=click.IntRange(1), default=100, show_default=True, help="Training rows of a fold.")
@click.option("--permutations", type=click.IntRange(2), default=24, show_default=True, help="Pairs for a sampled row.")
@click.option("--atoms", default="", help="Rows to tell about: GLASS:ATOM,...; of a table of pairs ROW,... (from 0).")
@click.option(
    "--glass",
    help=GLASS,
)
@click.option("--color", default="", help="Physical family of columns that colours the slice; the most important.")
@click.option("--mode", type=click.Choice(["default", "tuned", "ensembled"]), default="default", show_default=True)
@click.option("--trials", type=click.IntRange(1), default=20, show_default=True, help="Of a search, in other modes.")
@click.option("--tune-seconds", type=click.IntRange(1), default=120, show_default=True, help="Of a search.")
@click.option("--max-train-rows", type=click.IntRange(0), default=4000, show_default=True, help="Of a fold; 0: all.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--results", type=FOLDER, help="Results folder whose searches are continued (or ZOO_RESULTS).")
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core by default.")
@click.option("--output", "-o", type=FOLDER, help="Folder; TASK-explained here.")
def command(task: str, features: str, family: str, compare: str, **options: Any) -> None:
    """Say which columns a model's answers on TASK rest on, by Shapley values of held-out rows.

    Each fold's model is fitted on its training glasses as a suite fits it, and explains rows of its own test glasses.
    Finished folds are kept in the cache: the same command continues.
    """
    from zoo.benchmark.cell import prepare_studies, task_rows
    from zoo.explain.explain import explain
    from zoo.explain.report import require_group, summarise, write_folder
    from zoo.explain.request import require_model
    from zoo.paths import default_results_dir

    rows = task_rows(task)
    names = tuple(filter(None, [family, *compare.split(",")]))
    saved = None
    if options["model"]:
        if names or features or options["folds"] or options["mode"] != "default":
            raise ExplainError("a saved model has features, family, mode and fold of its own: name --model alone")
        saved = require_model(options["model"], task)
        names, features = ("autogluon",), "+".join(saved.features)
    if not names:
        raise ExplainError("name what to explain: --family NAME, or --compare NAME,NAME; zoo list models shows them")
    if not features:
        raise ExplainError("name what the models read: --features NAME; zoo list features shows them")
    request = _request(task, features, names, saved, options)
    require_group(request, options["color"])
    folder = (options["output"] or Path(f"{rows.task.name}-explained")).resolve()
    out = console(highlight=False)
    out.print(f"{rows.task.title} {features}, {', '.join(names)}", soft_wrap=True)
    results = (options["results"] or default_results_dir()).resolve()
    tuned = options["mode"] != "default"
    if tuned:
        results.mkdir(parents=True, exist_ok=True)
        prepare_studies(results)
    with FoldBar(out, "fits and values") as progress:
        study = explain(request, options["workers"], results if tuned else None, progress.start, progress.advance)
        summary = summarise(study, options["color"], progress.say)
    command_line = shlex.join(["zoo", *sys.argv[1:]]) if Path(sys.argv[0]).name.startswith(("zoo", "__main__")) else ""
    written = write_folder(summary, folder, command_line)
    _show(summary, out)
    out.print(f"[green]written[/] {written[0]}{_beside(written)}", soft_wrap=True)


def _request(
    task: str, features: str, families: tuple[str, ...], saved: SavedModel | None, options: dict[str, Any]
) -> Request:
    """What the options ask for; of a saved model, its own fold and first test glass."""
    from zoo.benchmark.cell import task_rows
    from zoo.explain.request import Request, some_folds
    from zoo.models.declaration import model_families

    rows = task_rows(task)
    first = "" if rows.dataset.card.kind == "pairs" else saved.test_glasses[0] if saved else rows.glass_names[0]
    glass = options["glass"] or first
    tuned = options["mode"] != "default"
    request = Request(
        task=task,
        features=features,
        families=families,
        rows=options["rows"],
        sampled_rows=options["sampled_rows"],
        background=options["background"],
        permutations=options["permutations"],
        atoms=_atoms(options["atoms"]),
        glass="" if glass == "none" else glass,
        seed=options["seed"],
        max_train_rows=options["max_train_rows"],
        mode=options["mode"],
        trials=options["trials"] if tuned else 0,
        tune_seconds=options["tune_seconds"] if tuned else 0,
        folds=(saved.fold,) if saved else (),
        model=str(options["model"].resolve()) if saved else "",
    )
    if saved:
        return request
    joined = options["mode"] == "ensembled" or any(model_families[name].folded for name in families)
    n_folds = options["folds"] or (JOINED_FOLDS if joined else rows.task.folds)
    if n_folds > rows.task.folds:
        raise ExplainError(f"task {rows.task.name} has {rows.task.folds} folds, got --folds {n_folds}")
    return msgspec.structs.replace(request, folds=() if n_folds == rows.task.folds else some_folds(request, n_folds))


def _beside(written: list[Path]) -> str:
    """What was written beside the page, counted."""
    tables, glasses = (sum(path.suffix == ending for path in written) for ending in (".parquet", ".extxyz"))
    parts = [f"{tables} table{'s' if tables > 1 else ''}"] if tables else []
    parts += [f"{glasses} glass{'es' if glasses > 1 else ''} for OVITO"] if glasses else []
    return f", {' and '.join(parts)} beside it" if parts else ""


def _atoms(text: str) -> tuple[tuple[str, int], ...]:
    found = []
    for word in filter(None, text.split(",")):
        glass, _, atom = word.rpartition(":")
        if not atom.strip().isdecimal():
            raise ExplainError(f"atoms are named GLASS:ATOM, rows of a table by their number, got {word!r}")
        found.append((glass.strip(), int(atom)))
    return tuple(found)


def _show(summary: Summary, out: Any) -> None:
    from rich.markup import escape
    from rich.table import Table

    from zoo.benchmark.cell import task_rows
    from zoo.benchmark.metrics import HEADLINE, TITLES
    from zoo.explain.report import column_rows, facts_of
    from zoo.explain.stability import shared_training

    study = summary.study
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    headline = TITLES[HEADLINE[task_rows(study.request.task).task.kind]]
    for title in (
        "family",
        "output",
        "values",
        "rows",
        headline,
        "additivity error",
        "between folds",
        "clusters",
        "families",
    ):
        table.add_column(title, justify="left" if title in ("family", "output", "values") else "right")
    for section in summary.sections:
        found, facts = section.found, facts_of(section)
        numbers = (facts[name] for name in ("rows", "score", "additivity", "folds", "clusters", "families"))
        table.add_row(found.family, found.space, found.method, *numbers)
    out.print(table)
    shared = shared_training(task_rows(study.request.task).task.folds)
    if shared and len(study.request.explained_folds) > 1:
        out.print(
            "between folds: rank correlation of the importance of columns, of clusters of them, of physical families; "
            f"any two folds share {shared:.0%} of their training glasses, so that this is optimistic",
            soft_wrap=True,
            markup=False,
        )
    shares = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    for title in ("column", "family of columns", *(f"{found.family}, %" for found in study.explanations), "direction"):
        shares.add_column(title, justify="left" if title.startswith(("column", "family of")) else "right")
    for row in column_rows(study, 10):
        shares.add_row(escape(row.name), escape(row.family), *row.shares, row.direction)
    out.print(shares)
    for section in summary.sections:
        if section.published:
            out.print(section.published, soft_wrap=True, markup=False)
    for line in summary.warnings:
        out.print(f"[yellow]![/] {escape(line)}", soft_wrap=True)
    for family, reason in study.left_out.items():
        out.print(f"{family} is not shown: {reason}", soft_wrap=True, markup=False)
