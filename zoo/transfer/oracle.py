"""Labels as predictions: what a perfect model of one group would score on another, where both know the same glasses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.transfer.groups import Group, Groups
from zoo.transfer.scores import METRIC, score_cell

if TYPE_CHECKING:
    import pandas as pd


def oracle_of(groups: Groups, source: int, target: int) -> float | None:
    """Score of the source's own values as predictions for the target, on the atoms that have both."""
    import pandas as pd

    first, second = groups.groups[source], groups.groups[target]
    kinds = {first.rows.dataset.card.kind, second.rows.dataset.card.kind}
    if not groups.shared(source, target) or kinds != {"glasses"}:
        return None
    values = _values(first, groups)
    labels = pd.Series(second.rows.target[second.members()], index=_atoms(second, groups))
    both = pd.concat([values, labels], axis=1, join="inner", keys=["score", "target"]).dropna().reset_index()
    if both.empty:
        return None
    task = second.rows.task
    kept = score_cell(task.kind, [both.rename(columns={"level_0": "glass"})], task.score_by == "glass", groups.fold)
    return kept.scores.get(METRIC[task.kind])


def _values(group: Group, groups: Groups) -> pd.Series:
    """What the labels of a group are made of, larger where the label is; by glass and atom."""
    import pandas as pd

    rows, task = group.rows, group.rows.task
    fields = [rows.dataset.glasses[name].fields for name in rows.glass_names]
    value = np.concatenate([np.mean([of[name].values.astype(float) for name in group.target], axis=0) for of in fields])
    sign = -1.0 if task.label.rule in ("bottom-fraction", "minus-log10") else 1.0
    return pd.Series(sign * value[rows.source[group.members()]], index=_atoms(group, groups))


def _atoms(group: Group, groups: Groups) -> pd.MultiIndex:
    """Identity of the glass and number of the atom in it, of every row."""
    import pandas as pd

    rows = group.rows
    sizes = [len(rows.dataset.glasses[name]) for name in rows.glass_names]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    members = group.members()
    glass = rows.glass[members]
    identity = np.array([groups.identity[group.task, k] for k in range(len(sizes))])
    return pd.MultiIndex.from_arrays([identity[glass], rows.source[members] - first[glass]])
