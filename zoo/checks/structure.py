"""D4: is it a glass? Forces, density and pair distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.checks.declaration import BOTH, Check, NotApplicable, glasses_of
from zoo.datasets.load import Dataset
from zoo.errors import GlassError, UnknownNameError, ZooError
from zoo.glass import Glass

if TYPE_CHECKING:
    from zoo.simulation.potentials import EmbeddedAtomTables

OFF_MINIMUM = 1e-4
"""Mean spacings that the atom with the largest force is from its minimum, about. Rounding positions to float32 leaves
2e-6 in a box of 2,000 atoms, a tolerance of 1e-4 eV/Å in a metal 6e-6, a temperature of 1 K more than 1e-3."""
CLOSEST = 0.5
"""Of the first peak of g(r); glasses of metals, Kob-Andersen mixtures and polydisperse spheres have 0.73 to 0.83."""
PACKING = {2: (0.2, 1.5), 3: (0.2, 1.7)}
"""Number density times the first peak to the power of the dimension; glasses 1.1 to 1.5, fcc 1.41, hexagonal 1.15."""
NEIGHBOR_DISTANCE = (1.2, 4.5)
"""Å, between atoms of real elements."""
FAR_MEAN = 0.1
"""Of g(r) - 1 beyond three quarters of the reach; glasses stay below 0.02."""
SWING = 0.15
"""Standard deviation of g(r) about a straight line beyond 3 mean spacings; glasses 0.03 to 0.07, a crystal shaken by
7 % of its neighbour distance 0.2, an unshaken one 1."""
REACH = 5.0
"""Mean spacings (volume per atom to the power of 1/d) within which g(r) is looked at."""


@dataclass(frozen=True)
class Shape:
    """What g(r) of a glass shows, in its unit of length.

    ``spacing`` is the volume per atom to the power of 1/d, ``far_mean`` and ``swing`` are NaN in a box too small.
    """

    spacing: float
    closest: float
    peak: float
    packing: float
    far_mean: float
    swing: float


@lru_cache(maxsize=256)
def shape_of(glass: Glass) -> Shape:
    """Measures of g(r), computed once for each glass."""
    from zoo.neighbors import find_neighbors
    from zoo.simulation.quality import radial_distribution

    spacing = (glass.volume / len(glass)) ** (1 / glass.dimension)
    r, g = radial_distribution(glass, reach=REACH * spacing, width=spacing / 60)
    if len(r) < 60:
        raise NotApplicable("the cell is smaller than two mean spacings")
    smooth, at = np.convolve(g, np.ones(5) / 5, "valid"), r[2:-2]
    first = float(at[np.where(at < 2 * spacing, smooth, 0).argmax()])
    near = find_neighbors(glass, min(2 * spacing, 0.499 * float(glass.heights.min()))).distance
    large = len(glass) >= 200 and r[-1] > 3.9 * spacing
    far = at > 3 * spacing
    return Shape(
        spacing,
        float(near.min()) if len(near) else float("inf"),
        first,
        first**glass.dimension / spacing**glass.dimension,
        float(g[r > 0.75 * r[-1]].mean() - 1) if large else float("nan"),
        float(np.std(smooth[far] - np.polyval(np.polyfit(at[far], smooth[far], 1), at[far])))
        if large
        else float("nan"),
    )


def length_unit(dataset: Dataset) -> str:
    """Unit of positions."""
    return dataset.card.units.length


def not_minimised(dataset: Dataset) -> list[str]:
    names = dataset.card.potentials
    if not names:
        raise NotApplicable("the card names no potential")
    found = {name: _off_minimum(glass, names) for name, glass in glasses_of(dataset).items()}
    bad = {name: (force, away) for name, (force, away) in found.items() if away > OFF_MINIMUM}
    if not bad:
        return []
    worst = max(bad, key=lambda name: bad[name][1])
    force, away = bad[worst]
    units = dataset.card.units
    return [
        f"{len(bad)} of {len(found)} glasses are not at a minimum of {' or '.join(names)}: a force of {force:.2g} "
        f"{units.energy}/{units.length} is left on an atom of {worst}, about {away:.1g} mean spacings from its place, "
        f"where {OFF_MINIMUM:g} would be tolerated"
    ]


def _off_minimum(glass: Glass, potentials: list[str]) -> tuple[float, float]:
    """Largest force on an atom and the distance to the minimum (mean spacings) that it tells.

    Force over the stiffness that is seen when all atoms are moved a little; in the first of ``potentials`` that knows
    all species.
    """
    from zoo.simulation.minimize import largest_force

    atoms = _atoms_with_forces(glass, potentials)
    before, largest = atoms.get_forces().copy(), largest_force(atoms)
    spacing = (glass.volume / len(glass)) ** (1 / glass.dimension)
    shift = np.zeros_like(before)
    shift[:, : glass.dimension] = np.random.default_rng(0).normal(0, 1e-4 * spacing, (len(glass), glass.dimension))
    atoms.positions = atoms.positions + shift
    stiffness = np.linalg.norm(atoms.get_forces() - before) / np.linalg.norm(shift)
    return largest, float(largest / stiffness / spacing)


def _atoms_with_forces(glass: Glass, potentials: list[str]) -> Any:
    from zoo.simulation.calculator import to_atoms

    fitting = [table for table in map(_tables, potentials) if set(glass.kinds) <= set(table.species)]
    if not fitting:
        raise NotApplicable(f"no potential of the card knows {', '.join(glass.kinds)}")
    if fitting[0].pair.size:
        return to_atoms(glass, fitting[0])
    if "diameter" not in glass.fields:
        raise NotApplicable(f"forces of {fitting[0].name} need the field diameter")
    from zoo.simulation.soft_spheres import SoftSphereCalculator

    atoms = glass.to_ase()
    atoms.calc = SoftSphereCalculator(glass.fields["diameter"].values)
    return atoms


@lru_cache(maxsize=8)
def _tables(name: str) -> EmbeddedAtomTables:
    from zoo.datasets.fetch import is_at_hand
    from zoo.simulation.potentials import FILES, load_potential

    if name in FILES and not is_at_hand(FILES[name].url):
        raise NotApplicable(f"the table of the potential {name!r} is not here: zoo data fetch gets it with a data set")
    try:
        return load_potential(name)
    except UnknownNameError:
        raise NotApplicable(f"forces of the potential {name!r} are not at hand") from None
    except ZooError as error:
        raise NotApplicable(f"the potential {name!r} is not at hand: {error}") from None


def atoms_too_close(dataset: Dataset) -> list[str]:
    unit = length_unit(dataset)

    def of_glass(glass: Glass) -> str:
        try:
            shape = shape_of(glass)
        except GlassError as error:
            return str(error)
        if shape.closest < CLOSEST * shape.peak:
            return f"atoms {shape.closest:.3g} {unit} apart where the first peak of g(r) is at {shape.peak:.3g} {unit}"
        return ""

    return _worst(dataset, of_glass)


def unphysical_density(dataset: Dataset) -> list[str]:
    from ase.data import atomic_numbers

    unit = length_unit(dataset)

    def of_glass(glass: Glass) -> str:
        shape, power = _shape(glass), f"r^{glass.dimension}"
        low, high = PACKING[glass.dimension]
        if not low < shape.packing < high:
            return (
                f"number density times {power} is {shape.packing:.3g} at the first peak r = {shape.peak:.3g} {unit}, "
                f"outside {low:g} to {high:g}: the box is {'almost empty' if shape.packing <= low else 'overfull'}"
            )
        if unit == "Å" and all(kind in atomic_numbers and kind != "X" for kind in glass.kinds):
            low, high = NEIGHBOR_DISTANCE
            if not low < shape.peak < high:
                return f"neighbours are {shape.peak:.3g} Å apart, outside {low:g} to {high:g} Å: are lengths in Å?"
        return ""

    return _worst(dataset, of_glass)


def uneven_density(dataset: Dataset) -> list[str]:
    def of_glass(glass: Glass) -> str:
        shape = _shape(glass, far=True)
        if abs(shape.far_mean) > max(FAR_MEAN, shape.swing):
            return f"g(r) is {1 + shape.far_mean:.2f} on average at the largest distances of the box, not 1"
        return ""

    return _worst(dataset, of_glass)


def crystal_like(dataset: Dataset) -> list[str]:
    unit = length_unit(dataset)

    def of_glass(glass: Glass) -> str:
        shape = _shape(glass, far=True)
        if shape.swing > SWING:
            return (
                f"g(r) still swings by {shape.swing:.2f} (standard deviation) beyond {3 * shape.spacing:.3g} {unit}, "
                f"a glass by less than {SWING / 2:g}"
            )
        return ""

    return _worst(dataset, of_glass)


def _shape(glass: Glass, far: bool = False) -> Shape:
    try:
        shape = shape_of(glass)
    except GlassError:
        raise NotApplicable("atoms are on top of each other (see D402)") from None
    if far and np.isnan(shape.swing):
        raise NotApplicable("boxes below 200 atoms or 8 mean spacings show no large distances")
    return shape


def _worst(dataset: Dataset, of_glass: Callable[[Glass], str]) -> list[str]:
    """One finding for all glasses: how many, and the first of them in words."""
    bad = {name: text for name, glass in glasses_of(dataset).items() if (text := of_glass(glass))}
    if not bad:
        return []
    name, text = next(iter(bad.items()))
    return [f"{len(bad)} of {len(glasses_of(dataset))} glasses, such as {name}: {text}"]


CHECKS = (
    Check(
        code="D401",
        title="Glasses are not at an energy minimum",
        level="warning",
        kinds=BOTH,
        why="Descriptors of a configuration that still moves mix structure with vibration or with an unfinished "
        "minimisation, and barriers and non-affine displacements measured from it are wrong. The forces of "
        "the potential on the card are computed; rounding of stored positions is allowed for.",
        mend="Minimise until no force exceeds 1e-4 eV/Å. Where positions are meant to be a snapshot at finite "
        "temperature, say so in the notes of the card.",
        find=not_minimised,
    ),
    Check(
        code="D402",
        title="Atoms too close",
        level="error",
        kinds=BOTH,
        why="Two atoms closer than half of the usual neighbour distance are one atom written twice, or sit on "
        "both sides of a boundary of the wrong box. Every descriptor of their surroundings is wrong.",
        mend="Check the cell, the units and whether positions are scaled or wrapped; remove duplicates.",
        find=atoms_too_close,
    ),
    Check(
        code="D403",
        title="Unphysical density",
        level="error",
        kinds=BOTH,
        why="Number density and neighbour distance of a dense glass go together: an almost empty or overfull box, "
        "or neighbours at 0.27, come from a wrong cell or wrong units, and cutoffs in Å then mean nothing.",
        mend="Check cell, units and the number of atoms read; give length_scale for a model glass.",
        find=unphysical_density,
    ),
    Check(
        code="D404",
        title="g(r) does not go to 1",
        level="warning",
        kinds=BOTH,
        why="In a homogeneous glass g(r) is 1 far away. A surface, a large void, or a box that is larger than the "
        "glass lifts it; atoms at a surface then look like a structural class of their own.",
        mend="Use a periodic cell that the glass fills, or say that there is a surface.",
        find=uneven_density,
    ),
    Check(
        code="D405",
        title="Crystal-like order",
        level="warning",
        kinds=BOTH,
        why="Sharp peaks of g(r) at large distances are long-range order. Models then learn to tell crystal from "
        "glass, or grain boundary from grain, instead of soft spots.",
        mend="Quench faster or choose another composition; leave crystallised glasses out.",
        find=crystal_like,
    ),
)
