"""What a score of 0 % and of 100 % is: a declared null control and the ceiling that label noise sets, frozen in a file.

Old scores must not move when somebody joins the board, so neither end is taken from the rows on it.
"""

from __future__ import annotations

import datetime
from itertools import permutations
from pathlib import Path

import numpy as np
from msgspec import Struct, to_builtins

from zoo._files import atomic_write, parse_declaration, read_toml
from zoo.benchmark.metrics import HEADLINE
from zoo.benchmark.task import Task, load_rows, read_task
from zoo.datasets.card import read_card
from zoo.datasets.load import Dataset, load_dataset
from zoo.datasets.registry import dataset_folder
from zoo.datasets.reliability import Reliability, label_reliability, spearman_brown
from zoo.datasets.rows import rows_of
from zoo.paths import content_root

GRID = 20_001


class Normaliser(Struct, frozen=True, forbid_unknown_fields=True):
    """Both ends of the scale of one version of a task on one version of its data.

    Attributes
    ----------
    metric : str
        The headline metric.
    null : float
        Score of the null control: what ordering the atoms at random gets.
    null_control : str
        Model family that has it.
    ceiling : float or None
        The best score that a model can expect which knows the true value of each atom; None where no label was measured
        twice.
    ceiling_of : str
        From what it was computed.
    frozen : str
        Date.
    """

    task: str
    task_version: int
    data_hash: str
    metric: str
    null: float
    null_control: str
    ceiling: float | None = None
    ceiling_of: str = ""
    frozen: str = ""

    def percent(self, score: float) -> float | None:
        """Score on a scale where the null control is 0 % and the ceiling is 100 %."""
        return None if self.ceiling is None else 100 * (score - self.null) / (self.ceiling - self.null)


class Normalisers(Struct, frozen=True, forbid_unknown_fields=True):
    """The file: a number that is raised whenever the way of measuring changes, and its entries, never edited."""

    version: int
    tasks: list[Normaliser]


def read_normalisers(path: Path | None = None) -> Normalisers:
    """The frozen ends of all tasks; empty where there is no such file."""
    path = path or normaliser_file()
    return parse_declaration(read_toml(path), Normalisers, path) if path.exists() else Normalisers(1, [])


def normaliser_of(task: Task, known: Normalisers | None = None) -> Normaliser | None:
    """The frozen entry of a task as it is declared now on the data as their card states them now, if there is one."""
    entries = (known or read_normalisers()).tasks
    data = read_card(dataset_folder(task.dataset)).content_hash
    fitting = (e for e in entries if (e.task, e.task_version, e.data_hash) == (task.name, task.version, data))
    return next(fitting, None)


def freeze(names: list[str], path: Path | None = None) -> list[Normaliser]:
    """Measure and keep both ends of tasks that have none; entries that are there stay as they are."""
    path = path or normaliser_file()
    known = read_normalisers(path)
    new = [measure(task) for task in map(read_task, names) if normaliser_of(task, known) is None]
    if new:
        import tomli_w

        tasks = [_declared(entry) for entry in [*known.tasks, *new]]
        with atomic_write(path) as stream:
            stream.write(tomli_w.dumps({"version": known.version, "tasks": tasks}).encode())
    return new


