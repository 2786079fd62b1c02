"""Running suites and reading boards by name: what the command line does, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.paths import default_results_dir

if TYPE_CHECKING:
    from zoo.benchmark.runner import RunReport
    from zoo.leaderboard.board import TaskBoard


def run_suite(suite: str, results: str | Path | None = None, workers: int | None = None) -> RunReport:
    """Score every cell of a suite that the results folder does not hold yet.

    Worker processes import the calling script: in a script, call this under ``if __name__ == "__main__":``.

    Parameters
    ----------
    suite : str
        Name, or path of a TOML file.
    results : str or Path, optional
        Results folder; the default of the command line.
    workers : int, optional
        Processes; one per core by default.
    """
    from zoo.benchmark.runner import run_suite as run
    from zoo.benchmark.suite import read_suite

    return run(read_suite(suite), Path(results or default_results_dir()).resolve(), workers)


def board(suite: str, results: str | Path | None = None) -> list[TaskBoard]:
    """One board for each task of a suite, rows sorted by the headline score; results at hand or published ones."""
    from zoo.benchmark.store import Store
    from zoo.benchmark.suite import read_suite
    from zoo.leaderboard.board import make_board
    from zoo.leaderboard.published import published_results

    declared = read_suite(suite)
    store = Store(Path(results or default_results_dir()).resolve())
    return make_board(store, declared, published_results(declared))
