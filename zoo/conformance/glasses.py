"""The glasses that descriptors are tried on, and what is made of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ZooError
from zoo.features.declaration import FeatureSet
from zoo.glass import Field, Glass

ALL = slice(None)


def with_stored_fields(glass: Glass, entry: FeatureSet, seed: int = 0) -> Glass:
    """The glass with made-up values of the fields that a set reads, so that it can be tried without a simulation."""
    random = np.random.default_rng(seed)
    columns = entry.columns(glass.kinds)
    made = {}
    for name in entry.fields:
        if name not in glass.fields and name != "radius":
            own = (column.unit for column in columns if column.name.split(".")[-1].startswith(name))
            made[name] = (random.gamma(4.0, size=len(glass)), next(own, "eV" if name == "energy" else "1"))
    return glass.with_fields(**made)


def trial_glasses(dataset: str, most: int) -> list[Glass]:
    """The smallest glass of a data set, and up to ``most`` of its first stratum, without their stored fields.

    Raises
    ------
    ZooError
        There is no such data set, or it has no glasses.
    """
    from zoo.datasets.load import load_dataset

    found = load_dataset(dataset)
    if not found.card.glasses:
        raise ZooError(f"trials need glasses, and {dataset} has none: choose another data set")
    stratum = found.card.glasses[0].stratum
    glasses = [found.glasses[glass.id] for glass in found.card.glasses if glass.stratum == stratum][:most]
    bare = [Glass(glass.positions, glass.species, glass.cell, glass.periodic) for glass in glasses]
    return [min(bare, key=len), *bare]


def prepared(entry: FeatureSet, glasses: list[Glass]) -> list[Glass]:
    """All glasses :func:`with_stored_fields`, each with values of its own."""
    return [with_stored_fields(glass, entry, seed) for seed, glass in enumerate(glasses)]


def changed(
    glass: Glass,
    positions: NDArray[np.float64],
    cell: NDArray[np.float64] | None = None,
    atoms: slice | NDArray[np.int64] = ALL,
) -> Glass:
    """The glass with other positions, ``atoms`` of it with their fields, and perhaps another cell."""
    fields = {name: Field(entry.values[atoms], entry.unit) for name, entry in glass.fields.items()}
    return Glass(positions, glass.species[atoms], glass.cell if cell is None else cell, glass.periodic, fields)


def doubled(glass: Glass, axis: int) -> Glass:
    """The glass written twice side by side along a cell vector."""
    cell = glass.cell.copy()
    cell[axis] *= 2
    positions = np.concatenate([glass.positions, glass.positions + glass.cell[axis]])
    return changed(glass, positions, cell, np.tile(np.arange(len(glass)), 2))


def repeated(glass: Glass, at_least: int) -> Glass:
    """The glass written side by side along its cell vectors until it has so many atoms."""
    while len(glass) < at_least:
        glass = doubled(glass, int(np.argmin(np.where(glass.periodic, glass.heights, np.inf))))
    return glass
