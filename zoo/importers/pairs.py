"""A table of rows with identities: pairs of inherent structures, or atoms with features of the owner's making."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from zoo._files import parse_declaration, read_toml
from zoo.datasets.card import ColumnCard, Role
from zoo.errors import DatasetError
from zoo.importers.folder import NOT_STATED, Import
from zoo.importers.labelled import targets_for
from zoo.importers.sources import provenance, read_table


class Roles(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of roles: ``[[columns]]`` with name, unit, role, description and, of features, family."""

    columns: list[ColumnCard]


def roles_from_options(
    columns: Sequence[str],
    group: str,
    states: Sequence[str],
    targets: Mapping[str, str],
    features: Mapping[str, str],
) -> list[ColumnCard]:
    """Cards of the columns of a table; a column that is not named is an identity, which is never learnt from.

    Parameters
    ----------
    columns : sequence of str
        Of the table.
    group : str
        Column that says which glass a row is from.
    states : sequence of str
        One or two columns that name the row within its glass.
    targets, features : mapping of str to str
        Unit of each column; may be empty.
    """
    named: dict[str, Role] = {group: "group"}
    for state in states:
        named.setdefault(state, "state")
    for target in targets:
        named.setdefault(target, "target")
    clash = (set(named) & set(features)) | ({group, *states} & set(targets)) | ({group} & set(states))
    if clash:
        raise DatasetError(f"a column has one role, got several for {sorted(clash)[0]!r}")
    for feature in features:
        named[feature] = "feature"
    unknown = [name for name in named if name not in columns]
    if unknown:
        raise DatasetError(f"the table has no column {unknown[0]!r}, its columns are: {', '.join(columns)}")
    units = {**targets, **features}
    return [
        ColumnCard(
            name=name,
            unit=(units[name] or NOT_STATED) if name in units else "1",
            role=named.get(name, "identity"),
            description="as its owner calls it",
            family="columns" if name in features else "",
        )
        for name in columns
    ]


def roles_from_file(path: Path) -> list[ColumnCard]:
    """Cards of the columns from a TOML file with ``[[columns]]`` as in ``card.toml``.

    Raises
    ------
    DeclarationError
        The file is broken or a key is missing.
    """
    return parse_declaration(read_toml(path), Roles, path).columns


def import_table(path: Path, columns: Sequence[ColumnCard]) -> Import:
    """Check a table against the roles of its columns.

    Raises
    ------
    DatasetError, FileFormatError
        A role is missing, a value of a feature or target is no finite number, or rows lack a name of their own.
    """
    table = read_table(path)
    of_role = {
        role: [column.name for column in columns if column.role == role]
        for role in ("group", "state", "target", "feature", "identity")
    }
    absent = [column.name for column in columns if column.name not in table.columns]
    if absent:
        raise DatasetError(f"{path} has no column {absent[0]!r}, its columns are: {', '.join(table.columns)}")
    if len(of_role["group"]) != 1 or len(of_role["state"]) not in (1, 2):
        raise DatasetError(
            "a table needs one column of role group (which glass a row is from) and one or two of role state (what the "
            f"row is within it), got {len(of_role['group'])} and {len(of_role['state'])}"
        )
    for role in ("target", "feature"):
        if not of_role[role]:
            raise DatasetError(f"a table needs at least one column of role {role}: name it with --{role}")
    for name in of_role["target"] + of_role["feature"]:
        _require_numbers(path, name, table[name].to_numpy())
    numbers = {name: table[name].to_numpy(dtype=np.float64) for name in of_role["target"]}
    ignored = [name for name in table.columns if name not in {column.name for column in columns}]
    unused = [*of_role["identity"], *ignored]
    return Import(
        columns=list(columns),
        table=table,
        targets=[target for name, values in numbers.items() for target in targets_for(name, values)],
        made=provenance([path], "table"),
        remarks=[f"Never learnt from, as no role is given: {', '.join(unused)}."] if unused else [],
    )


def _require_numbers(path: Path, name: str, values: NDArray[Any]) -> None:
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        raise DatasetError(f"{path}: features and targets must be numbers, {name!r} is not") from None
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise DatasetError(
            f"{path}: features and targets must be finite, but {name!r} is not in {len(bad)} of {len(numbers)} rows, "
            f"the first is row {int(bad[0])} (from 0): fill it in or leave these rows out"
        )
