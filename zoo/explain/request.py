"""What is to be explained, and which rows: the same for every family."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from zoo._machine import versions
from zoo.benchmark.cell import RECORDED, cell_declines, features_of_glasses, folds_of, key_of, task_rows
from zoo.benchmark.splits import OptimisticSplit, Split
from zoo.benchmark.suite import Cell, Mode
from zoo.benchmark.task import TaskRows
from zoo.errors import ExplainError, UnknownNameError
from zoo.features.declaration import Column, FloatArray, feature_sets
from zoo.models.declaration import model_families

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

    def cell(self, family: str, fold: int) -> Cell:
        """The cell whose fit is explained: that of a suite with the same cap, seed and budget."""
        budget = (0, 0) if self.mode == "default" else (self.trials, self.tune_seconds)
        return Cell(self.task, self.features, family, "glass", fold, self.seed, self.max_train_rows, self.mode, *budget)

    def key(self, family: str, fold: int) -> str:
        """Of the values of one fold in the cache: it changes with all that they depend on."""
        here = fold_of_glass(self, self.glass) == fold if self.glass else False
        test = set(folds_of(self.task, "glass")[fold].test.tolist())
        atoms = tuple(atom for atom, row in zip(self.atoms, rows_of_atoms(self), strict=True) if row in test)
        asked = msgspec.structs.replace(self, families=(), glass=self.glass if here else "", atoms=atoms)
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
    return ChosenRows(order[: share_of(request.rows, request.task, fold)], chosen, order[:SCALE_ROWS])


def share_of(rows: int, task: str, fold: int) -> int:
    """How many of the rows fall to one fold."""
    folds = task_rows(task).task.folds
    return rows // folds + (fold < rows % folds)


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
    splits = folds_of(request.task, "glass")
    held_out = sum(len(split.test) for split in splits)
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
