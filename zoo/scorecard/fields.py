"""The score of a model as a field over all atoms of glasses that it has not seen: as they are, and species swapped.

Each fold is fitted as a suite fits it, and kept in the cache.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from zoo._files import atomic_write, storage_error
from zoo._machine import usable_cores, versions
from zoo.benchmark.cell import (
    RECORDED,
    cell_declines,
    feature_matrix,
    features_of_glasses,
    folds_of,
    key_of,
    study_address,
    task_rows,
    training_of,
)
from zoo.benchmark.fitting import choose
from zoo.benchmark.pool import quiet_fits, worker_pool
from zoo.benchmark.suite import Cell, Mode
from zoo.benchmark.task import TaskRows
from zoo.benchmark.training import predict_scores
from zoo.benchmark.tuning import Budget
from zoo.errors import ScorecardError, ZooError
from zoo.features.compute import cached_features
from zoo.features.declaration import feature_sets
from zoo.glass import Glass
from zoo.models.declaration import model_families
from zoo.paths import cache_dir

Floats = NDArray[np.float64]

VERSION = 1
"""Raise it when the same plan gives other scores: stored ones are then not reused."""
LEAST = 1e-6
"""Probabilities are taken to be this far from 0 and 1, at least, before the log odds are made."""


class Plan(msgspec.Struct, frozen=True):
    """Which model is looked at: that of a suite with the same cap, seed and budget."""

    task: str
    features: str
    family: str
    seed: int = 0
    max_train_rows: int = 4000
    mode: Mode = "default"
    trials: int = 0
    tune_seconds: int = 0

    def cell(self, fold: int) -> Cell:
        """The cell that is fitted."""
        budget = (0, 0) if self.mode == "default" else (self.trials, self.tune_seconds)
        return Cell(
            self.task, self.features, self.family, "glass", fold, self.seed, self.max_train_rows, self.mode, *budget
        )

    def path(self, fold: int) -> Path:
        """Where the scores of a fold are kept."""
        text = f"{VERSION} {versions(*RECORDED)} {key_of(self.cell(fold))}"
        return cache_dir() / "scorecards" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"


@dataclass(frozen=True)
class FoldScores:
    """What the model of one fold says.

    Attributes
    ----------
    rows, score : ndarrays of shape (n_rows,)
        Held-out rows of the task and what they are ranked by.
    glasses : ndarray of int64
        Held-out glasses; none for a table of pairs.
    atoms, swapped : ndarrays of shape (n_atoms,)
        Score of all atoms of these glasses, one after the other; NaN where the features are not known. ``swapped`` is
        empty where species cannot be swapped.
    probability : bool
        Whether scores are probabilities.
    no_swap : str
        Why species are not swapped; empty if they are.
    """

    rows: NDArray[np.int64]
    score: Floats
    glasses: NDArray[np.int64]
    atoms: Floats
    swapped: Floats
    probability: bool
    no_swap: str


@dataclass(frozen=True)
class Held:
    """Scores of all rows of a task, each by the model that has not seen its glass.

    Attributes
    ----------
    plan : Plan
    space : {"probability", "margin", "value"}
        What the score is.
    score : ndarray of shape (n_rows,)
    softness : ndarray of shape (n_rows,)
        The score less its mean over the held-out atoms (rows of a table of pairs) of its fold, in their standard
        deviations; of probabilities, the log odds are taken first.
    fold : ndarray of shape (n_rows,), int64
    atoms, swapped : dict of int to ndarray of shape (n_atoms,)
        Softness of all atoms of each glass, by its number; with its species swapped, on the same scale. NaN for atoms
        of species that the task leaves out.
    no_swap : str
    cut : float
        Share of the held-out atoms (rows) whose probability is so near to 0 or 1 that their log odds are cut off.
    """

    plan: Plan
    space: str
    score: Floats
    softness: Floats
    fold: NDArray[np.int64]
    atoms: dict[int, Floats]
    swapped: dict[int, Floats]
    no_swap: str
    cut: float = 0.0

    @property
    def rows(self) -> TaskRows:
        """Rows of the task."""
        return task_rows(self.plan.task)


def held_out_scores(
    plan: Plan,
    workers: int | None = None,
    studies: Path | None = None,
    on_start: Callable[[int], None] = lambda total: None,
    on_finish: Callable[[], None] = lambda: None,
) -> Held:
    """Fit every fold of a plan that the cache does not hold, in worker processes, and join what they say.

    Raises
    ------
    ZooError
        An unknown name, software that is missing; the family declines, or has failed.
    """
    feature_sets[plan.features].require_software()
    model_families[plan.family].require_software()
    rows = task_rows(plan.task)
    if reason := cell_declines(plan.cell(0)):
        raise ScorecardError(f"{plan.family} on {plan.features} declines task {rows.task.name}: {reason}")
    if rows.dataset.card.kind == "glasses":
        features_of_glasses(rows, plan.features)  # once, not in every worker
    todo = [fold for fold in range(rows.task.folds) if _read(plan.path(fold)) is None]
    on_start(len(todo))
    _fit_folds(plan, todo, workers, study_address(studies) if studies else None, on_finish)
    return _joined(plan, [_required(plan, fold) for fold in range(rows.task.folds)])


def fit_fold(plan: Plan, fold: int, studies: str | None) -> None:
    """Fit one fold and keep what it says of its glasses.

    Raises
    ------
    ScorecardError
        The fit fails.
    StoreError
        The cache cannot be written to.
    """
    path, buffer = plan.path(fold), io.BytesIO()
    np.savez(buffer, **asdict(_fold_scores(plan, fold, studies)))
    try:
        with atomic_write(path) as stream:
            stream.write(buffer.getvalue())
    except OSError as error:
        raise storage_error(f"cache folder {path.parent}", error, "ZOO_CACHE") from None


def _fit_folds(plan: Plan, todo: list[int], workers: int | None, studies: str | None, done: Callable[[], None]) -> None:
    n_workers = min(workers or usable_cores(), len(todo))
    if n_workers < 2:  # here, without the start of a process
        for fold in todo:
            with quiet_fits():
                fit_fold(plan, fold, studies)
            done()
        return
    with worker_pool(n_workers) as pool:
        try:
            for future in as_completed([pool.schedule(fit_fold, args=[plan, fold, studies]) for fold in todo]):
                error = future.exception()
                if isinstance(error, ZooError):
                    raise error
                if error is not None:
                    raise ScorecardError(f"{plan.family} has failed: {type(error).__name__}: {error}") from error
                done()
        finally:
            pool.stop()
            pool.join()


def _fold_scores(plan: Plan, fold: int, studies: str | None) -> FoldScores:
    rows, cell, family = task_rows(plan.task), plan.cell(fold), model_families[plan.family]
    kind = rows.task.kind
    x, split = feature_matrix(plan.task, plan.features).matrix, folds_of(plan.task, "glass")[fold]
    training = training_of(cell, x, rows.target, split, kind)
    try:
        budget = Budget(cell.trials, cell.tune_seconds)
        estimator = choose(family, cell.mode, training, budget, studies, key_of(cell)).fit(training)
        score = predict_scores(estimator, np.ascontiguousarray(x[split.test]), kind)
    except Exception as error:  # a family may fail in any way
        raise ScorecardError(f"{plan.family} has failed in fold {fold}: {type(error).__name__}: {error}") from error
    probability = kind == "classification" and hasattr(estimator, "predict_proba")
    none = np.empty(0)
    if rows.dataset.card.kind == "pairs":
        reason = f"{rows.dataset.card.name} is a table of pairs"
        return FoldScores(split.test, score, np.empty(0, np.int64), none, none, probability, reason)
    glasses = np.unique(rows.glass[split.test]).astype(np.int64)
    parts = features_of_glasses(rows, plan.features)
    atoms = np.concatenate([_predicted(estimator, np.asarray(parts[k].load()), kind) for k in glasses])
    no_swap = swap_declines(rows)
    swapped = none
    if not no_swap:
        try:
            of_swapped = (features_of_swapped(rows, plan.features, int(k)) for k in glasses)
            swapped = np.concatenate([_predicted(estimator, np.asarray(part), kind) for part in of_swapped])
        except ZooError as error:
            no_swap = str(error)
    return FoldScores(split.test, score, glasses, atoms, swapped, probability, no_swap)


def _predicted(estimator: Any, x: NDArray[np.float32], kind: Any) -> Floats:
    """Score of every row, NaN where a feature is not known."""
    known = np.isfinite(x).all(axis=1)
    score = np.full(len(x), np.nan)
    score[known] = predict_scores(estimator, np.ascontiguousarray(x[known]), kind)
    return score


def swap_declines(rows: TaskRows) -> str:
    """Why the species of the glasses of a task cannot be swapped; empty if they can."""
    for name in rows.glass_names:
        kinds = rows.dataset.glasses[name].kinds
        if len(kinds) != 2:
            return f"two species are swapped, glass {name} has {len(kinds)} ({', '.join(kinds)})"
    return ""


def swapped_glass(glass: Glass) -> Glass:
    """The same atoms at the same places, those of one species called by the name of the other; fields stay."""
    first, second = glass.kinds
    species = np.where(glass.species == first, second, first)
    return Glass(glass.positions, species, glass.cell, glass.periodic, glass.fields, glass.metadata)


def features_of_swapped(rows: TaskRows, features: str, number: int) -> NDArray[np.float32]:
    """Feature matrix of a glass with its species swapped, from the cache or computed now."""
    kinds = tuple(sorted({kind for glass in rows.dataset.glasses.values() for kind in glass.kinds}))
    glass = swapped_glass(rows.dataset.in_angstrom(rows.glass_names[number]))
    return cached_features(features, glass, kinds).load()


def _read(path: Path) -> FoldScores | None:
    """Scores of a fold from the cache; None if they are not there or cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            found: dict[str, Any] = {of.name: stored[of.name] for of in fields(FoldScores)}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None
    return FoldScores(**{name: value.item() if value.ndim == 0 else value for name, value in found.items()})


