"""``zoo verify``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli import console

if TYPE_CHECKING:
    from zoo.submissions.record import Record

FOLDER = click.Path(path_type=Path, file_okay=False)
STYLES = {"verified": "green", "scored": "green", "doubtful": "yellow", "differs": "red", "refused": "red"}


@click.command(
    "verify",
    epilog="Examples: zoo verify crowding, zoo verify crowding --fresh-seeds 4 --write --by 'A. Maintainer'",
)
@click.argument("submission")
@click.option("--fresh-seeds", type=click.IntRange(2), help="Also score on new glasses, so many for each group.")
@click.option("--variant", default="quick", show_default=True, help="Of the recipe that makes them; full takes hours.")
@click.option("--tolerance", default=0.005, show_default=True, help="Largest difference of a headline score.")
@click.option("--seconds", default=120, show_default=True, type=click.IntRange(1), help="Limit for one glass.")
@click.option("--workers", type=click.IntRange(1), help="Processes that make new glasses; one per core by default.")
@click.option("--write", is_flag=True, help="Keep the record in leaderboard/verified (for maintainers).")
@click.option("--record", type=click.Path(path_type=Path, file_okay=False), help="Keep it in this folder instead.")
@click.option("--by", default="", help="Who verifies; stated in the record.")
@click.option("--unsafe", is_flag=True, help="Run the code where the system cannot confine it.")
def command(
    submission: str,
    fresh_seeds: int | None,
    variant: str,
    tolerance: float,
    seconds: int,
    workers: int | None,
    write: bool,
    record: Path | None,
    by: str,
    unsafe: bool,
) -> None:
    """Run SUBMISSION (a name in leaderboard/submissions, or a packed folder) again in a sandbox.

    Columns are computed there, without labels, network or files; fits and scores are made here, by this project's
    code; the trials of zoo submit check are held again. The exit status is 0 if it is verified, or scored from its
    predictions; 1 if it is doubtful (its lead is lost on new glasses), differs or is refused; 2 if it breaks a rule.
    """
    from zoo.errors import SubmissionError
    from zoo.submissions.fresh import fresh_scores
    from zoo.submissions.pack import packed_folder
    from zoo.submissions.record import write_record
    from zoo.submissions.sandbox import Limits
    from zoo.submissions.verify import verify

    if (write or record) and not by.strip():
        raise SubmissionError("a record that is kept must state who verified: add --by 'Your Name'")
    folder = packed_folder(submission)
    out = console(highlight=False, markup=False)
    with _Progress(out) as progress:
        fresh = None
        if fresh_seeds:
            out.print(f"new glasses: {fresh_seeds} for each group, variant {variant}", soft_wrap=True)
            fresh = partial(fresh_scores, count=fresh_seeds, workers=workers, variant=variant, progress=progress.bars)
        made = verify(folder, unsafe, tolerance, by, Limits(seconds=seconds), fresh, progress.advance)
    _show(made, out)
    if write or record:
        out.print(f"record: {write_record(made, record)}", soft_wrap=True)
    sys.exit(0 if made.state in ("verified", "scored") else 1)


class _Progress:
    """How many folds have been scored, and how far new glasses are, on a terminal."""

    def __init__(self, out: Any) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = TextColumn("{task.description:<40}"), BarColumn(), TimeElapsedColumn()
        self.bars = Progress(*columns, console=out, transient=True, disable=not out.is_terminal)
        self._task = self.bars.add_task("running it again", total=None)
        self._done = 0

    def __enter__(self) -> _Progress:
        self.bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bars.stop()

    def advance(self, cell: Any, state: str) -> None:
        """Count one fold."""
        self._done += 1
        self.bars.update(self._task, description=f"{cell.task}, {cell.family}: {self._done} folds done")


def _show(record: Record, out: Any) -> None:
    from zoo.benchmark.metrics import HEADLINE, TITLES
    from zoo.benchmark.task import read_task

    out.print(f"{record.name}, version {record.version}: ", end="", soft_wrap=True)
    out.print(
        record.state + (f": {record.reason}" if record.reason else ""), style=STYLES[record.state], soft_wrap=True
    )
    for outcome in record.outcomes:
        name = HEADLINE[read_task(outcome.task).kind]
        change = (
            "" if outcome.largest_change is None else f", largest change of a prediction {outcome.largest_change:.2g}"
        )
        change = ", every prediction the same to the last bit" if outcome.identical else change
        out.print(
            f"  {f'{outcome.task} {outcome.family}'.rstrip()}: {TITLES[name]} claimed {outcome.claimed[name]:.4f}, "
            f"found {outcome.found.get(name, float('nan')):.4f}{change}",
            soft_wrap=True,
        )
    for finding in record.findings:
        if finding.state == "failed":
            out.print(f"  failed: {finding.title}: {finding.reason}", style="red", soft_wrap=True)
    for trial, reason in record.exempt.items():
        out.print(f"  exempt from {trial}: {reason}", style="yellow", soft_wrap=True)
    for fresh in record.fresh:
        usual = "" if fresh.usual_drop is None else f"; that of {fresh.usual} changes by {-fresh.usual_drop:+.3f}"
        out.print(
            f"  new glasses of {fresh.recipe} ({fresh.variant}, {len(fresh.seeds)} seeds), {fresh.family}: "
            f"{fresh.fresh:.3f} against {fresh.fresh_reference:.3f} of {fresh.reference}; "
            f"lead {fresh.lead:+.3f} as published, {fresh.fresh_lead:+.3f} on new glasses{usual}",
            style="red" if fresh.suspicious else None,
            soft_wrap=True,
        )
        if fresh.suspicious:
            out.print(
                "  more than chance and other glasses explain: it may know the published ones by heart", style="red"
            )
    if record.layers:
        out.print(
            f"  confined by {', '.join(record.layers)}; {record.microseconds_per_atom:.1f} µs per atom, "
            f"{record.peak_memory_mb:.0f} MB",
            soft_wrap=True,
        )
