"""Pages of papers whose protocols are repeated: what was reported, what their protocol gives here, what ours gives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.benchmark.metrics import TITLES
from zoo.leaderboard.site.gather import Page, Site, file_names
from zoo.leaderboard.site.tables import Cell, Column, Row, Table, number_cell, text_cell
from zoo.papers.declaration import Arm, Paper, arms_of, metric_of, paper_names, published_text, read_paper
from zoo.papers.outcome import Outcome, OutcomeRow, folder_of, read_outcome
from zoo.papers.protocol import WAYS, Way, ways_of


@dataclass(frozen=True)
class Drawn:
    """A figure of the paper drawn again: its file below the site, none where it was not drawn, and its width in px."""

    title: str
    caption: str
    path: str = ""
    width: int = 0


@dataclass(frozen=True)
class Repeated:
    """A paper, what is stored of it, and the rows that hold for data and code as they are now."""

    paper: Paper
    outcome: Outcome | None
    rows: dict[Arm, OutcomeRow]

    @property
    def state(self) -> str:
        """In a few words."""
        if self.outcome is None:
            return "not run"
        if not self.rows:
            return "out of date"
        return "quick run" if self.outcome.quick else "repeated"

    def mean(self, way: Way) -> float | None:
        """Mean score over rows in the paper's metric that have one under both its own split and ours."""
        ends: tuple[Way, Way] = ("published", "by-glass")
        title = TITLES[self.paper.protocol.metric]
        rows = [row.scores for row in self.rows.values() if row.metric == title]
        both = [row for row in rows if all(end in row and row[end].value is not None for end in ends)]
        return float(np.mean([row[way].value for row in both])) if both else None


def paper_pages(site: Site) -> list[Page]:
    """A list of the papers and a page for each."""
    names = paper_names()
    if not names:
        return []
    found = [_repeated(read_paper(name), site.store.folder) for name in names]
    paths = file_names("papers", names)
    table = _list(found, paths)
    first = Page("papers/index.html", "Papers", "list.html.j2", "papers", {"intro": INTRO, "table": table}, [table])
    return [first, *(_page(site, entry, paths[entry.paper.name]) for entry in found)]


INTRO = (
    "Published scores cannot be compared: data, labels, splits and metrics differ. Here recipes of papers are "
    "repeated on the data of this project, first with the split of the paper, then with whole glasses kept apart."
)


def _repeated(paper: Paper, results: Path) -> Repeated:
    outcome = read_outcome(paper, results)
    rows = outcome.rows if outcome else []
    known = {arm: next((row for row in rows if row.belongs_to(arm)), None) for arm in arms_of(paper)}
    return Repeated(paper, outcome, {arm: row for arm, row in known.items() if row is not None})


def _list(found: list[Repeated], paths: dict[str, str]) -> Table:
    columns = [
        Column("paper", "paper"),
        Column("question", "question"),
        Column("citation", "source"),
        Column("state", "state"),
        Column("rows", "rows", True, "combinations of task, features and model"),
        Column("metric", "metric", help="of the paper"),
        Column("as_published", "its split", True, "mean over rows, on the data of this project"),
        Column("glasses_apart", "glasses apart", True, "mean over the same rows with whole glasses held out"),
    ]
    rows = []
    for entry in found:
        paper = entry.paper
        cells = [
            text_cell(paper.name, paths[paper.name]),
            text_cell(paper.title),
            text_cell(paper.citation),
            text_cell(entry.state),
            number_cell(len(arms_of(paper)), 0),
            text_cell(TITLES[paper.protocol.metric]),
            number_cell(entry.mean("published")),
            number_cell(entry.mean("by-glass")),
        ]
        rows.append(Row(cells))
    return Table("papers", "Papers", columns, rows).pruned()


def _page(site: Site, entry: Repeated, path: str) -> Page:
    paper, stem = entry.paper, path.rsplit("/", 1)[-1].removesuffix(".html")
    table = _scores(site, entry, f"paper-{stem}")
    figures, files = _figures(entry, site.store.folder, stem)
    reasons = [score.reason for row in entry.rows.values() for score in row.scores.values() if score.reason]
    context = {
        "entry": entry,
        "paper": paper,
        "table": table,
        "figures": figures,
        "sentences": entry.outcome.sentences if entry.outcome and entry.rows else [],
        "reasons": list(dict.fromkeys(reasons)),
        "boarded": any(cell.href for row in table.rows for cell in row.cells[-1:]),
    }
    return Page(path, paper.title, "paper.html.j2", "papers", context, [table], files=files)