def _required(plan: Plan, fold: int) -> FoldScores:
    found = _read(plan.path(fold))
    if found is None:
        raise ScorecardError(f"the scores of fold {fold} have gone from the cache: run the command again")
    return found


def _joined(plan: Plan, parts: list[FoldScores]) -> Held:
    rows = task_rows(plan.task)
    score, softness = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    fold = np.zeros(len(rows), np.int64)
    cut: list[float] = []
    atoms: dict[int, Floats] = {}
    swapped: dict[int, Floats] = {}
    for number, part in enumerate(parts):
        asked = _of_the_task(rows, part.glasses)
        base = part.atoms[asked] if len(part.atoms) else part.score
        bound = bound_of(base) if part.probability else None
        cut.append(0.0 if bound is None else float(np.mean((base < bound) | (base > 1 - bound))))
        base = straight(base, bound)
        mean, spread = float(np.nanmean(base)), float(np.nanstd(base)) or 1.0
        score[part.rows], fold[part.rows] = part.score, number
        softness[part.rows] = (straight(part.score, bound) - mean) / spread
        at = 0
        for glass in part.glasses.tolist():
            here = slice(at, at + len(rows.dataset.glasses[rows.glass_names[glass]]))
            at = here.stop
            for found, said in ((atoms, part.atoms), (swapped, part.swapped)):
                if len(said):
                    field = (straight(said[here], bound) - mean) / spread
                    found[glass] = np.where(asked[here], field, np.nan)
    space = "probability" if parts[0].probability else "value" if rows.task.kind == "regression" else "margin"
    no_swap = next((part.no_swap for part in parts if part.no_swap), "")
    return Held(plan, space, score, softness, fold, atoms, {} if no_swap else swapped, no_swap, float(np.mean(cut)))


