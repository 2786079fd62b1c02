"""What could be reached at all: limits that noise of labels and blindness to the loading set to every model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from zoo.benchmark.cell import task_rows
from zoo.benchmark.metrics import evaluate_finite
from zoo.benchmark.task import TaskRows
from zoo.datasets.reliability import DIRECTION, label_reliability
from zoo.transfer.scores import ceiling, label_ceiling


@dataclass(frozen=True)
class Limit:
    """Of one task; ``value`` is a ROC AUC or a correlation, None where the label was measured once."""

    task: str
    value: float | None
    note: str

    def of_metric(self, metric: str) -> float | None:
        """As a metric: the square of a correlation for R², nothing for metrics that depend on a threshold."""
        if self.value is None:
            return None
        return {"roc_auc": self.value, "pearson": self.value, "spearman": self.value, "r2": self.value**2}.get(metric)


@lru_cache(maxsize=32)
def limit_of(task: str) -> Limit:
    """The limit of a task.

    Where the label is of one direction of loading the limit is that of a model that does not know the direction: it
    follows from how far labels of several directions agree. A model that knows it may exceed that.
    """
    rows = task_rows(task)
    target = rows.task.target
    if len(target) > 1 or not DIRECTION.search(target[0]):
        return Limit(task, *label_ceiling(rows, target))
    label = DIRECTION.sub("", target[0])
    entry = next((entry for entry in label_reliability(rows.dataset, rows.task.species) if entry.label == label), None)
    if entry is None:
        return Limit(task, None, "not known: one direction of loading")
    value = ceiling(rows.task.kind, entry.agreement, rows.task.label.fraction or None)
    note = (
        f"of a model that does not know the direction of loading: labels of two directions correlate by "
        f"{entry.agreement:.2f}. {_other_directions(rows, entry.parts)}"
    )
    return Limit(task, value if np.isfinite(value) else None, note)


def _other_directions(rows: TaskRows, parts: tuple[str, ...]) -> str:
    """How well the label of one direction finds what the others ask for, glass by glass."""
    if rows.task.kind != "classification":
        return ""
    found = []
    for part in parts:
        if part not in rows.task.target:
            fields = [rows.dataset.glasses[name].fields[part].values.astype(float) for name in rows.glass_names]
            value = np.concatenate(fields)[rows.source]
            of_glass = [
                evaluate_finite("classification", rows.target[at], value[at])["roc_auc"]
                for at in (rows.glass == number for number in range(len(rows.glass_names)))
            ]
            direction = DIRECTION.search(part)
            found.append(f"{direction[1] if direction else part} {np.mean(of_glass):.3f}")
    return f"The measured label of another direction, taken for a prediction, scores {', '.join(found)}."
