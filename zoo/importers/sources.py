"""Reading the files of an import: structures with their ids, tables, and how glasses are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo._files import sha256_of
from zoo.errors import DatasetError, FileFormatError, GlassError
from zoo.glass import Glass

if TYPE_CHECKING:
    import pandas as pd

PLAUSIBLE = (1.5, 4.0)
"""Å; first peak of g(r) between atoms."""

MOST_COMPARED = 60
"""Glasses whose positions are compared pair by pair, which takes some milliseconds each."""


def names_of(paths: Sequence[Path], names: Sequence[str] = ()) -> list[str]:
    """A name for each glass: those given, or those of the files, with that of the folder where files are called alike.

    Raises
    ------
    DatasetError
        As many names as files are needed, all of them different words.
    """
    if names and len(names) != len(paths):
        raise DatasetError(f"each glass needs one name, got {len(names)} names for {len(paths)} glasses")
    if not names:
        names = [re.sub(r"(\.[A-Za-z]+)+$", "", path.name) or path.name for path in paths]
        if len(set(names)) < len(names):
            names = [f"{path.resolve().parent.name}-{name}" for path, name in zip(paths, names, strict=True)]
        names = [re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") for name in names]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DatasetError(f"glasses need different names, got {twice[0]!r} twice: name each with --glass")
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
            raise DatasetError(f"the name of a glass must be a word of letters, digits, . _ and -, got {name!r}")
    return list(names)


def read_structure(
    path: Path,
    format: str | None = None,
    type_map: Mapping[int, str] | None = None,
    frame: int = -1,
    length_scale: float = 1.0,
) -> tuple[Glass, NDArray[np.int64] | None]:
    """A glass with positions and cell multiplied by ``length_scale``, and the ids of its atoms where the file has them.

    A type map is left out for files that name their elements. Of an npz, the field ``id`` holds the ids.
    """
    from zoo.formats import read_glass_and_ids

    try:
        glass, ids = read_glass_and_ids(path, format, type_map, frame)
    except FileFormatError as error:
        if "leave it out" not in str(error):
            raise
        glass, ids = read_glass_and_ids(path, format, None, frame)
    if ids is None and "id" in glass.fields and glass.fields["id"].values.dtype.kind in "iu":
        ids = glass.fields["id"].values.astype(np.int64)
        if len(np.unique(ids)) < len(ids):
            raise FileFormatError(f"atom ids must differ, but {path} lists one more than once")
    if length_scale != 1.0:
        glass = Glass(
            glass.positions * length_scale, glass.species, glass.cell * length_scale, glass.periodic, glass.fields
        )
    return glass, ids


def read_table(path: Path) -> pd.DataFrame:
    """A table from CSV, TSV, parquet or feather.

    Raises
    ------
    FileFormatError
        It is missing, empty, damaged or of another kind.
    """
    import pandas as pd

    if not path.is_file():
        raise FileFormatError(f"{path} does not exist or is no file")
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    try:
        if suffix in (".parquet", ".pq"):
            table = pd.read_parquet(path)
        elif suffix in (".feather", ".arrow"):
            table = pd.read_feather(path)
        elif suffix in (".csv", ".tsv", ".txt"):
            table = pd.read_csv(
                path, sep=None if suffix == ".txt" else {".csv": ",", ".tsv": "\t"}[suffix], engine="python"
            )
        else:
            raise FileFormatError(f"a table must be .csv, .tsv, .parquet or .feather, got {path.name}")
    except FileFormatError:
        raise
    except Exception as error:  # parsers fail in their own ways on broken input
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileFormatError(f"{path} is no readable table ({reason}): it may be truncated, copy it again") from None
    if table.empty:
        raise FileFormatError(f"{path} has no rows")
    table.columns = table.columns.astype(str).str.strip()
    if table.columns.duplicated().any():
        raise FileFormatError(f"{path} names the column {table.columns[table.columns.duplicated()][0]!r} twice")
    return table


def composition(glass: Glass) -> str:
    """Formula with percentages, such as ``Cu50Zr50``."""
    kinds, counts = np.unique(glass.species, return_counts=True)
    return "".join(f"{kind}{round(100 * count / len(glass))}" for kind, count in zip(kinds, counts, strict=True))


def doubtful_lengths(name: str, glass: Glass) -> list[str]:
    """A sentence if neighbours are not as far apart as atoms are, which means other units of length.

    Raises
    ------
    GlassError
        Two atoms are at the same place.
    """
    from zoo.neighbors import find_neighbors

    spacing = (glass.volume / len(glass)) ** (1 / glass.dimension)
    reach = min(1.5 * spacing, 0.499 * float(glass.heights.min()))
    distance = find_neighbors(glass, reach).distance
    if not len(distance):
        raise GlassError(f"{name}: atoms must have neighbours, none is within {reach:.3g} Å: check cell and units")
    histogram, edges = np.histogram(distance, bins=60, range=(0, reach))
    shells = histogram / edges[1:] ** (glass.dimension - 1)
    peak = float(edges[int(np.convolve(shells, np.ones(3) / 3, "same").argmax())])
    if PLAUSIBLE[0] <= peak <= PLAUSIBLE[1]:
        return []
    hint = "give --length-scale, the length of one unit of the file in Å (10 for nm, about 2.5 for σ of a model glass)"
    return [f"{name}: neighbours are {peak:.3g} Å apart, atoms {PLAUSIBLE[0]:g} to {PLAUSIBLE[1]:g}: {hint}."]


def related_glasses(glasses: Mapping[str, Glass]) -> tuple[dict[str, str], list[str]]:
    """Origin of every glass whose atoms lie where those of another one lie, and a sentence for each such pair."""
    from zoo.checks.content import SAME, shared_places

    origins: dict[str, str] = {}
    said = []
    if len(glasses) > MOST_COMPARED:
        return {}, [f"More than {MOST_COMPARED} glasses are not compared with each other: are all of them independent?"]
    for first, second in combinations(glasses, 2):
        share = shared_places(glasses[first], glasses[second])
        if share > SAME:
            root, other = origins.get(first, first), origins.get(second, second)
            origins = {name: root if origin == other else origin for name, origin in origins.items()}
            origins.update({first: root, second: root})
            said.append(
                f"{100 * share:.0f} % of the atoms of {second} lie where {first} has one: they are taken for states of "
                "one glass and kept on one side of every split."
            )
    return origins, said


def provenance(paths: Sequence[Path], role: str) -> dict[str, str | int | float]:
    """Name and hash of every source file, for the card."""
    return {f"{role}_{number}": f"{path.name} sha256 {sha256_of(path)}" for number, path in enumerate(paths, 1)}
