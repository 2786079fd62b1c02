"""Writing what was imported: a folder with a card, tasks and a suite that scores it, whole or not at all."""

from __future__ import annotations

import datetime
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo._files import sha256_of
from zoo.datasets.card import ColumnCard
from zoo.errors import DatasetError
from zoo.glass import Glass

if TYPE_CHECKING:
    import pandas as pd

NOT_STATED = "not stated"
MOST_FOLDS = 5
GLASS_FEATURES = {"species": 0.0, "coordination": 3.8, "radial-coarse": 9.0, "voronoi": 0.0}
"""Feature sets of the suite, and half of the height (Å) that the cell must have for each."""
CLASSIFIERS = ("prior", "logistic", "lightgbm")
REGRESSORS = ("prior", "ridge", "lightgbm")


@dataclass(frozen=True)
class Target:
    """What the written tasks predict; ``rule`` is a label rule of :class:`zoo.benchmark.task.Label`."""

    column: str
    rule: Literal["top-fraction", "flag", "value", "log10", "minus-log10"]
    title: str
    fraction: float = 0.0

    @property
    def kind(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return "classification" if self.rule in ("top-fraction", "flag") else "regression"


@dataclass(frozen=True)
class Import:
    """What was read, before it becomes a folder.

    Attributes
    ----------
    columns : list of ColumnCard
    glasses : dict of str to Glass
        With the columns as fields; empty for a table.
    table : DataFrame or None
    strata, origins : dict of str to str
        Of each glass.
    targets : list of Target
        One task is written for each.
    made : dict
        Where it comes from, for the card.
    notes : list of str
        What a reader of the card must know.
    remarks : list of str
        What is missing or doubtful, one sentence each, for the user now and for readers of the card.
    license, citation : str
        Of the source, where it has one; what the user states wins.
    """

    columns: list[ColumnCard]
    glasses: dict[str, Glass] = field(default_factory=dict)
    table: pd.DataFrame | None = None
    strata: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    made: dict[str, str | int | float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    license: str = ""
    citation: str = ""


@dataclass(frozen=True)
class Terms:
    """What only the user can say about the data."""

    name: str
    title: str = ""
    description: str = ""
    license: str = ""
    citation: str = ""
    quench_rate: float | None = None
    """K/s"""


@dataclass(frozen=True)
class Written:
    """The folder of a new data set, its suite (None where nothing can be scored) and what is missing."""

    folder: Path
    suite: Path | None
    remarks: list[str]


def write_import(found: Import, terms: Terms, output: Path, force: bool = False) -> Written:
    """Write a data set folder; a run that is killed leaves the old one, or none.

    Raises
    ------
    DatasetError
        The name is unusable, the folder exists, or what was written does not pass the checks of loading.
    """
    from zoo.datasets.load import load_dataset

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", terms.name):
        raise DatasetError(f"the name of a data set must be a word of letters, digits, . _ and -, got {terms.name!r}")
    remarks = [*found.remarks, *_missing(found, terms)]
    with _replaced_whole(output, force) as staged:
        files = _write_glasses(found, staged) if found.table is None else [_write_table(found, found.table, staged)]
        _write_toml(staged / "card.toml", _card(found, terms, files, remarks))
        tasks = [_write_task(found, target, terms, staged) for target in found.targets] if _folds(found) else []
        if tasks:
            _write_toml(staged / "suite.toml", _suite(found, terms, tasks))
        dataset = load_dataset(str(staged))
        _ = dataset.glasses if found.glasses else dataset.table
    return Written(output, output / "suite.toml" if tasks else None, remarks)


@contextmanager
def _replaced_whole(output: Path, force: bool) -> Iterator[Path]:
    """A folder beside ``output`` that takes its place if the block ends without an error."""
    if output.exists():
        is_data_set = (output / "card.toml").is_file()
        if not force:
            raise DatasetError(f"{output} exists already: choose another folder, or replace it with --force")
        if not is_data_set and (not output.is_dir() or any(output.iterdir())):
            raise DatasetError(f"{output} is no data set, so it is not replaced: choose another folder")
    output.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    old = staged.with_name(staged.name + ".old")
    try:
        staged.chmod(0o755)
        yield staged
        if output.exists():
            output.rename(old)
        staged.rename(output)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        if old.exists() and not output.exists():
            old.rename(output)
        raise


def _missing(found: Import, terms: Terms) -> list[str]:
    """One sentence for each thing that nobody has stated."""
    missing = []
    if not (terms.license or found.license):
        missing.append("No licence is stated (--license): nobody but you may use these data.")
    if not (terms.citation or found.citation):
        missing.append("No citation is stated (--citation): results on these data cannot be traced to a source.")
    if found.glasses and terms.quench_rate is None:
        missing.append(
            "No quench rate is stated (--quench-rate, K/s): how relaxed these glasses are, readers cannot know."
        )
    unstated = [column.name for column in found.columns if column.unit == NOT_STATED]
    if unstated:
        missing.append(f"No unit is stated for {', '.join(unstated)} (--target NAME=UNIT).")
    count = len(_independent(found))
    if count < 2:
        missing.append(
            f"A split by glass needs at least 2 independent glasses, here is {count}: "
            "the data can be loaded and checked, not scored."
        )
    elif count < MOST_FOLDS:
        missing.append(f"{count} independent glasses are few: intervals over glasses will be rough.")
    return missing


def _independent(found: Import) -> list[str]:
    """Glasses of different origin."""
    if found.table is not None:
        (group,) = (column.name for column in found.columns if column.role == "group")
        return [str(name) for name in found.table[group].unique()]
    return list(dict.fromkeys(found.origins.get(name) or name for name in found.glasses))


def _folds(found: Import) -> int:
    """Folds of the written tasks; 0 where no split by glass can be made."""
    count = len(_independent(found))
    return min(MOST_FOLDS, count) if count > 1 else 0


def _write_glasses(found: Import, folder: Path) -> list[Path]:
    from zoo.formats.npz import write_npz

    names = {column.name for column in found.columns}
    for name, glass in found.glasses.items():
        fields = {key: entry for key, entry in glass.fields.items() if key in names}
        bare = Glass(glass.positions, glass.species, glass.cell, glass.periodic, fields, {"id": name})
        write_npz(folder / "glasses" / f"{name}.npz", bare, np.float32)
    return [folder / "glasses" / f"{name}.npz" for name in found.glasses]


def _write_table(found: Import, table: pd.DataFrame, folder: Path) -> Path:
    path = folder / "rows.parquet"
    names = [column.name for column in found.columns]
    table[names].reset_index(drop=True).to_parquet(path, index=False, compression="zstd")
    return path


def _card(found: Import, terms: Terms, files: list[Path], remarks: list[str]) -> dict[str, Any]:
    from msgspec import to_builtins

    from zoo._machine import versions

    def relative(path: Path) -> str:
        return f"glasses/{path.name}" if found.glasses else path.name

    glasses = [
        {
            "id": name,
            "file": f"glasses/{name}.npz",
            "stratum": found.strata.get(name, ""),
            "n_atoms": len(glass),
            "origin": found.origins.get(name, ""),
            "quench_rate": terms.quench_rate,
        }
        for name, glass in found.glasses.items()
    ]
    return {
        "name": terms.name,
        "version": "1",
        "title": terms.title or terms.name,
        "kind": "glasses" if found.glasses else "pairs",
        "description": terms.description or "Imported from files of its owner.",
        "license": terms.license or found.license or NOT_STATED,
        "citation": terms.citation or found.citation or NOT_STATED,
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "notes": [*found.notes, *remarks],
        "made": {"by": "zoo data import", **found.made, **versions("glass-zoo", "numpy", "pandas")},
        "files": [{"path": relative(p), "sha256": sha256_of(p), "bytes": p.stat().st_size} for p in files],
        "columns": [to_builtins(column) for column in found.columns],
        "glasses": glasses,
    }


def _write_task(found: Import, target: Target, terms: Terms, folder: Path) -> str:
    """Write one task and return its path seen from ``folder``."""
    part = f"-top{100 * target.fraction:g}" if target.fraction else ""
    name = f"{terms.name}-{re.sub(r'[^A-Za-z0-9._-]+', '-', target.column)}{part}"
    path = folder / "tasks" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    label = {"rule": target.rule, **({"fraction": target.fraction} if target.fraction else {})}
    _write_toml(
        path,
        {
            "name": name,
            "version": 1,
            "title": target.title,
            "kind": target.kind,
            "dataset": "..",
            "target": [target.column],
            "label": label,
            "folds": _folds(found),
            "score_by": "glass" if found.glasses else "fold",
        },
    )
    return f"tasks/{path.name}"


def _suite(found: Import, terms: Terms, tasks: list[str]) -> dict[str, Any]:
    from zoo.features.pair import COLUMNS

    if found.glasses:
        height = min(float(glass.heights[glass.periodic].min(initial=np.inf)) for glass in found.glasses.values())
        flat = any(glass.dimension == 2 for glass in found.glasses.values())
        features = [
            name for name, reach in GLASS_FEATURES.items() if reach <= height / 2 and not (flat and name == "voronoi")
        ]
    else:
        published = {column.name for column in COLUMNS} <= {c.name for c in found.columns if c.role == "feature"}
        features = ["pair"] if published else ["columns"]
    families = {"classification": list(CLASSIFIERS), "regression": list(REGRESSORS)}
    return {
        "name": terms.name,
        "title": terms.title or terms.name,
        "max_train_rows": 5000,
        "cell_seconds": 300,
        "entries": [
            {"task": task, "features": features, "families": families[target.kind]}
            for task, target in zip(tasks, found.targets, strict=True)
        ],
    }


def _write_toml(path: Path, content: dict[str, Any]) -> None:
    import tomli_w

    path.write_text(tomli_w.dumps(_without_empty(content)), encoding="utf-8")


def _without_empty(content: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null; empty values are the schema's defaults."""
    kept = {}
    for key, value in content.items():
        rows = (
            [_without_empty(row) if isinstance(row, dict) else row for row in value]
            if isinstance(value, list)
            else value
        )
        if value is not None and not (value in ("", [], {}) and key != "stratum"):
            kept[key] = rows
    return kept
