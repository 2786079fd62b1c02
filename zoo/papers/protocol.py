"""One arm of a paper under one way of splitting: rows drawn, folds made, fits, predictions."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from zoo.benchmark.cell import empty_result, feature_matrix, features_decline, task_rows
from zoo.benchmark.splits import split_by_glass
from zoo.benchmark.store import Result, State
from zoo.benchmark.suite import Cell
from zoo.benchmark.training import Training, predict_scores
from zoo.errors import PaperError
from zoo.features.declaration import FloatArray, feature_sets
from zoo.models.declaration import model_families
from zoo.papers.declaration import Arm, Protocol, parts_of
from zoo.transfer.groups import Groups, make_groups

if TYPE_CHECKING:
    import pandas as pd

VERSION = 1
"""Raise it when the same arm gives other predictions."""
Way = Literal["published", "same-rows", "by-glass"]
WAYS: dict[Way, str] = {
    "published": "as published",
    "same-rows": "same rows, glasses apart",
    "by-glass": "glasses apart, natural balance",
}
"""*same-rows* draws the rows as the paper does and changes the split alone; *by-glass* also learns from all training
rows (up to the cap) and tests on every atom of the glasses held out."""
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Step:
    """One fit: rows to learn from and rows to test on."""

    repeat: int
    fold: int
    train: Rows
    test: Rows


@dataclass(frozen=True)
class ArmRun:
    """All fits of an arm under one way of splitting; a job."""

    arm: Arm
    protocol: Protocol
    way: Way
    seed: int
    key: str = ""

    def run(self) -> tuple[Result, pd.DataFrame | None]:
        """Fit and predict fold by fold."""
        import pandas as pd

        learnt, tested = task_rows(self.arm.learn or self.arm.task), task_rows(self.arm.task)
        family = model_families[self.arm.family]
        for rows in (learnt, tested):
            if reason := features_decline(self.arm.features, rows) or family.declines(rows.task.kind):
                return self.ended("declined", reason), None
        started, parts = time.process_time(), []
        x_learnt, x_tested = matrix(self.arm.learn or self.arm.task, self.arm), matrix(self.arm.task, self.arm)
        image = feature_sets[self.arm.features].image
        for step in self.steps():
            training = Training(
                learnt.task.kind,
                x_learnt[step.train],
                learnt.target[step.train],
                learnt.glass[step.train],
                self.seed,
                image,
            )
            estimator = training.fit(family, dict(self.arm.settings))
            parts.append(
                pd.DataFrame(
                    {
                        "repeat": np.int16(step.repeat),
                        "fold": np.int16(step.fold),
                        "row": step.test.astype(np.int32),
                        "glass": tested.glass[step.test].astype(np.int32),
                        "target": tested.target[step.test].astype(np.float32),
                        "score": predict_scores(estimator, x_tested[step.test], learnt.task.kind).astype(np.float32),
                    }
                )
            )
        result = msgspec.structs.replace(
            self._result(),
            n_train=len(training.y),
            n_test=sum(map(len, parts)),
            n_columns=x_learnt.shape[1],
            fit_seconds=time.process_time() - started,
        )
        return result, pd.concat(parts, ignore_index=True)

    def steps(self) -> Iterator[Step]:
        """Rows of every fit."""
        if self.arm.learn:
            yield from _carried(self)
            return
        rows, protocol = task_rows(self.arm.task), self.protocol
        repeats = protocol.repeats if self.way != "by-glass" else 1
        for repeat in range(repeats):
            random = np.random.default_rng([self.seed, repeat, 29])
            if self.way == "by-glass":
                for fold, split in enumerate(split_by_glass(rows)):
                    yield Step(repeat, fold, drawn(split.train, rows.target, protocol, random), split.test)
                continue
            chosen = drawn(np.arange(len(rows)), rows.target, protocol, random)
            split_kind = "glass" if self.way == "same-rows" else protocol.split
            if split_kind == "in-sample":
                yield Step(repeat, 0, chosen, chosen)
            elif split_kind == "glass":
                for fold, split in enumerate(split_by_glass(rows)):
                    yield Step(repeat, fold, np.intersect1d(split.train, chosen), np.intersect1d(split.test, chosen))
            else:
                parts = np.array_split(random.permutation(chosen), protocol.folds)
                for fold, test in enumerate(parts):
                    train = np.concatenate([part for number, part in enumerate(parts) if number != fold])
                    yield Step(repeat, fold, np.sort(train), np.sort(test))

    def ended(self, state: State, reason: str) -> Result:
        """A result without predictions."""
        return msgspec.structs.replace(self._result(), state=state, reason=reason)

    def _result(self) -> Result:
        arm = self.arm
        cell = Cell(arm.task, arm.features, arm.family, "glass", 0, self.seed, self.protocol.max_rows)
        settings: dict[str, Any] = {**dict(arm.settings), "way": self.way, "column": arm.column, "learn": arm.learn}
        return empty_result(cell, key=self.key, split="paper", settings=settings)


def drawn(rows: Rows, target: NDArray[np.float64], protocol: Protocol, random: np.random.Generator) -> Rows:
    """Rows that a protocol learns from: of equal classes if it undersamples, at most ``max_rows`` of them."""
    if protocol.balance == "undersample":
        ones, zeros = rows[target[rows] == 1], rows[target[rows] == 0]
        n = min(len(ones), len(zeros), protocol.max_rows // 2 or len(rows))
        rows = np.concatenate([random.permutation(ones)[:n], random.permutation(zeros)[:n]])
    elif protocol.max_rows and len(rows) > protocol.max_rows:
        rows = random.permutation(rows)[: protocol.max_rows]
    return np.sort(rows)


def _carried(run: ArmRun) -> Iterator[Step]:
    """Fits to another task: to all of its rows, tested on the same glasses, or to those of other glasses."""
    groups = _pair(run.arm)
    random = np.random.default_rng([run.seed, 31])
    learnt, tested = groups.identity_of_rows(0), groups.identity_of_rows(1)
    target = groups.groups[0].rows.target
    if run.way == "published":
        train = drawn(np.arange(len(learnt)), target, run.protocol, random)
        yield Step(0, 0, train, np.flatnonzero(np.isin(tested, learnt)))
        return
    for fold in groups.folds(1):
        held = [identity for identity, of in groups.fold.items() if of == fold]
        free, test = np.flatnonzero(~np.isin(learnt, held)), np.flatnonzero(np.isin(tested, held))
        if run.way == "same-rows":
            test = test[np.isin(tested[test], learnt)]
        if len(test):
            yield Step(0, fold, drawn(free, target, run.protocol, random), test)


@lru_cache(maxsize=4)
def _pair(arm: Arm) -> Groups:
    return make_groups((arm.learn, arm.task), "task", arm.features)


def matrix(task: str, arm: Arm) -> FloatArray:
    """Feature matrix of a task, or the columns that the arm is about."""
    found = feature_matrix(task, arm.features).matrix
    if not arm.column:
        return found
    dataset = task_rows(task).dataset
    kinds = tuple(sorted({kind for glass in dataset.glasses.values() for kind in glass.kinds}))
    names = [column.name for column in feature_sets[arm.features].columns(kinds)]
    chosen = {name for part in parts_of(arm.column) for name in fnmatch.filter(names, part)}
    return np.asarray(found[:, [name in chosen for name in names]])


def runs_of(arms: list[Arm], protocol: Protocol, seed: int) -> list[ArmRun]:
    """Every arm under every way of splitting that differs from the others.

    Raises
    ------
    PaperError
        Another task is to be learnt from, but the two tasks share no glass.
    """
    runs = []
    for arm in arms:
        limited = replace(protocol, max_rows=arm.max_rows or protocol.max_rows)
        if arm.learn and not _pair(arm).shared(0, 1):
            raise PaperError(f"{arm.learn} and {arm.task} must be about the same glasses")
        runs += [ArmRun(arm, limited, way, seed, _key(arm, limited, way, seed)) for way in ways_of(protocol)]
    return runs


def ways_of(protocol: Protocol) -> list[Way]:
    """A paper that holds out whole glasses has nothing to be told apart in the middle."""
    return ["published", "by-glass"] if protocol.split == "glass" else ["published", "same-rows", "by-glass"]


def _key(arm: Arm, protocol: Protocol, way: Way, seed: int) -> str:
    tasks = [task_rows(name) for name in filter(None, (arm.task, arm.learn))]
    parts = [
        VERSION,
        {key: value for key, value in asdict(arm).items() if key != "max_rows"},  # it is in the protocol
        # words are no part of the numbers
        [protocol.split, protocol.balance, protocol.folds, protocol.repeats, protocol.max_rows],
        way,
        seed,
        feature_sets[arm.features].version,
        model_families[arm.family].version,
        [[msgspec.to_builtins(rows.task), rows.dataset.card.content_hash] for rows in tasks],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]
