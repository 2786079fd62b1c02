"""LAMMPS dumps in text form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import FileFormatError
from zoo.formats.configuration import Configuration, numbers_in, rows_of
from zoo.glass import Field

COORDINATES = {"xu": False, "x": False, "xsu": True, "xs": True}
"""First coordinate column, the most welcome first: unwrapped before wrapped; is it in units of the cell vectors?"""

NAMES = ("element", "typelabel")


Items = dict[str, tuple[str, list[str]]]
"""Of each item of a frame, what follows its name and the lines below."""


def read_dump(path: Path, text: str, frame: int, prefer_types: bool) -> Configuration:
    """One frame of a dump, in the order of the atom ids.

    Parameters
    ----------
    path : Path
        For messages.
    text : str
    frame : int
    prefer_types : bool
        Take the numbers of the types even where the file names elements.

    Returns
    -------
    Configuration
        Positions are counted from the origin of the box. Every other column of numbers is a field.
    """
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("ITEM: TIMESTEP")]
    _require_angstrom(path, lines)
    if not starts:
        raise FileFormatError(f"{path} is no LAMMPS dump: it lacks the line ITEM: TIMESTEP")
    if not -len(starts) <= frame < len(starts):
        raise FileFormatError(f"{path} holds {len(starts)} frames, got frame {frame} (the first is 0, the last -1)")
    first = starts[frame]
    last = next((number for number in starts if number > first), len(lines))
    items, table = _items(path, lines[:last], first)
    columns = lines[table - 1].split()[2:]
    cell, origin, periodic = _box(path, items)
    rows = rows_of(path, lines[:last], table, _integer(path, items, "NUMBER OF ATOMS"), len(columns))
    values = {name: [row[at] for row in rows] for at, name in enumerate(columns)}
    x = next((first for first in COORDINATES if set(_axes(first)) <= set(values)), None)
    if x is None:
        raise FileFormatError(f"{path} must have columns of positions (x y z, xs ys zs, …), got {' '.join(columns)}")
    positions = np.column_stack([numbers_in(path, axis, values[axis]) for axis in _axes(x)])
    used = {"id", "type", *NAMES, *(axis for first in COORDINATES for axis in _axes(first))}
    found = Configuration(
        names=_names(path, values, prefer_types),
        positions=positions @ cell if COORDINATES[x] else positions - origin,
        cell=cell,
        periodic=periodic,
        fields={
            name: Field(numbers_in(path, name, column), "unknown")
            for name, column in values.items()
            if name not in used
        },
        metadata={"timestep": _integer(path, items, "TIMESTEP")},
    )
    return found.sorted_by(path, numbers_in(path, "id", values["id"], int)) if "id" in values else found


def _axes(x: str) -> list[str]:
    return [x.replace("x", axis, 1) for axis in "xyz"]


def _items(path: Path, lines: list[str], first: int) -> tuple[Items, int]:
    """Header of a frame, and the line where its atoms begin."""
    known = ("TIMESTEP", "NUMBER OF ATOMS", "BOX BOUNDS", "ATOMS")
    items: Items = {}
    name = ""
    for number in range(first, len(lines)):
        line = lines[number]
        if not line.startswith("ITEM: "):
            items[name][1].append(line)
            continue
        name = next((item for item in known if line.startswith(f"ITEM: {item}")), line[6:])
        items[name] = (line.removeprefix(f"ITEM: {name}").strip(), [])
        if name == "ATOMS":
            missing = {"TIMESTEP", "NUMBER OF ATOMS", "BOX BOUNDS"} - {item for item, rest in items.items() if rest[1]}
            if missing:
                raise FileFormatError(f"{path}: the frame before line {number + 1} lacks ITEM: {sorted(missing)[0]}")
            return items, number + 1
    raise FileFormatError(f"{path} ends before the atoms of its frame: it is truncated, copy it again")


def _integer(path: Path, items: Items, name: str) -> int:
    line = items[name][1][0]
    if not line.strip().isdecimal():
        raise FileFormatError(f"{path}: ITEM: {name} must be followed by a number, got {line!r}")
    return int(line)


def _require_angstrom(path: Path, lines: list[str]) -> None:
    units = lines[1].strip() if lines[0].startswith("ITEM: UNITS") and len(lines) > 1 else "metal"
    if units not in ("metal", "real", "lj"):
        raise FileFormatError(f"{path}: lengths must be in Å (LAMMPS units metal or real) or reduced (lj), got {units}")


def _box(path: Path, items: Items) -> tuple[NDArray[Any], NDArray[Any], tuple[bool, ...]]:
    """Cell vectors, origin and periodicity; orthogonal, restricted or general triclinic."""
    labels, lines = items["BOX BOUNDS"]
    try:
        bounds = np.array([[float(word) for word in line.split()] for line in lines])
    except ValueError:
        bounds = np.empty(0)
    words = labels.split()
    periodic = tuple(word.startswith("p") for word in words[-3:]) if len(words) >= 3 else (True,) * 3
    if bounds.shape == (3, 2):
        return np.diag(bounds[:, 1] - bounds[:, 0]), bounds[:, 0], periodic
    if bounds.shape == (3, 4) and words[:2] == ["abc", "origin"]:
        return bounds[:, :3], bounds[:, 3], periodic
    if bounds.shape == (3, 3):
        # the bounds are those of a box around the tilted cell
        xy, xz, yz = bounds[:, 2]
        low = bounds[:, 0] - [min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0]
        high = bounds[:, 1] - [max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0]
        cell = np.diag(high - low)
        cell[1, 0], cell[2, 0], cell[2, 1] = xy, xz, yz
        return cell, low, periodic
    raise FileFormatError(f"{path}: BOX BOUNDS must be followed by three lines of 2, 3 or 4 numbers, got {lines}")


def _names(path: Path, values: dict[str, list[str]], prefer_types: bool) -> NDArray[Any]:
    labels = next((values[name] for name in NAMES if name in values), None)
    if labels is not None and not (prefer_types and "type" in values):
        return np.array(labels)
    if "type" not in values:
        raise FileFormatError(f"{path} must have a column element or type, got {' '.join(values)}")
    return numbers_in(path, "type", values["type"], int)
