"""One reader and one writer for every format; ASE parses them, this module checks what came out."""

from __future__ import annotations

import gzip
import zlib
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo._files import atomic_write
from zoo.errors import FileFormatError, UnknownNameError, ZooError
from zoo.formats.npz import read_npz, write_npz
from zoo.glass import Glass

if TYPE_CHECKING:
    import ase

FORMATS = {
    "lammps-dump": "lammps-dump-text",
    "lammps-data": "lammps-data",
    "extxyz": "extxyz",
    "poscar": "vasp",
    "cif": "cif",
    "npz": "npz",
}
"""Name of a format here and in ASE."""

SUFFIXES = {
    ".dump": "lammps-dump",
    ".lammpstrj": "lammps-dump",
    ".lammpsdump": "lammps-dump",
    ".data": "lammps-data",
    ".lmp": "lammps-data",
    ".extxyz": "extxyz",
    ".xyz": "extxyz",
    ".vasp": "poscar",
    ".poscar": "poscar",
    ".cif": "cif",
    ".npz": "npz",
}


def read_glass(
    path: str | Path,
    format: str | None = None,
    type_map: Mapping[int, str] | None = None,
    frame: int = -1,
    units: Mapping[str, str] | None = None,
    dimension: int = 3,
) -> Glass:
    """Read one configuration.

    Parameters
    ----------
    path : str or Path
        A LAMMPS dump (text) or data file, extxyz, POSCAR, CIF or npz; ``.gz`` of any text format.
    format : str, optional
        One of ``FORMATS``; guessed from the name by default.
    type_map : mapping of int to str, optional
        Symbol of each LAMMPS atom type, such as ``{1: "Cu", 2: "Zr"}``. Needed where the file has numbers only.
    frame : int
        Of a file with several configurations; the last by default.
    units : mapping of str to str, optional
        Unit of each extra per-atom column.
    dimension : int
        2 drops the third coordinate.

    Returns
    -------
    Glass
        Atoms in the order of their ids where the file states ids.

    Raises
    ------
    FileFormatError
        The file is missing, truncated, of another format, repeats an id, or types lack symbols.
    GlassError
        Its content is not a usable configuration.
    """
    path = Path(path)
    format = format or guess_format(path)
    if format not in FORMATS:
        raise UnknownNameError("format", format, FORMATS)
    if not path.is_file():
        raise FileFormatError(f"{path} does not exist or is no file")
    if format == "npz":
        return read_npz(path)
    try:
        text = _text_of(path)
        if format == "lammps-dump":
            _check_dump(path, text)
        atoms = _parse(path, text, format, type_map, frame)
    except (ZooError, MemoryError):
        raise
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileFormatError(f"{path} is truncated or no gzip file ({error}): copy it again") from None
    except Exception as error:  # parsers fail in their own ways on broken input
        raise FileFormatError(
            f"{path} cannot be read as {format} ({type(error).__name__}: {error}): it may be truncated, or another "
            f"format: give one of {', '.join(FORMATS)}"
        ) from error
    return Glass.from_ase(atoms, units, dimension)


def write_glass(path: str | Path, glass: Glass, format: str | None = None) -> None:
    """Write one configuration; fields become columns that OVITO shows as particle properties.

    Parameters
    ----------
    path : str or Path
    glass : Glass
    format : {"extxyz", "npz"}, optional
        Guessed from the name by default.
    """
    path = Path(path)
    format = format or guess_format(path)
    if format == "npz":
        write_npz(path, glass)
        return
    if format != "extxyz":
        raise FileFormatError(f"glasses are written as extxyz or npz, got {format!r}")
    import io

    import ase.io

    stream = io.StringIO()
    atoms = glass.to_ase()
    atoms.info.update({f"unit_{name}": entry.unit for name, entry in glass.fields.items()})
    ase.io.write(stream, atoms, format="extxyz")
    with atomic_write(path) as out:
        text = stream.getvalue().encode()
        out.write(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def guess_format(path: Path) -> str:
    """Format by name: the suffix (before ``.gz``), or POSCAR and CONTCAR."""
    name = Path(path.stem) if path.suffix == ".gz" else path
    if name.name.upper().startswith(("POSCAR", "CONTCAR")):
        return "poscar"
    if name.name.startswith("dump."):
        return "lammps-dump"
    try:
        return SUFFIXES[name.suffix.lower()]
    except KeyError:
        raise FileFormatError(
            f"the format of {path.name} cannot be told from its name: give one of {', '.join(FORMATS)}"
        ) from None


def _text_of(path: Path) -> str:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            return stream.read()
    return path.read_text(encoding="utf-8")


def _parse(
    path: Path, text: str, format: str, type_map: Mapping[int, str] | None, frame: int
) -> ase.Atoms:
    import io

    import ase.io

    options: dict[str, Any] = {}
    if format == "lammps-data":
        options = {"sort_by_id": True}
        if type_map:
            from ase.data import atomic_numbers

            options["Z_of_type"] = {kind: atomic_numbers.get(symbol, 0) for kind, symbol in type_map.items()}
    atoms: ase.Atoms = ase.io.read(io.StringIO(text), format=FORMATS[format], index=frame, **options)
    types = atoms.arrays.pop("type", None)
    for bookkeeping in ("id", "mmcharges"):
        atoms.arrays.pop(bookkeeping, None)
    if format.startswith("lammps") and type_map:
        if types is None:
            raise FileFormatError(f"{path} has no atom types, so type_map cannot be applied")
        atoms.set_array("species", _map_types(path, types, type_map))
    elif format == "lammps-data" or (format == "lammps-dump" and " element" not in text[:2000]):
        raise FileFormatError(
            f"{path} numbers its atom types but does not name them: give type_map, such as 1=Cu,2=Zr"
        )
    return atoms


def _map_types(path: Path, types: Any, type_map: Mapping[int, str]) -> Any:
    unknown = sorted(set(np.unique(types).tolist()) - set(type_map))
    if unknown:
        raise FileFormatError(
            f"{path} has atom type {unknown[0]}, but type_map names only {', '.join(map(str, type_map))}"
        )
    return np.array([type_map[kind] for kind in types.tolist()])


def _check_dump(path: Path, text: str) -> None:
    """Each frame must hold as many rows as it announces, complete and with ids that differ."""
    lines = deque(text.splitlines())
    while lines:
        header = {}
        while lines and not lines[0].startswith("ITEM: ATOMS"):
            line = lines.popleft()
            if line.startswith("ITEM: NUMBER OF ATOMS"):
                header["atoms"] = int(lines.popleft()) if lines else 0
        if not lines or "atoms" not in header:
            raise FileFormatError(f"{path} ends before the atoms of its last frame: it is truncated")
        columns = lines.popleft().split()[2:]
        rows = [lines.popleft().split() for _ in range(min(header["atoms"], len(lines)))]
        if len(rows) < header["atoms"] or (rows and len(rows[-1]) < len(columns)):
            raise FileFormatError(
                f"{path} announces {header['atoms']} atoms but ends after {len(rows)} rows: it is truncated"
            )
        if "id" in columns:
            at = columns.index("id")
            ids = [row[at] for row in rows]
            if len(set(ids)) < len(ids):
                twice = next(one for one in ids if ids.count(one) > 1)
                raise FileFormatError(f"atom ids must differ, but {path} lists id {twice} more than once")
