"""Fitting and scoring one cell, inside a worker process."""

from __future__ import annotations

import datetime
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock
from msgspec.structs import replace
from numpy.typing import NDArray

from zoo._machine import hardware, memory_limit, peak_memory_mb, reset_peak_memory, versions
from zoo.benchmark.fitting import choose, threshold_of, warm_up
from zoo.benchmark.metrics import evaluate_finite
from zoo.benchmark.pool import FEATURE_SECONDS, interrupts, what_failed, why_stopped
from zoo.benchmark.splits import OptimisticSplit, Split, split_at_random, split_by_glass
from zoo.benchmark.store import Result, Store, cell_key
from zoo.benchmark.suite import Cell
from zoo.benchmark.task import TaskRows, load_rows, read_task
from zoo.benchmark.training import Training, predict_scores
from zoo.benchmark.tuning import Budget
from zoo.errors import MissingSoftwareError, StoreError, TuningError
from zoo.features.compute import (
    CachedFeatures,
    cached_features,
    checked_matrix,
    stacked_features,
    what_it_sees,
)
from zoo.features.declaration import FeatureSet, FloatArray, feature_sets
from zoo.models.declaration import ModelFamily, TaskKind, model_families

if TYPE_CHECKING:
    import pandas as pd

RECORDED = ("glass-zoo", "numpy", "scikit-learn", "xgboost", "xgboost-cpu", "lightgbm", "numba")
"""Distributions whose versions are kept with every result."""
OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "allocate memory", "unable to allocate")
"""What libraries say that raise errors of their own."""


@lru_cache(maxsize=4)
def task_rows(name: str) -> TaskRows:
    """Rows of a task, loaded once per process."""
    return load_rows(read_task(name))


@lru_cache(maxsize=8)
def folds_of(name: str, split: str) -> list[Split] | list[OptimisticSplit]:
    """Folds of a task, made once per process."""
    return split_by_glass(task_rows(name)) if split == "glass" else split_at_random(task_rows(name))


def key_of(cell: Cell) -> str:
    """Key of a cell in the store, with the versions and the data at hand."""
    rows = task_rows(cell.task)
    versions_ = feature_sets[cell.features].version, model_families[cell.family].version
    return cell_key(cell, rows.task, *versions_, rows.dataset.card.content_hash)


def empty_result(cell: Cell, **changes: Any) -> Result:
    """A result that states the cell, where and when it was run."""
    rows = task_rows(cell.task)
    result = Result(
        key=key_of(cell),
        task=cell.task,
        task_version=rows.task.version,
        features=cell.features,
        features_version=feature_sets[cell.features].version,
        family=cell.family,
        family_version=model_families[cell.family].version,
        mode=cell.mode,
        split=cell.split,
        fold=cell.fold,
        seed=cell.seed,
        max_train_rows=cell.max_train_rows,
        state="ok",
        data_hash=rows.dataset.card.content_hash,
        finished=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        versions=versions(*RECORDED),
        commit=_commit(),
        hardware=hardware(),
    )
    return replace(result, **changes)


def run_cell(cell: Cell, folder: Path, mb: float | None = None, retried: frozenset[str] = frozenset()) -> str:
    """Fit, predict, score and store one cell, which may take ``mb`` of memory; return its state.

    ``"elsewhere"`` if another run is at it, ``"found"`` if another run has just finished it, unless with one of the
    states that are to be ``retried``.
    """
    store = Store(folder)
    with claimed(cell, store, retried) as taken:
        if taken:
            return taken
        result, predictions = attempt(cell, study_address(folder), mb)
        store.add(result, predictions)
        return result.state


@contextmanager
def claimed(cell: Cell, store: Store, retried: frozenset[str]) -> Iterator[str]:
    """Hold the lock of a cell; why it is not to be run, ``"elsewhere"`` or ``"found"`` as above, or empty."""
    key = key_of(cell)
    with store.claim(key) as free:
        done = store.get(key) if free else None
        yield "elsewhere" if not free else "found" if done is not None and done.state not in retried else ""


def study_address(folder: Path) -> str:
    """Database of the searches for settings: that of ``ZOO_STUDIES``, or a file in the results folder."""
    return os.environ.get("ZOO_STUDIES") or f"sqlite:///{folder / 'studies.db'}"


def prepare_studies(folder: Path) -> None:
    """Make the tables of that database before workers use it together.

    Raises
    ------
    TuningError
        The database cannot be reached or is damaged.
    """
    import optuna

    try:
        with FileLock(folder / ".studies.lock"):
            optuna.storages.RDBStorage(study_address(folder))
    except Exception as error:  # whatever the database behind the address may raise
        first = (str(error).splitlines() or [""])[0]
        raise TuningError(
            f"searches for settings cannot be kept in {study_address(folder)}: {first}; a damaged file may be deleted, "
            "finished cells do not need it"
        ) from error


