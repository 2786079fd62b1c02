"""Computing a feature set of a data set: once, cached by content, with its cost measured by the harness."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write, storage_error
from zoo.errors import ZooError
from zoo.features.declaration import FeatureSet, FloatArray, feature_sets
from zoo.glass import Glass
from zoo.paths import cache_dir


@dataclass(frozen=True)
class CachedFeatures:
    """Where a computed feature matrix lies and what it cost.

    Attributes
    ----------
    path : Path
        ``.npy``, shape (n_rows, n_columns), float32.
    microseconds_per_atom : float
        CPU time of one process, warm: the first call, which compiles, is not counted.
    """

    path: Path
    microseconds_per_atom: float

    def load(self) -> FloatArray:
        """Memory-mapped, read-only."""
        return cast(FloatArray, np.load(self.path, mmap_mode="r"))


def compute_features(name: str, glass: Glass, kinds: tuple[str, ...] | None = None) -> FloatArray:
    """Feature matrix of one glass, not cached.

    Parameters
    ----------
    name : str
        Of a registered feature set.
    glass : Glass
    kinds : tuple of str, optional
        All species of the data set; those of this glass by default.

    Returns
    -------
    ndarray of shape (n_atoms, n_columns), float32

    Raises
    ------
    ZooError
        The set is not defined for this glass, or its result breaks its declaration.
    """
    entry = feature_sets[name]
    if entry.rows != "atoms":
        raise ZooError(f"feature set {name!r} describes {entry.rows}, not the atoms of a glass")
    entry.require_software()
    seen = what_it_sees(entry, glass)
    if reason := entry.declines(seen):
        raise ZooError(f"feature set {name!r} declines: {reason}")
    kinds = kinds or glass.kinds
    return checked_matrix(entry, entry.compute(seen, kinds), len(glass), kinds, known=_known(seen))


def what_it_sees(entry: FeatureSet, glass: Glass) -> Glass:
    """The glass with those fields only that a set says it reads, without metadata: labels are never among them."""
    fields = {name: glass.fields[name] for name in entry.fields if name in glass.fields}
    return Glass(glass.positions, glass.species, glass.cell, glass.periodic, fields)


def _known(glass: Glass) -> NDArray[np.bool_]:
    """Atoms whose stored fields are all finite, shape (n_atoms,)."""
    known = np.ones(len(glass), bool)
    for field in glass.fields.values():
        if field.values.dtype.kind == "f":
            known &= np.isfinite(field.values.reshape(len(glass), -1)).all(axis=1)
    return known


def checked_matrix(
    entry: FeatureSet,
    matrix: FloatArray,
    n_rows: int,
    kinds: tuple[str, ...],
    known: NDArray[np.bool_] | slice = slice(None),
) -> FloatArray:
    """The contract of every feature set: shape, float32, finite in the ``known`` rows.

    Raises
    ------
    ZooError
        Which names the column at fault.
    """
    columns = entry.columns(kinds)
    names = [column.name for column in columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ZooError(f"columns must have different names, but feature set {entry.name!r} has {twice!r} twice")
    if not isinstance(matrix, np.ndarray):
        raise ZooError(f"feature set {entry.name!r} must return a numpy array, got {type(matrix).__name__}")
    if matrix.shape != (n_rows, len(columns)) or matrix.dtype != np.float32:
        raise ZooError(
            f"feature set {entry.name!r} must return float32 of shape {(n_rows, len(columns))}, "
            f"got {matrix.dtype} of shape {matrix.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(matrix[known]).all(axis=0))
    if len(bad):
        row = int(np.arange(n_rows)[known][~np.isfinite(matrix[known, bad[0]])][0])
        raise ZooError(
            f"feature set {entry.name!r} must be finite, but column {columns[bad[0]].name!r} is {matrix[row, bad[0]]} "
            f"in row {row}"
        )
    return matrix


def cached_features(
    name: str, glass: Glass, kinds: tuple[str, ...], clock: Callable[[], float] = time.process_time
) -> CachedFeatures:
    """Feature matrix of one glass from the cache, or computed, timed and cached now.

    ``clock`` counts CPU seconds: of this process, unless the set is computed in another one. The key is the hash of the
    glass's geometry and of the fields that the set reads, the set's name and version, and the species; a file that
    cannot be read is made again.
    """
    entry = feature_sets[name]
    key = _key(entry, glass, kinds)
    folder = cache_dir() / "features" / f"{name}-v{entry.version}"
    path, cost_path = folder / f"{key}.npy", folder / f"{key}.json"
    try:
        stored = np.load(path, mmap_mode="r")
        if stored.shape == (len(glass), len(entry.columns(kinds))):
            return CachedFeatures(path, json.loads(cost_path.read_text())["microseconds_per_atom"])
    except (OSError, ValueError, EOFError, KeyError):
        pass
    _warm_up(name, glass, kinds)
    started = clock()
    matrix = compute_features(name, glass, kinds)
    cost = (clock() - started) / len(glass) * 1e6
    try:
        with atomic_write(path) as stream:
            np.save(stream, matrix)
        with atomic_write(cost_path) as stream:
            stream.write(json.dumps({"microseconds_per_atom": round(cost, 3)}).encode())
    except OSError as error:
        raise storage_error(f"cache folder {folder}", error, "ZOO_CACHE") from None
    return CachedFeatures(path, cost)


def stacked_features(parts: Sequence[CachedFeatures], rows: NDArray[np.integer]) -> FloatArray:
    """Rows of the features of several glasses in one matrix, made once and shared by all processes.

    Parameters
    ----------
    parts : sequence of CachedFeatures
        One after the other.
    rows : ndarray of shape (n_rows,)
        Which of all their rows are taken.

    Returns
    -------
    ndarray of shape (n_rows, n_columns), float32
        Read-only, memory-mapped; a copy in memory where the cache cannot be written.
    """
    digest = hashlib.sha256(" ".join(part.path.stem for part in parts).encode())
    digest.update(np.ascontiguousarray(rows, np.int64).tobytes())
    path = parts[0].path.parent / "stacked" / f"{digest.hexdigest()[:32]}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):  # not there, or damaged
        return np.asarray(np.load(path, mmap_mode="r"))
    matrix: FloatArray = np.concatenate([part.load() for part in parts])[rows]
    try:
        with atomic_write(path) as stream:
            np.save(stream, matrix)
        return np.asarray(np.load(path, mmap_mode="r"))
    except OSError:
        matrix.flags.writeable = False
        return matrix


def _key(entry: FeatureSet, glass: Glass, kinds: tuple[str, ...]) -> str:
    digest = hashlib.sha256(f"{glass.content_hash} {entry.name} {entry.version} {' '.join(kinds)}".encode())
    for name in entry.fields:
        if name in glass.fields:
            digest.update(f" {name} {glass.fields[name].unit} ".encode())
            digest.update(np.ascontiguousarray(glass.fields[name].values).tobytes())
    return digest.hexdigest()[:32]


_warm: set[str] = set()


def _warm_up(name: str, glass: Glass, kinds: tuple[str, ...]) -> None:
    """Compile before the clock starts."""
    if name not in _warm:
        _warm.add(name)
        compute_features(name, glass, kinds)
