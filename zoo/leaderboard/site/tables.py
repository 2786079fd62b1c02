"""Tables of the site: what a page shows, sorts and offers for download is one thing."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

Value = str | float | None


@dataclass(frozen=True)
class Column:
    """A column: ``key`` names it in downloads, ``help`` explains it on the page.

    ``extra`` columns are hidden until they are asked for.
    """

    key: str
    title: str
    number: bool = False
    help: str = ""
    extra: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the value that it is sorted and downloaded by, and where it links to.

    ``interval`` and ``value`` are drawn beside the text where the interval is there.
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
        """As CSV. Text that a spreadsheet would take for a formula gets an apostrophe."""
        frame = self.frame()
        for name in frame.select_dtypes(object):
            frame[name] = [
                f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t" else value for value in frame[name]
            ]
        return frame.to_csv(index=False, lineterminator="\n").encode()

    def parquet(self) -> bytes:
        """As parquet."""
        buffer = io.BytesIO()
        self.frame().to_parquet(buffer, index=False, compression="zstd")
        return buffer.getvalue()


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