def _scores(site: Site, entry: Repeated, key: str) -> Table:
    """A row for each arm; where nothing is stored, what the paper reports and what stands on our boards."""
    ways = ways_of(entry.paper.protocol)
    columns = [
        Column("task", "task"),
        Column("features", "features"),
        Column("family", "model"),
        Column("metric", "metric"),
        Column("reported", "reported", help="by the paper, on its own glasses and labels"),
        *(Column(way.replace("-", "_"), SHORT[way], True, f"{WAYS[way]}: {HELP[way]}") for way in ways if entry.rows),
        Column("board", "on the board", True, "the same descriptor and model in a suite, default settings"),
    ]
    paths = {of.board.task.name: of.path for of in site.entries}
    rows = []
    for arm in arms_of(entry.paper):
        stored, metric = entry.rows.get(arm), metric_of(entry.paper, arm)
        features = f"{arm.features}: {arm.column}" if arm.column else arm.features
        task = text_cell(arm.task, paths.get(arm.task, ""), badge=f"learnt from {arm.learn}" if arm.learn else "")
        cells = [
            task,
            text_cell(features, site.feature_paths.get(arm.features, "")),
            text_cell(arm.family, site.family_paths.get(arm.family, "")),
            text_cell(TITLES[metric]),
            text_cell(published_text(entry.paper, arm)),
            *(_score(stored, way) for way in ways if entry.rows),
            _on_board(site, arm, metric),
        ]
        rows.append(Row(cells))
    return Table(key, f"Scores of {entry.paper.name}", columns, rows).pruned()


SHORT: dict[Way, str] = {"published": "as published", "same-rows": "same rows", "by-glass": "glasses apart"}
HELP: dict[Way, str] = {
    "published": "split and balance of the paper; mean over repeats and folds",
    "same-rows": "the very same rows, only the split keeps glasses apart",
    "by-glass": "learnt from all training rows, tested on every atom of the glasses held out; 95 % over glasses",
}


def _score(stored: OutcomeRow | None, way: Way) -> Cell:
    score = stored.scores.get(way) if stored else None
    if score is None:
        return Cell("")
    if score.value is None:
        return Cell(score.reason.partition(":")[0], None, help=score.reason)
    spread = f"± {score.error:.3f} over repeats and folds" if score.error else ""
    if score.interval:
        spread = f"95 %: {score.interval[0]:.3f} to {score.interval[1]:.3f}"
    return number_cell(score.value, help="; ".join(filter(None, (spread, f"{score.n_train:,} training rows"))))


def _on_board(site: Site, arm: Arm, metric: str) -> Cell:
    """Score of the row of a board that does the same under our protocol."""
    if arm.column or arm.learn:
        return Cell("")
    for entry in site.entries:
        for row in entry.comparison.rows:
            if (entry.board.task.name, row.features, row.family, row.mode) == (
                arm.task,
                arm.features,
                arm.family,
                "default",
            ):
                value = row.scores.get(metric)
                cell = number_cell(value)
                return Cell(cell.text, cell.value, entry.path) if value is not None else Cell("")
    return Cell("")


def _figures(entry: Repeated, results: Path, stem: str) -> tuple[list[Drawn], dict[str, bytes]]:
    """Figures that were drawn, and their files below the site."""
    figures, files = [], {}
    for number, card in enumerate(entry.paper.figures, 1):
        source, drawn = folder_of(entry.paper, results) / f"figure-{number}.svg", Drawn(card.title, card.caption)
        if entry.rows and source.is_file():
            path, content = f"figures/{stem}-{number}.svg", source.read_bytes()
            files[path] = content
            stated = re.search(rb"max-width: (\d{2,4})px", content[:2000])
            drawn = Drawn(card.title, card.caption, path, int(stated.group(1)) if stated else 760)
        figures.append(drawn)
    return figures, files
