"""The sheet of a data set: everything that one wants to know before using it, for the terminal and as a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from zoo._files import atomic_write
from zoo._words import plural
from zoo.checks.declaration import Report
from zoo.checks.run import check_dataset
from zoo.datasets.card import Card
from zoo.datasets.load import Dataset, load_dataset
from zoo.datasets.registry import dataset_card, dataset_folder
from zoo.datasets.reliability import Reliability, label_reliability
from zoo.datasets.rows import rows_of


@dataclass(frozen=True)
class TaskLine:
    """A task that uses the data set: its name and title, its label in words and numbers, its target columns."""

    name: str
    title: str
    text: str
    target: list[str]


@dataclass(frozen=True)
class ColumnLine:
    """A column with what its values are like; empty where it holds no numbers."""

    name: str
    unit: str
    role: str
    description: str
    span: str = ""
    missing: str = ""


@dataclass(frozen=True)
class QualityLine:
    """A measured property: value of each stratum, and what the literature has."""

    quantity: str
    unit: str
    values: dict[str, float]
    literature: list[str]


@dataclass(frozen=True)
class Sheet:
    """What is known about a data set; ``dataset`` is None where its files are not at hand."""

    card: Card
    folder: Path
    dataset: Dataset | None
    tasks: list[TaskLine]
    reliability: list[Reliability]
    report: Report

    @property
    def content(self) -> str:
        """``16,000 atoms in 8 glasses (Cu50Zr50 4, Cu65Zr35 4)``."""
        return content_of(self.card, self.dataset)

    @property
    def rebuild(self) -> list[str]:
        """How to get the data again and what that costs."""
        return rebuild_of(self.card)

    @property
    def bibtex(self) -> str:
        return bibtex_of(self.card)

    @property
    def quality(self) -> list[QualityLine]:
        return quality_of(self.card)

    @property
    def columns(self) -> list[ColumnLine]:
        return columns_of(self.card, self.dataset)


def make_sheet(name: str, tasks: list[TaskLine], progress: Callable[[str], None] = lambda text: None) -> Sheet:
    """Gather a sheet; external data that were not fetched leave only what the card says.

    Raises
    ------
    UnknownNameError, DeclarationError, DatasetError
        No such data set; its card is broken; there is a recipe only.
    """
    card = dataset_card(name)
    report = check_dataset(name, progress)
    readable = not report.skipped and not any(outcome.check.code == "D001" for outcome in report.found())
    dataset = load_dataset(name) if readable else None
    measured = label_reliability(dataset) if dataset else []
    return Sheet(card, dataset_folder(name), dataset, tasks, measured, report)


def content_of(card: Card, dataset: Dataset | None = None) -> str:
    """How much there is: atoms and glasses, or rows of a table."""
    if card.kind == "glasses":
        atoms = sum(entry.n_atoms for entry in card.glasses)
        strata = [entry.stratum for entry in card.glasses]
        parts = ", ".join(f"{stratum} {strata.count(stratum)}" for stratum in dict.fromkeys(strata))
        origins = {entry.origin or entry.id for entry in card.glasses}
        independent = f", {len(origins)} of them independent" if len(origins) < len(card.glasses) else ""
        return f"{atoms:,} atoms in {len(card.glasses)} glasses{independent} ({parts})"
    if dataset is None:
        return "a table of pairs"
    (group,) = card.names("group")
    table = dataset.raw_table
    what = "pairs" if len(card.names("state")) == 2 else "rows"
    return f"{len(table):,} {what} in {table[group].nunique():,} glasses"


def rebuild_of(card: Card) -> list[str]:
    """Sentences on how to get the data again."""
    lines = []
    if command := card.made.get("by"):
        cost = f"{card.made['cpu_hours']:g} CPU hours" if "cpu_hours" in card.made else "cost not stated"
        machine = f" on {card.made['cpu']}" if "cpu" in card.made else ""
        lines.append(f"{command} ({cost}{machine})")
    if "potential" in card.made:
        lines.append(f"potential {card.made['potential']}: {card.made.get('potential_citation', 'source not stated')}")
    external = [entry for entry in card.files if entry.url]
    if external:
        hosts = sorted({urlsplit(entry.url).netloc for entry in external})
        size = sum(entry.bytes for entry in external) / 1e6
        lines.append(
            f"zoo data fetch {card.name} ({plural(len(external), 'file')}, {size:.1f} MB, from {', '.join(hosts)})"
        )
    return lines or ["the card does not say"]


def bibtex_of(card: Card) -> str:
    """The entry of the card; a ``@misc`` of its title, year, version and citation where it has none."""
    if card.bibtex:
        return card.bibtex.strip()
    fields = {
        "title": card.title,
        "year": card.created[:4],
        "howpublished": f"glass-zoo data set {card.name}, version {card.version}",
        "note": card.citation,
    }
    lines = [f"  {key} = {{{_escaped(value)}}}," for key, value in fields.items()]
    return "\n".join([f"@misc{{{card.name},", *lines, "}"])


def _escaped(text: str) -> str:
    """Without what BibTeX would take for markup."""
    for sign in "{}":
        text = text.replace(sign, "")
    for sign in "&%$#_":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def quality_of(card: Card) -> list[QualityLine]:
    """One line for each quantity, strata side by side."""
    lines: dict[tuple[str, str], QualityLine] = {}
    strata = list(dict.fromkeys(row.stratum for row in card.quality))
    for row in card.quality:
        line = lines.setdefault((row.quantity, row.unit), QualityLine(row.quantity, row.unit, {}, []))
        line.values[row.stratum] = row.ours
        if row.literature:
            where = f"{row.stratum}: " if len(strata) > 1 else ""
            line.literature.append(f"{where}{row.literature}" + (f", {row.source}" if row.source else ""))
    return list(lines.values())


def columns_of(card: Card, dataset: Dataset | None) -> list[ColumnLine]:
    """Columns of the card with least, median and largest value and the share of missing ones."""
    values = rows_of(dataset, "feature", "target").columns if dataset else {}
    lines = []
    for column in card.columns:
        span = missing = ""
        if column.name in values:
            known = values[column.name][np.isfinite(values[column.name])]
            if len(known):
                span = " … ".join(f"{value:.3g}" for value in np.percentile(known, [0, 50, 100]))
            share = 1 - len(known) / len(values[column.name])
            missing = f"{100 * share:.1f} %" + (f": {column.missing}" if column.missing else "") if share else ""
        lines.append(ColumnLine(column.name, column.unit, column.role, column.description, span, missing))
    return lines


def write_page(sheet: Sheet, path: Path) -> None:
    """Write a self-contained HTML page; everything that comes from cards is escaped."""
    with atomic_write(path) as stream:
        stream.write(_rendered("sheet.html.j2", sheet).encode())


def body_of(sheet: Sheet) -> str:
    """The same as part of a page that has a head and a style."""
    return _rendered("sheet_body.html.j2", sheet)


def _rendered(template: str, sheet: Sheet) -> str:
    import datetime

    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zoo.datasets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made = datetime.datetime.now(datetime.UTC).date().isoformat()
    return environment.get_template(template).render(sheet=sheet, card=sheet.card, figures=figures_of(sheet), made=made)


@dataclass(frozen=True)
class Figure:
    """A figure of the page: ``svg`` to put in, or ``image`` as a data address."""

    title: str
    caption: str
    svg: str = ""
    image: str = ""


def figures_of(sheet: Sheet) -> list[Figure]:
    """Labels, features or pairs, a look inside, structure: whatever the data set has; none where it is not at hand."""
    from zoo.sheets.plots import draw_features, draw_labels, draw_pairs, draw_slice, draw_structure

    if sheet.dataset is None:
        return []
    averaged = " Directions of shear are averaged." if any(len(entry.parts) > 2 for entry in sheet.reliability) else ""
    shares = "Share of the rows in each bin; positive values that span decades have a logarithmic axis."
    figures = [Figure("Labels", shares + averaged, draw_labels(sheet.dataset))]
    if sheet.card.kind == "pairs":
        if sheet.card.names("feature"):
            figures.append(Figure("Features", shares, draw_features(sheet.dataset)))
        caption = "Left: how many pairs each glass has. Right: how many states are in so many pairs."
        figures.append(Figure("Pairs", caption, draw_pairs(sheet.dataset)))
    else:
        target = sheet.tasks[0].target if sheet.tasks else sheet.card.names("target")[:1]
        if target:
            image, caption = draw_slice(sheet.dataset, target)
            figures.append(Figure("A look inside", caption, image=image))
    if sheet.card.glasses:
        caption = "Pair distribution function, mean over up to four glasses of each stratum."
        figures.append(Figure("Structure", caption, draw_structure(sheet.dataset)))
    return figures
