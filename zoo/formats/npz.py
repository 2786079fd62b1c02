"""The project's own file of one glass: a compressed npz of plain arrays, never pickles."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from zoo._files import atomic_write
from zoo.errors import FileFormatError, GlassError
from zoo.glass import Field, Glass, json_values

FIELD = "field."
BROKEN = (
    ValueError, TypeError, AttributeError, IndexError, RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error
)  # fmt: skip
"""What numpy, zipfile and json raise on a damaged file, an empty one, pickles or another kind of npy file."""


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
        "metadata": np.array(json.dumps(json_values(glass.metadata), sort_keys=True)),
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
        The file is missing, truncated, damaged, holds pickles, is no npz, or lacks an array.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            units: dict[str, str] = json.loads(str(stored["units"]))
            return Glass(
                positions=stored["positions"],
                species=stored["species"][stored["species_index"]],
                cell=stored["cell"],
                periodic=stored["periodic"],
                fields={name: Field(stored[FIELD + name], unit) for name, unit in units.items()},
                metadata=json.loads(str(stored["metadata"])),
            )
    except FileNotFoundError:
        raise FileFormatError(f"{path} does not exist") from None
    except GlassError as error:
        raise GlassError(f"{path}: {error}") from None
    except KeyError as error:
        raise FileFormatError(f"{path} is no glass file: it lacks the array {error}") from None
    except BROKEN as error:
        raise FileFormatError(f"{path} is no readable glass file ({error}): copy or make it again") from None
