"""Fitting and scoring one cell, inside a worker process."""

from __future__ import annotations

import datetime
import math
import os
import subprocess
import time
import traceback
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock
from msgspec.structs import replace
from numpy.typing import NDArray

from zoo._machine import hardware, peak_memory_mb, reset_peak_memory, versions
from zoo.benchmark.metrics import best_threshold, evaluate_finite
from zoo.benchmark.splits import OptimisticSplit, Split, hold_out_glasses, split_at_random, split_by_glass
from zoo.benchmark.store import Result, Store, cell_key
from zoo.benchmark.suite import Cell
from zoo.benchmark.task import TaskRows, load_rows, read_task
from zoo.benchmark.tuning import Budget, Training, tune
from zoo.errors import StoreError, TuningError
from zoo.features.compute import CachedFeatures, cached_features, checked_matrix, what_it_sees
from zoo.features.declaration import FloatArray, feature_sets
from zoo.models.declaration import ModelFamily, TaskKind, model_families

if TYPE_CHECKING:
    import pandas as pd

RECORDED = ("glass-zoo", "numpy", "scikit-learn", "xgboost", "xgboost-cpu", "lightgbm", "numba")
"""Distributions whose versions are kept with every result."""

_warm: set[tuple[str, str]] = set()


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


def run_cell(cell: Cell, folder: Path) -> str:
    """Fit, predict, score and store one cell; return its state.

    ``"elsewhere"`` if another run is at it, ``"found"`` if another run has just finished it.
    """
    store = Store(folder)
    key = key_of(cell)
    with store.claim(key) as free:
        if not free:
            return "elsewhere"
        done = store.get(key)
        if done is not None:
            return "found"
        result, predictions = _attempt(cell, study_address(folder))
        store.add(result, predictions)
        return result.state


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


def _attempt(cell: Cell, studies: str) -> tuple[Result, pd.DataFrame | None]:
    rows = task_rows(cell.task)
    family = model_families[cell.family]
    if reason := family.declines(rows.task.kind) or _images_decline(cell, family):
        return empty_result(cell, state="declined", reason=reason), None
    if cell.mode == "tuned" and family.space is None:
        return empty_result(cell, state="declined", reason=f"{family.name} has nothing to tune"), None
    if reason := _features_decline(cell, rows):
        return empty_result(cell, state="declined", reason=reason), None
    try:
        return _fit_and_score(cell, rows, family, studies)
    except StoreError:
        raise  # a full disk is nobody's failure
    except Exception as error:  # a family may fail in any way; the board shows how
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        return empty_result(cell, state="failed", reason=f"{type(error).__name__}: {error} ({where})"), None


def _images_decline(cell: Cell, family: ModelFamily) -> str | None:
    if family.images and not feature_sets[cell.features].image:
        return f"{family.name} reads images: take density-grid or density-grid-2d"
    return None


def _features_decline(cell: Cell, rows: TaskRows) -> str | None:
    entry = feature_sets[cell.features]
    kind = rows.dataset.card.kind
    if (entry.rows == "pairs") != (kind == "pairs"):
        return f"{entry.name} describes {entry.rows}, {rows.dataset.card.name} holds {kind}"
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


@lru_cache(maxsize=3)
def feature_matrix(task: str, features: str) -> Features:
    """Feature matrix of a task, shape (n_rows, n_columns), float32; computed where it is not in the cache."""
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
    return Features(np.concatenate([part.load() for part in parts])[rows.source], cost)


def features_of_glasses(rows: TaskRows, features: str) -> list[CachedFeatures]:
    """Cached features of every glass of a task."""
    glasses = rows.dataset.glasses
    kinds = tuple(sorted({kind for glass in glasses.values() for kind in glass.kinds}))
    return [cached_features(features, rows.dataset.in_angstrom(name), kinds) for name in rows.glass_names]