def without_features(cell: Cell) -> Result:
    """Result of a cell whose features took too long to be computed."""
    return empty_result(cell, state="timed-out", reason=f"its features were stopped after {FEATURE_SECONDS} s")


def stopped_result(cell: Cell, error: BaseException, seconds: float) -> Result:
    """Result of a cell whose process was stopped or has died, as it cannot state it itself."""
    state, reason = why_stopped(error, seconds)
    return empty_result(cell, state=state, reason=reason)


def attempt(cell: Cell, studies: str | None, mb: float | None) -> tuple[Result, pd.DataFrame | None]:
    """Result of a cell and the predictions of its test rows, if it has any; what goes wrong is a result too."""
    rows = task_rows(cell.task)
    family = model_families[cell.family]
    if reason := cell_declines(cell):
        return empty_result(cell, state="declined", reason=reason), None
    try:
        with memory_limit(mb):
            return _fit_and_score(cell, rows, family, studies)
    except StoreError:
        raise  # a full disk is nobody's failure
    except BaseException as error:  # a family may fail in any way, sys.exit is one; the board shows how
        if interrupts(error):
            raise
        if isinstance(error, MemoryError) or any(words in str(error).lower() for words in OUT_OF_MEMORY):
            return empty_result(cell, state="out-of-memory", reason=f"more than the {mb:.0f} MB that it may take"), None
        return empty_result(cell, state="failed", reason=what_failed(error)), None


def cell_declines(cell: Cell) -> str | None:
    """Why a cell cannot be fitted: its family, its mode or its features decline, or need software; None if it can."""
    rows, family = task_rows(cell.task), model_families[cell.family]
    if reason := family.declines(rows.task.kind):
        return reason
    if reason := missing_software(family) or missing_software(feature_sets[cell.features]):
        return reason
    if family.images and not feature_sets[cell.features].image:
        return f"{family.name} reads images: take density-grid or density-grid-2d"
    if cell.mode != "default" and family.space is None:
        return f"{family.name} has nothing to tune"
    if cell.mode == "ensembled" and family.early_stopping:
        return f"{family.name} stops by glasses held out, of which a bag of an ensemble tells it nothing"
    return features_decline(cell.features, rows)


def missing_software(entry: ModelFamily | FeatureSet) -> str | None:
    """What a family or a feature set needs that is not installed, with the command that installs it."""
    try:
        entry.require_software()
    except MissingSoftwareError as error:
        return str(error)
    return None


def features_decline(features: str, rows: TaskRows) -> str | None:
    """Why a feature set is not defined for the data of a task, or may not be used there; None if it may."""
    entry = feature_sets[features]
    kind = rows.dataset.card.kind
    if (entry.rows == "pairs") != (kind == "pairs"):
        fitting = "pairs, such as pair" if kind == "pairs" else "atoms, such as radial-coarse"
        held = f"{entry.name} describes {entry.rows}, {rows.dataset.card.name} holds {kind}"
        return f"{held}: take a set of {fitting}"
    card = rows.dataset.card
    told = [
        column
        for column in card.columns
        if column.name in entry.fields and column.role != "feature" and column.name not in rows.task.inputs
    ]
    if told:
        return f"{entry.name} reads {told[0].name}, which is a {told[0].role} of {card.name}, not a feature"
    if kind == "glasses":
        for name in rows.dataset.glasses:
            if reason := entry.declines(what_it_sees(entry, rows.dataset.in_angstrom(name))):
                return f"{name}: {reason}"
    return None


@dataclass(frozen=True)
class Features:
    """Feature matrix of all rows of a task and the descriptor's cost."""

    matrix: FloatArray
    microseconds_per_atom: float


@lru_cache(maxsize=16)
def feature_matrix(task: str, features: str) -> Features:
    """Feature matrix of a task, shape (n_rows, n_columns), float32, read-only; computed if the cache lacks it."""
    rows = task_rows(task)
    if rows.dataset.card.kind == "pairs":
        started = time.process_time()
        names = rows.dataset.card.names("feature")  # identities and states never reach a descriptor
        entry = feature_sets[features]
        table = rows.dataset.table[names].iloc[rows.source]
        matrix = checked_matrix(entry, entry.compute(table, tuple(names)), len(rows), tuple(names))
        return Features(matrix, (time.process_time() - started) / len(rows) * 1e6)
    parts = features_of_glasses(rows, features)
    cost = float(np.mean([part.microseconds_per_atom for part in parts]))
    return Features(stacked_features(parts, rows.source), cost)


