"""``zoo board``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.cli import console

if TYPE_CHECKING:
    from zoo.benchmark.suite import Suite


@click.command("board", epilog="Examples: zoo board, zoo board tls, zoo board --html board.html")
@click.argument("suite_name", metavar="[SUITE]", default="quick")
@click.option("--results", type=click.Path(path_type=Path, file_okay=False), help="Results folder (or ZOO_RESULTS).")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one self-contained page here.")
@click.option("--top", type=click.IntRange(1), help="Rows to print for each task; all by default.")
def command(suite_name: str, results: Path | None, html: Path | None, top: int | None) -> None:
    """Print the leaderboard of SUITE (default: quick), or write it as one HTML page."""
    from zoo.benchmark.suite import read_suite
    from zoo.paths import default_results_dir

    show_board(read_suite(suite_name), (results or default_results_dir()).resolve(), html, top)


def show_board(suite: Suite, folder: Path, html: Path | None, top: int | None) -> None:
    """Print the board of a suite, and write the page if asked to."""
    from zoo.benchmark.store import Store
    from zoo.errors import StoreError
    from zoo.leaderboard.board import make_board
    from zoo.leaderboard.page import write_page
    from zoo.leaderboard.terminal import print_board

    if not (folder / "results").is_dir():
        raise StoreError(f"there are no results in {folder}: run zoo run {suite.name} first")
    boards = make_board(Store(folder), suite)
    out = console()
    print_board(boards, out, top)
    if html is not None:
        write_page(boards, suite, html)
        out.print(f"\npage: {html.resolve()}", highlight=False, soft_wrap=True)
