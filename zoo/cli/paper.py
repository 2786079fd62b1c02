"""``zoo paper``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli import console
from zoo.cli.run import Bar

if TYPE_CHECKING:
    from zoo.papers.study import Study


@click.command("paper", epilog="Examples: zoo paper --list; zoo paper wang-2020 --quick; zoo paper all")
@click.argument("name", required=False)
@click.option("--list", "list_", is_flag=True, help="Show the papers.")
@click.option("--quick", is_flag=True, help="Few rows, one repeat: seconds; nothing to be quoted.")
@click.option("--results", type=click.Path(path_type=Path, file_okay=False), help="Results folder (or ZOO_RESULTS).")
@click.option("--output", "-o", type=click.Path(path_type=Path, file_okay=False), help="Folder of page and figures.")
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core by default.")
def command(
    name: str | None, list_: bool, quick: bool, results: Path | None, output: Path | None, workers: int | None
) -> None:
    """Repeat the protocol of paper NAME (or of all), and the same with whole glasses held out.

    A page says what the paper reported, what its protocol gives here, what ours gives and why they differ, and draws
    its figure again. Finished fits are kept: the same command continues.
    """
    from zoo.errors import PaperError, ZooError
    from zoo.papers.declaration import paper_names, read_paper
    from zoo.papers.index import write_index
    from zoo.papers.outcome import folder_of, pages_of
    from zoo.papers.study import Study
    from zoo.paths import default_results_dir

    out = console()
    if list_:
        _list(out)
        return
    if name is None:
        raise PaperError(f"name a paper, or all: {', '.join(paper_names())}")
    folder = (results or default_results_dir()).resolve()
    names = paper_names() if name == "all" else [name]
    failed = []
    for paper in names:
        study = Study(read_paper(paper), folder, quick)
        place = folder_of(study.paper, folder)
        try:
            _repeat(study, place, output.resolve() / paper if output else place, workers, out)
        except ZooError as error:
            if len(names) == 1:
                raise
            failed.append(paper)
            out.print(f"{paper}: {error}", style="yellow", highlight=False, markup=False, soft_wrap=True)
    index = write_index(pages_of(folder))
    if output:
        index = write_index(output.resolve())
    out.print(f"[green]index[/] {index}", highlight=False, soft_wrap=True)
    if failed:
        raise PaperError(f"{len(failed)} of {len(names)} papers could not be repeated: {', '.join(failed)}")


def _list(out: Any) -> None:
    from rich.table import Table

    from zoo.papers.declaration import arms_of, paper_names, read_paper

    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    for title in ("name", "title", "rows", "figures", "source"):
        table.add_column(title, no_wrap=title == "name")
    for name in paper_names():
        paper = read_paper(name)
        figures = ", ".join(card.kind for card in paper.figures)
        table.add_row(name, paper.title, str(len(arms_of(paper))), figures, paper.citation)
    out.print(table, highlight=False)


def _repeat(study: Study, place: Path, shown: Path, workers: int | None, out: Any) -> None:
    """Run what is missing; files go to ``place``, where the leaderboard finds them, and are copied to ``shown``."""
    import shutil

    from zoo.errors import PaperError
    from zoo.papers.page import lines_of, write_files
    from zoo.papers.study import run_study, sentences

    out.print(f"[bold]{study.paper.title}[/]  {study.paper.citation}", highlight=False, soft_wrap=True)
    with Bar(out) as bar:
        report = run_study(study, workers, bar.start, bar.advance)
    if report.interrupted:
        out.print("stopped: finished fits are kept, the same command continues", style="yellow")
        sys.exit(130)
    if report.states["elsewhere"]:
        raise PaperError("another run is busy with this paper: run again when it is done")
    if report.missing:
        out.print(f"declined for want of software: {'; '.join(report.missing)}", highlight=False, soft_wrap=True)
    _show(lines_of(study), out)
    for sentence in sentences(study):
        out.print(sentence, highlight=False, soft_wrap=True)
    page = write_files(study, place)
    if shown != place:
        shutil.copytree(place, shown, dirs_exist_ok=True)
    out.print(f"[green]written[/] {shown / page.name}\n", highlight=False, soft_wrap=True)


def _show(lines: list[Any], out: Any) -> None:
    from rich.table import Table

    from zoo.papers.protocol import WAYS

    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    for title in ("task", "features", "family", "metric", "reported"):
        table.add_column(title, overflow="fold")
    for way in lines[0].scores:
        table.add_column(WAYS[way], justify="right")
    table.add_column("ceiling", justify="right")
    for line in lines:
        task = f"{line.arm.learn} → {line.arm.task}" if line.arm.learn else line.arm.task
        scores = [
            score.reason.partition(":")[0]
            if score.value is None
            else f"{score.value:.3f}" + (f" ± {score.error:.3f}" if score.error and way == "published" else "")
            for way, score in line.scores.items()
        ]
        scores.append("" if line.ceiling is None else f"{line.ceiling:.2f}")
        table.add_row(task, line.arm.title, line.arm.family_title, line.metric, line.published, *scores)
    out.print(table)
