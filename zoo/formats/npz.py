"""The project's own file of one glass: a compressed npz of plain arrays, never pickles."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from zoo._files import atomic_write
from zoo.errors import FileFormatError
from zoo.glass import Field, Glass

FIELD = "field."


def write_npz(path: Path, glass: Glass, precision: DTypeLike = np.float64) -> None:
    """Write a glass; the same glass gives the same bytes.

    Parameters
    ----------
    path : Path
    glass : Glass
    precision : dtype
        Of positions and floating-point fields; float32 keeps 1e-6 Å in a 30 Å box and halves the file.
    """
    kinds, index = np.unique(glass.species, return_inverse=True)
    arrays = {
        "positions": glass.positions.astype(precision),
        "species": kinds,
        "species_index": index.astype(np.uint8),
        "cell": glass.cell,
        "periodic": glass.periodic,
        "units": np.array(json.dumps({name: entry.unit for name, entry in glass.fields.items()})),
        "metadata": np.array(json.dumps(dict(glass.metadata), sort_keys=True)),
    }
    for name, entry in sorted(glass.fields.items()):
        values = entry.values
        arrays[FIELD + name] = values.astype(precision) if values.dtype.kind == "f" else values
    with atomic_write(path) as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def read_npz(path: Path) -> Glass:
    """Read a glass written by :func:`write_npz`.

    Raises
    ------
    FileFormatError
        The file is truncated, is no npz, or lacks an array.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            units = json.loads(str(stored["units"]))
            return Glass(
                positions=stored["positions"],
                species=stored["species"][stored["species_index"]],
                cell=stored["cell"],
                periodic=stored["periodic"],
                fields={
                    key.removeprefix(FIELD): Field(stored[key], units[key.removeprefix(FIELD)])
                    for key in stored.files
                    if key.startswith(FIELD)
                },
                metadata=json.loads(str(stored["metadata"])),
            )
    except KeyError as error:
        raise FileFormatError(f"{path} must hold positions, species, cell and units, but lacks {error}") from None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, json.JSONDecodeError) as error:
        raise FileFormatError(f"{path} is no readable glass file ({error}): copy or make it again") from None
