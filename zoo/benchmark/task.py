"""Tasks: a data set, what is predicted, how it becomes a label, and how glasses are split."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from zoo._files import parse_declaration, read_toml
from zoo.datasets.load import Dataset, load_dataset
from zoo.errors import TaskError, UnknownNameError
from zoo.models.declaration import TaskKind
from zoo.paths import content_root


class Label(Struct, frozen=True, forbid_unknown_fields=True):
    """How target columns become a label.

    Several target columns are averaged first. ``rule``: *top-fraction* and *bottom-fraction* mark the largest or
    smallest ``fraction`` of each glass; *flag* takes a column of zeros and ones; *value* predicts the number itself;
    *log10* and *minus-log10* its logarithm. With ``pooled`` a fraction is one of all glasses together: such labels
    mostly tell glasses apart where their means differ.
    """

    rule: Literal["top-fraction", "bottom-fraction", "flag", "value", "log10", "minus-log10"]
    fraction: float = 0.0
    pooled: bool = False


class Task(Struct, frozen=True, forbid_unknown_fields=True):
    """Declaration of a task; thresholds are part of its version.

    ``species``: atoms of these only; all of them if it is empty. ``inputs``: other targets of the data set that
    descriptors may read here, such as barriers that were searched beforehand; every descriptor is scored on the rows
    where all of them are known. ``score_by``: *glass* averages the metric over glasses, *fold* over folds, where single
    glasses hold too few rows.
    """

    name: str
    version: int
    title: str
    kind: TaskKind
    dataset: str
    target: Annotated[list[str], Meta(min_length=1)]
    label: Label
    folds: Annotated[int, Meta(ge=2)]
    score_by: Literal["glass", "fold"]
    description: str = ""
    species: list[str] = []
    inputs: list[str] = []
    seed: int = 0

    @property
    def data_name(self) -> str:
        """Name of the data set; that of its folder, where the task names a folder."""
        return Path(self.dataset).name


@dataclass(frozen=True)
class TaskRows:
    """Every row of a task: those rows of the data set that are labelled.

    Attributes
    ----------
    task : Task
    dataset : Dataset
    target : ndarray of shape (n_rows,), float64
        0 or 1 for classes.
    glass : ndarray of shape (n_rows,), int32
        Index of the row's glass in ``glass_names``.
    glass_names : list of str
    stratum : list of str
        Of each glass; kept balanced between folds.
    source : ndarray of shape (n_rows,), int64
        Which row of the data set each one is, counted over all its glasses or down its table.
    states : ndarray of shape (n_rows, 1 or 2), int64, or None
        End states of a pair, numbered over the whole table.
    origin : list of str
        Of each glass; glasses of one origin are never parted. Empty: every glass is of its own.
    """

    task: Task
    dataset: Dataset
    target: NDArray[np.float64]
    glass: NDArray[np.int32]
    glass_names: list[str]
    stratum: list[str]
    source: NDArray[np.int64]
    states: NDArray[np.int64] | None = None
    origin: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.target)


def task_names() -> list[str]:
    """Names of all tasks in ``benchmarks/tasks``."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def read_task(name: str) -> Task:
    """Declaration of a task by name, or from a TOML file; there, a data set that begins with a dot is a folder seen
    from the file.

    Raises
    ------
    UnknownNameError, DeclarationError, TaskError
        Unknown task; broken file; the label rule does not fit the kind of task.
    """
    path = Path(name) if name.endswith(".toml") else _folder() / f"{name}.toml"
    if not path.is_file() or not (name.endswith(".toml") or name in task_names()):
        raise UnknownNameError("task", name, task_names())
    task = parse_declaration(read_toml(path), Task, path)
    if name.endswith(".toml") and task.dataset.startswith("."):
        task = replace(task, dataset=str((path.parent / task.dataset).resolve()))
    makes_classes = task.label.rule in ("top-fraction", "bottom-fraction", "flag")
    if makes_classes != (task.kind == "classification"):
        raise TaskError(f"{path}: label rule {task.label.rule!r} does not make a {task.kind} target")
    if task.label.rule.endswith("-fraction") and not 0 < task.label.fraction < 1:
        raise TaskError(f"{path}: the fraction of a {task.label.rule} label must lie between 0 and 1")
    return task


def load_rows(task: Task) -> TaskRows:
    """Load the data set of a task and make its labels.

    Raises
    ------
    TaskError
        A target column is unknown or no target, a value is not finite, or the classes are not two.
    """
    dataset = load_dataset(task.dataset)
    targets = dataset.card.names("target")
    for name in task.target:
        if name not in targets:
            raise TaskError(f"task {task.name}: {name!r} is no target of {task.dataset}; targets: {', '.join(targets)}")
    _require_fair_inputs(task, dataset)
    rows = _rows_of_pairs(task, dataset) if dataset.card.kind == "pairs" else _rows_of_atoms(task, dataset)
    if not np.isfinite(rows.target).all():
        raise TaskError(
            f"task {task.name}: the target must be finite, but it is not in {int((~np.isfinite(rows.target)).sum())} "
            f"rows (rule {task.label.rule})"
        )
    if task.kind == "classification" and set(np.unique(rows.target)) != {0.0, 1.0}:
        raise TaskError(f"task {task.name}: labels must be of two classes, got {np.unique(rows.target)[:5].tolist()}")
    return rows


