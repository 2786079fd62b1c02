"""The ladder of transfer: how far a target is from what a model has learnt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from zoo.datasets.reliability import DIRECTION
from zoo.transfer.groups import Group

if TYPE_CHECKING:
    from zoo.transfer.matrix import CellLine

RUNGS = {
    "same": "same composition and quench rate, other glasses",
    "rate": "new quench rate",
    "composition": "new composition of the same elements",
    "both": "new composition and quench rate",
    "system": "new alloy system",
    "direction": "other direction of loading, same glasses",
    "task": "other task",
}
"""The five rungs of Wang & Jain, Nat. Commun. 10, 5537 (2019), and two that change the question."""
ALIKE = 0.02
"""Parts of species that differ by less are one composition: a quench of few atoms rounds them."""


class Rung(Struct, frozen=True):
    """A rung: mean over its cells, the least and the largest of them, and the mean drop against in-domain scores."""

    rung: str
    title: str
    n_cells: int
    score: float
    least: float
    largest: float
    drop: float | None
    pairs: list[str]


def rung_of(source: Group, target: Group) -> str:
    """Which rung a pair of groups is on; empty where nothing is known about the glasses."""
    if source == target:
        return "same"
    if source.rows.task.label != target.rows.task.label or _question(source) != _question(target):
        return "task"
    if source.target != target.target:
        return "direction"
    a, b = dict(source.composition), dict(target.composition)
    if not a or not b:
        return ""
    if set(a) != set(b):
        return "system"
    new_composition = max(abs(a[kind] - b[kind]) for kind in a) > ALIKE
    new_rate = source.quench_rate != target.quench_rate
    if new_composition:
        return "both" if new_rate else "composition"
    return "rate" if new_rate else "same"


def _question(group: Group) -> set[str]:
    """Target columns without their direction of loading."""
    return {DIRECTION.sub("", name) for name in group.target}


def ladder_of(cells: Sequence[CellLine]) -> list[Rung]:
    """The rungs that occur in a matrix, from the nearest to the farthest."""
    rungs = []
    for name, title in RUNGS.items():
        here = [cell for cell in cells if cell.rung == name and cell.score is not None]
        if not here:
            continue
        values = [cell.score for cell in here if cell.score is not None]
        drops = [cell.drop for cell in here if cell.drop is not None]
        rungs.append(
            Rung(
                rung=name,
                title=title,
                n_cells=len(here),
                score=float(np.mean(values)),
                least=min(values),
                largest=max(values),
                drop=float(np.mean(drops)) if drops else None,
                pairs=[
                    f"{cell.source} → {cell.target}" if cell.source != cell.target else cell.source for cell in here
                ],
            )
        )
    return rungs