def measure(task: Task) -> Normaliser:
    """Both ends of a task, from its labels alone.

    Raises
    ------
    DatasetError, TaskError
        The data are not at hand, or make no labels.
    """
    rows = load_rows(task)
    card = rows.dataset.card
    null = float(np.mean(rows.target)) if task.kind == "classification" else 0.0
    ceiling, text = label_ceiling(task)
    return Normaliser(
        task=task.name,
        task_version=task.version,
        data_hash=card.content_hash,
        metric=HEADLINE[task.kind],
        null=round(null, 4),
        null_control="prior",
        ceiling=None if ceiling is None else round(ceiling, 4),
        ceiling_of=text,
        frozen=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def label_ceiling(task: Task) -> tuple[float | None, str]:
    """Best headline score that label noise allows, and from what; None where nothing was measured twice.

    For values: the square root of the reliability of the label (Spearman-Brown). For the atoms with the largest or
    smallest values: how well one measurement finds those of another gives the correlation ``r`` of two normal variables
    that would do so (:func:`ceiling_of_precision`); the label, a mean over ``k`` of them, then has the
    reliability ``k r / (1 + (k - 1) r)``, whose root is its correlation with the truth. A label under one direction of
    loading has no ceiling: what differs between directions is no noise for a model that knows its own.
    """
    dataset = load_dataset(task.dataset)
    found = next((entry for entry in label_reliability(dataset) if _is_of(entry, task)), None)
    if found is None or found.agreement <= 0:
        return None, ""
    k = len(task.target) if len(task.target) > 1 else len(found.parts)
    if task.kind == "regression":
        text = f"{found.how}, rank correlation {found.agreement:.2f}, mean of {k}"
        return float(np.sqrt(spearman_brown(found.agreement, k))), text
    if not task.label.rule.endswith("-fraction"):
        return None, ""
    precision = _agreement_of_extremes(task, dataset, found.parts)
    correlation = _correlation_of_precision(precision, task.label.fraction)
    text = f"{found.how}, of which one finds the extremes of another with AP {precision:.2f}, mean of {k}"
    return ceiling_of_precision(float(np.sqrt(spearman_brown(correlation, k))), task.label.fraction), text


def _agreement_of_extremes(task: Task, dataset: Dataset, parts: tuple[str, ...]) -> float:
    """Average precision of one measurement in finding the extremes of another, mean over pairs and glasses."""
    from zoo.benchmark.metrics import evaluate

    rows, sign = rows_of(dataset, "target"), 1.0 if task.label.rule == "top-fraction" else -1.0
    found = []
    for one, other in permutations(parts, 2):
        both = np.isfinite(rows.columns[one]) & np.isfinite(rows.columns[other])
        for glass in np.unique(rows.group[both]):
            of = both & (rows.group == glass)
            order = np.argsort(-sign * rows.columns[other][of], kind="stable")
            extreme = np.zeros(len(order))
            extreme[order[: max(1, round(task.label.fraction * len(order)))]] = 1
            found.append(evaluate("classification", extreme, sign * rows.columns[one][of])["average_precision"])
    return float(np.mean(found))


def _correlation_of_precision(precision: float, fraction: float) -> float:
    """Correlation of two normal variables of which one finds the largest ``fraction`` of the other so well."""
    from scipy.optimize import brentq

    if precision <= fraction:
        return 0.0
    return float(brentq(lambda r: ceiling_of_precision(r, fraction) - precision, 0.0, 1.0, xtol=1e-4))


def ceiling_of_precision(correlation: float, fraction: float) -> float:
    """Average precision of the true values in finding the largest ``fraction`` of values measured with noise.

    Truth and measurement are standard normal with the given ``correlation``; rows are called in the order of truth.

    Parameters
    ----------
    correlation : float, 0 to 1
    fraction : float, 0 to 1

    Returns
    -------
    float
        ``fraction`` for correlation 0, 1 for correlation 1.
    """
    from scipy.stats import norm

    if correlation >= 1:
        return 1.0
    called = (np.arange(GRID) + 0.5) / GRID
    truth = norm.isf(called)
    hit = norm.sf((norm.isf(fraction) - correlation * truth) / np.sqrt(1 - correlation**2))
    found = np.cumsum(hit)
    precision = found / np.arange(1, GRID + 1)
    return float((precision * hit).sum() / found[-1])


def normaliser_file() -> Path:
    """``benchmarks/normalisers.toml``."""
    return content_root() / "benchmarks" / "normalisers.toml"


def _is_of(entry: Reliability, task: Task) -> bool:
    return [entry.label] == task.target or (len(task.target) > 1 and set(task.target) <= set(entry.parts))


def _declared(entry: Normaliser) -> dict[str, object]:
    return {key: value for key, value in to_builtins(entry).items() if value is not None}
