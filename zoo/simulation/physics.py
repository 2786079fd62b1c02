"""What the potential says about each atom of a minimised glass: energy, room, vibrations and stiffness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from zoo.datasets.card import ColumnCard
from zoo.errors import RecipeError
from zoo.features.kernels.tessellation import tessellate
from zoo.features.radii import radii_of
from zoo.glass import Glass
from zoo.simulation.elasticity import shear_moduli
from zoo.simulation.potentials import EmbeddedAtomTables
from zoo.simulation.vibrations import find_bonds, vibrations

FIELDS = {
    "energy": ("eV", "energy", "potential energy of the atom, pair terms halved"),
    "voronoi_volume": ("Å³", "density", "volume of the radical Voronoi cell"),
    "vibrational_msd": ("Å²", "vibration", "harmonic mean squared displacement at {temperature:g} K, classical"),
    "flexibility_volume": ("Å³", "vibration", "vibrational_msd times the cube root of voronoi_volume"),
    "soft_mode_participation": (
        "1",
        "vibration",
        "share of the atom in the lowest {percent:g} % of the vibrational modes, over the mean share",
    ),
    "vibrational_entropy": ("k_B", "vibration", "harmonic entropy at {temperature:g} K, classical, by local spectrum"),
    "shear_modulus": ("GPa", "elasticity", "local shear modulus after atoms relax, mean over the planes xy, xz, yz"),
    "shear_modulus_affine": ("GPa", "elasticity", "local shear modulus before atoms relax, mean over the three planes"),
    "nonaffine_response": (
        "Å",
        "elasticity",
        "distance that the atom moves beyond a small uniform shear, per unit strain, rms over the three planes",
    ),
}
"""Unit, physical family and description of each field."""


class PhysicsSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``temperature`` (K) of the vibrations, part of all modes that are the ``lowest_modes``."""

    temperature: float = 300.0
    lowest_modes: float = 0.01


def check_schedule(schedule: PhysicsSchedule) -> None:
    """Refuse a temperature that is not positive and a part of the modes beyond 0 to 10 %.

    Raises
    ------
    RecipeError
    """
    if not schedule.temperature > 0 or not 0 < schedule.lowest_modes <= 0.1:
        raise RecipeError(
            "physics needs a temperature above 0 K and lowest_modes in (0, 0.1], "
            f"got {schedule.temperature:g} K and {schedule.lowest_modes:g}"
        )


def physics_columns(schedule: PhysicsSchedule) -> list[ColumnCard]:
    """Cards of the fields that :func:`physics` adds."""
    return [
        ColumnCard(
            name=name,
            unit=unit,
            role="feature",
            description=text.format(temperature=schedule.temperature, percent=100 * schedule.lowest_modes),
            family=family,
        )
        for name, (unit, family, text) in FIELDS.items()
    ]


def physics(
    glass: Glass,
    schedule: PhysicsSchedule,
    tables: EmbeddedAtomTables,
    report: Callable[[float], None] = lambda fraction: None,
) -> Glass:
    """Add the fields of :func:`physics_columns`.

    Parameters
    ----------
    glass : Glass
        Minimised with ``tables``, with the field ``energy``.
    schedule, tables
    report : callable of the fraction done

    Returns
    -------
    Glass
        ``metadata["shear_moduli"]`` has the relaxed shear modulus of the whole glass (GPa) in each plane.

    Raises
    ------
    RecipeError
        The glass is not at a minimum of the energy, or an atom has no room.

    References
    ----------
    Flexibility volume: Ding, Cheng, Sheng, Asta, Ritchie & Ma, Nat. Commun. 7, 13733 (2016). Participation: Widmer-
    Cooper, Perry, Harrowell & Reichman, Nat. Phys. 4, 711 (2008); Ding, Patinet, Falk, Cheng & Ma, PNAS 111, 14052
    (2014). The others: see :mod:`zoo.simulation.vibrations` and :mod:`zoo.simulation.elasticity`.
    """
    check_schedule(schedule)
    volume = tessellate(glass, radii_of(glass)).volume
    if not volume.all():
        raise RecipeError(
            f"every atom must have a radical Voronoi cell, atom {int(np.argmin(volume))} (counted from 0) has none: "
            "it sits deep inside a larger atom, quench again with another seed"
        )
    bonds = find_bonds(glass, tables)
    vibrating = vibrations(bonds, tables.masses[glass.species_index(tables.species)])
    report(0.7)
    displacement = vibrating.mean_squared_displacement(schedule.temperature)
    _, modes = vibrating.lowest_modes(max(1, round(schedule.lowest_modes * 3 * len(glass))))
    report(0.9)
    moduli = shear_moduli(bonds, volume, vibrating.relax)
    whole = volume @ moduli.relaxed / volume.sum()
    fields: dict[str, Any] = {
        "energy": glass.fields["energy"],
        "voronoi_volume": (volume, "Å³"),
        "vibrational_msd": (displacement, "Å²"),
        "flexibility_volume": (displacement * np.cbrt(volume), "Å³"),
        "soft_mode_participation": ((modes**2).mean(axis=2).sum(axis=1) * len(glass), "1"),
        "vibrational_entropy": (vibrating.entropy(schedule.temperature), "k_B"),
        "shear_modulus": (moduli.relaxed.mean(axis=1), "GPa"),
        "shear_modulus_affine": (moduli.affine.mean(axis=1), "GPa"),
        "nonaffine_response": (np.sqrt((moduli.nonaffine**2).mean(axis=1)), "Å"),
    }
    report(1.0)
    return glass.with_fields(**fields).with_metadata(shear_moduli=whole.tolist())
