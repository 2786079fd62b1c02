"""Suites: which feature sets and families are scored on which tasks, under one budget."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from zoo._files import parse_declaration, read_toml
from zoo.benchmark.task import read_task
from zoo.errors import UnknownNameError
from zoo.features.declaration import feature_sets
from zoo.models.declaration import model_families
from zoo.paths import content_root

SplitKind = Literal["glass", "random"]
Mode = Literal["default", "tuned", "ensembled"]


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """Every feature set with every family on one task: a name, or a TOML file seen from the file of the suite.

    ``modes``: those of the suite by default.
    """

    task: str
    features: Annotated[list[str], Meta(min_length=1)]
    families: Annotated[list[str], Meta(min_length=1)]
    modes: tuple[Mode, ...] = ()


class Suite(Struct, frozen=True, forbid_unknown_fields=True):
    """Declaration of a suite.

    ``max_train_rows`` (0: no limit) caps the training rows of a fold, drawn at random from its training glasses.
    ``cell_seconds`` is the wall time after which a cell is stopped, ``cell_mb`` the memory that it may add to that of
    its process (0: the worker's share of the machine's; not enforced on macOS). With ``random_split`` every cell of
    default mode also runs on a leaking random split, to show its optimism. In mode *tuned* the settings of a family are
    searched for first, on the training glasses: at most ``trials`` and ``tune_seconds`` of wall time for each cell.
    Mode *ensembled* searches in the same way and joins the best settings found in an AutoGluon ensemble.
    """

    name: str
    title: str
    entries: Annotated[list[Entry], Meta(min_length=1)]
    seed: Annotated[int, Meta(ge=0)] = 0
    max_train_rows: Annotated[int, Meta(ge=0)] = 0
    cell_seconds: Annotated[int, Meta(ge=1)] = 300
    cell_mb: Annotated[int, Meta(ge=0)] = 0
    random_split: bool = True
    modes: Annotated[tuple[Mode, ...], Meta(min_length=1)] = ("default",)
    trials: Annotated[int, Meta(ge=1)] = 30
    tune_seconds: Annotated[int, Meta(ge=1)] = 120
    description: str = ""


@dataclass(frozen=True)
class Cell:
    """One fit: a family on a feature set, on one fold of a task under one split.

    ``trials`` and ``tune_seconds`` are 0 in default mode.
    """

    task: str
    features: str
    family: str
    split: SplitKind
    fold: int
    seed: int
    max_train_rows: int
    mode: Mode = "default"
    trials: int = 0
    tune_seconds: int = 0


def suite_names() -> list[str]:
    """Names of all suites in ``benchmarks/suites``."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def read_suite(name: str) -> Suite:
    """A suite by name, or from a TOML file; every name in it is looked up.

    Raises
    ------
    UnknownNameError, DeclarationError
    """
    path = Path(name) if name.endswith(".toml") else _folder() / f"{name}.toml"
    if not path.is_file() and not name.endswith(".toml"):
        raise UnknownNameError("suite", name, suite_names())
    suite = parse_declaration(read_toml(path), Suite, path)
    suite = replace(suite, entries=[replace(entry, task=_task_of(entry, path)) for entry in suite.entries])
    for entry in suite.entries:
        read_task(entry.task)
        for features in entry.features:
            feature_sets[features]
        for family in entry.families:
            model_families[family]
    return suite


def cells_of(suite: Suite) -> list[Cell]:
    """Every cell of a suite, once."""
    cells = [
        Cell(entry.task, features, family, split, fold, suite.seed, suite.max_train_rows, mode, *budget)
        for entry in suite.entries
        for features in entry.features
        for family in entry.families
        for mode in entry.modes or suite.modes
        for split, budget in _ways(suite, mode)
        for fold in range(read_task(entry.task).folds)
    ]
    return list(dict.fromkeys(cells))


def _ways(suite: Suite, mode: Mode) -> list[tuple[SplitKind, tuple[int, int]]]:
    """Splits of a mode, and its budget."""
    if mode != "default":
        return [("glass", (suite.trials, suite.tune_seconds))]
    return [("glass", (0, 0)), ("random", (0, 0))] if suite.random_split else [("glass", (0, 0))]


def _task_of(entry: Entry, suite: Path) -> str:
    return str((suite.parent / entry.task).resolve()) if entry.task.endswith(".toml") else entry.task


def _folder() -> Path:
    return content_root() / "benchmarks" / "suites"
