"""Two-dimensional model glasses: quenched at constant area, everything in reduced units.

The units of a Lennard-Jones mixture are σ (length), ε (energy), the mass of a particle m, τ = σ √(m/ε) (time) and ε/kB
(temperature). ASE's own units are Å, eV and u, and its time unit is Å √(u/eV): so reduced numbers need no conversion
but that of temperatures and times, which ASE takes in kelvin and this package in femtoseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from ase import Atoms, units
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from ase.optimize import FIRE

from zoo._files import atomic_write
from zoo.errors import RecipeError
from zoo.glass import Glass
from zoo.simulation.calculator import to_atoms
from zoo.simulation.dynamics import canonical_dynamics, require_stable
from zoo.simulation.minimize import minimize
from zoo.simulation.potentials import EmbeddedAtomTables
from zoo.simulation.quench import Composition

CHUNK = 2000
"""Steps between two checkpoints."""
SKIN = 0.5
"""σ, of the neighbour list."""
THERMOSTAT = 1.0
"""τ"""
KELVIN = 1.0 / units.kB
"""Of one ε/kB, if ε is 1 eV."""
FEMTOSECOND = 1.0 / units.fs
"""Of one τ, if σ is 1 Å, m 1 u and ε 1 eV."""


class DiskSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Temperatures in ε/kB, times in τ; the rate of the quench (ε/kB per τ) is that of the group of glasses."""

    melt_temperature: float = 1.0
    melt_time: float = 50.0
    quench_from: float = 0.5
    quench_to: float = 0.05
    equilibration_time: float = 50.0
    time_step: float = 0.01

    def segments(self, rate: float) -> list[tuple[float, float, float]]:
        """(start temperature, end temperature, time) of each stage."""
        return [
            (self.melt_temperature, self.melt_temperature, self.melt_time),
            (self.quench_from, self.quench_from, self.equilibration_time),
            (self.quench_from, self.quench_to, (self.quench_from - self.quench_to) / rate),
        ]


def check_schedule(schedule: DiskSchedule) -> None:
    """Refuse times and temperatures that are not positive, and a quench that does not cool.

    Raises
    ------
    RecipeError
    """
    if min(msgspec.structs.astuple(schedule)) <= 0:
        raise RecipeError(f"temperatures and times of disks must be positive, got {schedule}")
    if schedule.quench_to >= schedule.quench_from:
        raise RecipeError(f"quench_to of disks must lie below quench_from, got {schedule}")


def quench_disks(
    composition: Composition,
    schedule: DiskSchedule,
    rate: float,
    tables: EmbeddedAtomTables,
    seed: int,
    folder: Path,
    report: Callable[[float], None] = lambda fraction: None,
) -> Glass:
    """Cool a two-dimensional liquid into a glass in a square cell of constant area, and minimise it.

    As in three dimensions, chunks with random numbers of their own and a checkpoint after each let a run that was
    killed continue to bit-identical results.

    Parameters
    ----------
    composition : Composition
        ``volume_per_atom`` is the area per particle in σ².
    schedule : DiskSchedule
    rate : float, ε/kB per τ
    tables : EmbeddedAtomTables
    seed : int
    folder : Path
        Keeps the checkpoint while the run lasts.
    report : callable of the fraction done

    Returns
    -------
    Glass
        The inherent structure, 2D. ``fields["energy"]`` in ε; ``metadata["thermo"]`` lists temperature (ε/kB), energy
        per particle (ε) and area per particle (σ²) along the quench.
    """
    check_schedule(schedule)
    checkpoint = folder / "disks-checkpoint.npz"
    step = schedule.time_step * FEMTOSECOND
    chunks = _chunks(schedule, rate)
    atoms = to_atoms(_lattice(composition, seed), tables, SKIN)
    if checkpoint.exists():
        done, thermo = _restore(checkpoint, atoms)
    else:
        done, thermo = 0, []
        _melt(atoms, schedule.melt_temperature, seed)
    for number in range(done, len(chunks)):
        temperature, heating, length = chunks[number]
        random = np.random.default_rng([seed, number])
        canonical_dynamics(atoms, step, temperature, random, heating, thermostat=THERMOSTAT).run(length)
        require_stable(atoms, temperature, 10 * schedule.melt_temperature * KELVIN, step)
        energy = atoms.get_potential_energy() / len(atoms)
        thermo.append([atoms.get_temperature() / KELVIN, energy, composition.volume_per_atom])
        _save(checkpoint, atoms, number + 1, thermo)
        report((number + 1) / (len(chunks) + 1))
    minimize(atoms, 1e-6)
    glass = Glass(
        atoms.positions[:, :2],
        atoms.arrays["species"],
        np.asarray(atoms.cell)[:2, :2],
        fields={"energy": (atoms.get_potential_energies(), "ε")},
        metadata={"thermo": thermo},
    )
    checkpoint.unlink(missing_ok=True)
    report(1.0)
    return glass


def _chunks(schedule: DiskSchedule, rate: float) -> list[tuple[float, float, int]]:
    """(temperature in K at the first step, K per step, steps) of each piece between two checkpoints."""
    chunks = []
    for start, end, time in schedule.segments(rate):
        steps = max(1, round(time / schedule.time_step))
        for first in range(0, steps, CHUNK):
            temperature = (start + (end - start) * (first / steps)) * KELVIN
            chunks.append((temperature, (end - start) * (1 / steps) * KELVIN, min(CHUNK, steps - first)))
    return chunks


def _lattice(composition: Composition, seed: int) -> Glass:
    """Random species on some of the sites of a square lattice."""
    random = np.random.default_rng([seed])
    species = random.permutation(np.repeat(list(composition.atoms), list(composition.atoms.values())))
    edge = np.sqrt(len(species) * composition.volume_per_atom)
    sites = int(np.ceil(np.sqrt(len(species))))
    lattice = (np.stack(np.meshgrid(*[np.arange(sites)] * 2, indexing="ij"), -1).reshape(-1, 2) + 0.5) / sites
    return Glass(lattice[random.permutation(len(lattice))[: len(species)]] * edge, species, [edge, edge])


def _melt(atoms: Atoms, temperature: float, seed: int) -> None:
    FIRE(atoms, logfile=None).run(fmax=1.0, steps=200)
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature * KELVIN, rng=np.random.default_rng([seed, 0, 0]))
    Stationary(atoms)


def _save(path: Path, atoms: Atoms, done: int, thermo: list[list[float]]) -> None:
    with atomic_write(path) as stream:
        state = {"positions": atoms.positions, "momenta": atoms.get_momenta()}
        np.savez(stream, **state, done=done, thermo=np.array(thermo))


def _restore(path: Path, atoms: Atoms) -> tuple[int, list[list[float]]]:
    with np.load(path) as state:
        atoms.positions = state["positions"]
        atoms.set_momenta(state["momenta"])
        return int(state["done"]), state["thermo"].tolist()
