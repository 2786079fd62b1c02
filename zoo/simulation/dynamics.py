"""Molecular dynamics at a temperature that may change, in pieces that can be repeated bit by bit."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from ase.md.bussi import Bussi

from zoo.errors import RecipeError
from zoo.simulation.minimize import BULK_MODULUS

PS = 1000.0 * units.fs
THERMOSTAT = 0.1 * PS
BAROSTAT = 1.0 * PS
BAROSTAT_INTERVAL = 20
"""Steps between two rescalings of the cell: each one makes the forces stale."""


def canonical_dynamics(
    atoms: Atoms,
    time_step: float,
    temperature: float,
    random: np.random.Generator,
    heating: float = 0.0,
    constant_pressure: bool = False,
    thermostat: float = THERMOSTAT,
) -> Bussi:
    """Dynamics of a chunk, to be run; it starts from a fresh neighbour list, so that it depends on nothing before.

    Velocity rescaling that samples the canonical ensemble (Bussi, Donadio & Parrinello, J. Chem. Phys. 126, 014101,
    2007), on request with a Berendsen barostat at zero pressure.

    Parameters
    ----------
    atoms : ase.Atoms
        With an :class:`~zoo.simulation.calculator.EmbeddedAtomCalculator`.
    time_step : float, fs
    temperature : float, K
        At the first step.
    random : numpy.random.Generator
        Of the thermostat.
    heating : float, K per step
        How the temperature changes.
    constant_pressure : bool
    thermostat : float, ASE's unit of time
        In which the temperature follows.
    """
    atoms.calc.forget_neighbors()
    dynamics = Bussi(atoms, time_step * units.fs, max(temperature, 1.0), thermostat, random)
    _attach_ramp(dynamics, temperature, heating)
    if constant_pressure:
        dynamics.attach(_rescale_cell, interval=BAROSTAT_INTERVAL, atoms=atoms, step=time_step * units.fs)
    return dynamics


def require_stable(atoms: Atoms, temperature: float, limit: float, time_step: float) -> None:
    """Refuse atoms that are lost, or hotter than ``limit`` (K) where ``temperature`` (K) was asked for.

    Raises
    ------
    RecipeError
    """
    if not np.isfinite(atoms.positions).all() or atoms.get_temperature() > limit:
        raise RecipeError(
            f"the dynamics blew up at {temperature:.0f} K with a time step of {time_step:g} fs: use a shorter time_step"
        )


def _attach_ramp(dynamics: Bussi, temperature: float, per_step: float) -> None:
    """Move the thermostat's target by ``per_step`` K every step."""

    def turn() -> None:
        target = max(temperature + per_step * dynamics.nsteps, 1.0)
        dynamics.temp = target * units.kB
        dynamics.target_kinetic_energy = 0.5 * dynamics.temp * dynamics.ndof

    dynamics.attach(turn, interval=1)


def _rescale_cell(atoms: Atoms, step: float) -> None:
    """Berendsen barostat towards zero pressure, isotropic, at most 0.2 % at a time."""
    pressure = -atoms.get_stress(include_ideal_gas=True)[:3].mean()
    change = BAROSTAT_INTERVAL * step / BAROSTAT * pressure / (3 * BULK_MODULUS)
    atoms.set_cell(atoms.cell * (1 + np.clip(change, -0.002, 0.002)), scale_atoms=True)
