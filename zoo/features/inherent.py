"""Physics-inspired columns of a thermal configuration: of the inherent structure that it belongs to.

Energies and surfaces of a liquid at its temperature are mostly vibration. Where the potential is known the
configuration is brought to its energy minimum first, as the published descriptors are, and the columns are those of
:mod:`zoo.features.physics_inspired` there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from zoo.features import physics_inspired
from zoo.features.conditions import declines_unless_bulk
from zoo.features.declaration import Column, FeatureSet, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass

POTENTIAL = "kob-andersen"
SIGMA = 2.5
"""Å for one σ, as the data sets of this mixture are read."""
DENSITY = (1.1, 1.3)
"""Particles per σ³ of what is taken for this mixture; 1.2 is usual."""
FORCE = 1e-3
"""ε/σ left on a particle; with a hundredth of it no energy of a particle changes by more than 1e-3 ε (measured)."""


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """Those of ``physics-inspired``, with energies in ε."""
    return tuple(replace(column, unit=column.unit.replace("eV", "ε")) for column in physics_inspired.columns(kinds))


def inherent_structure(glass: Glass) -> Glass:
    """The energy minimum below a configuration of the Kob-Andersen mixture.

    Parameters
    ----------
    glass : Glass
        Lengths in Å, 2.5 Å for one σ.

    Returns
    -------
    Glass
        Lengths in Å; ``fields["energy"]`` is the energy of each particle in ε.

    Raises
    ------
    RecipeError
        The minimum is not reached.
    """
    from zoo.glass import Glass
    from zoo.simulation.calculator import to_atoms
    from zoo.simulation.minimize import minimize
    from zoo.simulation.potentials import load_potential

    reduced = Glass(glass.positions / SIGMA, glass.species, glass.cell / SIGMA)
    atoms = to_atoms(reduced, load_potential(POTENTIAL), skin=0.4)
    minimize(atoms, FORCE)
    energies = (atoms.get_potential_energies(), "ε")
    return Glass(atoms.positions * SIGMA, glass.species, glass.cell, fields={"energy": energies})


def declines(glass: Glass) -> str | None:
    """What is no Kob-Andersen mixture in three dimensions."""
    if set(glass.kinds) != {"A", "B"} or glass.dimension != 3:
        return f"only the Kob-Andersen mixture of A and B particles is minimised, got {', '.join(glass.kinds)}"
    density = len(glass) * SIGMA**3 / glass.volume
    if not DENSITY[0] < density < DENSITY[1]:
        return f"a Kob-Andersen mixture has about 1.2 particles per σ³ (σ = {SIGMA} Å), got {density:.3g}"
    return declines_unless_bulk(glass)


feature_sets.register(
    FeatureSet(
        name="physics-inspired-kob-andersen",
        title="Physics-inspired columns of the inherent structure of a Kob-Andersen mixture",
        citation=feature_sets["physics-inspired"].citation + "; Kob & Andersen, Phys. Rev. E 51, 4626 (1995)",
        version=1,
        columns=columns,
        compute=lambda glass, kinds: physics_inspired.compute(inherent_structure(glass), kinds),
        needs=frozenset({"positions", "potential"}),
        declines=declines,
        smooth=False,
        exempt={"relabelling": "its potential knows particles A and B only"},
        requires=(("ase", "glass-zoo[simulate]"),),
    )
)
