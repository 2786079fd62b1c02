"""Tables of the site: what a page shows, sorts and offers for download is one thing."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from zoo.leaderboard.statistics import Floats

Value = str | float | None
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would take for a formula."""


@dataclass(frozen=True)
class Column:
    """A column: ``key`` names it in downloads, ``help`` explains it on the page.

    ``extra`` columns are hidden until they are asked for, ``wide`` ones on narrow screens. Intervals are drawn beside
    their values unless ``drawn`` is False; they are downloaded in any case.
    """

    key: str
    title: str
    number: bool = False
    help: str = ""
    extra: bool = False
    wide: bool = False
    drawn: bool = True


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the value that it is sorted and downloaded by, and where it links to.

    ``interval`` is drawn with ``value`` beside the text, where it is there and the column says so.
    """

    text: str
    value: Value = None
    href: str = ""
    help: str = ""
    interval: tuple[float, float] | None = None
    badge: str = ""


@dataclass(frozen=True)
class Row:
    """Cells of a row; a null control is never hidden by a filter."""

    cells: list[Cell]
    null: bool = False
    scored: bool = True
    mode: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a key that is unique on the site and names its downloads.

    Attributes
    ----------
    span : (float, float) or None
        Of the axis that intervals are drawn on.
    """

    key: str
    caption: str
    columns: list[Column]
    rows: list[Row] = field(default_factory=list)
    span: tuple[float, float] | None = None

    @property
    def filtered(self) -> bool:
        """Whether it is long enough for a filter."""
        return len(self.rows) > 8

    def pruned(self) -> Table:
        """Without columns that are empty in every row."""
        used = [k for k in range(len(self.columns)) if any(row.cells[k].text for row in self.rows)]
        rows = [replace(row, cells=[row.cells[k] for k in used]) for row in self.rows]
        return replace(self, columns=[self.columns[k] for k in used], rows=rows) if rows else self

    @property
    def hint(self) -> str:
        """What may be typed into the filter: words of two columns of the table."""
        words = []
        for number in (k for k, column in enumerate(self.columns) if not column.number):
            texts = [row.cells[number].text for row in self.rows if not row.null]
            short = [text for text in dict.fromkeys(texts) if 0 < len(text) <= 18]
            if len(short) > 1:
                words.append(short[0])
        return ", ".join(dict.fromkeys(words[:2]))

    @property
    def explained(self) -> list[Column]:
        """Columns with an explanation."""
        return [column for column in self.columns if column.help]

    @property
    def modes(self) -> list[str]:
        """Modes of the rows, to choose from where there are several."""
        found = list(dict.fromkeys(row.mode for row in self.rows if row.mode))
        return found if len(found) > 1 else []

    def frame(self) -> pd.DataFrame:
        """The values as a data frame; intervals are two more columns."""
        import pandas as pd

        columns: dict[str, list[Value]] = {}
        for number, column in enumerate(self.columns):
            cells = [row.cells[number] for row in self.rows]
            columns[column.key] = [
                cell.text if cell.value is None and not column.number else cell.value for cell in cells
            ]
            if any(cell.interval for cell in cells):
                for end, name in enumerate(("low", "high")):
                    columns[f"{column.key}_{name}"] = [cell.interval[end] if cell.interval else None for cell in cells]
        return pd.DataFrame(columns)

    def csv(self) -> bytes:
        """As CSV. Text that a spreadsheet would take for a formula gets an apostrophe; lines end as on Unix."""
        frame = self.frame()
        for name in frame.select_dtypes(object):
            frame[name] = [_plain(value) for value in frame[name]]
        return frame.to_csv(index=False, lineterminator="\n").encode()

    def parquet(self) -> bytes:
        """As parquet."""
        buffer = io.BytesIO()
        self.frame().to_parquet(buffer, index=False, compression="zstd")
        return buffer.getvalue()


def _plain(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    return ("'" if value.startswith(FORMULA) else "") + value.replace("\r\n", "\n").replace("\r", "\n")


def matrix_table(
    key: str, caption: str, corner: str, names: tuple[Sequence[str], Sequence[str]], values: Floats, digits: int = 2
) -> Table:
    """A matrix of numbers with a column of row names.

    Parameters
    ----------
    corner : str
        What the rows are.
    names : (sequence of str, sequence of str)
        Of rows and columns.
    values : ndarray of shape (n_rows, n_columns)
        NaN leaves a cell empty.
    """
    columns = [Column(corner, corner), *(Column(name, name, True) for name in names[1])]
    cells = zip(names[0], np.asarray(values).tolist(), strict=True)
    rows = [Row([text_cell(name), *(number_cell(value, digits) for value in line)]) for name, line in cells]
    return Table(key, caption, columns, rows)


def text_cell(text: str, href: str = "", help: str = "", badge: str = "") -> Cell:
    """A cell of text, sorted by it."""
    return Cell(text, text, href, help, badge=badge)


def number_cell(
    value: float | None,
    digits: int = 3,
    sign: bool = False,
    interval: tuple[float, float] | None = None,
    help: str = "",
) -> Cell:
    """A number with fixed decimals; empty for one that is not there."""
    if value is None or not math.isfinite(value):
        return Cell("", None)
    rounded = round(value, digits) + 0.0  # no minus before a zero
    text = f"{rounded:{'+' if sign and rounded else ''}.{digits}f}".replace("-", "−")
    return Cell(text, float(value), "", help, interval)


def quantity_cell(value: float | None, help: str = "") -> Cell:
    """A positive quantity with two digits that count: 0.012, 3.4, 120."""
    if value is None or not math.isfinite(value):
        return Cell("", None)
    return Cell(two_digits(value), float(value), "", help)


def two_digits(value: float) -> str:
    """``0.012``, ``3.4``, ``120``, ``1,500``."""
    if value == 0:
        return "0"
    places = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(places, 4)}f}"
