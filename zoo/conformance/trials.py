"""The trials themselves: each changes a glass in a way that must not, or must only so far, change the columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.conformance.glasses import changed, doubled, repeated
from zoo.features.compute import checked_matrix, what_it_sees
from zoo.features.declaration import FeatureSet, FloatArray
from zoo.glass import Glass

if TYPE_CHECKING:
    from zoo.features.declaration import Column

TOLERANCE = 1e-3
"""Largest change of a column that is taken for rounding, in units of its standard deviation over the atoms."""
MEMORY = 40_000
"""Bytes per atom that computing a set may take: 4 GB for 100,000 atoms."""
LINE, PARTS, HALVINGS = 0.4, 4, 8
"""Å that an atom is moved, in so many parts, each of which is halved so often."""
CONFIDENCE = 5.0
"""Standard errors by which a classifier must beat chance to have found out which glass an atom is from."""

LARGE = 12_000
"""Atoms of the glass whose memory is measured, and of that which is changed far away."""
MIDDLE, FAR, SHAKE = 30, 0.45, 0.12
"""Atoms that are looked at while all beyond a part of the smallest height of the cell move by up to a part of the mean
spacing."""
OTHER_NAMES = ("Ag", "Al", "Au", "Be", "Ca", "Ce")
"""Elements; their alphabetical order is not that of the periodic table."""


@dataclass(frozen=True)
class Trial:
    """A question that every descriptor is asked.

    Attributes
    ----------
    name, title : str
    why : str
        What goes wrong with a descriptor that fails.
    run : callable of (FeatureSet, list of Glass) returning a sentence about what is wrong, or None
    """

    name: str
    title: str
    why: str
    run: Callable[[FeatureSet, list[Glass]], str | None]


class NotApplicable(Exception):
    """Raised by a trial that cannot be held with this descriptor or these glasses; the message says why."""


def _matrix(entry: FeatureSet, glass: Glass, kinds: tuple[str, ...] | None = None) -> FloatArray:
    kinds = kinds or glass.kinds
    return checked_matrix(entry, entry.compute(what_it_sees(entry, glass), kinds), len(glass), kinds)


def _same(entry: FeatureSet, glass: Glass, expected: FloatArray, found: FloatArray, what: str) -> str | None:
    """A sentence naming the column that changes most, if that is more than rounding."""
    scale = np.maximum(expected.std(axis=0), 1e-6 * np.abs(expected).max(axis=0) + 1e-12)
    change = np.abs(found.astype(np.float64) - expected) / scale
    if change.max() <= TOLERANCE:
        return None
    atom, at = np.unravel_index(int(change.argmax()), change.shape)
    return (
        f"column {_columns(entry, glass)[at].name!r} of atom {atom} (counted from 0) changes from "
        f"{expected[atom, at]:.6g} to {found[atom, at]:.6g} when {what}"
    )


def _columns(entry: FeatureSet, glass: Glass) -> tuple[Column, ...]:
    return entry.columns(glass.kinds)


def _contract(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    for glass in glasses:
        _matrix(entry, glass)
    return None


def _determinism(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    first, again = (_matrix(entry, glasses[0]) for _ in range(2))
    return None if np.array_equal(first, again) else "two calls give different numbers"


def _rotation(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    glass = glasses[0]
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(glass.dimension, glass.dimension)))[0]
    turn *= np.sign(np.linalg.det(turn)) if glass.dimension == 3 else 1.0
    turned = changed(glass, glass.positions @ turn, glass.cell @ turn)
    return _same(entry, glass, _matrix(entry, glass), _matrix(entry, turned), "the glass is turned with its cell")


def _translation(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    glass = glasses[0]
    moved = changed(glass, glass.positions + np.random.default_rng(2).uniform(-30, 30, glass.dimension))
    return _same(entry, glass, _matrix(entry, glass), _matrix(entry, moved), "all atoms are moved alike")


def _images(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    glass = glasses[0]
    turns = np.random.default_rng(3).integers(-2, 3, glass.positions.shape) * glass.periodic
    moved = changed(glass, glass.positions + turns @ glass.cell)
    return _same(entry, glass, _matrix(entry, glass), _matrix(entry, moved), "atoms are moved by whole cell vectors")


def _permutation(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    glass = glasses[0]
    order = np.random.default_rng(4).permutation(len(glass))
    shuffled = changed(glass, glass.positions[order], atoms=order)
    what = "atoms are listed in another order"
    return _same(entry, glass, _matrix(entry, glass)[order], _matrix(entry, shuffled), what)


def _supercell(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    glass = glasses[0]
    if not glass.periodic.any():
        raise NotApplicable("the glass is not periodic")
    expected = np.tile(_matrix(entry, glass), (2, 1))
    what = "the cell is written twice side by side"
    tries = (
        _same(entry, glass, expected, _matrix(entry, doubled(glass, int(axis))), what)
        for axis in np.flatnonzero(glass.periodic)
    )
    return next(filter(None, tries), None)


def _relabelling(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    """Species that keep their alphabetical order and, as a field, their radii."""
    glass = glasses[0]
    if "radii" in entry.needs and "radius" not in glass.fields:
        from zoo.features.radii import radii_of

        glass = glass.with_fields(radius=(radii_of(glass), "Å"))
    names = sorted(OTHER_NAMES[: len(glass.kinds)])
    if len(names) < len(glass.kinds):
        raise NotApplicable(f"the glass has more than {len(OTHER_NAMES)} species")
    renamed = Glass(
        glass.positions,
        np.array(names)[glass.species_index(glass.kinds)],
        glass.cell,
        glass.periodic,
        glass.fields,
    )
    return _same(entry, glass, _matrix(entry, glass), _matrix(entry, renamed), "species are called otherwise")


def _missing_species(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    """One that only other glasses of a data set have: the columns of the others must not change."""
    glass = glasses[0]
    more = tuple(sorted({*glass.kinds, next(name for name in OTHER_NAMES if name not in glass.kinds)}))
    kept = [column.name for column in entry.columns(glass.kinds)]
    table = dict(zip([c.name for c in entry.columns(more)], _matrix(entry, glass, more).T, strict=True))
    missing = [name for name in kept if name not in table]
    if missing:
        return f"column {missing[0]!r} is gone when the data set has another species"
    found = np.column_stack([table[name] for name in kept])
    return _same(entry, glass, _matrix(entry, glass), found, "the data set has another species that this glass lacks")


def _smoothness(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    """Move one atom along a line; where a column takes its largest step, halve the line again and again.

    A step of a smooth column shrinks with the line, a jump stays. One column is followed in each part of the line.
    """
    if not entry.smooth:
        raise NotApplicable("the set counts, so its columns jump, and says so")
    glass = glasses[0]
    reference = _matrix(entry, glass).astype(np.float64)
    spread = reference.std(axis=0)
    varied = np.flatnonzero(spread > 1e-3 * np.abs(reference).max(axis=0) + 1e-9)  # others are empty or constant
    if not len(varied):
        raise NotApplicable("no column differs from atom to atom")
    step = np.zeros(glass.positions.shape)
    step[0] = np.random.default_rng(5).normal(size=glass.dimension)
    step[0] /= np.linalg.norm(step[0])

    def at(distance: float) -> NDArray[np.float64]:
        moved = _matrix(entry, changed(glass, glass.positions + distance * step))
        return np.asarray(moved[:, varied] / spread[varied])

    ends = np.linspace(0.0, LINE, PARTS + 1)
    path = [at(distance) for distance in ends]
    steps = np.array([np.abs(b - a).max(axis=0) for a, b in pairwise(path)])
    found: list[tuple[float, int, float]] = []
    for part in range(PARTS):
        column = int(steps[part].argmax())
        low, high, left, right = ends[part], ends[part + 1], path[part][:, column], path[part + 1][:, column]
        for _ in range(HALVINGS):
            middle = at((low + high) / 2)[:, column]
            if np.abs(middle - left).max() > np.abs(right - middle).max():
                high, right = (low + high) / 2, middle
            else:
                low, left = (low + high) / 2, middle
        remains = float(np.abs(right - left).max())
        if remains > max(0.05 * steps[part, column], 0.01):
            found.append((remains, column, high - low))
    if not found:
        return None
    remains, column, length = max(found)
    name = _columns(entry, glass)[varied[column]].name
    return f"column {name!r} jumps by {remains:.2g} standard deviations while an atom moves by {length:.1g} Å"


def _memory(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    from zoo._machine import peak_memory_mb, reset_peak_memory

    glass = glasses[0]
    large = repeated(glass, LARGE)
    _matrix(entry, glass)
    before = reset_peak_memory()
    _matrix(entry, large)
    each = max(0.0, peak_memory_mb() - before) * 1e6 / len(large)
    if each <= MEMORY:
        return None
    return f"computing {len(large)} atoms takes {each / 1000:.0f} kB per atom, more than {MEMORY / 1000:.0f} kB"


def _elsewhere(entry: FeatureSet, glass: Glass) -> str | None:
    """Shake all atoms far away and let them change places: what those in the middle say must stay.

    The median of them decides, so that few may be reached through a long chain of neighbours.
    """
    large = repeated(glass, LARGE)
    if not large.periodic.any():
        return None
    apart = (large.positions - large.positions[len(large) // 2]) @ np.linalg.inv(large.cell)
    distance = np.linalg.norm((apart - np.where(large.periodic, np.rint(apart), 0.0)) @ large.cell, axis=1)
    reach = FAR * float(large.heights[large.periodic].min())
    middle, far = np.argsort(distance, kind="stable")[:MIDDLE], np.flatnonzero(distance > reach)
    random = np.random.default_rng(6)
    positions, order = large.positions.copy(), np.arange(len(large))
    shift = SHAKE * (large.volume / len(large)) ** (1 / large.dimension)
    positions[far] += random.uniform(-shift, shift, (len(far), large.dimension))
    order[far] = random.permutation(far)
    expected = _matrix(entry, large)
    found = _matrix(entry, changed(large, positions, atoms=order))[middle].astype(np.float64)
    scale = np.maximum(expected.std(axis=0), 1e-6 * np.abs(expected).max(axis=0) + 1e-12)
    change = np.median(np.abs(found - expected[middle]), axis=0) / scale
    at = int(change.argmax())
    if change[at] <= TOLERANCE:
        return None
    return (
        f"column {_columns(entry, glass)[at].name!r} changes by {change[at]:.2g} standard deviations when atoms over "
        f"{reach:.0f} Å away are moved: it holds something of the whole glass"
    )


def _identity(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    """Change what is far away; then train on one slab of every glass but the first and test on another."""
    from sklearn.ensemble import ExtraTreesClassifier

    if wrong := _elsewhere(entry, glasses[0]):
        return wrong
    if set(entry.fields) - {"radius"}:
        raise NotApplicable("the stored fields that it reads are made up for these trials")
    glasses = glasses[1:]
    if len(glasses) < 3:
        raise NotApplicable("it takes three glasses of one recipe")
    matrices = [_matrix(entry, glass) for glass in glasses]
    height = [(glass.positions @ np.linalg.inv(glass.cell))[:, -1] % 1.0 for glass in glasses]
    label = np.repeat(np.arange(len(glasses)), [len(glass) for glass in glasses])
    x, z = np.concatenate(matrices), np.concatenate(height)
    train, test = z < 0.25, (z > 0.5) & (z < 0.75)
    forest = ExtraTreesClassifier(100, min_samples_leaf=5, random_state=0, n_jobs=1).fit(x[train], label[train])
    correct = float((forest.predict(x[test]) == label[test]).mean())
    chance = float(np.bincount(label[test]).max() / test.sum())
    error = np.sqrt(chance * (1 - chance) / test.sum())
    if correct <= chance + CONFIDENCE * error:
        return None
    return (
        f"a classifier tells which of {len(glasses)} glasses an atom is from in {100 * correct:.0f} % of cases "
        f"({100 * chance:.0f} % by chance), from a part of the glass that it has not seen"
    )


TRIALS = (
    Trial("contract", "float32, finite, columns as declared", "nothing could be learnt from it", _contract),
    Trial("determinism", "The same numbers at every call", "results could not be repeated", _determinism),
    Trial("rotation", "The same in a turned glass", "it would learn how the box happens to lie", _rotation),
    Trial("translation", "The same in a moved glass", "it would learn where the box begins", _translation),
    Trial("images", "The same whichever image of an atom is listed", "unwrapped positions would break it", _images),
    Trial("permutation", "The same in any order of the atoms", "it would learn how a file is sorted", _permutation),
    Trial("supercell", "The same in a cell written twice", "it would learn the size of the box", _supercell),
    Trial("relabelling", "The same if species have other names", "it would know elements by name", _relabelling),
    Trial(
        "missing species",
        "The same beside glasses with more species",
        "compositions could not be compared",
        _missing_species,
    ),
    Trial("smoothness", "No jump while an atom moves", "noise of a cutoff is no structure", _smoothness),
    Trial("memory", "At most 40 kB per atom", "large glasses could not be described", _memory),
    Trial(
        "identity",
        "Does not tell which glass an atom is from",
        "it would learn the mean label of each glass by heart",
        _identity,
    ),
)
"""In the order in which they are held."""
