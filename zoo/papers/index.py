"""One page for all papers that were repeated: what each reports, what its protocol gives here, what ours gives."""

from __future__ import annotations

import datetime
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from zoo._files import atomic_write
from zoo.errors import PaperError
from zoo.papers.outcome import FILE, Outcome, OutcomeRow
from zoo.papers.protocol import Way

COLUMNS: tuple[Way, ...] = ("published", "by-glass")


@dataclass(frozen=True)
class Entry:
    """One paper, by the row that stands for it."""

    folder: str
    outcome: Outcome
    row: OutcomeRow
    figure: str

    @property
    def question(self) -> str:
        """Task, features and family of the row."""
        row = self.row
        features = f"{row.features}: {row.column}" if row.column else row.features
        task = f"{row.learn} → {row.task}" if row.learn else row.task
        return f"{task}, {features}, {row.family}"


def read_entries(pages: Path) -> list[Entry]:
    """Papers whose pages are in a folder, by name; files of other versions of this project are left out.

    Raises
    ------
    PaperError
        There is none.
    """
    found = []
    for path in sorted(pages.glob(f"*/{FILE}")):
        with suppress(msgspec.DecodeError):
            outcome = msgspec.json.decode(path.read_bytes(), type=Outcome)
            row = next((row for row in outcome.rows if row.headline), None)
            figure = f"{path.parent.name}/figure-1.svg" if (path.parent / "figure-1.svg").exists() else ""
            if row is not None:
                found.append(Entry(path.parent.name, outcome, row, figure))
    if not found:
        raise PaperError(f"{pages} holds no repeated paper: run zoo paper NAME first")
    return found


def write_index(pages: Path) -> Path:
    """Write ``index.html`` of all papers in a folder; its path.

    Raises
    ------
    PaperError
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zoo.papers"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = pages / "index.html"
    with atomic_write(page) as stream:
        text = environment.get_template("index.html.j2").render(
            entries=read_entries(pages), ways=COLUMNS, made=datetime.datetime.now(datetime.UTC).date().isoformat()
        )
        stream.write(text.encode())
    return page
