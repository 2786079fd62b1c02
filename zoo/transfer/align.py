"""Columns that mean the same in every group: species by name where they are the same, by size where they are not.

See ``docs/decisions/0013-species-by-size.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np

from zoo.benchmark.cell import feature_matrix, features_decline
from zoo.errors import GlassError, TransferError
from zoo.features.compute import cached_features
from zoo.features.declaration import FloatArray, feature_sets
from zoo.features.radii import FIELD, radii_of
from zoo.glass import Glass
from zoo.transfer.groups import Group, rows_of_targets

Alignment = Literal["names", "sizes", "table"]

RULES: dict[str, str] = {
    "names": "every group has the same species, or the columns name none: columns are compared by their names",
    "sizes": (
        "groups have different species: in every glass the species are called by the size of their atoms (Miracle's "
        "radii), the smallest first, and columns of the same size are compared"
    ),
    "table": "columns of a table, compared by their names",
}
SIZES = {1: ("any",), 2: ("1 small", "2 large"), 3: ("1 small", "2 middle", "3 large")}
"""What species are called; alphabetical order is that of size."""
SAME = 1e-3
"""Å; radii that differ by less tell no order."""


def choose_alignment(groups: Sequence[Group]) -> Alignment:
    """How the columns of a feature set are made comparable between groups.

    Raises
    ------
    TransferError
        They cannot be: another number of species, species without or of equal radius, other columns of a table, a set
        that is declined by the data of a group.
    """
    for group in groups:
        if reason := features_decline(group.features, group.rows):
            raise TransferError(f"{group.name}: {reason}")
    if groups[0].rows.dataset.card.kind == "pairs":
        _require_same_table(groups)
        return "table"
    kinds = {group.name: _kinds(group) for group in groups}
    everything = set().union(*kinds.values())
    entry = feature_sets[groups[0].features]
    names_no_species = entry.columns(("A", "B")) == entry.columns(("C", "D", "E"))
    if names_no_species or all(_kinds_of_dataset(group) == everything for group in groups):
        return "names"
    numbers = {name: {len(of_glass) for of_glass in _kinds_by_glass(group)} for name, group in _named(groups).items()}
    different = {number for found in numbers.values() for number in found}
    if len(different) > 1 or max(different) not in SIZES:
        text = ", ".join(f"{name} {'/'.join(map(str, sorted(found)))}" for name, found in numbers.items())
        raise TransferError(
            f"columns of {entry.name!r} belong to species, so all glasses must have the same number of them (at most "
            f"{max(SIZES)}), got {text}: take a set whose columns name no species, such as interstice"
        )
    for group in groups:
        for glass in group.glasses:
            _sizes(group.rows.dataset.in_angstrom(group.rows.glass_names[glass]), entry.name)
    return "sizes"


def matrix_of(group: Group, alignment: Alignment) -> FloatArray:
    """Feature matrix of the rows of a group, shape (n_rows, n_columns), float32."""
    members = group.members()
    if alignment != "sizes":
        return np.asarray(feature_matrix(group.task, group.features).matrix[members])
    return np.asarray(_matrix_by_size(group.task, group.target, group.features, group.glasses)[members])


@lru_cache(maxsize=16)
def _matrix_by_size(task: str, target: tuple[str, ...], features: str, glasses: tuple[int, ...]) -> FloatArray:
    """Matrix of all rows of a task, zero where a glass is not among ``glasses``."""
    rows = rows_of_targets(task, target)
    parts = []
    for number, name in enumerate(rows.glass_names):
        glass = rows.dataset.in_angstrom(name)
        if number in glasses:
            renamed, sizes = by_size(glass, features)
            parts.append(cached_features(features, renamed, sizes).load())
        else:
            parts.append(np.zeros((len(glass), parts[0].shape[1] if parts else 0), np.float32))
    width = max(part.shape[1] for part in parts)
    parts = [part if part.shape[1] else np.zeros((len(part), width), np.float32) for part in parts]
    return np.asarray(np.concatenate(parts)[rows.source])


def by_size(glass: Glass, features: str) -> tuple[Glass, tuple[str, ...]]:
    """The glass with species called by their size, which brings its radii along, and all of these names."""
    names = _sizes(glass, features)
    species = np.array([names[str(kind)] for kind in glass.species])
    radii = radii_of(glass).astype(np.float32)
    renamed = Glass(glass.positions, species, glass.cell, glass.periodic, glass.fields, glass.metadata)
    return renamed.with_fields(**{FIELD: (radii, "Å")}), SIZES[len(names)]


def _sizes(glass: Glass, features: str) -> dict[str, str]:
    """What each species is called.

    Raises
    ------
    TransferError
        The radius of a species is not known, or two are equal.
    """
    try:
        radii = radii_of(glass)
    except GlassError as error:
        raise TransferError(
            f"columns of {features!r} belong to species, which must be put in order of size: {error}"
        ) from None
    mean = {str(kind): float(radii[glass.species == kind].mean()) for kind in glass.kinds}
    order = sorted(mean, key=lambda kind: mean[kind])
    for first, second in pairwise(order):
        if mean[second] - mean[first] < SAME:
            raise TransferError(
                f"columns of {features!r} belong to species, which must differ in size, but {first} and {second} both "
                f"have a radius of {mean[first]:.3f} Å: take a set whose columns name no species, such as interstice"
            )
    return dict(zip(order, SIZES[len(order)], strict=True))


def _named(groups: Sequence[Group]) -> dict[str, Group]:
    return {group.name: group for group in groups}


def _kinds_by_glass(group: Group) -> list[tuple[str, ...]]:
    glasses = group.rows.dataset.glasses
    return [glasses[group.rows.glass_names[glass]].kinds for glass in group.glasses]


def _kinds(group: Group) -> set[str]:
    return {kind for kinds in _kinds_by_glass(group) for kind in kinds}


def _kinds_of_dataset(group: Group) -> set[str]:
    return {kind for glass in group.rows.dataset.glasses.values() for kind in glass.kinds}


def _require_same_table(groups: Sequence[Group]) -> None:
    entry = feature_sets[groups[0].features]
    names = {}
    for group in groups:
        card = group.rows.dataset.card
        if card.kind != "pairs":
            raise TransferError(f"tables of pairs and glasses cannot be compared: {group.name} holds glasses")
        units = {column.name: column.unit for column in card.columns}
        found = [column.name for column in entry.columns(tuple(card.names("feature")))]
        names[group.name] = [(name, units.get(name, "")) for name in found]
    first = groups[0].name
    for name, columns in names.items():
        if columns != names[first]:
            odd = sorted({*columns} ^ {*names[first]})
            where = odd[0][0] if odd else "the order of columns"
            raise TransferError(
                f"columns of {entry.name!r} must be the same in every group, but {first} and {name} differ in {where}"
            )
