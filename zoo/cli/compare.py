"""``zoo compare``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli import console


@click.command(
    "compare",
    epilog="Examples: zoo compare quick, zoo compare quick --task shear-2pct --pair voronoi/lightgbm radial/xgboost",
)
@click.argument("suite_name", metavar="[SUITE]", default="quick")
@click.option("--results", type=click.Path(path_type=Path, file_okay=False), help="Results folder (or ZOO_RESULTS).")
@click.option("--task", "tasks", multiple=True, help="Of these tasks only.")
@click.option("--pair", nargs=2, help="Two rows, FEATURES/FAMILY or FEATURES/FAMILY/MODE: is one better?")
@click.option("--top", default=15, show_default=True, type=click.IntRange(2), help="Rows to print for each task.")
@click.option("--freeze", "freezes", is_flag=True, help="Measure and keep 0 % and 100 % of tasks that have none yet.")
def command(
    suite_name: str,
    results: Path | None,
    tasks: tuple[str, ...],
    pair: tuple[str, str] | None,
    top: int,
    freezes: bool,
) -> None:
    """Compare rows of SUITE (default: quick) on the same test glasses, from what is stored; nothing is fitted.

    Differences and intervals are paired bootstraps over glasses. What 0 % and 100 % of the scale are is kept in
    benchmarks/normalisers.toml and never changes for a version of a task on a version of its data.
    """
    from zoo.benchmark.store import Store
    from zoo.benchmark.suite import read_suite
    from zoo.errors import StoreError, UnknownNameError
    from zoo.leaderboard.board import make_board
    from zoo.leaderboard.compare import compare
    from zoo.leaderboard.compare_text import print_comparison, print_pair
    from zoo.leaderboard.normalisers import freeze, read_normalisers
    from zoo.leaderboard.published import published_results
    from zoo.leaderboard.thresholds import threshold_sensitivity
    from zoo.paths import default_results_dir

    suite = read_suite(suite_name)
    store = Store((results or default_results_dir()).resolve())
    names = list(dict.fromkeys(entry.task for entry in suite.entries))
    if unknown := [name for name in tasks if name not in names]:
        raise UnknownNameError("task of this suite", unknown[0], names)
    published = published_results(suite)
    if not published and not (store.folder / "results").is_dir():
        raise StoreError(f"there are no results in {store.folder}: run zoo run {suite_name} first")
    out = console()
    if freezes:
        for entry in freeze(list(tasks) or names):
            out.print(f"frozen: {entry.task}, 0 % = {entry.null}, 100 % = {entry.ceiling}", highlight=False)
    known = read_normalisers()
    for board in make_board(store, suite, published):
        if tasks and board.task.name not in tasks:
            continue
        comparison = compare(board)
        if pair:
            print_pair(comparison, *pair, out)
        else:
            print_comparison(comparison, known, threshold_sensitivity(comparison, store), out, top)
