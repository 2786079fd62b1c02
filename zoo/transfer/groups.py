"""Groups of glasses that a model is carried between: strata, compositions, systems, directions of loading, tasks."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from msgspec.structs import replace as changed
from numpy.typing import NDArray

from zoo.benchmark.task import Task, TaskRows, load_rows, read_task
from zoo.datasets.reliability import DIRECTION
from zoo.errors import TransferError
from zoo.features.declaration import feature_sets

By = Literal["stratum", "composition", "system", "direction", "task"]


@dataclass(frozen=True)
class Group:
    """Rows of one task in some of its glasses.

    Attributes
    ----------
    name : str
    task : str
    target : tuple of str
        Target columns; those of the task unless it is one of several directions.
    glasses : tuple of int
        Indices into the glasses of the task.
    features : str
        Feature set; for images in the frame of a loading, the one of this group's direction.
    composition : dict of str to float
        Parts of the species, mean over glasses; empty for tables of pairs.
    quench_rate : float or None, K/s
    """

    name: str
    task: str
    target: tuple[str, ...]
    glasses: tuple[int, ...]
    features: str
    composition: tuple[tuple[str, float], ...] = ()
    quench_rate: float | None = None

    @property
    def rows(self) -> TaskRows:
        """Rows of the whole task with the labels of this group."""
        return rows_of_targets(self.task, self.target)

    def members(self) -> NDArray[np.int64]:
        """Row numbers of the group."""
        return np.flatnonzero(np.isin(self.rows.glass, self.glasses))


@dataclass(frozen=True)
class Groups:
    """All groups of a matrix, with every glass known by its identity.

    Attributes
    ----------
    groups : tuple of Group
    identity : dict of (task, glass) to int
        Two glasses of one identity are the same structure, or have a common origin, and are never parted.
    fold : dict of int to int
        Fold of each identity; the same in all groups that share glasses.
    """

    groups: tuple[Group, ...]
    identity: dict[tuple[str, int], int]
    fold: dict[int, int] = field(default_factory=dict)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)

    def identities(self, number: int) -> list[int]:
        """Of the glasses of a group, each once."""
        group = self.groups[number]
        return sorted({self.identity[group.task, glass] for glass in group.glasses})

    def identity_of_rows(self, number: int) -> NDArray[np.int64]:
        """Identity of the glass of every row of a group."""
        group = self.groups[number]
        table = np.array([self.identity[group.task, glass] for glass in range(len(group.rows.glass_names))])
        return np.asarray(table[group.rows.glass[group.members()]], np.int64)

    def shared(self, first: int, second: int) -> bool:
        """Whether two groups have a glass in common."""
        return bool(set(self.identities(first)) & set(self.identities(second)))

    def folds(self, number: int) -> list[int]:
        """Folds that the glasses of a group are dealt to."""
        return sorted({self.fold[identity] for identity in self.identities(number)})


MOST_FOLDS = 6
"""Folds of a group: one glass each, where there are no more glasses."""


@lru_cache(maxsize=16)
def rows_of_targets(task: str, target: tuple[str, ...]) -> TaskRows:
    """Rows of a task whose label is made of other target columns."""
    declared = read_task(task)
    return load_rows(declared if list(target) == declared.target else changed(declared, target=list(target)))


def make_groups(tasks: Sequence[str], by: By, features: str, only: Sequence[str] = ()) -> Groups:
    """Groups of one or several tasks.

    Parameters
    ----------
    tasks : sequence of str
    by : {"stratum", "composition", "system", "direction", "task"}
        What makes a group within each task; *composition* puts strata of one composition together, *system* those of
        the same elements, *direction* makes a group of every direction of loading of the same glasses.
    features : str
    only : sequence of str
        Names of the groups to keep; all by default.

    Raises
    ------
    TransferError
        There are fewer than two groups, a group holds one glass, or the tasks are of different kinds or named twice.
    """
    if len(set(tasks)) < len(tasks):
        raise TransferError(f"every task is named once, got {', '.join(tasks)}")
    kinds = {read_task(task).kind for task in tasks}
    if len(kinds) > 1:
        raise TransferError(f"tasks of one matrix must be of one kind, got {' and '.join(sorted(kinds))}")
    groups = [group for task in tasks for group in _groups_of(task, by, features)]
    names = Counter(group.name for group in groups)
    # two tasks about glasses of one stratum need both names
    groups = [
        group if names[group.name] == 1 else replace(group, name=f"{group.rows.task.name} {group.name}")
        for group in groups
    ]
    if unknown := [name for name in only if name not in {group.name for group in groups}]:
        raise TransferError(f"groups are {', '.join(group.name for group in groups)}; there is no {unknown[0]!r}")
    groups = [group for group in groups if not only or group.name in only]
    if len(groups) < 2:
        raise TransferError(
            f"a transfer matrix needs at least two groups, but {' and '.join(tasks)} by {by} has {len(groups)}: "
            "choose another --by, or name a second task"
        )
    found = Groups(tuple(groups), _identities(groups))
    for number, group in enumerate(groups):
        if len(found.identities(number)) < 2:
            raise TransferError(
                f"a group needs at least two independent glasses, one to learn from and one to be tested on, but "
                f"{group.name} holds one: leave it out with --only, or group by something coarser"
            )
    return Groups(found.groups, found.identity, _folds(found, read_task(tasks[0]).seed))


def _groups_of(task: str, by: By, features: str) -> list[Group]:
    declared = read_task(task)
    rows = rows_of_targets(task, tuple(declared.target))
    everything = tuple(range(len(rows.glass_names)))
    if by == "direction":
        return [
            _group(task, rows, direction, everything, _in_frame(features, direction), (column,))
            for direction, column in _directions(declared, rows).items()
        ]
    names = _names(rows, by)
    return [
        _group(task, rows, name, tuple(k for k in everything if names[k] == name), features)
        for name in dict.fromkeys(names)
    ]


def _group(
    task: str, rows: TaskRows, name: str, glasses: tuple[int, ...], features: str, target: tuple[str, ...] = ()
) -> Group:
    parts = [composition_of(rows, glass) for glass in glasses]
    species = sorted({kind for part in parts for kind in part})
    mean = tuple((kind, float(np.mean([part.get(kind, 0.0) for part in parts]))) for kind in species)
    rates = {entry.id: entry.quench_rate for entry in rows.dataset.card.glasses}
    rate = {rates.get(rows.glass_names[glass]) for glass in glasses}
    return Group(
        name,
        task,
        target or tuple(rows.task.target),
        glasses,
        features,
        mean if rows.dataset.card.kind == "glasses" else (),
        rate.pop() if len(rate) == 1 else None,
    )


def _names(rows: TaskRows, by: By) -> list[str]:
    """Name of the group of each glass."""
    if by == "task":
        return [rows.task.name] * len(rows.glass_names)
    if by == "stratum":
        if not any(rows.stratum):
            return [rows.task.name] * len(rows.glass_names)
        return rows.stratum
    if rows.dataset.card.kind == "pairs":
        raise TransferError(
            f"{rows.dataset.card.name} is a table of pairs, which has no {by}: group by stratum or by task"
        )
    parts = [composition_of(rows, glass) for glass in range(len(rows.glass_names))]
    if by == "system":
        return ["-".join(sorted(part)) for part in parts]
    return ["".join(f"{kind}{100 * part[kind]:.0f}" for kind in sorted(part)) for part in parts]


def composition_of(rows: TaskRows, glass: int) -> dict[str, float]:
    """Parts of the species of a glass; empty for a table of pairs."""
    if rows.dataset.card.kind == "pairs":
        return {}
    kinds, counts = np.unique(rows.dataset.glasses[rows.glass_names[glass]].species, return_counts=True)
    return {str(kind): float(count / counts.sum()) for kind, count in zip(kinds, counts, strict=True)}


def _directions(task: Task, rows: TaskRows) -> dict[str, str]:
    """Target column of each direction of loading that differs from the task's in nothing else."""
    labels = {DIRECTION.sub("", name) for name in task.target}
    columns = [name for name in rows.dataset.card.names("target") if DIRECTION.sub("", name) in labels]
    found = {match[1]: name for name in columns if (match := DIRECTION.search(name))}
    if not found:
        raise TransferError(f"task {task.name}: its target {task.target[0]!r} names no direction of loading")
    return found


