"""What the tasks of a data set predict, and how their labels are distributed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.benchmark.task import Label, Task, load_rows, read_task, task_names
from zoo.errors import ZooError

RULES = {"flag": "a flag", "value": "the value", "log10": "log10", "minus-log10": "-log10"}


@dataclass(frozen=True)
class TaskSummary:
    """One task in numbers.

    Attributes
    ----------
    task : Task
    rule : str
        How targets become a label, in words.
    n_rows, n_glasses : int
    positive : float or None
        Share of class 1.
    values : (float, float, float) or None
        Least, median and largest value of a regression target.
    refused : str
        Why the task cannot be scored; the numbers are 0 then.
    """

    task: Task
    rule: str
    n_rows: int = 0
    n_glasses: int = 0
    positive: float | None = None
    values: tuple[float, float, float] | None = None
    refused: str = ""

    @property
    def text(self) -> str:
        """Label, rows, glasses and the balance or the span of the values, in a line."""
        if self.refused:
            return f"cannot be scored: {self.refused}"
        text = f"{self.rule}; {self.n_rows:,} rows of {self.n_glasses} glasses"
        if self.positive is not None:
            text += f", {100 * self.positive:.1f} % of class 1"
        if self.values is not None:
            text += f" from {self.values[0]:.3g} to {self.values[2]:.3g}, median {self.values[1]:.3g}"
        return text


def tasks_of(dataset: str) -> list[TaskSummary]:
    """Every task of a data set, by name."""
    tasks = [read_task(name) for name in task_names()]
    return [summarise(task) for task in tasks if task.dataset == dataset]


def summarise(task: Task) -> TaskSummary:
    """A task in numbers; one that is refused says why instead of failing."""
    rule = describe_label(task.label)
    try:
        rows = load_rows(task)
    except ZooError as error:
        return TaskSummary(task, rule, refused=str(error))
    if task.kind == "classification":
        return TaskSummary(task, rule, len(rows), len(rows.glass_names), positive=float(rows.target.mean()))
    low, middle, high = np.percentile(rows.target, [0, 50, 100]).tolist()
    return TaskSummary(task, rule, len(rows), len(rows.glass_names), values=(low, middle, high))


def describe_label(label: Label) -> str:
    """The rule of a label in words, such as ``largest 10 % of each glass``."""
    if label.rule in RULES:
        return RULES[label.rule]
    which = "largest" if label.rule == "top-fraction" else "smallest"
    return f"{which} {100 * label.fraction:g} % of {'all glasses together' if label.pooled else 'each glass'}"
