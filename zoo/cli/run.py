"""``zoo run``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from zoo.cli import console

CHECK = 30.0
"""Seconds between two lines of progress where no terminal can show a bar."""
FEW = 5
"""Jobs before which the time left is not guessed: the first ones start processes and compile."""


@click.command(
    "run", epilog="Examples: zoo run quick, zoo run my-suite.toml --results /tmp/results, zoo run quick --retry failed"
)
@click.argument("suite_name", metavar="SUITE")
@click.option("--results", type=click.Path(path_type=Path, file_okay=False), help="Results folder (or ZOO_RESULTS).")
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core by default.")
@click.option(
    "--retry",
    multiple=True,
    type=click.Choice(["failed", "timed-out", "out-of-memory", "declined"]),
    help="Run cells that ended like this again.",
)
@click.option("--ray", metavar="ADDRESS", help="Work on a Ray cluster: its address, or auto (one of this machine).")
@click.option("--track/--no-track", default=True, show_default=True, help="Write MLflow runs afterwards.")
@click.option("--board/--no-board", default=True, show_default=True, help="Print the board afterwards.")
def command(
    suite_name: str,
    results: Path | None,
    workers: int | None,
    retry: tuple[str, ...],
    ray: str | None,
    track: bool,
    board: bool,
) -> None:
    """Score every feature set and model of SUITE (a name or a TOML file).

    Cells that are finished are not run again: Ctrl-C loses nothing, and the same command continues.
    """
    from zoo.benchmark.runner import run_suite
    from zoo.benchmark.suite import cells_of, read_suite
    from zoo.paths import default_results_dir

    suite = read_suite(suite_name)
    folder = (results or default_results_dir()).resolve()
    out = console()
    out.print(f"suite {suite.name}: {len(cells_of(suite))} cells, results in {folder}", highlight=False, soft_wrap=True)
    started = time.monotonic()
    with Bar(out) as progress:
        report = run_suite(suite, folder, workers, retry, progress.start, progress.advance, ray)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(report.states.items())) or "nothing to do"
    took = time.monotonic() - started
    out.print(f"{counts}; {report.found} finished before; {took:.0f} s", highlight=False, soft_wrap=True)
    if report.interrupted:
        out.print("stopped: finished cells are kept, the same command continues", style="yellow")
        sys.exit(130)
    if report.states["elsewhere"]:
        out.print("another run is busy with the cells counted as elsewhere: run again when it is done", style="yellow")
    bad = [state for state in ("failed", "timed-out", "out-of-memory") if report.states[state]]
    if bad:
        again = " ".join(f"--retry {state}" for state in bad)
        out.print(f"why is on the board; run them again with zoo run {suite_name} {again}", highlight=False)
    if report.missing:
        out.print(f"declined for want of software: {'; '.join(report.missing)}", highlight=False, soft_wrap=True)
        out.print(f"once it is installed, run these with zoo run {suite_name} --retry declined", highlight=False)
    if track:
        from zoo.cli.track import write_runs

        write_runs(suite, folder)
    if board:
        from zoo.cli.board import show_board

        show_board(suite, folder, None, top=15)


class Bar:
    """A bar with the time left on a terminal, a line now and then elsewhere."""

    def __init__(self, out: Any) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("time left"),
            TimeRemainingColumn(),
            console=out,
            disable=not out.is_terminal,
        )
        self._out = out
        self._task: Any = None
        self._last = self._began = time.monotonic()
        self._stage, self._total, self._done = "", 0, 0

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def start(self, stage: str, total: int) -> None:
        """Begin a stage of ``total`` jobs."""
        self._stage, self._total, self._done, self._began = stage, total, 0, time.monotonic()
        self._task = self._bar.add_task(stage, total=total) if total else None

    def advance(self, state: str) -> None:
        """Count one finished job."""
        self._done += 1
        if self._task is not None:
            self._bar.advance(self._task)
        now = time.monotonic()
        if not self._out.is_terminal and now - self._last > CHECK:
            self._last = now
            left = (now - self._began) / self._done * (self._total - self._done)
            guess = f", about {left:.0f} s left" if self._done >= FEW else ""
            self._out.print(f"{self._stage} {self._done}/{self._total}{guess}", highlight=False)
