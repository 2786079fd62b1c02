"""One reader and one writer for every format.

Dumps, extxyz and npz are parsed here, the rest by ASE; what comes out is checked either way.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.errors import FileFormatError, GlassError, UnknownNameError, ZooError
from zoo.formats.configuration import Configuration
from zoo.formats.dump import read_dump
from zoo.formats.extxyz import format_extxyz, read_extxyz
from zoo.formats.npz import read_npz, write_npz
from zoo.glass import ASE_UNITS, Field, Glass, json_values

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

MOST_SITES = 1_000
"""Of a CIF whose symmetry is to be followed: ASE compares each site with all others."""

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
    dimension: int | None = None,
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
        Unit of each extra per-atom column; by default what the file states, else ``"unknown"``.
    dimension : int, optional
        2 drops the third coordinate; by default 2 where the file says so or all atoms lie in one plane that the third
        cell vector is normal to, as LAMMPS and ASE write 2D, else 3.

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
    return read_glass_and_ids(path, format, type_map, frame, units, dimension)[0]


def read_glass_and_ids(
    path: str | Path,
    format: str | None = None,
    type_map: Mapping[int, str] | None = None,
    frame: int = -1,
    units: Mapping[str, str] | None = None,
    dimension: int | None = None,
) -> tuple[Glass, NDArray[np.int64] | None]:
    """As :func:`read_glass`, and the ids of the atoms, shape (n_atoms,), ascending; None where the file has none."""
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(f"{path} does not exist or is no file")
    format = format or guess_format(path)
    if format not in FORMATS:
        raise UnknownNameError("format", format, FORMATS)
    if format == "npz":
        return read_npz(path), None
    found = _parse(path, _text_of(path), format, type_map, frame)
    if not len(found.positions):
        raise FileFormatError(f"{path} must hold atoms, got a frame of none")
    dimension = dimension or (2 if _is_flat(found) else found.dimension)
    units = units or {}
    try:
        glass = Glass(
            positions=found.positions[:, :dimension],
            species=found.species(path, type_map),
            cell=found.cell[:dimension, :dimension],
            periodic=found.periodic[:dimension],
            fields={name: Field(entry.values, units.get(name, entry.unit)) for name, entry in found.fields.items()},
            metadata=found.metadata,
        )
    except GlassError as error:
        raise GlassError(f"{path}: {error}") from None
    return glass, found.ids


def _is_flat(found: Configuration) -> bool:
    """Whether several atoms lie in one plane that the third cell vector is normal to."""
    across = (found.cell[2, :2], found.cell[:2, 2], np.diff(found.positions[:, 2]))
    return len(found.positions) > 1 and not any(part.any() for part in across)


def parse_type_map(words: Sequence[str]) -> dict[int, str] | None:
    """Symbol of each LAMMPS atom type from words such as ``1=Cu`` or ``1=Cu,2=Zr``; None for no words.

    Raises
    ------
    FileFormatError
        A word is otherwise, or a type is named twice.
    """
    pairs = [pair for word in words for pair in word.split(",") if pair]
    found: dict[int, str] = {}
    for pair in pairs:
        match = re.fullmatch(r"(\d+)\s*[=:]\s*(\w+)", pair.strip())
        if match is None or int(match[1]) in found:
            raise FileFormatError(f"--type-map must name each atom type once, such as 1=Cu 2=Zr, got {pair!r}")
        found[int(match[1])] = match[2]
    return found or None


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
    text = format_extxyz(glass).encode()
    with atomic_write(path) as out:
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
            f"the format of {path.name} cannot be told from its name: give one of {', '.join(FORMATS)}, such as "
            'format="lammps-dump"'
        ) from None


def _text_of(path: Path) -> str:
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = content.decode()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileFormatError(f"{path} is truncated or no gzip file ({error}): copy it again") from None
    except UnicodeDecodeError:
        raise FileFormatError(f"{path} is no text file: binary dumps must be written as text first") from None
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error}") from None
    if not text.strip():
        raise FileFormatError(f"{path} is empty")
    return text


def _parse(path: Path, text: str, format: str, type_map: Mapping[int, str] | None, frame: int) -> Configuration:
    if format == "lammps-dump":
        return read_dump(path, text, frame, prefer_types=type_map is not None)
    if format == "extxyz":
        return read_extxyz(path, text, frame)
    try:
        return _parse_with_ase(path, text, FORMATS[format], frame)
    except (ZooError, MemoryError):
        raise
    except Exception as error:  # parsers fail in their own ways on broken input
        raise FileFormatError(
            f"{path} cannot be read as {format} ({type(error).__name__}: {error}): it may be truncated, or another "
            f"format: give one of {', '.join(FORMATS)}"
        ) from error


def _read_cif(text: str, frame: int) -> ase.Atoms:
    """A structure of a CIF; without symmetry its sites are the atoms, as comparing each with all others takes hours."""
    import io

    from ase.io.cif import parse_cif

    block = [block for block in parse_cif(io.StringIO(text)) if block.has_structure()][frame]
    sites = block.get_unsymmetrized_structure()
    if len(block.get_spacegroup(True).get_symop()) == 1:
        sites.pbc = True
        return sites
    if len(sites) > MOST_SITES:
        raise FileFormatError(
            f"a CIF with symmetry may have {MOST_SITES:,} sites, this one has {len(sites):,}: write all atoms as P 1, "
            "or as extxyz"
        )
    return block.get_atoms()


def _parse_with_ase(path: Path, text: str, format: str, frame: int) -> Configuration:
    import io

    import ase.io

    atoms: ase.Atoms = (
        _read_cif(text, frame) if format == "cif" else ase.io.read(io.StringIO(text), format=format, index=frame)
    )
    arrays = dict(atoms.arrays)
    types, ids = arrays.pop("type", None), arrays.pop("id", None)
    known = ("numbers", "positions", "mmcharges", "spacegroup_kinds")
    found = Configuration(
        names=np.array(atoms.get_chemical_symbols()) if types is None else types,
        positions=atoms.positions - atoms.get_celldisp().ravel(),
        cell=np.asarray(atoms.cell),
        periodic=tuple(atoms.pbc.tolist()),
        fields={
            name: Field(values, ASE_UNITS.get(name, "unknown")) for name, values in arrays.items() if name not in known
        },
        metadata=json_values(atoms.info),
    )
    return found if ids is None else found.sorted_by(path, ids)
