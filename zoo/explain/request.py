"""What is to be explained, and which rows: the same for every family."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from zoo._files import sha256_of
from zoo._machine import versions
from zoo.benchmark.cell import RECORDED, cell_declines, features_of_glasses, folds_of, key_of, task_rows
from zoo.benchmark.splits import OptimisticSplit, Split
from zoo.benchmark.suite import Cell, Mode
from zoo.benchmark.task import TaskRows
from zoo.errors import ExplainError, UnknownNameError
from zoo.features.declaration import Column, FloatArray, feature_sets
from zoo.models.declaration import model_families

if TYPE_CHECKING:
    from zoo.benchmark.saved import SavedModel

VERSION = 1
"""Raise it when the same request gives other values: stored ones are then not reused."""
SCALE_ROWS = 2000
"""Held-out rows of a fold that the spread of the output is taken over."""
MOST_COLUMNS = 2000
"""Images have more: a value for each point of an image would say little, and sampling it would take hours."""

Ints = NDArray[np.int64]


class Request(msgspec.Struct, frozen=True):
    """What is to be explained.

    Attributes
    ----------
    rows : int
        Held-out rows, drawn evenly over the folds; all of them if there are fewer.
    sampled_rows : int
        How many of them families are asked about whose values are sampled: the first, the same for each.
    background : int
        Training rows of each fold that absent columns are taken from.
    permutations : int
        Pairs for each row whose values are sampled.
    atoms : tuple of (glass, atom)
        Rows that are explained besides, the atom counted from 0; of a table of pairs ``("", row)``.
    glass : str
        Explained in whole, by families whose values are exact; empty: none.
    folds : tuple of int
        Folds that are fitted and explained; empty: all.
    model : str
        Folder of a saved model that is explained instead of a fit, on the glasses of its fold; its family is autogluon.
    """

    task: str
    features: str
    families: tuple[str, ...]
    rows: int = 400
    sampled_rows: int = 40
    background: int = 100
    permutations: int = 24
    atoms: tuple[tuple[str, int], ...] = ()
    glass: str = ""
    seed: int = 0
    max_train_rows: int = 4000
    mode: Mode = "default"
    trials: int = 0
    tune_seconds: int = 0
    folds: tuple[int, ...] = ()
    model: str = ""

    @property
    def explained_folds(self) -> tuple[int, ...]:
        """Folds that are explained."""
        return self.folds or tuple(range(task_rows(self.task).task.folds))

    def cell(self, family: str, fold: int) -> Cell:
        """The cell whose fit is explained: that of a suite with the same cap, seed and budget."""
        budget = (0, 0) if self.mode == "default" else (self.trials, self.tune_seconds)
        return Cell(self.task, self.features, family, "glass", fold, self.seed, self.max_train_rows, self.mode, *budget)

    def key(self, family: str, fold: int) -> str:
        """Of the values of one fold in the cache: it changes with all that they depend on."""
        here = fold_of_glass(self, self.glass) == fold if self.glass else False
        test = set(folds_of(self.task, "glass")[fold].test.tolist())
        atoms = tuple(atom for atom, row in zip(self.atoms, rows_of_atoms(self), strict=True) if row in test)
        asked = msgspec.structs.replace(
            self,
            families=(),
            glass=self.glass if here else "",
            atoms=atoms,
            model=sha256_of(Path(self.model) / "model.json") if self.model else "",
        )
        text = (
            f"{VERSION} {versions(*RECORDED)} {key_of(self.cell(family, fold))} {msgspec.json.encode(asked).decode()}"
        )
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class ChosenRows:
    """Rows to explain in one fold.

    Attributes
    ----------
    drawn : ndarray of int64
        Rows of the task, in random order: a part of them is a sample too.
    chosen : ndarray of int64
        Those of the request's atoms.
    spread : ndarray of int64
        Rows that the spread of the output is taken over.
    """

    drawn: Ints
    chosen: Ints
    spread: Ints


def choose_rows(request: Request, fold: int) -> ChosenRows:
    """Held-out rows of a fold, the same for every family."""
    test = folds_of(request.task, "glass")[fold].test
    order = np.random.default_rng([request.seed, fold, 11]).permutation(test)
    chosen = np.array([row for row in rows_of_atoms(request) if row in set(test.tolist())], np.int64)
    return ChosenRows(order[: share_of(request, request.rows, fold)], chosen, order[:SCALE_ROWS])


def share_of(request: Request, rows: int, fold: int) -> int:
    """How many of the rows fall to one fold."""
    folds = request.explained_folds
    return rows // len(folds) + (folds.index(fold) < rows % len(folds))


def some_folds(request: Request, n: int) -> tuple[int, ...]:
    """``n`` folds, or more: those that hold out the glass and the atoms of a request, then the first ones."""
    folds = range(task_rows(request.task).task.folds)
    wanted = [fold_of_glass(request, request.glass)] if request.glass else []
    wanted += _folds_of_atoms(request)
    order = list(dict.fromkeys([*wanted, *folds]))
    return tuple(sorted(order[: max(n, len(set(wanted)))]))


def _folds_of_atoms(request: Request) -> list[int]:
    tests = [set(split.test.tolist()) for split in folds_of(request.task, "glass")]
    return [next(fold for fold, test in enumerate(tests) if row in test) for row in rows_of_atoms(request)]


def choose_background(request: Request, fold: int, x: FloatArray) -> FloatArray:
    """Background of a fold: some of its training rows, the same for every family."""
    random = np.random.default_rng([request.seed, fold, 13])
    return x[np.sort(random.choice(len(x), min(request.background, len(x)), replace=False))]


def rows_of_atoms(request: Request) -> list[int]:
    """Row of the task of each atom of a request.

    Raises
    ------
    UnknownNameError, ExplainError
        There is no such glass or atom, or the atom has no label in this task.
    """
    rows = task_rows(request.task)
    found = []
    for glass, atom in request.atoms:
        if rows.dataset.card.kind == "pairs":
            if glass:
                raise ExplainError(
                    f"the rows of a table of pairs are numbers, got {glass}:{atom}: write --atoms {atom}"
                )
            total, source = len(rows.dataset.table), atom
        else:
            if glass not in rows.glass_names:
                raise UnknownNameError("glass", glass, rows.glass_names)
            total, source = len(rows.dataset.glasses[glass]), first_row(rows, glass) + atom
        if not 0 <= atom < total:
            what = f"glass {glass} has atoms" if glass else "the table has rows"
            raise ExplainError(f"{what} 0 to {total - 1}, got {atom}")
        at = np.flatnonzero(rows.source == source)
        if not len(at):
            where = f"{glass}:{atom}" if glass else str(atom)
            raise ExplainError(f"only rows with a label are held out, {where} has none in {rows.task.name}")
        found.append(int(at[0]))
    return found


def first_row(rows: TaskRows, glass: str) -> int:
    """Row of the data set of the first atom of a glass."""
    sizes = [len(rows.dataset.glasses[name]) for name in rows.glass_names]
    return sum(sizes[: rows.glass_names.index(glass)])


def fold_of_glass(request: Request, glass: str) -> int:
    """Fold in which a glass is held out."""
    rows = task_rows(request.task)
    number = rows.glass_names.index(glass)
    splits: Sequence[Split | OptimisticSplit] = folds_of(request.task, "glass")
    for fold, split in enumerate(splits):
        if (rows.glass[split.test] == number).any():
            return fold
    raise ExplainError(f"glass {glass} has no labelled row in {rows.task.name}, so no fold holds it out")


def atoms_of_glass(request: Request, glass: str) -> FloatArray:
    """Features of all atoms of a glass, labelled or not."""
    rows = task_rows(request.task)
    return features_of_glasses(rows, request.features)[rows.glass_names.index(glass)].load()


def columns_of(request: Request) -> tuple[Column, ...]:
    """Columns of the feature set for the data of the task."""
    rows = task_rows(request.task)
    card = rows.dataset.card
    entry = feature_sets[request.features]
    if card.kind == "pairs":
        declared = {column.name: column for column in card.columns}
        found = entry.columns(tuple(card.names("feature")))
        return tuple(
            Column(c.name, declared[c.name].unit if c.unit == "see card" else c.unit, "columns")
            if c.family == "see card"
            else c
            for c in found
        )
    return entry.columns(tuple(sorted({kind for glass in rows.dataset.glasses.values() for kind in glass.kinds})))


def checked(request: Request) -> tuple[Request, list[str]]:
    """The request as it can be done, and what was changed, in sentences.

    Raises
    ------
    ZooError
        An unknown name, software that is missing, too few rows, an atom that is not there.
    """
    rows, notes = task_rows(request.task), []
    feature_sets[request.features].require_software()
    for family in request.families:
        model_families[family].require_software()
    if len(set(request.families)) < len(request.families):
        raise ExplainError(f"every family is named once, got {', '.join(request.families)}")
    splits = [folds_of(request.task, "glass")[fold] for fold in request.explained_folds]
    held_out = sum(len(split.test) for split in splits)
    if len(splits) < rows.task.folds and not request.model:
        which = " and ".join(str(fold) for fold in request.explained_folds)
        notes.append(
            f"{len(splits)} of {rows.task.folds} folds are fitted and explained ({which}); --folds sets how many"
        )
    if request.rows < len(splits) or request.sampled_rows < len(splits):
        raise ExplainError(
            f"every fold needs a row, task {rows.task.name} has {len(splits)} folds, got "
            f"{min(request.rows, request.sampled_rows)} rows"
        )
    if request.rows > held_out:
        notes.append(f"{request.rows:,} rows asked for, {held_out:,} are held out: all of them are explained")
        request = msgspec.structs.replace(request, rows=held_out)
    smallest = min(min(len(split.train), request.max_train_rows or len(split.train)) for split in splits)
    if request.background > smallest:
        notes.append(f"{request.background:,} background rows asked for, {smallest:,} are trained on: all are taken")
    rows_of_atoms(request)
    pairs = rows.dataset.card.kind == "pairs"
    if request.glass and request.glass not in rows.glass_names:
        raise UnknownNameError("glass", request.glass, rows.glass_names)
    if request.glass and pairs:
        raise ExplainError(f"{rows.task.dataset} is a table of pairs: there are no atoms of a glass to explain")
    _require_held_out(request)
    reasons = {family: cell_declines(request.cell(family, 0)) for family in request.families}
    if all(reasons.values()):
        family, reason = next(iter(reasons.items()))
        raise ExplainError(f"{family} on {request.features} declines task {rows.task.name}: {reason}")
    if len(columns_of(request)) > MOST_COLUMNS:
        raise ExplainError(
            f"at most {MOST_COLUMNS} columns are explained one by one, "
            f"{request.features} has {len(columns_of(request))}"
        )
    return request, notes


def require_model(folder: Path, task: str) -> SavedModel:
    """A saved model of a task, whose test glasses are the ones that a fold of the task holds out.

    Raises
    ------
    ModelError, ExplainError
        It is missing or damaged, of another task, or of other data or labels than those at hand.
    """
    from zoo.benchmark.saved import read_model

    model, rows = read_model(folder), task_rows(task)
    if model.task != task:
        raise ExplainError(f"{folder} is a model of task {model.task}, got {task}: name that one")
    if (model.task_version, model.data_hash) != (rows.task.version, rows.dataset.card.content_hash):
        raise ExplainError(
            f"{folder} was made with other data or labels of task {task} than those at hand, so that which glasses it "
            "has not seen is not known: make it again with zoo automl"
        )
    return model


def _require_held_out(request: Request) -> None:
    """Refuse a glass or an atom whose fold is not explained."""
    places = {f"glass {request.glass}": fold_of_glass(request, request.glass)} if request.glass else {}
    named = (f"{glass}:{atom}" if glass else str(atom) for glass, atom in request.atoms)
    places |= dict(zip(named, _folds_of_atoms(request), strict=True))
    for what, fold in places.items():
        if fold not in request.explained_folds:
            whose = "by the saved model" if request.model else "here"
            raise ExplainError(
                f"only what is held out can be explained, {what} is in fold {fold}, {whose} it is fold "
                f"{', '.join(str(k) for k in request.explained_folds)}: name another"
            )
