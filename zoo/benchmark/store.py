"""The results: one file per finished cell, written whole or not at all, never changed afterwards."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct, field

from zoo._files import atomic_write, storage_error
from zoo.benchmark.suite import Cell, Suite, cells_of
from zoo.benchmark.task import Task, read_task
from zoo.datasets.card import read_card
from zoo.datasets.registry import dataset_folder
from zoo.errors import StoreError
from zoo.features.declaration import feature_sets
from zoo.models.declaration import model_families

if TYPE_CHECKING:
    import pandas as pd

State = Literal["ok", "declined", "failed", "timed-out", "out-of-memory"]


class Result(Struct, frozen=True):
    """One row of the store.

    Attributes
    ----------
    key : str
        Hash of everything that the result depends on; the same cell on the same data has the same key.
    task, features, family, mode, split, fold, seed, max_train_rows
        The cell.
    state : {"ok", "declined", "failed", "timed-out", "out-of-memory"}
    reason : str
        Why a cell declined, or the error of a failed one.
    scores : dict of float
        Metrics over all test rows of the fold; one that is not defined is absent.
    scores_by_glass : dict of dict of float
        The same for the test rows of each glass alone.
    settings : dict
        Of a tuned family; empty for its defaults.
    tuning : dict of float
        ``score`` and ``default_score`` of the search (headline metric over the inner folds), ``n_trials``, and its CPU
        ``seconds``; empty in default mode.
    threshold : float or None
        Score from which on a row was called class 1; chosen on training glasses.
    fit_seconds, predict_seconds : float
        CPU time of the fit on the training rows, and of predicting the test rows.
    threshold_seconds : float
        CPU time of choosing the threshold, which takes a second fit.
    warm_up_seconds : float
        Imports and a first tiny fit in this process; 0 if that was done before.
    microseconds_per_atom : float
        CPU time of the descriptor.
    peak_memory_mb : float
        What the cell added to the resident memory of its process at the peak.
    """

    key: str
    task: str
    task_version: int
    features: str
    features_version: int
    family: str
    family_version: int
    mode: str
    split: str
    fold: int
    seed: int
    max_train_rows: int
    state: State
    reason: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    scores_by_glass: dict[str, dict[str, float]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    tuning: dict[str, float] = field(default_factory=dict)
    threshold: float | None = None
    n_train: int = 0
    n_test: int = 0
    n_columns: int = 0
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    threshold_seconds: float = 0.0
    warm_up_seconds: float = 0.0
    microseconds_per_atom: float = 0.0
    peak_memory_mb: float = 0.0
    finished: str = ""
    data_hash: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    commit: str = ""
    hardware: str = ""


def cell_key(cell: Cell, task: Task, features_version: int, family_version: int, data_hash: str) -> str:
    """Name of a cell in the store: changes with the cell, the whole declaration of its task, versions and data."""
    parts = [asdict(cell), msgspec.to_builtins(task), features_version, family_version, data_hash]
    content = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:24]


class Store:
    """A folder of results.

    ``results/<key>.json`` states what happened to a cell and ``predictions/<key>.parquet`` holds its test rows (row,
    glass, target, score). The JSON file is written last, so a cell either is there with its predictions or is not
    there; several runs may write into the same folder at once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def require_writable(self) -> None:
        """Refuse early what would fail after the first fit.

        Raises
        ------
        StoreError
            The folder is read-only or full.
        """
        probe = self.folder / ".writable"
        try:
            with atomic_write(probe) as stream:
                stream.write(b"0" * 65536)
            probe.unlink()
        except OSError as error:
            raise storage_error(f"results folder {self.folder}", error, "--results or ZOO_RESULTS") from None

    def finished(self) -> dict[str, Result]:
        """Results by key; one that has lost its predictions is not finished."""
        return {result.key: result for result in self if self._is_whole(result)}

    def __iter__(self) -> Iterator[Result]:
        for path in sorted((self.folder / "results").glob("*.json")):
            yield _read(path)

    def get(self, key: str) -> Result | None:
        """The result of one cell, if there is one."""
        path = self.folder / "results" / f"{key}.json"
        result = _read(path) if path.exists() else None
        return result if result is not None and self._is_whole(result) else None

    def _is_whole(self, result: Result) -> bool:
        return result.state != "ok" or self.has_predictions(result.key)

    def add(self, result: Result, predictions: pd.DataFrame | None = None) -> None:
        """Keep a result.

        Raises
        ------
        StoreError
            The folder is read-only or full; nothing is left half-written.
        """
        try:
            if predictions is not None:
                buffer = io.BytesIO()
                predictions.to_parquet(buffer, index=False, compression="zstd")
                with atomic_write(self.prediction_path(result.key)) as stream:
                    stream.write(buffer.getvalue())
            with atomic_write(self.folder / "results" / f"{result.key}.json") as stream:
                stream.write(msgspec.json.format(msgspec.json.encode(result), indent=1))
        except OSError as error:
            raise storage_error(f"results folder {self.folder}", error, "--results or ZOO_RESULTS") from None

    def prediction_path(self, key: str) -> Path:
        """Parquet file of the test rows of a cell."""
        return self.folder / "predictions" / f"{key}.parquet"

    def has_predictions(self, key: str) -> bool:
        """Whether the test rows of a cell are here; results that come with the project have none."""
        return self.prediction_path(key).exists()

    def predictions(self, key: str) -> pd.DataFrame:
        """Test rows of a cell: row (int32), glass (str), target and score (float32).

        Raises
        ------
        StoreError
            The file is missing or damaged.
        """
        import pandas as pd
        import pyarrow

        try:
            return pd.read_parquet(self.prediction_path(key))
        except (OSError, pyarrow.ArrowException) as error:
            raise StoreError(
                f"{self.prediction_path(key)} is no readable prediction ({error}): delete results/{key}.json, and the "
                "next run makes both again"
            ) from None

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Hold the lock of a cell; False if another process has it. The system frees it when its holder dies.

        Raises
        ------
        StoreError
            The folder is read-only or full.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / ".locks" / key)
        try:
            (self.folder / ".locks").mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise storage_error(f"results folder {self.folder}", error, "--results or ZOO_RESULTS") from None
        try:
            yield True
        finally:
            lock.release()


_decoder = msgspec.json.Decoder(Result)


def _read(path: Path) -> Result:
    try:
        return _decoder.decode(path.read_bytes())
    except (msgspec.DecodeError, OSError) as error:
        raise StoreError(
            f"{path} is no readable result ({error}): delete it, and the next run makes it again"
        ) from None


def latest_results(store: Store, suite: Suite) -> list[Result]:
    """Results of the cells of a suite as they are declared now, on the data as their card states them now."""
    keys = keys_of(suite)
    return [result for result in store if result.key in keys]


def keys_of(suite: Suite) -> set[str]:
    """Keys of the cells of a suite as they are declared now, on the data as their card states them now."""
    tasks = {entry.task: read_task(entry.task) for entry in suite.entries}
    data = {name: read_card(dataset_folder(task.dataset)).content_hash for name, task in tasks.items()}
    keys = set()
    for cell in cells_of(suite):
        versions = feature_sets[cell.features].version, model_families[cell.family].version
        keys.add(cell_key(cell, tasks[cell.task], *versions, data[cell.task]))
    return keys
