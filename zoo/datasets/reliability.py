"""How reliable labels are, from measurements made more than once, and how well they can be predicted at most."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.load import Dataset

DIRECTION = re.compile(r"_(-?xy|-?xz|-?yz|xx|yy|zz)(?=_\d+\.\d+$)")
"""Of loading, as the labels of shear name it: ``d2min_-xy_0.020``."""
FEWEST_ROWS = 20
"""Of a glass with both measurements; fewer give no correlation worth averaging."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """Of one label.

    Attributes
    ----------
    label : str
        What the parts are averaged to.
    parts : tuple of str
        Names of the measurements that are compared.
    how : str
        In words.
    agreement : float
        Rank correlation between two parts within a glass, mean over glasses and pairs of parts.
    spread : (float, float)
        Least and largest of the glasses.
    reliability : float
        Of the mean over all parts: ``k r / (1 + (k - 1) r)`` for k parts.
    ceiling : float
        Square root of it: the largest correlation with the label that a model can reach who knows the true value.

    References
    ----------
    Spearman, Br. J. Psychol. 3, 271 (1910); Brown, ibid. 296.
    """

    label: str
    parts: tuple[str, ...]
    how: str
    agreement: float
    spread: tuple[float, float]

    @property
    def reliability(self) -> float:
        return spearman_brown(self.agreement, len(self.parts))

    @property
    def ceiling(self) -> float:
        return float(np.sqrt(self.reliability))


def spearman_brown(agreement: float, parts: int) -> float:
    """Reliability of a mean over ``parts`` measurements that correlate by ``agreement``; 0 where they do not."""
    agreement = max(0.0, agreement)
    return parts * agreement / (1 + (parts - 1) * agreement)


def label_reliability(dataset: Dataset, species: Sequence[str] = ()) -> list[Reliability]:
    """Reliability of every label that was measured more than once; of the atoms of some ``species``, if any is named.

    Three kinds of repetition are recognised: columns ``x_even`` and ``x_odd``, each from half of the searches or runs;
    columns that differ by the direction of shear only, whose agreement tells how much of their mean belongs to the atom
    rather than to the loading; tables of events with ``glass``, ``atom`` and a target, split into
    every second event.
    """
    from zoo.datasets.rows import rows_of

    rows = rows_of(dataset, "target")
    kept = np.ones(len(rows), bool)
    if species and dataset.card.kind == "glasses":
        kept = np.isin(np.concatenate([glass.species for glass in dataset.glasses.values()]), list(species))
    found = [
        _measure(label, parts, how, [rows.columns[part][kept] for part in parts], rows.group[kept])
        for label, parts, how in [*_halves(list(rows.columns)), *_directions(list(rows.columns))]
    ]
    found = found or list(_from_events(dataset))
    return [entry for entry in found if np.isfinite(entry.agreement)]


def _halves(names: list[str]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    for name in names:
        if name.endswith("_even") and f"{name[:-5]}_odd" in names:
            yield name[:-5], (name, f"{name[:-5]}_odd"), "two halves of the searches or runs"


def _directions(names: list[str]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        if DIRECTION.search(name):
            groups.setdefault(DIRECTION.sub("", name), []).append(name)
    for label, parts in groups.items():
        if len(parts) > 1:
            yield label, tuple(parts), f"{len(parts)} directions of shear"


def _from_events(dataset: Dataset) -> Iterator[Reliability]:
    for card in dataset.card.tables:
        names = {column.name for column in card.columns}
        targets = [column.name for column in card.columns if column.role == "target"]
        if not {"glass", "atom"} <= names or not targets:
            continue
        table = dataset.side_table(card.name)
        halves = table.groupby(["glass", "atom"]).cumcount() % 2
        for target in targets:
            means = table.groupby(["glass", "atom", halves])[target].mean().unstack()
            if means.shape[1] == 2:
                group = np.unique(means.index.get_level_values("glass"), return_inverse=True)[1]
                parts = [means[half].to_numpy(dtype=float) for half in (0, 1)]
                how = f"every second row of the table {card.name} against the others"
                yield _measure(f"{target} (mean per atom)", (f"{target} 1", f"{target} 2"), how, parts, group)


def _measure(
    label: str, parts: tuple[str, ...], how: str, values: list[Floats], group: NDArray[np.integer]
) -> Reliability:
    from zoo.datasets.statistics import rank_correlation

    of_glass = []
    for number in np.unique(group):
        of = group == number
        pairs = [
            rank_correlation(a[of], b[of])
            for a, b in combinations(values, 2)
            if (np.isfinite(a[of]) & np.isfinite(b[of])).sum() >= FEWEST_ROWS
        ]
        pairs = [pair for pair in pairs if np.isfinite(pair)]
        if pairs:
            of_glass.append(float(np.mean(pairs)))
    if not of_glass:
        return Reliability(label, parts, how, float("nan"), (float("nan"), float("nan")))
    return Reliability(label, parts, how, float(np.mean(of_glass)), (min(of_glass), max(of_glass)))
