"""Files of other people, as they published them, turned into glasses: one reader for each published layout.

A card names its reader. A reader trusts nothing: keys, shapes and ranges are checked as they are read, and what does
not fit is refused with the name of the file. A reader whose numbers change gets a new name: no result is reused then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import FileFormatError, GlassError, UnknownNameError
from zoo.glass import Glass

Arrays = Mapping[str, NDArray[Any]]

KOB_ANDERSEN_DENSITY = 1.2
"""Particles per σ³ (Kob & Andersen, Phys. Rev. E 51, 4626 (1995)); files of the model do not repeat it."""


def read_foreign(reader: str, path: Path, length_scale: float = 1.0) -> Glass:
    """One glass from a published file.

    Parameters
    ----------
    reader : str
        One of ``READERS``.
    path : Path
    length_scale : float, Å
        For each unit of length in the file; positions and cell are multiplied by it, labels are not.

    Raises
    ------
    UnknownNameError
        There is no such reader.
    FileFormatError
        The file is damaged, or is not laid out as its authors say.
    """
    if reader not in READERS:
        raise UnknownNameError("reader", reader, READERS)
    try:
        return READERS[reader](path, length_scale)
    except GlassError as error:
        raise FileFormatError(f"{path}: {error}") from None


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Every array of an npz file; pickles in it are refused.

    Raises
    ------
    FileFormatError
        The file is missing, damaged or no npz.
    """
    from zoo.formats.npz import BROKEN

    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise FileFormatError(f"{path} does not exist") from None
    except BROKEN as error:
        raise FileFormatError(f"{path} is no readable npz file ({error}): copy or fetch it again") from None


def array_of(path: Path | str, arrays: Arrays, name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """The array ``name``, which must be numbers of ``shape`` (None: any length) and finite.

    Raises
    ------
    FileFormatError
        It is missing or otherwise.
    """
    if name not in arrays:
        raise FileFormatError(f"{path} must hold the array {name!r}, got {', '.join(sorted(arrays)) or 'none'}")
    array = np.asarray(arrays[name])
    fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind not in "iuf":
        wanted = " x ".join("any" if length is None else str(length) for length in shape)
        raise FileFormatError(f"{path}: {name!r} must be numbers of shape {wanted}, got {array.dtype} {array.shape}")
    if not np.isfinite(array).all():
        raise FileFormatError(f"{path}: {name!r} must be finite, {int((~np.isfinite(array)).sum())} values are not")
    return array


def require_within(path: Path | str, name: str, values: NDArray[Any], low: float, high: float, unit: str) -> None:
    """Refuse values outside of what they can be, which would mean another quantity or unit.

    Raises
    ------
    FileFormatError
    """
    if values.min() < low or values.max() > high:
        raise FileFormatError(
            f"{path}: {name!r} must lie between {low:g} and {high:g} {unit}, "
            f"got {values.min():g} to {values.max():g}: the layout or the units differ from the published ones"
        )


def species_of(path: Path | str, types: NDArray[Any], names: Mapping[int, str]) -> NDArray[np.str_]:
    """Name of every atom's type.

    Raises
    ------
    FileFormatError
        There are other types.
    """
    found = np.unique(types).tolist()
    if not set(found) <= set(names):
        raise FileFormatError(f"{path}: types must be among {sorted(names)}, got {found}")
    return np.array([names[int(kind)] for kind in types.tolist()])


def read_symgnn(path: Path, length_scale: float) -> Glass:
    """A glass of the SymGNN repository: a pickled dict with ``positions``, ``box``, ``types`` (1 Cu, 2 Zr).

    Fields: ``barrier_mean`` (eV; the key ``trajectory_start_velocities`` upstream, a name left over from another
    project) and ``energy`` (eV, of each atom; ``pot``). What ``press``, ``von`` and ``pos`` mean is not stated
    upstream; they are left out.

    References
    ----------
    Li et al., Predicting and Interpreting Energy Barriers of Metallic Glasses with Graph Neural Networks, ICML 2024.
    """
    from zoo.formats.pickles import read_numpy_pickle

    stored = read_numpy_pickle(path)
    if not isinstance(stored, dict):
        raise FileFormatError(f"{path} must hold a dict of arrays, got {type(stored).__name__}")
    positions = array_of(path, stored, "positions", (None, 3))
    n_atoms = len(positions)
    box = array_of(path, stored, "box", (3,)).astype(np.float64)
    barrier = array_of(path, stored, "trajectory_start_velocities", (n_atoms,))
    energy = array_of(path, stored, "pot", (n_atoms,))
    require_within(path, "box", box, 10, 1000, "Å")
    require_within(path, "positions, in boxes from the centre,", positions / box, -0.5001, 0.5001, "")
    require_within(path, "trajectory_start_velocities", barrier, 0, 20, "eV")
    require_within(path, "pot", energy, -20, 0, "eV")
    return Glass(
        positions * length_scale,
        species_of(path, array_of(path, stored, "types", (n_atoms,)), {1: "Cu", 2: "Zr"}),
        box * length_scale,
        fields={"barrier_mean": (barrier, "eV"), "energy": (energy, "eV")},
    )


def read_botan(path: Path, length_scale: float) -> Glass:
    """A liquid of the BOTAN repository: npz with ``types`` (0 A, 1 B), ``initial_positions`` and ``positions`` of runs.

    The propensity of a particle is the mean over the runs of the length of its displacement. Positions of the runs go
    on beyond the box, so no image has to be chosen; nothing is subtracted, as the centre of mass stays where it was.
    Fields, in σ: ``propensity`` over all runs, ``propensity_even`` and ``propensity_odd`` over every other one: two
    independent measurements, which tell how reliable a propensity is.

    References
    ----------
    Shiba, Hanai, Suzumura & Shimokawabe, J. Chem. Phys. 158, 084503 (2023).
    """
    stored = read_arrays(path)
    start = array_of(path, stored, "initial_positions", (None, 3))
    runs = array_of(path, stored, "positions", (None, len(start), 3))
    if len(runs) < 4:
        raise FileFormatError(f"{path}: a propensity needs at least 4 runs, got {len(runs)}")
    edge = (len(start) / KOB_ANDERSEN_DENSITY) ** (1 / 3)
    require_within(path, "initial_positions, in boxes,", start / edge, -0.0001, 1.0001, "")
    displacement = runs - start
    drift = float(np.linalg.norm(displacement.mean(axis=1), axis=1).max())
    if drift > 0.01:
        raise FileFormatError(f"{path}: the centre of mass must stay at rest, but it moves by {drift:.3g} σ in one run")
    length = np.linalg.norm(displacement, axis=2)
    require_within(path, "propensity", length.mean(axis=0), 0, 0.5 * edge, "σ")
    return Glass(
        start * length_scale,
        species_of(path, array_of(path, stored, "types", (len(start),)), {0: "A", 1: "B"}),
        [edge * length_scale] * 3,
        fields={
            "propensity": (length.mean(axis=0), "σ"),
            "propensity_even": (length[::2].mean(axis=0), "σ"),
            "propensity_odd": (length[1::2].mean(axis=0), "σ"),
        },
        metadata={"runs": len(runs)},
    )


READERS: dict[str, Callable[[Path, float], Glass]] = {"symgnn-1": read_symgnn, "botan-1": read_botan}
"""Reader of each name that a card may give."""
