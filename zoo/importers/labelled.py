"""Structures whose labels are in a table (glass, id, label …) or in columns of the structure files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.card import ColumnCard
from zoo.errors import DatasetError
from zoo.glass import Glass
from zoo.importers.folder import NOT_STATED, Import, Target
from zoo.importers.sources import (
    composition,
    doubtful_lengths,
    names_of,
    provenance,
    read_structure,
    read_table,
    related_glasses,
)

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("glass", "id")


def import_labelled(
    structures: Sequence[Path],
    labels: Path | None,
    targets: Mapping[str, str],
    names: Sequence[str] = (),
    type_map: Mapping[int, str] | None = None,
    format: str | None = None,
    frame: int = -1,
    length_scale: float = 1.0,
) -> Import:
    """Read structures and the labels of their atoms.

    Parameters
    ----------
    structures : sequence of Path
        One file for each glass.
    labels : Path or None
        Table with the columns ``glass`` (name of the structure file without its ending, or one of ``names``), ``id``
        (of the atom in that file) and one for each label; None where the structure files hold the labels.
    targets : mapping of str to str
        Unit of each label to take; with a table, by default all of its columns of numbers, of unit "not stated".
    names, type_map, format, frame, length_scale
        As in :func:`zoo.importers.deformed.import_deformed`.

    Raises
    ------
    DatasetError, FileFormatError, GlassError
        An atom has no label or two, a label is no finite number, names or ids do not match.
    """
    names = names_of(structures, names)
    read = {
        name: read_structure(path, format, type_map, frame, length_scale)
        for name, path in zip(names, structures, strict=True)
    }
    if labels is None:
        if not targets:
            raise DatasetError("without a table of --labels, name the columns of the structure files with --target")
        units = dict(targets)
        values = {name: {label: _field(name, glass, label) for label in units} for name, (glass, _) in read.items()}
    else:
        table = _checked_keys(labels, read_table(labels), names)
        units = dict(targets) or dict.fromkeys(_numeric(labels, table), NOT_STATED)
        values = {
            name: _rows_of(labels, table[table["glass"] == name], name, glass, ids, list(units))
            for name, (glass, ids) in read.items()
        }
    glasses = {
        name: glass.with_fields(**{label: (values[name][label], unit or NOT_STATED) for label, unit in units.items()})
        for name, (glass, _) in read.items()
    }
    origins, related = related_glasses(glasses)
    found = [_values_of(glasses, label) for label in units]
    return Import(
        columns=[
            ColumnCard(label, unit or NOT_STATED, "target", "as its owner calls it") for label, unit in units.items()
        ],
        glasses=glasses,
        strata={name: composition(glass) for name, glass in glasses.items()},
        origins=origins,
        targets=[target for label, of_all in zip(units, found, strict=True) for target in targets_for(label, of_all)],
        made={**provenance(structures, "structure"), **(provenance([labels], "labels") if labels else {})},
        notes=[f"Lengths of the files are multiplied by {length_scale:g} Å."] if length_scale != 1.0 else [],
        remarks=[*(said for name, glass in glasses.items() for said in doubtful_lengths(name, glass)), *related],
    )


def targets_for(label: str, values: NDArray[np.float64]) -> list[Target]:
    """A class where the label is 0 or 1; else the value and the class of its largest 10 %; nothing for a constant."""
    distinct = np.unique(values)
    if len(distinct) < 2:
        return []
    if set(distinct.tolist()) == {0.0, 1.0}:
        return [Target(label, "flag", f"Which rows have {label}?")]
    return [
        Target(label, "value", f"How large is {label}?"),
        Target(label, "top-fraction", f"Which rows have the largest {label}?", 0.1),
    ]


def _values_of(glasses: Mapping[str, Glass], label: str) -> NDArray[np.float64]:
    return np.concatenate([glass.fields[label].values for glass in glasses.values()]).astype(np.float64)


def _field(name: str, glass: Glass, label: str) -> NDArray[np.float64]:
    if label not in glass.fields:
        known = ", ".join(glass.fields) or "none"
        raise DatasetError(f"{name}: the structure file must have the column {label!r}, its columns are: {known}")
    values = glass.fields[label].values
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise DatasetError(f"{name}: the column {label!r} must hold one number for each atom")
    return _finite(name, label, values.astype(np.float64))


def _finite(where: str, label: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise DatasetError(
            f"{where}: every atom needs a finite label, but {label!r} is {values[bad[0]]} for {len(bad)} of "
            f"{len(values)} atoms, the first is number {int(bad[0])} (from 0)"
        )
    return values


def _checked_keys(path: Path, table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    for key in KEYS:
        if key not in table.columns:
            raise DatasetError(
                f"{path} must have the columns glass and id, which say whose label a row is, "
                f"got {', '.join(table.columns)}"
            )
    table = table.assign(glass=table["glass"].astype(str).str.strip())
    strangers = sorted(set(table["glass"]) - set(names))
    if strangers:
        raise DatasetError(
            f"{path} labels the glass {strangers[0]!r}, but the structures are {', '.join(names)}: "
            "name them with --glass, in the order of the files"
        )
    try:
        table["id"] = table["id"].astype(np.int64)
    except (TypeError, ValueError):
        raise DatasetError(f"{path}: the column id must hold whole numbers") from None
    repeated = table.duplicated(list(KEYS))
    if repeated.any():
        row = table[repeated].iloc[0]
        raise DatasetError(
            f"{path} must label each atom once, but id {row['id']} of {row['glass']} has several rows "
            f"({int(repeated.sum())} too many)"
        )
    return table


def _numeric(path: Path, table: pd.DataFrame) -> list[str]:
    import pandas as pd

    found = [name for name in table.columns if name not in KEYS and pd.api.types.is_numeric_dtype(table[name])]
    if not found:
        raise DatasetError(f"{path} must have a column of numbers beside glass and id, got {', '.join(table.columns)}")
    return found


def _rows_of(
    path: Path, rows: pd.DataFrame, name: str, glass: Glass, ids: NDArray[np.int64] | None, labels: list[str]
) -> dict[str, NDArray[np.float64]]:
    """Labels of one glass in the order of its atoms."""
    missing = [label for label in labels if label not in rows.columns]
    if missing:
        raise DatasetError(f"{path} must have the column {missing[0]!r}, got {', '.join(rows.columns)}")
    if ids is None:  # atoms without ids are counted, from 0 or from 1
        first = int(rows["id"].min()) if len(rows) else 0
        ids = np.arange(len(glass)) + (first if first in (0, 1) else 0)
    unknown = sorted(set(rows["id"].tolist()) - set(ids.tolist()))
    if unknown:
        raise DatasetError(f"{path} labels id {unknown[0]} of {name}, an atom that its structure file does not have")
    ordered = rows.set_index("id").reindex(ids)
    unlabelled = len(ids) - len(rows)
    if unlabelled:
        absent = sorted(set(ids.tolist()) - set(rows["id"].tolist()))[0]
        raise DatasetError(
            f"{path} must label every atom, but {unlabelled} of the {len(ids)} atoms of {name} have no row, "
            f"the first is id {absent}"
        )
    try:
        values = {label: ordered[label].to_numpy(dtype=np.float64) for label in labels}
    except (TypeError, ValueError):
        raise DatasetError(f"{path}: labels of {name} must be numbers") from None
    return {label: _finite(f"{path}, {name}", label, of_label) for label, of_label in values.items()}
