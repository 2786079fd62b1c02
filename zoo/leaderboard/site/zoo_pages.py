"""Pages of descriptors, models and data sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from msgspec import to_builtins

from zoo.benchmark.summary import tasks_of
from zoo.benchmark.task import read_task, task_names
from zoo.datasets.card import Card
from zoo.datasets.fetch import is_at_hand
from zoo.datasets.registry import dataset_folder, list_cards
from zoo.errors import StoreError, ZooError
from zoo.features.declaration import FeatureSet
from zoo.leaderboard.board import BoardRow
from zoo.leaderboard.site.gather import Entry, Page, Progress, Site, file_names
from zoo.leaderboard.site.kept import code_of, kept
from zoo.leaderboard.site.tables import Cell, Column, Row, Table, number_cell, quantity_cell, text_cell
from zoo.models.declaration import ModelFamily
from zoo.paths import portable
from zoo.sheets.sheet import TaskLine, body_of, make_sheet

KINDS = ("Cu", "Zr")
"""Species for which the columns of a descriptor are listed."""


def feature_pages(site: Site) -> list[Page]:
    """A list of the descriptors and a page for each."""
    rows = [_feature_row(site, entry) for entry in site.features]
    columns = [
        Column("descriptor", "descriptor"),
        Column("title", "what it is"),
        Column("columns", "columns", True, "for two species"),
        Column("needs", "needs"),
        Column("microseconds_per_atom", "µs/atom", True, "as measured in the results"),
        Column("tasks", "tasks", True, "on which it was scored"),
        Column("citation", "source"),
    ]
    table = Table("descriptors", "Descriptors", columns, rows)
    intro = (
        "A descriptor turns the surroundings of an atom, or a pair of states, into numbers. Null controls must not "
        "tell much: they are on every board."
    )
    first = Page(
        "features/index.html", "Descriptors", "list.html.j2", "features", {"intro": intro, "table": table}, [table]
    )
    return [first, *(_feature_page(site, entry) for entry in site.features)]


def _feature_row(site: Site, entry: FeatureSet) -> Row:
    found = [row for board in site.entries for row in board.comparison.rows if row.features == entry.name]
    cost = [row.microseconds_per_atom for row in found]
    tasks = sum(any(row.features == entry.name for row in board.comparison.rows) for board in site.entries)
    return Row(
        [
            text_cell(entry.name, site.feature_paths[entry.name], badge="null control" if entry.null_control else ""),
            text_cell(entry.title),
            number_cell(_n_columns(entry), 0),
            text_cell(", ".join(sorted(entry.needs))),
            quantity_cell(sum(cost) / len(cost) if cost else None),
            number_cell(tasks or None, 0),
            text_cell(entry.citation),
        ],
        entry.null_control,
    )


def _n_columns(entry: FeatureSet) -> int | None:
    return None if entry.rows == "pairs" else len(entry.columns(KINDS))


def _feature_page(site: Site, entry: FeatureSet) -> Page:
    columns = () if entry.rows == "pairs" else entry.columns(KINDS)
    families = Counter(column.family for column in columns)
    listing = [
        Column("column", "column"),
        Column("unit", "unit"),
        Column("family", "physical family"),
        Column("length", "distance (Å)", True),
    ]
    rows = [
        Row([text_cell(c.name), text_cell(c.unit), text_cell(c.family), number_cell(c.length, 1)])
        for c in columns[:400]
    ]
    table = Table(f"columns-{_stem(site.feature_paths[entry.name])}", f"Columns of {entry.name}", listing, rows)
    scores = _scores(
        site, f"descriptor-{_stem(site.feature_paths[entry.name])}", lambda row: row.features == entry.name, "model"
    )
    context = {
        "name": entry.name,
        "thing": entry,
        "facts": {
            "Needs": ", ".join(sorted(entry.needs)),
            "Describes": entry.rows,
            "Columns": f"{len(columns)} for two species" if columns else "those of the table",
            "Physical families": ", ".join(f"{name} ({count})" for name, count in families.most_common(8)),
            "Changes smoothly": "yes" if entry.smooth else "no: it counts neighbours or faces",
            "Reads stored fields": ", ".join(entry.fields),
            "Version": str(entry.version),
            "Source": entry.citation,
        },
        "scores": scores,
        "columns": table if rows else None,
        "cut": max(0, len(columns) - len(rows)),
        "how": _how_to_score(site, "features", entry.name),
        "command": f"zoo features glass.dump --type-map 1=Cu,2=Zr --set '{entry.name}' -o table.parquet"
        if columns
        else "",
    }
    return Page(
        site.feature_paths[entry.name],
        entry.name,
        "entry.html.j2",
        "features",
        context,
        [scores, *([table] if rows else [])],
    )


def family_pages(site: Site) -> list[Page]:
    """A list of the model families and a page for each."""
    columns = [
        Column("model", "model"),
        Column("title", "what it is"),
        Column("tunable", "tunable"),
        Column("reading", "explained by"),
        Column("fit_seconds", "fit s", True, "mean over tasks, default mode"),
        Column("tasks", "tasks", True, "on which it was scored"),
        Column("citation", "source"),
    ]
    table = Table("models", "Models", columns, [_family_row(site, entry) for entry in site.families])
    intro = (
        "A model learns on some glasses and predicts others. Every family gets the same folds, the same rows and the "
        "same budget."
    )
    first = Page("models/index.html", "Models", "list.html.j2", "models", {"intro": intro, "table": table}, [table])
    return [first, *(_family_page(site, entry) for entry in site.families)]


def _family_row(site: Site, entry: ModelFamily) -> Row:
    found = [row for board in site.entries for row in board.comparison.rows if row.family == entry.name]
    seconds = [row.fit_seconds for row in found if row.mode == "default"]
    tasks = sum(any(row.family == entry.name for row in board.comparison.rows) for board in site.entries)
    return Row(
        [
            text_cell(entry.name, site.family_paths[entry.name], badge="null control" if entry.null_control else ""),
            text_cell(entry.title),
            text_cell("yes" if entry.space else "no"),
            text_cell(entry.explained_by),
            quantity_cell(sum(seconds) / len(seconds) if seconds else None),
            number_cell(tasks or None, 0),
            text_cell(entry.citation),
        ],
        entry.null_control,
    )


def _family_page(site: Site, entry: ModelFamily) -> Page:
    path = site.family_paths[entry.name]
    scores = _scores(site, f"model-{_stem(path)}", lambda row: row.family == entry.name, "descriptor")
    declines = {kind: entry.declines(kind) for kind in ("classification", "regression")}
    context = {
        "name": entry.name,
        "thing": entry,
        "facts": {
            "Settings": "searched for in modes tuned and ensembled" if entry.space else "nothing to tune",
            "Shapley values by": entry.explained_by,
            "Declines": "; ".join(f"{kind}: {portable(reason)}" for kind, reason in declines.items() if reason),
            "Reads images": "yes" if entry.images else "",
            "Needs": ", ".join(package for _, package in entry.requires),
            "Version": str(entry.version),
            "Source": entry.citation,
        },
        "scores": scores,
        "columns": None,
        "cut": 0,
        "how": _how_to_score(site, "families", entry.name),
        "command": "",
    }
    return Page(path, entry.name, "entry.html.j2", "models", context, [scores])


def _how_to_score(site: Site, part: str, name: str) -> str:
    """The command that scores a descriptor or a model, or what to do where no suite has it."""
    for suite in site.suites:
        if any(name in getattr(entry, part) for entry in suite.entries):
            return f"zoo run {suite.name} scores it."
    return "It is in no suite: name it in a suite file of your own, then zoo run FILE.toml."


def _scores(site: Site, key: str, belongs: Callable[[BoardRow], bool], other: str) -> Table:
    """Rows of all tasks that belong to one descriptor or model, with their place on the board."""
    columns = [
        Column("task", "task"),
        Column(other, other),
        Column("mode", "mode"),
        Column("metric", "metric"),
        Column("score", "score", True),
        Column("percent_of_ceiling", "% of ceiling", True, "0: ordering at random; 100: what label noise allows"),
        Column("place", "place", True, "on the board of the task"),
        Column("minus_best", "minus best", True),
        Column("optimism", "optimism", True),
        Column("fit_seconds", "fit s", True),
        Column("state", "state"),
    ]
    rows = [row for entry in site.entries for row in _rows_of(site, entry, belongs, other)]
    return Table(key, "Scores", columns, rows)


def _rows_of(site: Site, entry: Entry, belongs: Callable[[BoardRow], bool], other: str) -> list[Row]:
    rows = []
    places = {id(row): place for place, row in enumerate(entry.comparison.rows)}
    paths = site.family_paths if other == "model" else site.feature_paths
    for row in [*entry.comparison.rows, *(row for row in entry.board.rows if id(row) not in places)]:
        if not belongs(row):
            continue
        place, name = places.get(id(row)), row.family if other == "model" else row.features
        value = None if place is None else float(entry.comparison.headline[place])
        best = float(entry.comparison.headline[0])
        cells = [
            text_cell(entry.name, entry.path),
            text_cell(name, paths[name]),
            text_cell(row.mode),
            text_cell(entry.metric),
            number_cell(value),
            number_cell(None if value is None else entry.percent(value), 0),
            Cell("" if place is None else f"{place + 1} of {len(places)}", None if place is None else place + 1),
            number_cell(None if value is None else value - best, 3, True),
            number_cell(row.optimism, 3, True),
            quantity_cell(row.fit_seconds or None),
            text_cell(row.state, help=row.reason),
        ]
        rows.append(Row(cells, row.null_control, place is not None, row.mode))
    return rows


def dataset_pages(site: Site, progress: Progress) -> list[Page]:
    """A list of the data sets and the sheet of each."""
    cards = list(list_cards())
    paths = file_names("data", [card.name for card in cards])
    columns = [
        Column("data_set", "data set"),
        Column("title", "what it is"),
        Column("glasses", "glasses", True),
        Column("atoms", "atoms", True),
        Column("license", "licence"),
        Column("tasks", "tasks scored", True),
        Column("citation", "source"),
    ]
    table = Table("data-sets", "Data sets", columns, [_dataset_row(site, card, paths[card.name]) for card in cards])
    intro = (
        "Data made by this project from a recipe, and published data that are fetched and checked. Each page holds "
        "checks, label noise, figures and how to cite."
    )
    pages = [Page("data/index.html", "Data sets", "list.html.j2", "data", {"intro": intro, "table": table}, [table])]
    used = {entry.board.task.dataset for entry in site.entries}
    for card in cards:
        if site.all_data or card.name in used:
            progress(f"{card.name}: sheet")
            pages.append(_dataset_page(card, paths[card.name], cards))
        else:
            problem = f"No task of it was scored, so its sheet was not drawn: zoo data page {card.name} draws it."
            pages.append(_page_of(card, paths[card.name], "", problem))
    return pages


def _dataset_row(site: Site, card: Card, path: str) -> Row:
    tasks = sum(entry.board.task.dataset == card.name for entry in site.entries)
    atoms = sum(glass.n_atoms for glass in card.glasses) or None
    return Row(
        [
            text_cell(card.name, path, badge="flawed" if card.known_flaws else ""),
            text_cell(card.title),
            number_cell(len(card.glasses) or None, 0),
            Cell(f"{atoms:,}" if atoms else "", atoms),
            text_cell(card.license),
            number_cell(tasks or None, 0),
            text_cell(card.citation),
        ]
    )


def _dataset_page(card: Card, path: str, cards: list[Card]) -> Page:
    """The sheet of a data set: checked and drawn once for each version of data, card, tasks and code."""
    tasks = [task for task in map(read_task, task_names()) if task.dataset == card.name]
    uses = [
        (dataset_folder(card.name) / "card.toml").read_text(encoding="utf-8"),
        [_at_hand(other) for other in cards],  # data sets are checked against each other
        [to_builtins(task) for task in tasks],
        code_of("sheets", "checks", "datasets", "benchmark/task.py", "benchmark/summary.py"),
    ]
    try:
        sheet, problem = kept(f"sheet-{_stem(path)}", uses, lambda: _sheet(card.name)), ""
    except StoreError:
        raise
    except ZooError as error:
        sheet, problem = "", str(error)
    return _page_of(card, path, sheet, problem)


def _page_of(card: Card, path: str, sheet: str, problem: str) -> Page:
    context = {"sheet": sheet, "card": card, "problem": problem}
    return Page(path, card.title, "dataset.html.j2", "data", context)


def _sheet(name: str) -> str:
    tasks = [TaskLine(s.task.name, s.task.title, s.text, s.task.target) for s in tasks_of(name)]
    return body_of(make_sheet(name, tasks))


def _at_hand(card: Card) -> list[str | bool]:
    return [card.name, card.content_hash, all(is_at_hand(file.url) for file in card.files if file.url)]


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(".html")