def _rows_of_atoms(task: Task, dataset: Dataset) -> TaskRows:
    entries = dataset.card.glasses
    fields = [dataset.glasses[entry.id].fields for entry in entries]
    values = [np.stack([of[name].values.astype(np.float64) for name in task.target]).mean(axis=0) for of in fields]
    glass = np.repeat(np.arange(len(entries), dtype=np.int32), [len(value) for value in values])
    value = np.concatenate(values)
    source = _labelled_rows(task, dataset, value)
    for name in task.inputs:
        source = source[np.isfinite(np.concatenate([of[name].values for of in fields])[source])]
    if task.species:
        species = np.concatenate([dataset.glasses[entry.id].species for entry in entries])
        _require_known_species(task, np.unique(species).tolist())
        source = source[np.isin(species[source], task.species)]
    return TaskRows(
        task,
        dataset,
        target=_label(task.label, value[source], glass[source]),
        glass=glass[source],
        glass_names=[entry.id for entry in entries],
        stratum=[entry.stratum for entry in entries],
        source=source,
        origin=[entry.origin or f"glass {entry.id}" for entry in entries],
    )


def _require_fair_inputs(task: Task, dataset: Dataset) -> None:
    possible = [name for name in dataset.card.names("target") if name not in task.target]
    for name in task.inputs:
        if name not in possible or dataset.card.kind == "pairs":
            raise TaskError(
                f"task {task.name}: inputs must be targets of the glasses of a data set other than what is predicted, "
                f"got {name!r} of {task.dataset}"
            )


def _require_known_species(task: Task, known: list[str]) -> None:
    unknown = sorted(set(task.species) - set(known))
    if unknown:
        raise TaskError(
            f"task {task.name}: species must occur in {task.dataset}, which holds {', '.join(known)}, got {unknown[0]}"
        )


def _rows_of_pairs(task: Task, dataset: Dataset) -> TaskRows:
    if task.species:
        raise TaskError(f"task {task.name}: species select atoms of glasses, but {task.dataset} is a table of pairs")
    table = dataset.table
    (group,) = dataset.card.names("group")
    value = table[task.target].to_numpy(dtype=float).mean(axis=1)
    source = _labelled_rows(task, dataset, value)
    table = table.iloc[source]
    names, glass = np.unique(table[group].to_numpy(), return_inverse=True)
    ends = [table[name].to_numpy() for name in dataset.card.names("state")]
    named = np.array([[f"{g}/{end}" for g, end in zip(glass, column, strict=True)] for column in ends])
    _, states = np.unique(named, return_inverse=True)
    glass_names = [f"{name:g}" if isinstance(name, float) else str(name) for name in names]
    strata = {entry.id: entry.stratum for entry in dataset.card.glasses}
    origins = {entry.id: entry.origin for entry in dataset.card.glasses if entry.origin}
    return TaskRows(
        task,
        dataset,
        target=_label(task.label, value[source], glass),
        glass=glass.astype(np.int32),
        glass_names=glass_names,
        stratum=[strata.get(name, "") for name in glass_names],
        source=source,
        states=states.reshape(len(ends), -1).T,
        origin=[origins.get(name) or f"glass {name}" for name in glass_names],
    )


def _labelled_rows(task: Task, dataset: Dataset, value: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows with a label: all of them, unless the card says why values are missing."""
    may_miss = any(column.missing for column in dataset.card.columns if column.name in task.target)
    rows = np.flatnonzero(~np.isnan(value)) if may_miss else np.arange(len(value))
    if not len(rows):
        raise TaskError(f"task {task.name}: no row of {task.dataset} has a value of {', '.join(task.target)}")
    return rows


def _label(label: Label, value: NDArray[np.float64], glass: NDArray[np.integer]) -> NDArray[np.float64]:
    """Label of every row; ``glass`` tells which rows are ranked together."""
    if label.rule.endswith("-fraction"):
        order = -value if label.rule == "top-fraction" else value
        chosen = np.zeros(len(value))
        for number in [None] if label.pooled else np.unique(glass):
            rows = np.arange(len(value)) if number is None else np.flatnonzero(glass == number)
            chosen[rows[np.argsort(order[rows], kind="stable")[: max(1, round(label.fraction * len(rows)))]]] = 1.0
        return np.where(np.isfinite(value), chosen, np.nan)
    if label.rule in ("flag", "value"):
        return value.astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.log10(value)
    return logarithm if label.rule == "log10" else -logarithm


def _folder() -> Path:
    return content_root() / "benchmarks" / "tasks"
