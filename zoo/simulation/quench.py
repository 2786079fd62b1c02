"""Melt, quench and minimise: how a glass is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from ase import Atoms
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from ase.optimize import FIRE
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.glass import Glass
from zoo.simulation.calculator import EmbeddedAtomCalculator
from zoo.simulation.dynamics import canonical_dynamics, require_stable
from zoo.simulation.minimize import minimize, relax_to_zero_pressure
from zoo.simulation.potentials import EmbeddedAtomTables

CHUNK = 1000
"""Steps between two checkpoints."""


class QuenchSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Temperatures in K, times in ps, rates in K/s, the time step in fs."""

    melt_temperature: float = 2000.0
    melt_time: float = 10.0
    quench_from: float = 1200.0
    quench_to: float = 500.0
    equilibration_time: float = 10.0
    rate: float = 1e13
    time_step: float = 4.0

    def segments(self) -> list[tuple[float, float, float, float, bool]]:
        """(start temperature K, end temperature K, time ps, time step fs, constant pressure) of each stage."""
        quench_time = (self.quench_from - self.quench_to) / self.rate * 1e12
        hot = min(self.time_step, 2.0)
        return [
            (self.melt_temperature, self.melt_temperature, 0.3 * self.melt_time, hot, False),
            (self.melt_temperature, self.melt_temperature, 0.7 * self.melt_time, hot, True),
            (self.melt_temperature, self.quench_from, 0.8 * self.equilibration_time, min(self.time_step, 3.0), True),
            (self.quench_from, self.quench_from, self.equilibration_time, self.time_step, True),
            (self.quench_from, self.quench_to, quench_time, self.time_step, True),
            (self.quench_to, 1.0, min(5.0, quench_time), self.time_step, True),
        ]


class Composition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a glass is made of.

    ``atoms`` counts atoms per species; ``volume_per_atom`` (Å³) is only where the liquid starts from.
    """

    atoms: dict[str, int]
    volume_per_atom: float = 17.5


def quench(
    composition: Composition,
    schedule: QuenchSchedule,
    tables: EmbeddedAtomTables,
    seed: int,
    folder: Path,
    report: Callable[[float], None] = lambda fraction: None,
) -> Glass:
    """Cool a liquid into a glass at zero pressure and minimise it.

    Velocity rescaling that samples the canonical ensemble (Bussi, Donadio & Parrinello, J. Chem. Phys. 126, 014101,
    2007) with a Berendsen barostat. The run is cut into chunks, each with its own random numbers and a fresh neighbour
    list, and a checkpoint after each: a run that was killed continues to bit-identical results.

    Parameters
    ----------
    composition, schedule, tables
    seed : int
    folder : Path
        Keeps the checkpoint while the run lasts.
    report : callable of the fraction done

    Returns
    -------
    Glass
        The inherent structure at zero pressure. ``fields["energy"]`` in eV; ``metadata["thermo"]`` lists temperature
        (K), energy per atom (eV) and volume per atom (Å³) along the quench.
    """
    checkpoint = folder / "quench-checkpoint.npz"
    segments = schedule.segments()
    steps = [max(1, round(time * 1000 / step)) for _, _, time, step, _ in segments]
    chunks = [
        (segment, first, min(CHUNK, steps[segment] - first))
        for segment in range(len(segments))
        for first in range(0, steps[segment], CHUNK)
    ]
    atoms, done, thermo = _restore(checkpoint) or (_liquid(composition, schedule, tables, seed), 0, [])
    atoms.calc = EmbeddedAtomCalculator(tables)
    for number in range(done, len(chunks)):
        segment, first, length = chunks[number]
        start, end, _, step, constant_pressure = segments[segment]
        heating = (end - start) / steps[segment]
        random = np.random.default_rng([seed, number])
        canonical_dynamics(atoms, step, start + heating * first, random, heating, constant_pressure).run(length)
        require_stable(atoms, start, 10 * schedule.melt_temperature, step)
        thermo.append(
            [atoms.get_temperature(), atoms.get_potential_energy() / len(atoms), atoms.get_volume() / len(atoms)]
        )
        _save(checkpoint, atoms, number + 1, thermo)
        report((number + 1) / (len(chunks) + 1))
    relax_to_zero_pressure(atoms)
    minimize(atoms, 1e-5)
    glass = Glass(
        atoms.positions,
        atoms.get_chemical_symbols(),
        np.asarray(atoms.cell),
        fields={"energy": (atoms.get_potential_energies(), "eV")},
        metadata={"thermo": thermo},
    )
    checkpoint.unlink(missing_ok=True)
    report(1.0)
    return glass


def _liquid(composition: Composition, schedule: QuenchSchedule, tables: EmbeddedAtomTables, seed: int) -> Atoms:
    """Random species on a simple cubic lattice, pushed apart, with velocities of the melt."""
    random = np.random.default_rng([seed])
    symbols = np.repeat(list(composition.atoms), list(composition.atoms.values()))
    n_atoms = len(symbols)
    edge = (n_atoms * composition.volume_per_atom) ** (1 / 3)
    sites = int(np.ceil(n_atoms ** (1 / 3) - 1e-9))
    lattice = (np.stack(np.meshgrid(*[np.arange(sites)] * 3, indexing="ij"), -1).reshape(-1, 3) + 0.5) / sites
    atoms = Atoms(
        random.permutation(symbols),
        positions=lattice[random.permutation(len(lattice))[:n_atoms]] * edge,
        cell=[edge] * 3,
        pbc=True,
    )
    masses = dict(zip(tables.species, tables.masses, strict=True))
    atoms.set_masses([masses[symbol] for symbol in atoms.symbols])
    atoms.calc = EmbeddedAtomCalculator(tables)
    FIRE(atoms, logfile=None).run(fmax=0.5, steps=200)
    MaxwellBoltzmannDistribution(atoms, temperature_K=schedule.melt_temperature, rng=random)
    Stationary(atoms)
    return atoms


def _save(path: Path, atoms: Atoms, done: int, thermo: list[list[float]]) -> None:
    with atomic_write(path) as stream:
        np.savez(
            stream,
            positions=atoms.positions,
            momenta=atoms.get_momenta(),
            masses=atoms.get_masses(),
            cell=np.asarray(atoms.cell),
            symbols=np.array(atoms.get_chemical_symbols()),
            done=done,
            thermo=np.array(thermo),
        )


def _restore(path: Path) -> tuple[Atoms, int, list[list[float]]] | None:
    if not path.exists():
        return None
    with np.load(path) as state:
        atoms = Atoms(state["symbols"], positions=state["positions"], cell=state["cell"], pbc=True)
        atoms.set_masses(state["masses"])
        atoms.set_momenta(state["momenta"])
        thermo: NDArray[np.float64] = state["thermo"]
        return atoms, int(state["done"]), thermo.tolist()