def _of_the_task(rows: TaskRows, glasses: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Atoms of some glasses of the species that the task is about: of others the model knows nothing."""
    if not len(glasses):
        return np.empty(0, bool)
    species = np.concatenate([rows.dataset.glasses[rows.glass_names[glass]].species for glass in glasses.tolist()])
    return np.isin(species, rows.task.species) if rows.task.species else np.ones(len(species), bool)


def bound_of(score: Floats) -> float:
    """How far from 0 and 1 probabilities are taken to be: half as far as the nearest other answer.

    Of 100 trees that vote, 0.005; of answers without gaps, 1e-6.
    """
    inside = score[(score > LEAST) & (score < 1 - LEAST)]
    return max(LEAST, 0.5 * float(np.minimum(inside, 1 - inside).min(initial=0.5)))


def straight(score: Floats, bound: float | None) -> Floats:
    """Log odds of probabilities, cut off at a distance ``bound`` from 0 and 1; other scores as they are (None)."""
    return score if bound is None else np.asarray(logit(np.clip(score, bound, 1 - bound)))


def place_of_rows(task: str) -> NDArray[np.int64]:
    """Atom of every row of a task in its glass, counted from 0; of a table of pairs, its row there."""
    rows = task_rows(task)
    if rows.dataset.card.kind == "pairs":
        return rows.source
    sizes = [len(rows.dataset.glasses[name]) for name in rows.glass_names]
    return np.asarray(rows.source - np.concatenate([[0], np.cumsum(sizes)])[rows.glass], np.int64)


def quantity_of(task: str) -> tuple[Floats, str, str]:
    """What the labels of a task are made of, one value for each row of the task; its name and its unit."""
    from zoo.datasets.reliability import DIRECTION

    rows = task_rows(task)
    card = rows.dataset.card
    names = list(rows.task.target)
    unit = next(column.unit for column in card.columns if column.name == names[0])
    labels = {DIRECTION.sub("", name) for name in names} if len(names) > 1 else {names[0]}
    value = np.mean([stored_column(task, name) for name in names], axis=0)
    return value, labels.pop() if len(labels) == 1 else names[0], unit


def stored_column(task: str, name: str) -> Floats:
    """A column of the data set, one value for each row of a task."""
    rows = task_rows(task)
    if rows.dataset.card.kind == "pairs":
        return np.asarray(rows.dataset.table[name].to_numpy(float)[rows.source])
    parts = [rows.dataset.glasses[glass].fields[name].values.astype(float) for glass in rows.glass_names]
    return np.asarray(np.concatenate(parts)[rows.source])
