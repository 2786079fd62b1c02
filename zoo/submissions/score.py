"""Scoring a contributed descriptor with reference families, and the place that it would take on a board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from zoo._files import storage_error
from zoo.benchmark.cell import attempt, features_decline, features_of_glasses, key_of, task_rows
from zoo.benchmark.store import Store
from zoo.benchmark.suite import Cell, Entry, Suite, cells_of, read_suite
from zoo.errors import SubmissionError
from zoo.leaderboard.board import BoardRow, TaskBoard, make_board
from zoo.leaderboard.published import published_results
from zoo.paths import cache_dir
from zoo.submissions.contribution import Contribution

REFERENCE = ("logistic", "ridge", "lightgbm")
"""Families that every descriptor is scored with: a linear one, and boosted trees."""
SUITES = ("quick", "standard")
"""Whose tasks and rows are used: minutes, or an hour."""


@dataclass(frozen=True)
class Place:
    """Rows of a submission on one task beside those of the registered sets.

    Attributes
    ----------
    board : TaskBoard
        All rows, best first.
    own : str
        Name of the submission's feature set among them.
    """

    board: TaskBoard
    own: str

    def rank(self, row: BoardRow) -> int:
        """Place of a row among those with a score, from 1."""
        return [other for other in self.board.rows if other.state == "ok"].index(row) + 1


def reference_suite(suite: str, tasks: tuple[str, ...] = (), families: tuple[str, ...] = REFERENCE) -> Suite:
    """The part of a suite that submissions are scored on: glass descriptors, reference families, default settings.

    Raises
    ------
    SubmissionError
        Nothing is left, or a task is not in the suite.
    """
    declared = read_suite(suite)
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for entry in declared.entries:
        shared = [family for family in entry.families if family in families]
        if shared:
            features, used = found.setdefault(entry.task, ({}, {}))
            features.update(dict.fromkeys(entry.features))
            used.update(dict.fromkeys(shared))
    if lost := [task for task in tasks if task not in found]:
        raise SubmissionError(f"tasks must be among those of suite {suite}: {', '.join(found)}; got {lost[0]!r}")
    if not found:
        raise SubmissionError(f"suite {suite} holds none of the families {', '.join(families)}")
    entries = [
        Entry(task, list(features), list(used))
        for task, (features, used) in found.items()
        if not tasks or task in tasks
    ]
    return replace(declared, entries=entries, random_split=False, modes=("default",))


def own_suite(reference: Suite, features: str) -> Suite:
    """The same tasks and families on one feature set."""
    return replace(reference, entries=[replace(entry, features=[features]) for entry in reference.entries])


def results_folder(contribution: Contribution) -> Path:
    """Where finished cells of a submission are kept."""
    return cache_dir() / "submissions" / contribution.submission.card.name


def score(
    contribution: Contribution,
    reference: Suite,
    folder: Path,
    advance: Callable[[Cell, str], None] = lambda cell, state: None,
) -> Store:
    """Fit and score every cell of a submission that is not finished yet, in this process.

    The estimators are this project's; columns come from the sandbox, each glass once.

    Raises
    ------
    SandboxError, StoreError
        The code cannot be run to its end; results cannot be kept.
    ZooError
        The columns break the contract.
    """
    store = Store(folder)
    store.require_writable()
    (folder / "results").mkdir(exist_ok=True)
    described: set[str] = set()
    for cell in cells_of(own_suite(reference, contribution.entry.name)):
        found = store.get(key_of(cell))
        if found is None or found.state != "ok":
            if cell.task not in described:
                _describe(contribution, cell.task)
                described.add(cell.task)
            found, predictions = attempt(cell, None, None)
            try:
                store.add(found, predictions)
            except OSError as error:
                raise storage_error(f"folder {folder}", error, "ZOO_CACHE") from None
        advance(cell, found.state)
    return store


def _describe(contribution: Contribution, task: str) -> None:
    """Columns of every glass into the cache, each with the CPU time that its sandbox took: this process only waits."""
    rows, name = task_rows(task), contribution.entry.name
    if features_decline(name, rows) is None:
        features_of_glasses(rows, name, lambda: sum(seconds for _, seconds in contribution.timed))


def places(contribution: Contribution, reference: Suite, own: Store, others: Path) -> list[Place]:
    """One for each task: own rows among those of the registered sets for which results are at hand."""
    name = contribution.entry.name
    mine = make_board(own, own_suite(reference, name))
    theirs = make_board(Store(others), reference, published_results(reference))
    known = {board.task.name: board for board in theirs}
    found = []
    for board in mine:
        other = known[board.task.name].rows if board.task.name in known else []
        rows = board.rows + [row for row in other if row.state == "ok"]
        headline = board.headline
        rows.sort(key=lambda row: -row.scores.get(headline, float("-inf")))
        found.append(Place(TaskBoard(board.task, rows, board.source), name))
    return found