def _in_frame(features: str, direction: str) -> str:
    """Images are turned into the frame of the loading; other sets do not know any direction."""
    base = re.sub(r"-(minus-xy|xz|yz|xx|yy)$", "", features)
    if not base.startswith("density-grid"):
        return features
    return base if direction == "xy" else feature_sets[f"{base}-{direction.replace('-', 'minus-')}"].name


def _identities(groups: Sequence[Group]) -> dict[tuple[str, int], int]:
    """Number of the structure of every glass of every task: those that share a key are one."""
    keys: dict[tuple[str, int], set[str]] = {}
    for group in groups:
        for glass in group.glasses:
            if (group.task, glass) not in keys:
                keys[group.task, glass] = _keys(group.rows, glass)
    number: dict[tuple[str, int], int] = {place: k for k, place in enumerate(keys)}
    holders: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for place, found in keys.items():
        for key in found:
            holders[key].append(place)
    for places in (places for places in holders.values() if len(places) > 1):
        low = min(number[place] for place in places)
        merged = {number[place] for place in places}
        number = {place: low if value in merged else value for place, value in number.items()}
    # tasks of all glasses, so that tables by row can be made
    for group in groups:
        for glass in range(len(group.rows.glass_names)):
            number.setdefault((group.task, glass), -1)
    return number


def _keys(rows: TaskRows, glass: int) -> set[str]:
    """What tells that a glass of another task is the same: origin, geometry, or inherent structures by name."""
    name, card = rows.glass_names[glass], rows.dataset.card
    origin = f"{card.name} {rows.origin[glass] if rows.origin else name}"
    if card.kind == "glasses":
        return {origin, rows.dataset.glasses[name].content_hash}
    table = rows.dataset.table.iloc[rows.source[rows.glass == glass]]
    states = {value for column in card.names("state") for value in table[column].tolist()}
    return {origin, *(f"{name}/{state!r}" for state in states)}


def _folds(groups: Groups, seed: int) -> dict[int, int]:
    """Deal identities to folds, together for groups that share glasses, those of most groups first."""
    fold: dict[int, int] = {}
    left = set(range(len(groups)))
    while left:
        cluster = {min(left)}
        while more := {k for k in left - cluster if any(groups.shared(k, other) for other in cluster)}:
            cluster |= more
        left -= cluster
        counts = Counter(identity for k in cluster for identity in groups.identities(k))
        n_folds = min(MOST_FOLDS, *(len(groups.identities(k)) for k in cluster))
        order = np.random.default_rng([seed, 11]).permutation(sorted(counts)).tolist()
        order.sort(key=lambda identity: -counts[identity])
        fold.update({identity: place % n_folds for place, identity in enumerate(order)})
    return fold
