"""``zoo track``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.cli import console

if TYPE_CHECKING:
    from zoo.benchmark.suite import Suite


@click.command("track", epilog="Example: MLFLOW_TRACKING_URI=http://server:5000 zoo track quick")
@click.argument("suite_name", metavar="SUITE")
@click.option("--results", type=click.Path(path_type=Path, file_okay=False), help="Results folder (or ZOO_RESULTS).")
def command(suite_name: str, results: Path | None) -> None:
    """Write the finished rows of SUITE as MLflow runs, those that are not there yet.

    The store is MLFLOW_TRACKING_URI, or mlflow.db in the results folder. zoo run does the same at its end.
    """
    from zoo.benchmark.suite import read_suite
    from zoo.paths import default_results_dir

    write_runs(read_suite(suite_name), (results or default_results_dir()).resolve())


def write_runs(suite: Suite, folder: Path) -> None:
    """Write the runs of a suite with a bar, and say where they are."""
    from rich.progress import Progress

    from zoo.benchmark.tracking import track, tracking_address

    out = console()
    with Progress(console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task("MLflow", total=None)
        number = track(suite, folder, lambda done, total: bar.update(task, completed=done, total=total))
    out.print(f"{number} new MLflow runs in {tracking_address(folder)}: zoo ui", highlight=False, soft_wrap=True)
