"""Extended XYZ: one line of keys, one row of columns per atom; OVITO and ASE read it.

Written by this module, a file also states the unit of each column (``unit_<column>``) and, of a 2D glass, its
dimension.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import FileFormatError
from zoo.formats.configuration import Configuration, numbers_in, rows_of
from zoo.glass import Field, Glass

UNIT = "unit_"
KINDS = {"f": "R", "i": "I", "u": "I", "b": "L", "U": "S"}
"""Letter of each numpy kind."""
PAIR = re.compile(r'([^\s=]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|\S+))?')
RESERVED = ("Lattice", "Properties", "pbc", "dimension")
TAKEN = ("species", "pos", "id")


def format_extxyz(glass: Glass) -> str:
    """Text of a file; floating-point numbers are written so that they come back bit by bit."""
    rows: list[NDArray[Any]] = [_words("species", glass.species[:, None])]
    positions = np.zeros((len(glass), 3))
    positions[:, : glass.dimension] = glass.positions
    rows.append(positions.astype(np.str_))
    properties = ["species:S:1:pos:R:3"]
    for name, entry in glass.fields.items():
        values = entry.values.reshape(len(glass), -1)
        properties.append(f"{_word(name, TAKEN)}:{KINDS[values.dtype.kind]}:{values.shape[1]}")
        rows.append(np.where(values, "T", "F") if values.dtype.kind == "b" else _words(name, values))
    cell = np.eye(3)
    cell[: glass.dimension, : glass.dimension] = glass.cell
    periodic = [*glass.periodic.tolist(), *[False] * (3 - glass.dimension)]
    line = {
        "Lattice": " ".join(map(repr, cell.ravel().tolist())),
        "Properties": ":".join(properties),
        "pbc": " ".join("T" if p else "F" for p in periodic),
        **({"dimension": 2} if glass.dimension == 2 else {}),
        **{f"{UNIT}{name}": entry.unit for name, entry in glass.fields.items()},
    }
    line.update({_word(key): value for key, value in glass.metadata.items() if key not in line})
    text = "\n".join(" ".join(row) for row in np.hstack(rows).tolist())
    return f"{len(glass)}\n{' '.join(f'{key}={_written(value)}' for key, value in line.items())}\n{text}\n"


def read_extxyz(path: Path, text: str, frame: int) -> Configuration:
    """One frame; in the order of the column ``id`` if there is one."""
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    starts = []
    number = 0
    while number < len(lines):
        if not lines[number].strip().isdecimal():
            raise FileFormatError(
                f"{path} must give a number of atoms in line {number + 1}, got {lines[number][:40]!r}"
            )
        starts.append(number)
        number += 2 + int(lines[number])
    if not -len(starts) <= frame < len(starts):
        raise FileFormatError(f"{path} holds {len(starts)} frames, got frame {frame} (the first is 0, the last -1)")
    first = starts[frame]
    keys = {key: _read(value) for key, value in PAIR.findall(lines[first + 1])} if first + 1 < len(lines) else {}
    columns = _columns(path, str(keys.get("Properties", "species:S:1:pos:R:3")))
    rows = rows_of(path, lines, first + 2, int(lines[first]), sum(width for _, _, width in columns))
    arrays = {}
    at = 0
    for name, letter, width in columns:
        values = np.column_stack([_values(path, name, letter, [row[k] for row in rows]) for k in range(at, at + width)])
        arrays[name] = values[:, 0] if width == 1 else values
        at += width
    return _configuration(path, keys, arrays)


def _configuration(path: Path, keys: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Configuration:
    positions = arrays.pop("pos", np.empty(0))
    if positions.ndim != 2 or "species" not in arrays:
        raise FileFormatError(f"{path} must have the columns species:S:1 and pos:R:3, got {keys.get('Properties')}")
    names = arrays.pop("species")
    try:
        cell = np.array([float(word) for word in str(keys["Lattice"]).split()]).reshape(3, 3)
    except (KeyError, ValueError):
        raise FileFormatError(
            f'{path} must state Lattice="ax ay az bx by bz cx cy cz" in Å, got {keys.get("Lattice", "none")}: a glass '
            "has a cell, even along directions that are not periodic"
        ) from None
    units = {name: str(keys[UNIT + name]) for name in arrays if UNIT + name in keys}
    ids = arrays.pop("id", None)
    found = Configuration(
        names=names.astype(np.int64) if all(name.isdecimal() for name in names.tolist()) else names,
        positions=positions,
        cell=cell,
        periodic=tuple(word in ("T", "True", "1", "true") for word in str(keys.get("pbc", "T T T")).split()),
        fields={name: Field(values, units.get(name, "unknown")) for name, values in arrays.items()},
        metadata={k: v for k, v in keys.items() if k not in RESERVED and k not in [UNIT + name for name in units]},
        dimension=2 if keys.get("dimension") == 2 else 3,
    )
    return found if ids is None else found.sorted_by(path, ids)


def _columns(path: Path, properties: str) -> list[tuple[str, str, int]]:
    words = properties.split(":")
    triples = list(zip(words[::3], words[1::3], words[2::3], strict=False))
    if len(words) % 3 or not all(letter in "RILS" and width.isdecimal() for _, letter, width in triples):
        raise FileFormatError(f"{path}: Properties must list name:kind:width with kinds R, I, L, S, got {properties}")
    return [(name, letter, int(width)) for name, letter, width in triples]


def _values(path: Path, name: str, letter: str, column: list[str]) -> NDArray[Any]:
    if letter == "S":
        return np.array(column)
    if letter == "L":
        return np.array([word in ("T", "True", "1", "true") for word in column])
    return numbers_in(path, name, column, int if letter == "I" else float)


def _word(name: str, taken: tuple[str, ...] = ()) -> str:
    if re.fullmatch(r"[^\s:=\"\\]+", name) and name.isprintable() and name not in taken:
        return name
    raise FileFormatError(
        f'a name in an extxyz file must be a word without : = " \\ and no column may be called species, pos or id, '
        f"got {name!r}: rename it"
    )


def _words(name: str, values: NDArray[Any]) -> NDArray[np.str_]:
    words = values.astype(np.str_)
    for word in set(words.ravel().tolist()) if values.dtype.kind == "U" else ():
        if len(word.split()) != 1:
            raise FileFormatError(f"column {name!r} of an extxyz file must hold single words, got {word!r}")
    return words


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, int | float):
        return repr(value)
    text = value if isinstance(value, str) and value.isprintable() else "_JSON " + json.dumps(value)
    if _read(text) == value and re.fullmatch(r"[^\s\"\\]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _read(text: str) -> Any:
    """A value of the line of keys: quoted text stays text, a word may be a truth value or a number."""
    if text.startswith('"'):
        quoted: str = re.sub(r"\\(.)", r"\1", text[1:-1])
        try:
            return json.loads(quoted.removeprefix("_JSON ")) if quoted.startswith("_JSON ") else quoted
        except json.JSONDecodeError:
            return quoted
    if text in ("", "T", "F"):
        return text != "F"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
