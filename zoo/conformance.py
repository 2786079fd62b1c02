"""What every descriptor must satisfy: trials whose right answer is known without knowing the descriptor.

``zoo check-descriptor FILE`` holds them for a set that is not part of this package, ``tests/conformance`` for all that
are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ZooError
from zoo.features.compute import checked_matrix, what_it_sees
from zoo.features.declaration import FeatureSet, FloatArray
from zoo.glass import Field, Glass

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

DECLINED = "the set declines: "
"""How the reason of a trial begins that could not be held."""
NEVER_EXEMPT = ("contract", "determinism", "memory")
"""Trials that no set is spared."""
OTHER_NAMES = ("Ag", "Al", "Au", "Be", "Ca", "Ce")
"""Elements; their alphabetical order is not that of the periodic table."""
ALL = slice(None)
State = Literal["passed", "failed", "not applicable"]


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


@dataclass(frozen=True)
class Verdict:
    """Outcome of one trial."""

    trial: Trial
    state: State
    reason: str = ""


class NotApplicable(Exception):
    """Raised by a trial that cannot be held with this descriptor or these glasses; the message says why."""


def examine(entry: FeatureSet, glasses: list[Glass], trials: tuple[Trial, ...] = ()) -> Iterator[Verdict]:
    """Hold all trials, or those given.

    Parameters
    ----------
    entry : FeatureSet
        Of atoms.
    glasses : list of Glass
        The first is turned, moved and repeated. The others, three or more of one recipe, are to be told apart.

    Yields
    ------
    Verdict
        A set that declines the first glass is not applicable to anything; a trial that crashes has failed.
    """
    for trial in trials or TRIALS:
        yield _hold(trial, entry, glasses)


def _hold(trial: Trial, entry: FeatureSet, glasses: list[Glass]) -> Verdict:
    try:
        entry.require_software()
        if reason := entry.declines(glasses[0]):
            return Verdict(trial, "not applicable", f"{DECLINED}{reason}")
        if trial.name in entry.exempt and trial.name not in NEVER_EXEMPT:
            return Verdict(trial, "not applicable", entry.exempt[trial.name])
        wrong = trial.run(entry, glasses)
    except NotApplicable as reason:
        return Verdict(trial, "not applicable", str(reason))
    except ZooError as error:
        return Verdict(trial, "failed", str(error))
    except Exception as error:  # a contributed descriptor may fail in any way
        return Verdict(trial, "failed", f"{type(error).__name__}: {error}")
    return Verdict(trial, "failed", wrong) if wrong else Verdict(trial, "passed")


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


def _changed(
    glass: Glass,
    positions: NDArray[np.float64],
    cell: NDArray[np.float64] | None = None,
    atoms: slice | NDArray[np.int64] = ALL,
) -> Glass:
    """The glass with other positions, ``atoms`` of it with their fields, and perhaps another cell."""
    fields = {name: Field(entry.values[atoms], entry.unit) for name, entry in glass.fields.items()}
    return Glass(positions, glass.species[atoms], glass.cell if cell is None else cell, glass.periodic, fields)


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
    turned = _changed(glass, glass.positions @ turn, glass.cell @ turn)
    return _same(entry, glass, _matrix(entry, glass), _matrix(entry, turned), "the glass is turned with its cell")


def _translation(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    glass = glasses[0]
    moved = _changed(glass, glass.positions + np.random.default_rng(2).uniform(-30, 30, glass.dimension))
    return _same(entry, glass, _matrix(entry, glass), _matrix(entry, moved), "all atoms are moved alike")


def _images(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    glass = glasses[0]
    turns = np.random.default_rng(3).integers(-2, 3, glass.positions.shape) * glass.periodic
    moved = _changed(glass, glass.positions + turns @ glass.cell)
    return _same(entry, glass, _matrix(entry, glass), _matrix(entry, moved), "atoms are moved by whole cell vectors")


def _permutation(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    glass = glasses[0]
    order = np.random.default_rng(4).permutation(len(glass))
    shuffled = _changed(glass, glass.positions[order], atoms=order)
    what = "atoms are listed in another order"
    return _same(entry, glass, _matrix(entry, glass)[order], _matrix(entry, shuffled), what)


def _supercell(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    glass = glasses[0]
    if not glass.periodic[0]:
        raise NotApplicable("the glass is not periodic")
    twice = np.concatenate([glass.positions, glass.positions + glass.cell[0]])
    cell = glass.cell.copy()
    cell[0] *= 2
    doubled = _changed(glass, twice, cell, np.tile(np.arange(len(glass)), 2))
    expected = np.tile(_matrix(entry, glass), (2, 1))
    return _same(entry, glass, expected, _matrix(entry, doubled), "the cell is written twice side by side")


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
        moved = _matrix(entry, _changed(glass, glass.positions + distance * step))
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
    large = repeated(glass, 12_000)
    _matrix(entry, glass)
    before = reset_peak_memory()
    _matrix(entry, large)
    each = max(0.0, peak_memory_mb() - before) * 1e6 / len(large)
    if each <= MEMORY:
        return None
    return f"computing {len(large)} atoms takes {each / 1000:.0f} kB per atom, more than {MEMORY / 1000:.0f} kB"


def repeated(glass: Glass, at_least: int) -> Glass:
    """The glass written side by side along its cell vectors until it has so many atoms."""
    while len(glass) < at_least:
        axis = int(np.argmin(np.where(glass.periodic, glass.heights, np.inf)))
        cell = glass.cell.copy()
        cell[axis] *= 2
        positions = np.concatenate([glass.positions, glass.positions + glass.cell[axis]])
        glass = _changed(glass, positions, cell, np.tile(np.arange(len(glass)), 2))
    return glass


def _identity(entry: FeatureSet, glasses: list[Glass]) -> str | None:
    """Train on one slab of every glass but the first and test on another, with wide gaps in between."""
    from sklearn.ensemble import ExtraTreesClassifier

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
