"""``zoo transfer``."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from zoo.cli import console
from zoo.cli.run import Bar

GROUPINGS = ("stratum", "composition", "system", "direction", "task")


@click.command(
    "transfer",
    epilog="Examples: zoo transfer shear-2pct alloy-2pct --features interstice --family logistic; "
    "zoo transfer disks-2pct --by direction --features radial-coarse --family lightgbm; "
    "zoo transfer barrier-low shear-2pct --by task; zoo transfer --compare RUN1 RUN2",
)
@click.argument("tasks", nargs=-1)
@click.option("--features", default="interstice", show_default=True, help="Feature set.")
@click.option("--family", default="logistic", show_default=True, help="Model family.")
@click.option(
    "--by", type=click.Choice(GROUPINGS), default="stratum", show_default=True, help="What makes a group of glasses."
)
@click.option("--only", multiple=True, help="Keep this group; may be given several times.")
@click.option("--glasses", type=click.IntRange(0), default=0, help="Of a fit; as many as the smallest group leaves.")
@click.option("--max-rows", type=click.IntRange(0), default=6000, show_default=True, help="Of a fit; 0: no limit.")
@click.option("--others/--no-others", default=True, show_default=True, help="Learn on all groups but one, too.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--results", type=click.Path(path_type=Path, file_okay=False), help="Results folder (or ZOO_RESULTS).")
@click.option("--output", "-o", type=click.Path(path_type=Path, file_okay=False), help="Folder of page and tables.")
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core by default.")
@click.option("--track/--no-track", default=True, show_default=True, help="Write MLflow runs afterwards.")
@click.option("--compare", is_flag=True, help="Print the second of two matrices minus the first: runs, files, folders.")
def command(
    tasks: tuple[str, ...],
    results: Path | None,
    output: Path | None,
    workers: int | None,
    track: bool,
    compare: bool,
    **options: Any,
) -> None:
    """Learn on one group of the glasses of TASKS, test on every other.

    The diagonal is the in-domain score on glasses held out. No glass is learnt from and tested on, also not where two
    tasks are about the same glasses. Finished fits are kept: Ctrl-C loses nothing, and the same command continues.
    """
    from zoo.errors import TransferError
    from zoo.paths import default_results_dir

    folder = (results or default_results_dir()).resolve()
    out = console()
    if compare:
        _compare(tasks, folder, out)
        return
    if not tasks:
        raise TransferError("name at least one task: zoo list tasks")
    from zoo.transfer.fits import Plan, fits_of
    from zoo.transfer.matrix import make_matrix, run_fits
    from zoo.transfer.page import write_files
    from zoo.transfer.shift import shift_tests
    from zoo.transfer.terminal import print_matrix

    plan = Plan(
        tasks,
        options["by"],
        options["features"],
        options["family"],
        options["only"],
        options["glasses"],
        options["max_rows"],
        options["seed"],
        options["others"],
    )
    jobs = f"{len(fits_of(plan))} fits, {len(shift_tests(plan))} two-sample tests"
    out.print(f"{plan.name}: {jobs}, results in {folder}", highlight=False, soft_wrap=True)
    with Bar(out) as bar:
        report = run_fits(plan, folder, workers, bar.start, bar.advance)
    if report.interrupted:
        out.print("stopped: finished fits are kept, the same command continues", style="yellow")
        sys.exit(130)
    if report.states["elsewhere"]:
        raise TransferError("another run is busy with fits of this matrix: run again when it is done")
    matrix = make_matrix(plan, folder)
    print_matrix(matrix, out)
    place = folder / "transfer" / re.sub(r"[^\w@.+-]+", "-", plan.name)
    files = write_files(matrix, place)
    if output:  # the leaderboard finds those in the results folder
        shutil.copytree(place, output, dirs_exist_ok=True)
    shown = (output or place).resolve()
    out.print(f"\n[green]written[/] {shown}: page index.html, figure, tables", highlight=False, soft_wrap=True)
    if track:
        from zoo.transfer.track import track_matrix

        run = track_matrix(matrix, files, folder)
        out.print(f"MLflow run {run}: zoo ui; zoo transfer --compare RUN1 RUN2", highlight=False, soft_wrap=True)


def _compare(names: tuple[str, ...], folder: Path, out: Any) -> None:
    from zoo.errors import TransferError
    from zoo.transfer.compare import print_difference
    from zoo.transfer.track import find_matrix

    if len(names) != 2:
        raise TransferError(f"two matrices are compared: runs, files or folders; got {len(names)}")
    first, second = (find_matrix(name, folder) for name in names)
    print_difference(first, second, out)
