"""``zoo board``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.cli import console

if TYPE_CHECKING:
    from zoo.benchmark.suite import Suite


@click.command("board", epilog="Examples: zoo board, zoo board standard --top 10, zoo board --html board.html")
@click.argument("suite_name", metavar="[SUITE]", default="quick")
@click.option("--results", type=click.Path(path_type=Path, file_okay=False), help="Results folder (or ZOO_RESULTS).")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one self-contained page here.")
@click.option("--top", type=click.IntRange(1), help="Rows to print for each task; all by default.")
@click.option("--publish", "publishes", is_flag=True, help="Keep the scores with the project first.")
def command(suite_name: str, results: Path | None, html: Path | None, top: int | None, publishes: bool) -> None:
    """Print the leaderboard of SUITE (default: quick), or write it as one HTML page.

    Cells that were not run here are shown as they come with the project (leaderboard/published), if they do.
    """
    from zoo.benchmark.store import Store
    from zoo.benchmark.suite import read_suite
    from zoo.leaderboard.published import publish
    from zoo.paths import default_results_dir

    suite = read_suite(suite_name)
    folder = (results or default_results_dir()).resolve()
    if publishes:
        console().print(f"kept: {publish(Store(folder), suite)}", highlight=False, soft_wrap=True)
    show_board(suite, folder, html, top)


def show_board(suite: Suite, folder: Path, html: Path | None, top: int | None) -> None:
    """Print the board of a suite, and write the page if asked to."""
    from zoo.benchmark.store import Store
    from zoo.errors import StoreError
    from zoo.leaderboard.board import make_board
    from zoo.leaderboard.page import write_page
    from zoo.leaderboard.published import note, published_results
    from zoo.leaderboard.terminal import print_board

    published = published_results(suite)
    if not published and not (folder / "results").is_dir():
        raise StoreError(f"there are no results in {folder}: run zoo run {suite.name} first")
    boards = make_board(Store(folder), suite, published)
    out = console()
    print_board(boards, out, top)
    if not (folder / "results").is_dir():
        out.print(note(suite, published), style="dim", highlight=False)
    if html is not None:
        write_page(boards, suite, html)
        out.print(f"\npage: {html.resolve()}", highlight=False, soft_wrap=True)
