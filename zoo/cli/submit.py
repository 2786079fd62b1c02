"""``zoo submit``: from an empty folder to the content of a pull request."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli import console

if TYPE_CHECKING:
    from zoo.benchmark.suite import Suite
    from zoo.submissions.contribution import Contribution
    from zoo.submissions.score import Place

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
COLOURS = {"passed": "green", "failed": "red", "not applicable": "dim", "exempt": "yellow"}
TRUST = click.option(
    "--unsafe", is_flag=True, help="Run the code where the system cannot confine it: only what you wrote or have read."
)
SUITE = click.option("--suite", default="quick", show_default=True, help="quick (minutes) or standard (longer).")
TASKS = click.option("--task", "tasks", multiple=True, help="Of that suite; all of its tasks by default.")


@click.group("submit", epilog="Example: zoo submit new my-descriptor; tutorial: docs/tutorials/score-my-descriptor.md")
def command() -> None:
    """Make, check, score and pack a submission to the leaderboard."""


@command.command(epilog="Example: zoo submit new crowding")
@click.argument("name")
@click.option("--folder", type=FOLDER, help="Where to write; a folder called NAME by default.")
def new(name: str, folder: Path | None) -> None:
    """Write a working example of a descriptor called NAME: descriptor.py, card.toml and a test."""
    from zoo.submissions.new import new_submission

    out = console(highlight=False)
    for path in new_submission(name, folder or Path(name)):
        out.print(str(path), soft_wrap=True, markup=False)
    out.print(f"next: edit compute in descriptor.py, then zoo submit check {folder or name}", soft_wrap=True)


@command.command(epilog="Example: zoo submit check crowding")
@click.argument("folder", type=FOLDER)
@click.option("--dataset", default="cuzr-shear", show_default=True, help="Whose glasses it is tried on.")
@click.option("--most", default=4, show_default=True, type=click.IntRange(3), help="Glasses to tell apart.")
@TRUST
def check(folder: Path, dataset: str, most: int, unsafe: bool) -> None:
    """Try the descriptor in FOLDER: card, conformance, time, memory, labels, which glass an atom is from.

    The exit status is 1 if something must be mended.
    """
    from zoo.conformance import trial_glasses
    from zoo.submissions.card import read_submission
    from zoo.submissions.checks import check as ask
    from zoo.submissions.contribution import contributed
    from zoo.submissions.pack import still_to_fill_in

    submission = read_submission(folder)
    out = console(highlight=False, markup=False)
    glasses = trial_glasses(dataset, most)
    failed = 0
    with contributed(submission, unsafe=unsafe) as contribution:
        out.print(f"{submission.card.name}, version {submission.card.version}: {submission.card.title}", soft_wrap=True)
        for finding in ask(contribution, glasses):
            failed += finding.state == "failed"
            out.print(f"  {finding.state:14} ", style=COLOURS[finding.state], end="")
            out.print(finding.title + (f": {finding.reason}" if finding.reason else ""), soft_wrap=True)
            if finding.mend:
                out.print(f"  {'':14} to mend it: {finding.mend}", style="yellow", soft_wrap=True)
    if left := still_to_fill_in(submission):
        out.print(f"  to be filled in before it is packed: {left}", style="yellow", soft_wrap=True)
    out.print("nothing to mend" if not failed else f"{failed} to mend", style="green" if not failed else "red")
    sys.exit(1 if failed else 0)


@command.command(epilog="Examples: zoo submit score crowding, zoo submit score crowding --suite standard")
@click.argument("folder", type=FOLDER)
@SUITE
@TASKS
@click.option("--results", type=FOLDER, help="Results of the registered sets (or ZOO_RESULTS).")
@click.option("--top", default=12, show_default=True, type=click.IntRange(1), help="Rows to print beside its own.")
@TRUST
def score(folder: Path, suite: str, tasks: tuple[str, ...], results: Path | None, top: int, unsafe: bool) -> None:
    """Score the descriptor in FOLDER with reference models and show where it would stand.

    Finished folds are kept until the code changes: Ctrl-C loses nothing.
    """
    from zoo.paths import default_results_dir
    from zoo.submissions.card import read_submission
    from zoo.submissions.contribution import contributed
    from zoo.submissions.score import places, reference_suite

    reference = reference_suite(suite, tasks)
    with contributed(read_submission(folder), unsafe=unsafe) as contribution:
        store = _score(contribution, reference)
        others = (results or default_results_dir()).resolve()
        for place in places(contribution, reference, store, others):
            _show_place(place, contribution, top, suite)
    same = "".join(f" --task {task}" for task in tasks)
    console().print(f"next: zoo submit pack {folder} --suite {suite}{same}", highlight=False, soft_wrap=True)


@command.command(epilog="Example: zoo submit pack crowding")
@click.argument("folder", type=FOLDER)
@SUITE
@TASKS
@click.option("--output", "-o", type=FOLDER, help="leaderboard/submissions by default.")
@TRUST
def pack(folder: Path, suite: str, tasks: tuple[str, ...], output: Path | None, unsafe: bool) -> None:
    """Write card, code, predictions and hashes of FOLDER: what a pull request brings. Scores what is not scored yet.

    A descriptor that fails a trial of zoo submit check, or still holds texts of the example, is not packed.
    """
    from zoo.benchmark.task import read_task
    from zoo.submissions.card import read_submission
    from zoo.submissions.checks import require_passed
    from zoo.submissions.contribution import contributed
    from zoo.submissions.pack import pack as write
    from zoo.submissions.pack import require_filled_in, submissions_folder
    from zoo.submissions.score import reference_suite

    reference = reference_suite(suite, tasks)
    submission = read_submission(folder)
    require_filled_in(submission)
    with contributed(submission, unsafe=unsafe) as contribution:
        require_passed(contribution, [read_task(entry.task).dataset for entry in reference.entries])
        store = _score(contribution, reference)
        packed = write(contribution, reference, store, (output or submissions_folder()).resolve())
    _say_packed(packed)


@command.command(epilog="Example: zoo submit folds --task shear-2pct --output shear-folds")
@click.option("--task", required=True)
@click.option("--output", "-o", type=FOLDER, required=True)
def folds(task: str, output: Path) -> None:
    """Write the rows of TASK that a model of your own is to predict, without labels, and what it may learn from."""
    from zoo.submissions.folds import write_folds

    written = write_folds(task, output)
    out = console(highlight=False)
    out.print(f"{written}: predict.parquet (rows without labels), train-K.parquet (for fold K)", soft_wrap=True)
    out.print("predict every row with a model that was fitted to the training rows of its fold, write fold, row and")
    out.print(f"score as a table, then: zoo submit predictions TABLE --task {task} --card card.toml", soft_wrap=True)


@command.command(epilog="Example: zoo submit predictions mine.parquet --task shear-2pct --card card.toml")
@click.argument("tables", type=FILE, nargs=-1, required=True)
@click.option("--task", "tasks", multiple=True, required=True, help="One for each table, in the same order.")
@click.option("--card", type=FILE, required=True, help='card.toml with kind = "predictions".')
@click.option("--output", "-o", type=FOLDER, help="leaderboard/submissions by default.")
def predictions(tables: tuple[Path, ...], tasks: tuple[str, ...], card: Path, output: Path | None) -> None:
    """Score TABLES of predictions of a model outside of this project, on locked folds, and pack them."""
    import tempfile

    from zoo.benchmark.metrics import TITLES
    from zoo.benchmark.task import read_task
    from zoo.errors import SubmissionError
    from zoo.submissions.card import CARD, read_submission
    from zoo.submissions.folds import mean_scores, read_table
    from zoo.submissions.pack import pack_predictions, submissions_folder

    if len(tables) != len(tasks) or len(set(tasks)) < len(tasks):
        raise SubmissionError(
            f"every table must have one --task of its own, got {len(tables)} tables and {len(tasks)} tasks"
        )
    if not card.is_file():
        raise SubmissionError(f"{card} does not exist: docs/submitting.md shows one for predictions")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / CARD).write_bytes(card.read_bytes())
        submission = read_submission(Path(folder))
        found = {read_task(task).name: read_table(path, task) for path, task in zip(tables, tasks, strict=True)}
        packed = pack_predictions(submission, found, (output or submissions_folder()).resolve())
    out = console(highlight=False)
    for task, table in found.items():
        scores = ", ".join(f"{TITLES[name]} {value:.3f}" for name, value in mean_scores(task, table).items())
        out.print(f"{task}: {scores}", soft_wrap=True)
    _say_packed(packed)


@command.command("list", epilog="Example: zoo submit list")
def list_() -> None:
    """Show the packed submissions and whether each is verified as it is now."""
    from rich.markup import escape
    from rich.table import Table

    from zoo.submissions.entries import read_entries
    from zoo.submissions.sandbox import plain

    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    for title in ("name", "version", "kind", "state", "title"):
        table.add_column(title, no_wrap=title == "name")
    for entry in read_entries():
        state = entry.state + (f": {entry.reason}" if entry.reason else "")
        table.add_row(*(escape(plain(text)) for text in (entry.name, entry.version, entry.kind, state, entry.title)))
    console(highlight=False).print(table)


def _score(contribution: Contribution, reference: Suite) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from zoo.benchmark.suite import cells_of
    from zoo.submissions.score import own_suite, results_folder, score

    cells = cells_of(own_suite(reference, contribution.entry.name))
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    out = console()
    with Progress(*columns, console=out, disable=not out.is_terminal) as progress:
        bar = progress.add_task("scoring", total=len(cells))
        return score(contribution, reference, results_folder(contribution), lambda cell, state: progress.advance(bar))


def _show_place(place: Place, contribution: Contribution, top: int, suite: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    from zoo.benchmark.metrics import TITLES
    from zoo.leaderboard.terminal import number

    out = console(highlight=False)
    board = place.board
    scored = [row for row in board.rows if row.state == "ok"]
    others = len([row for row in scored if row.features != place.own])
    out.print(f"\n[bold]{escape(board.task.title)}[/]  {board.task.name}")
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    for title in ("#", "features", "family", TITLES[board.headline], "95 %", "columns", "µs/atom"):
        table.add_column(title, justify="left" if title in ("features", "family") else "right")
    for rank, row in enumerate(scored, 1):
        own = row.features == place.own
        if own or rank <= top:
            table.add_row(
                str(rank),
                escape(contribution.submission.card.name if own else row.features),
                row.model,
                number(row.scores.get(board.headline)),
                f"{row.interval[0]:.3f}-{row.interval[1]:.3f}" if row.interval else "",
                str(row.n_columns),
                f"{row.microseconds_per_atom:.1f}",
                style="bold green" if own else None,
            )
    out.print(table)
    for row in board.rows:
        if row.state != "ok":
            out.print(f"{row.state}: {row.family}: {row.reason}", style="yellow", markup=False, soft_wrap=True)
    if not others:
        out.print(f"no results of registered sets are at hand to compare with: run zoo run {suite}", style="yellow")


def _say_packed(folder: Path) -> None:
    out = console(highlight=False, markup=False)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    out.print(f"{folder} ({size / 1e3:.0f} kB)", soft_wrap=True)
    out.print(f"next: zoo verify {folder}; then a pull request with this folder and nothing else", soft_wrap=True)