def features_of_glasses(
    rows: TaskRows, features: str, clock: Callable[[], float] = time.process_time
) -> list[CachedFeatures]:
    """Cached features of every glass of a task; ``clock`` counts the CPU seconds of what is computed now."""
    glasses = rows.dataset.glasses
    kinds = tuple(sorted({kind for glass in glasses.values() for kind in glass.kinds}))
    return [cached_features(features, rows.dataset.in_angstrom(name), kinds, clock) for name in rows.glass_names]


def feature_jobs(cells: Iterable[Cell]) -> list[tuple[str, str]]:
    """Every task with every feature set that is computed for it glass by glass."""
    return sorted(
        {
            (cell.task, cell.features)
            for cell in cells
            if feature_sets[cell.features].rows == "atoms" and task_rows(cell.task).dataset.card.kind == "glasses"
        }
    )


def cache_features(job: tuple[str, str]) -> None:
    """Compute a feature set for the glasses of a task, where the cache does not hold them."""
    task, features = job
    features_of_glasses(task_rows(task), features)


def _study_name(cell: Cell) -> str:
    """What a search for settings is called in Optuna's dashboard; no two the same."""
    return (
        f"{cell.task} | {cell.features} | {cell.family} | {cell.mode} | {cell.split} fold {cell.fold} | {key_of(cell)}"
    )


def _fit_and_score(cell: Cell, rows: TaskRows, family: ModelFamily, studies: str | None) -> tuple[Result, pd.DataFrame]:
    import pandas as pd

    features = feature_matrix(cell.task, cell.features)
    split = folds_of(cell.task, cell.split)[cell.fold]
    x, y, kind = features.matrix, rows.target, rows.task.kind
    warmed_up = warm_up(family, kind, feature_sets[cell.features].image)
    memory_before = reset_peak_memory()
    training = training_of(cell, x, y, split, kind)
    budget = Budget(cell.trials, cell.tune_seconds)
    choice = choose(family, cell.mode, training, budget, studies, _study_name(cell))
    started = time.process_time()
    estimator = choice.fit(training)
    fitted = time.process_time()
    score = predict_scores(estimator, x[split.test], kind)
    predicted = time.process_time()
    threshold = np.nan
    if kind == "classification" and isinstance(split, Split):
        threshold = threshold_of(choice, estimator, training)
    chosen = time.process_time()
    by_glass = {
        rows.glass_names[glass]: evaluate_finite(kind, y[split.test[of_glass]], score[of_glass], threshold)
        for glass in np.unique(rows.glass[split.test])
        if (of_glass := rows.glass[split.test] == glass).any()
    }
    result = empty_result(
        cell,
        scores=evaluate_finite(kind, y[split.test], score, threshold),
        scores_by_glass=by_glass,
        settings=choice.recorded(estimator),
        tuning=choice.tuning,
        threshold=float(threshold) if np.isfinite(threshold) else None,
        n_train=len(training.y),
        n_test=len(split.test),
        n_columns=x.shape[1],
        fit_seconds=fitted - started,
        predict_seconds=predicted - fitted,
        threshold_seconds=chosen - predicted,
        warm_up_seconds=warmed_up,
        microseconds_per_atom=features.microseconds_per_atom,
        peak_memory_mb=max(0.0, peak_memory_mb() - memory_before),
    )
    predictions = pd.DataFrame(
        {
            "row": split.test.astype(np.int32),
            "glass": pd.Categorical(np.array(rows.glass_names)[rows.glass[split.test]]),
            "target": y[split.test].astype(np.float32),
            "score": score.astype(np.float32),
        }
    )
    return result, predictions


def training_of(
    cell: Cell, x: FloatArray, y: NDArray[np.float64], split: Split | OptimisticSplit, kind: TaskKind
) -> Training:
    """Training rows of a fold: at most ``max_train_rows``, the same for every family and feature set."""
    train = split.train
    if cell.max_train_rows and len(train) > cell.max_train_rows:
        random = np.random.default_rng([cell.seed, cell.fold, 3])
        train = np.sort(random.choice(train, cell.max_train_rows, replace=False))
    group = split.glass[train] if isinstance(split, Split) else np.arange(len(train))
    return Training(kind, x[train], y[train], group, cell.seed, feature_sets[cell.features].image)


@cache
def _commit() -> str:
    """Commit of the code, with ``+`` if the working tree differs; empty outside a checkout."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return ""
    try:
        return _git(folder, "rev-parse", "--short=12", "HEAD") + ("+" if _git(folder, "status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
