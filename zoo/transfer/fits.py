"""The fits of a transfer matrix: each learns from glasses of one group (or of all but one) and predicts all others."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.cell import empty_result
from zoo.benchmark.fitting import warm_up
from zoo.benchmark.store import Result, State
from zoo.benchmark.suite import Cell
from zoo.benchmark.task import read_task
from zoo.benchmark.training import Training, predict_scores
from zoo.errors import SplitError, TransferError
from zoo.features.declaration import feature_sets
from zoo.models.declaration import model_families
from zoo.transfer.align import Alignment, choose_alignment, matrix_of
from zoo.transfer.groups import By, Group, Groups, make_groups

if TYPE_CHECKING:
    import pandas as pd

VERSION = 2
"""Raise it when the same plan gives other predictions."""


@dataclass(frozen=True)
class Plan:
    """What is carried where.

    Attributes
    ----------
    tasks, by, only
        See :func:`~zoo.transfer.groups.make_groups`.
    features, family : str
    n_glasses : int
        Glasses that every fit learns from; 0 takes as many as the smallest group leaves beside its test glasses, so
        that cells differ in where the glasses are from and not in how many there are.
    max_train_rows : int
        Rows that a fit learns from at most; 0: no limit. All fits learn from equally many, see :func:`rows_per_fit`.
    seed : int
    others : bool
        Whether every group is also predicted from all of the others together.
    """

    tasks: tuple[str, ...]
    by: By
    features: str
    family: str
    only: tuple[str, ...] = ()
    n_glasses: int = 0
    max_train_rows: int = 6000
    seed: int = 0
    others: bool = True

    def __post_init__(self) -> None:
        family = model_families[self.family]
        family.require_software()
        feature_sets[self.features].require_software()
        if reason := family.declines(read_task(self.tasks[0]).kind):
            raise TransferError(f"family {self.family!r} declines: {reason}")
        if family.images and not feature_sets[self.features].image:
            raise TransferError(f"family {self.family!r} reads images: take density-grid or density-grid-2d")

    @property
    def name(self) -> str:
        """Of the matrix: tasks, grouping, features and family."""
        return f"{'+'.join(self.tasks)} by {self.by}, {self.features}, {self.family}"


@lru_cache(maxsize=4)
def groups_of(plan: Plan) -> Groups:
    """Groups of a plan, made once per process."""
    return make_groups(plan.tasks, plan.by, plan.features, plan.only)


@lru_cache(maxsize=4)
def alignment_of(plan: Plan) -> Alignment:
    """How columns are compared, chosen once per process."""
    return choose_alignment(groups_of(plan).groups)


@lru_cache(maxsize=4)
def glasses_per_fit(plan: Plan) -> int:
    """Glasses that every fit of one group learns from.

    Raises
    ------
    TransferError
        More are asked for than the smallest group leaves, or none is left.
    """
    groups = groups_of(plan)
    left = {}
    for number, group in enumerate(groups):
        folds = [groups.fold[identity] for identity in groups.identities(number)]
        left[group.name] = len(folds) - max(folds.count(fold) for fold in folds)
    smallest = min(left, key=lambda name: left[name])
    if left[smallest] < 1:
        raise TransferError(f"every fold needs glasses to learn from, but all of {smallest} are in one")
    if plan.n_glasses > left[smallest]:
        raise TransferError(
            f"a fit can learn from {left[smallest]} glasses at most, as {smallest} leaves no more beside its test "
            f"glasses, got {plan.n_glasses}: ask for fewer, or leave that group out with --only"
        )
    return plan.n_glasses or left[smallest]


@lru_cache(maxsize=4)
def rows_per_fit(plan: Plan) -> int:
    """Rows that every fit learns from, of one group or of many: those of the poorest fit of one group, or the cap."""
    groups = groups_of(plan)
    ones = [Fit(plan, (source,), (), fold) for source in range(len(groups)) for fold in groups.folds(source)]
    fewest = min(
        int(np.isin(groups.identity_of_rows(fit.sources[0]), fit.learnt(fit.sources[0])).sum()) for fit in ones
    )
    return min(fewest, plan.max_train_rows or fewest)


@dataclass(frozen=True)
class Fit:
    """One fit: learns from glasses of the ``sources``, none of them of the fold ``hold``.

    ``sources`` are numbers of groups: one, or all but the one that is to be predicted. In the folder ``models``, if
    there is one, the fitted estimator is kept as ``<key>.pkl``.
    """

    plan: Plan
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    hold: int
    key: str = ""
    models: Path | None = None

    def run(self) -> tuple[Result, pd.DataFrame | None]:
        """Fit, and predict the rows of all targets that are to be tested."""
        import pandas as pd

        groups, family = groups_of(self.plan), model_families[self.plan.family]
        training = self.training()
        kind = training.kind
        warmed_up = warm_up(family, kind, training.image)
        started = time.process_time()
        estimator = training.fit(family, {})
        fitted = time.process_time()
        if self.models is not None:
            keep_model(estimator, self.models / f"{self.key}.pkl")
        parts = []
        for target in self.targets:
            group, identity = groups.groups[target], groups.identity_of_rows(target)
            test = np.isin(identity, self.tested(target))
            members = group.members()[test]
            x = matrix_of(group, alignment_of(self.plan))[test]
            parts.append(
                pd.DataFrame(
                    {
                        "group": np.int16(target),
                        "row": members.astype(np.int32),
                        "glass": identity[test].astype(np.int32),
                        "target": group.rows.target[members].astype(np.float32),
                        "score": predict_scores(estimator, x, kind).astype(np.float32),
                    }
                )
            )
        result = msgspec.structs.replace(
            self._result(),
            n_train=len(training.y),
            n_test=sum(map(len, parts)),
            n_columns=training.x.shape[1],
            fit_seconds=fitted - started,
            predict_seconds=time.process_time() - fitted,
            warm_up_seconds=warmed_up,
        )
        return result, pd.concat(parts, ignore_index=True)

    def tested(self, target: int) -> list[int]:
        """Glasses of a group that this fit is tested on: all, or those held out if it shares glasses with a source."""
        groups = groups_of(self.plan)
        glasses = groups.identities(target)
        if any(source == target or groups.shared(source, target) for source in self.sources):
            glasses = [glass for glass in glasses if groups.fold[glass] == self.hold]
        taken = {glass for source in self.sources for glass in self.learnt(source)}
        if taken & set(glasses):
            raise SplitError(f"glasses must not be learnt from and tested on, but {sorted(taken & set(glasses))} are")
        return glasses

    def learnt(self, source: int) -> list[int]:
        """Glasses of a group that this fit learns from."""
        groups = groups_of(self.plan)
        free = [glass for glass in groups.identities(source) if groups.fold[glass] != self.hold]
        order = np.random.default_rng([self.plan.seed, self.hold, 7]).permutation(len(free))
        return sorted(free[place] for place in order[: glasses_per_fit(self.plan)])

    def training(self) -> Training:
        """Rows to learn from, as many of each source as can be."""
        groups, alignment = groups_of(self.plan), alignment_of(self.plan)
        x, y, glass = [], [], []
        for place, source in enumerate(self.sources):
            group, identity = groups.groups[source], groups.identity_of_rows(source)
            chosen = self._drawn(np.flatnonzero(np.isin(identity, self.learnt(source))), place)
            x.append(matrix_of(group, alignment)[chosen])
            y.append(group.rows.target[group.members()[chosen]])
            glass.append(identity[chosen])
        kind, image = groups.groups[0].rows.task.kind, feature_sets[self.plan.features].image
        return Training(kind, np.vstack(x), np.concatenate(y), np.concatenate(glass), self.plan.seed, image)

    def _drawn(self, rows: NDArray[np.int64], place: int) -> NDArray[np.int64]:
        """The part of a source in the rows that every fit learns from, at random; ``place`` is that of the source."""
        total, n = rows_per_fit(self.plan), len(self.sources)
        part = total // n + (place < total % n)
        order = np.random.default_rng([self.plan.seed, self.hold, 3]).permutation(len(rows))
        return np.sort(rows[order[:part]])

    def ended(self, state: State, reason: str) -> Result:
        """A result without scores."""
        return msgspec.structs.replace(self._result(), state=state, reason=reason)

    def _result(self) -> Result:
        plan, group = self.plan, groups_of(self.plan).groups[self.sources[0]]
        cell = Cell(group.task, plan.features, plan.family, "glass", self.hold, plan.seed, plan.max_train_rows)
        return empty_result(cell, key=self.key, split="transfer", settings={"from": self.names(), "by": plan.by})

    def names(self) -> list[str]:
        """Of the sources."""
        return [groups_of(self.plan).groups[source].name for source in self.sources]


def keep_model(estimator: object, path: Path) -> None:
    """Write a fitted estimator as a pickle; one that cannot be written is left out."""
    import pickle

    from zoo._files import atomic_write

    try:
        with atomic_write(path) as stream:
            pickle.dump(estimator, stream)
    except OSError:
        raise  # a full disk
    except Exception:  # whatever objects of a library may raise when they are pickled; the fit is worth more
        return


def fits_of(plan: Plan) -> list[Fit]:
    """Every fit of a matrix: one for each fold of each group, then those that leave one group out.

    Raises
    ------
    TransferError
        Groups are too small, or columns cannot be compared.
    """
    groups = groups_of(plan)
    glasses_per_fit(plan)
    everyone = tuple(range(len(groups)))
    fits = [Fit(plan, (source,), everyone, fold) for source in everyone for fold in groups.folds(source)]
    if plan.others and len(groups) > 2:
        fits += [
            Fit(plan, tuple(k for k in everyone if k != target), (target,), fold)
            for target in everyone
            for fold in _folds_without(groups, target)
        ]
    return [replace(fit, key=_key(fit)) for fit in fits]


def with_models(fits: Sequence[Fit], folder: Path) -> list[Fit]:
    """The same fits; the first of each source (a group, or all groups but one) keeps its estimator in the folder."""
    first = {fit.sources: fit.key for fit in reversed(fits)}
    return [replace(fit, models=folder) if first[fit.sources] == fit.key else fit for fit in fits]


def _folds_without(groups: Groups, target: int) -> list[int]:
    """Folds that leave-one-group-out fits hold out: all where glasses are shared, otherwise two draws."""
    shares = any(groups.shared(target, other) for other in range(len(groups)) if other != target)
    return groups.folds(target)[: None if shares else 2]


def _key(fit: Fit) -> str:
    """Hash of everything that the predictions depend on."""
    groups, plan = groups_of(fit.plan), fit.plan
    parts: list[object] = [VERSION, plan.family, model_families[plan.family].version, alignment_of(plan)]
    parts += [rows_per_fit(plan), plan.seed, fit.hold]
    for number, group in enumerate(groups):
        learnt = fit.learnt(number) if number in fit.sources else []
        tested = fit.tested(number) if number in fit.targets else []
        if learnt or tested:
            parts.append([number, *identity_of(group), learnt, tested])
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def identity_of(group: Group) -> list[object]:
    """What the rows of a group are made of: task, targets, columns and data."""
    rows, entry = group.rows, feature_sets[group.features]
    return [msgspec.to_builtins(rows.task), entry.name, entry.version, group.glasses, rows.dataset.card.content_hash]
