"""Everything that the pages of a site say, gathered from results, declarations and cards."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from zoo.benchmark.metrics import TITLES
from zoo.benchmark.store import Result, Store, latest_results
from zoo.benchmark.suite import Suite, read_suite, suite_names
from zoo.errors import StoreError
from zoo.features.declaration import FeatureSet, feature_sets
from zoo.leaderboard.board import BoardRow, TaskBoard, make_board
from zoo.leaderboard.compare import Comparison, compare
from zoo.leaderboard.factors import Shares, all_shares
from zoo.leaderboard.normalisers import Normaliser, normaliser_of, read_normalisers
from zoo.leaderboard.published import published_results
from zoo.leaderboard.site.tables import Table
from zoo.leaderboard.thresholds import Sensitivity, threshold_sensitivity
from zoo.models.declaration import ModelFamily, model_families
from zoo.paths import portable
from zoo.submissions.entries import SubmissionEntry, read_entries

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Page:
    """A page: where it lies below the site, its template and what the template shows.

    ``tables`` are offered for download; ``scripts`` are files of the folder ``static``; ``files`` are written beside
    the pages, by their path below the site.
    """

    path: str
    title: str
    template: str
    section: str
    context: dict[str, Any] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    scripts: tuple[str, ...] = ("site.js",)
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A task as one suite has scored it."""

    key: str
    suite: Suite
    board: TaskBoard
    comparison: Comparison
    normaliser: Normaliser | None
    sensitivity: Sensitivity | None
    shares: list[tuple[str, Shares]]
    published: list[Result] = field(default_factory=list)
    """Results of the board that come with the project."""

    @cached_property
    def _published_keys(self) -> set[str]:
        return {result.key for result in self.published}

    def came_along(self, row: BoardRow) -> bool:
        """Whether scores of a row come with the project and were not computed here."""
        return any(result.key in self._published_keys for result in row.folds)

    @property
    def path(self) -> str:
        return f"tasks/{self.key}.html"

    @property
    def metric(self) -> str:
        """Title of the headline metric."""
        return TITLES[self.board.headline]

    @property
    def name(self) -> str:
        """Name of the task, with its suite where two suites have scored it."""
        name = self.board.task.name
        return name if self.key == slug(name) else f"{name} ({self.suite.name})"

    def percent(self, score: float) -> float | None:
        """Score on the scale of the task: null control 0 %, ceiling 100 %."""
        return self.normaliser.percent(score) if self.normaliser else None


@dataclass(frozen=True)
class Site:
    """What the site is about.

    Attributes
    ----------
    store : Store
    entries : list of Entry
        Tasks with at least one finished cell.
    made : str
        Date.
    all_data : bool
        Whether sheets are drawn of data sets that no entry uses, too.
    """

    store: Store
    entries: list[Entry]
    made: str
    all_data: bool = False

    @cached_property
    def features(self) -> list[FeatureSet]:
        """Registered feature sets, and combinations that were scored."""
        scored = dict.fromkeys(row.features for entry in self.entries for row in entry.board.rows)
        names = {entry.name: entry for entry in feature_sets} | {name: feature_sets[name] for name in scored}
        return [names[name] for name in sorted(names)]

    @cached_property
    def families(self) -> list[ModelFamily]:
        return list(model_families)

    @cached_property
    def feature_paths(self) -> dict[str, str]:
        return file_names("features", [entry.name for entry in self.features])

    @cached_property
    def family_paths(self) -> dict[str, str]:
        return file_names("models", [entry.name for entry in self.families])

    @cached_property
    def suites(self) -> list[Suite]:
        """Every suite of the project, scored or not."""
        return [read_suite(name) for name in suite_names()]

    @cached_property
    def submissions(self) -> list[SubmissionEntry]:
        """Packed submissions with their states."""
        return read_entries()

    @cached_property
    def submission_paths(self) -> dict[str, str]:
        return file_names("submissions", [entry.name for entry in self.submissions])

    @property
    def n_cells(self) -> int:
        """Finished cells that the pages rest on."""
        return sum(len(row.folds) for entry in self.entries for row in entry.board.rows)


def gather(
    store: Store, suites: Iterable[Suite], progress: Progress = lambda text: None, all_data: bool = False
) -> Site:
    """Boards, comparisons and other cuts of every task that has a finished row.

    Raises
    ------
    StoreError
        There is none.
    """
    known = read_normalisers()
    found = []
    for suite in suites:
        progress(f"{suite.name}: reading results")
        published = published_results(suite)
        own = {result.key for result in latest_results(store, suite)} if published else set()
        for board in make_board(store, suite, published):
            board = replace(board, rows=[replace(row, reason=portable(row.reason)) for row in board.rows])
            if any(row.state == "ok" for row in board.rows):
                found.append((suite, board, [result for result in published if result.key not in own]))
    if not found:
        raise StoreError(f"there are no finished rows in {store.folder}: run zoo run quick first")
    names = [board.task.name for _, board, _ in found]
    entries = []
    for suite, board, published in found:
        twice = names.count(board.task.name) > 1
        progress(f"{board.task.name}: comparing {len(board.rows)} rows")
        comparison = compare(board)
        entries.append(
            Entry(
                key=slug(f"{board.task.name}-{suite.name}" if twice else board.task.name),
                suite=suite,
                board=board,
                comparison=comparison,
                normaliser=normaliser_of(board.task, known),
                sensitivity=threshold_sensitivity(comparison, store),
                shares=all_shares(comparison),
                published=[result for result in published if result.task == board.task.name and result.state == "ok"],
            )
        )
    return Site(store, entries, datetime.datetime.now(datetime.UTC).date().isoformat(), all_data)


def slug(name: str) -> str:
    """A name as part of a file name: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] or "unnamed"


def file_names(folder: str, names: Iterable[str]) -> dict[str, str]:
    """A page for each name, no two the same."""
    paths: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stem, number = slug(name), 2
        while stem in taken:
            stem, number = f"{slug(name)}-{number}", number + 1
        taken.add(stem)
        paths[name] = f"{folder}/{stem}.html"
    return paths
