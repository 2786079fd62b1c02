"""``zoo scorecard``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli import console
from zoo.cli._bar import FoldBar

if TYPE_CHECKING:
    from zoo.scorecard.card import Scorecard

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(
    "scorecard",
    epilog="Examples: zoo scorecard shear-2pct --features radial-coarse --family lightgbm -o physics; zoo scorecard "
    "barrier-value --features voronoi-radical --family ridge; zoo scorecard soft-double-well --features pair --family "
    "logistic --temperature T. Open physics/index.html; scores.parquet and scorecard.json hold every number.",
)
@click.argument("task")
@click.option("--features", required=True, help="Feature set, or an expression such as radial+voronoi@cg.")
@click.option("--family", required=True, help="Model family.")
@click.option("--temperature", default="", help="Key of the glasses' metadata, or column of the pairs, that states it.")
@click.option("--mode", type=click.Choice(["default", "tuned", "ensembled"]), default="default", show_default=True)
@click.option("--trials", type=click.IntRange(1), default=20, show_default=True, help="Of a search, in other modes.")
@click.option("--tune-seconds", type=click.IntRange(1), default=120, show_default=True, help="Of a search.")
@click.option("--max-train-rows", type=click.IntRange(0), default=4000, show_default=True, help="Of a fold; 0: all.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--results", type=FOLDER, help="Results folder whose searches are continued (or ZOO_RESULTS).")
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core by default.")
@click.option("--output", "-o", type=FOLDER, help="Folder; TASK-scorecard here.")
def command(task: str, features: str, family: str, temperature: str, **options: Any) -> None:
    """Say whether the score of a model on TASK behaves as the physics asks, beyond its accuracy.

    Each fold's model is fitted on its training glasses as a suite fits it, and scores all atoms of glasses that it has
    not seen: probability to rearrange at a given score, correlation length of the score, local anisotropy, species
    swapped. Finished folds are kept in the cache: the same command continues.
    """
    from zoo.benchmark.cell import prepare_studies, task_rows
    from zoo.paths import default_results_dir
    from zoo.scorecard.card import scorecard
    from zoo.scorecard.fields import Plan, held_out_scores
    from zoo.scorecard.page import write_folder

    tuned = options["mode"] != "default"
    plan = Plan(
        task,
        features,
        family,
        options["seed"],
        options["max_train_rows"],
        options["mode"],
        options["trials"] if tuned else 0,
        options["tune_seconds"] if tuned else 0,
    )
    rows = task_rows(task)
    folder = (options["output"] or Path(f"{rows.task.name}-scorecard")).resolve()
    out = console(highlight=False)
    out.print(f"{rows.task.title} {features}, {family}", soft_wrap=True, markup=False)
    results = (options["results"] or default_results_dir()).resolve()
    if tuned:
        results.mkdir(parents=True, exist_ok=True)
        prepare_studies(results)
    with FoldBar(out, "fits") as progress:
        held = held_out_scores(plan, options["workers"], results if tuned else None, progress.start, progress.advance)
        card = scorecard(held, temperature, progress.say)
        progress.say("figures")
        command_line = ""
        if Path(sys.argv[0]).name.startswith(("zoo", "__main__")):
            command_line = shlex.join(["zoo", *sys.argv[1:]])
        written = write_folder(card, folder, command_line)
    _show(card, out)
    out.print(f"[green]written[/] {written[0]}, {written[1].name} and {written[2].name} beside it", soft_wrap=True)


def _show(card: Scorecard, out: Any) -> None:
    from zoo.scorecard import words

    def say(title: str, lines: list[str]) -> None:
        if lines:
            out.print(f"[bold]{title}[/]")
        for line in lines:
            out.print(f"  {line}", soft_wrap=True, markup=False)

    say("Score", words.response_words(card))
    say("Temperature", list(filter(None, [words.arrhenius_words(card)])))
    say("Correlation", words.correlation_words(card))
    say(f"Anisotropy ({card.measure})", [words.link_words(link) for link in card.links])
    say("Species", [] if card.chemistry is None else words.chemistry_words(card, card.chemistry))
    for part, reason in card.declined.items():
        out.print(f"no {part}: {reason}", soft_wrap=True, markup=False)
    for line in words.warnings_of(card):
        out.print("[yellow]![/] ", end="")
        out.print(line, soft_wrap=True, markup=False)
    out.print(words.CAVEAT, soft_wrap=True, markup=False, style="dim")