def _fit_and_score(cell: Cell, rows: TaskRows, family: ModelFamily, studies: str) -> tuple[Result, pd.DataFrame]:
    import pandas as pd

    features = feature_matrix(cell.task, cell.features)
    split = folds_of(cell.task, cell.split)[cell.fold]
    train = _training_rows(split.train, cell)
    x, y = features.matrix, rows.target
    kind = rows.task.kind
    group = split.glass if isinstance(split, Split) else np.arange(len(rows))
    image = feature_sets[cell.features].image
    warm_up = _warm_up(family, kind, image)
    memory_before = reset_peak_memory()
    settings, tuning = _tuned_settings(cell, family, Training(kind, x[train], y[train], group[train]), studies)
    estimator = family.estimator(kind, cell.seed, image, settings)
    started = time.process_time()
    estimator.fit(x[train], y[train])
    fitted = time.process_time()
    score = predict_scores(estimator, x[split.test], kind)
    predicted = time.process_time()
    threshold = np.nan
    if kind == "classification" and isinstance(split, Split):
        threshold = _threshold(cell, family, settings, x[train], y[train], split.glass[train])
    by_glass = {
        rows.glass_names[glass]: evaluate_finite(kind, y[split.test[of_glass]], score[of_glass], threshold)
        for glass in np.unique(rows.glass[split.test])
        if (of_glass := rows.glass[split.test] == glass).any()
    }
    result = empty_result(
        cell,
        scores=evaluate_finite(kind, y[split.test], score, threshold),
        scores_by_glass=by_glass,
        settings=settings,
        tuning=tuning,
        threshold=float(threshold) if np.isfinite(threshold) else None,
        n_train=len(train),
        n_test=len(split.test),
        n_columns=x.shape[1],
        fit_seconds=fitted - started,
        predict_seconds=predicted - fitted,
        warm_up_seconds=warm_up,
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


def predict_scores(estimator: Any, x: FloatArray, kind: TaskKind) -> NDArray[np.float64]:
    """Probability or margin of class 1, or the predicted value, shape (n_rows,), float64.

    Raises
    ------
    ValueError
        The estimator returns values that are not finite.
    """
    if kind == "regression":
        score = estimator.predict(x)
    elif hasattr(estimator, "predict_proba"):
        score = estimator.predict_proba(x)[:, 1]
    else:
        score = estimator.decision_function(x)
    score = np.asarray(score, dtype=np.float64)
    if not np.isfinite(score).all():
        raise ValueError(f"predictions must be finite, {int((~np.isfinite(score)).sum())} are not")
    return score


def _training_rows(train: NDArray[np.int64], cell: Cell) -> NDArray[np.int64]:
    """At most ``max_train_rows`` of the training rows, the same for every family and feature set."""
    if not cell.max_train_rows or len(train) <= cell.max_train_rows:
        return train
    random = np.random.default_rng([cell.seed, cell.fold, 3])
    return np.sort(random.choice(train, cell.max_train_rows, replace=False))


def _tuned_settings(
    cell: Cell, family: ModelFamily, training: Training, studies: str
) -> tuple[dict[str, Any], dict[str, float]]:
    """Settings of the family for this cell, and what the search for them has found; both empty in default mode."""
    if cell.mode == "default":
        return {}, {}
    started = time.process_time()
    budget = Budget(cell.trials, cell.tune_seconds)
    image = feature_sets[cell.features].image
    found = tune(family, training, predict_scores, budget, cell.seed, image, studies, key_of(cell))
    cost = {"n_trials": found.n_trials, "seconds": round(time.process_time() - started, 2)}
    return found.settings, {"score": found.score, "default_score": found.default_score, **cost}


def _threshold(
    cell: Cell,
    family: ModelFamily,
    settings: dict[str, Any],
    x: FloatArray,
    y: NDArray[np.float64],
    glass: NDArray[np.int32],
) -> float:
    """Threshold of largest MCC on training glasses held out from a second fit; never sees a test row."""
    held_out = hold_out_glasses(glass, cell.seed)
    if len(np.unique(y[~held_out])) < 2 or len(np.unique(y[held_out])) < 2:
        return float("nan")
    estimator = family.estimator("classification", cell.seed, feature_sets[cell.features].image, settings)
    estimator.fit(x[~held_out], y[~held_out])
    return best_threshold(y[held_out], predict_scores(estimator, x[held_out], "classification"))


def _warm_up(family: ModelFamily, kind: TaskKind, image: tuple[int, ...]) -> float:
    """Seconds of imports and a first tiny fit, so that they are not counted as the cost of a fit."""
    if (family.name, kind) in _warm:
        return 0.0
    _warm.add((family.name, kind))
    started = time.process_time()
    random = np.random.default_rng(0)
    x = random.normal(size=(60, math.prod(image) if family.images else 3)).astype(np.float32)
    y = (np.arange(60) % 2).astype(float)
    estimator = family.estimator(kind, 0, image)
    estimator.fit(x, y)
    predict_scores(estimator, x, kind)
    return time.process_time() - started


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
