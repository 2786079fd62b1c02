"""What a reader found in a file, before it is checked as a glass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import FileFormatError
from zoo.glass import Field


@dataclass(frozen=True)
class Configuration:
    """Atoms of one frame, always with three coordinates.

    Attributes
    ----------
    names : ndarray of shape (n_atoms,), str or int
        Symbols, or the numbers of atom types that still need one.
    positions : ndarray of shape (n_atoms, 3), Å
    cell : ndarray of shape (3, 3), Å
    periodic : sequence of 3 bool
    fields : dict of str to Field
    metadata : dict
    dimension : int
        2 if the file says so.
    ids : ndarray of shape (n_atoms,), int64, or None
        Of the atoms, in ascending order, where the file states them.
    """

    names: NDArray[Any]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    periodic: tuple[bool, ...]
    fields: dict[str, Field]
    metadata: dict[str, Any] = field(default_factory=dict)
    dimension: int = 3
    ids: NDArray[np.int64] | None = None

    def sorted_by(self, path: Path, ids: NDArray[np.int64]) -> Configuration:
        """In the order of the atoms' ids, which must differ."""
        order = np.argsort(ids, kind="stable")
        twice = np.flatnonzero(np.diff(ids[order]) == 0)
        if len(twice):
            raise FileFormatError(f"atom ids must differ, but {path} lists id {ids[order][twice[0]]} more than once")
        return replace(
            self,
            names=self.names[order],
            positions=self.positions[order],
            fields={name: Field(entry.values[order], entry.unit) for name, entry in self.fields.items()},
            ids=np.asarray(ids[order], dtype=np.int64),
        )

    def species(self, path: Path, type_map: Mapping[int, str] | None) -> NDArray[Any]:
        """Symbol of every atom; ``type_map`` names the types."""
        are_numbers = self.names.dtype.kind == "i"
        if type_map is None:
            if are_numbers:
                raise FileFormatError(
                    f"{path} numbers its atom types but does not name them: give type_map, such as 1=Cu,2=Zr"
                )
            return self.names
        if not are_numbers:
            raise FileFormatError(f"{path} has no atom types, so type_map cannot be applied: leave it out")
        unknown = sorted(set(np.unique(self.names).tolist()) - set(type_map))
        if unknown:
            raise FileFormatError(
                f"{path} has atom type {unknown[0]}, but type_map names only {', '.join(map(str, type_map))}"
            )
        return np.array([type_map[kind] for kind in self.names.tolist()])


def rows_of(path: Path, lines: list[str], first: int, n_rows: int, n_columns: int) -> list[list[str]]:
    """``n_rows`` lines from ``first`` on, split into columns.

    Raises
    ------
    FileFormatError
        The file ends too early, or a row has too few or too many columns.
    """
    rows = [line.split() for line in lines[first : first + n_rows]]
    while rows and not rows[-1]:
        rows.pop()
    if len(rows) < n_rows or (rows and len(rows[-1]) < n_columns and first + n_rows >= len(lines)):
        raise FileFormatError(
            f"{path} announces {n_rows} atoms but ends after {len(rows)} rows: it is truncated, copy it again"
        )
    for number, row in enumerate(rows):
        if len(row) != n_columns:
            raise FileFormatError(
                f"{path}: each row must have {n_columns} columns, got {len(row)} in line {first + number + 1}"
            )
    return rows


def numbers_in(path: Path, name: str, column: list[str], kind: type[int] | type[float] = float) -> NDArray[Any]:
    """A column as int64 or float64.

    Raises
    ------
    FileFormatError
        A value is no number.
    """
    try:
        return np.array(column, dtype=np.int64 if kind is int else np.float64)
    except ValueError as error:
        raise FileFormatError(f"{path}: column {name!r} must hold numbers: {error}") from None
