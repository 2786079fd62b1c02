"""Pairs of inherent structures that a glass visits in its dynamics, and the minimum-energy paths between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.errors import RecipeError
from zoo.features.pair import displacement_columns
from zoo.glass import Glass
from zoo.labels.tunnelling import count_wells, quantum_splitting
from zoo.simulation.minimize import minimize
from zoo.simulation.soft_kernels import verlet_steps
from zoo.simulation.soft_spheres import SKIN, SoftNeighbors, SoftState, soft_atoms
from zoo.simulation.well_paths import Path1D, connect, energy_along

if TYPE_CHECKING:
    from ase import Atoms

Floats = NDArray[np.float64]

SAME_ENERGY, SAME_PLACE = 1e-4, 0.01
"""ε and σ: two minima are the same if their energies and all of their atoms agree so well."""
LOOSE_FORCE = 3e-4
"""ε/σ, enough to recognise a minimum that is known already; a new one is minimised on."""


class WellSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Dynamics from minimum to minimum, and paths between them, in reduced units.

    ``temperature`` (ε) of the dynamics; ``quenches``, one every ``interval`` (σ √(m/ε), as ``time_step``); ``pairs`` to
    label; ``images`` of a path, its ends included; largest force (ε/σ) left at a minimum (``minimum_force``), on a path
    (``path_force``) and on one with a third minimum (``coarse_force``); ``path_steps`` at most for each tolerance;
    ``spring`` between images (ε/σ²); ``hbar`` (σ √(m ε)) and ``mass`` (m) of the quantum levels.
    """

    temperature: float = 0.06
    time_step: float = 0.01
    interval: float = 5.0
    quenches: int = 300
    pairs: int = 130
    images: int = 31
    minimum_force: float = 1e-6
    path_force: float = 2e-3
    coarse_force: float = 1e-2
    path_steps: int = 1500
    spring: float = 1.0
    hbar: float = 0.0132
    mass: float = 1.0


@dataclass
class Visits:
    """Minima that the dynamics has met, in the order of first meeting.

    ``positions`` (n_atoms, 3) and ``energies`` of each; ``sequence``: the minimum after each quench.
    """

    positions: list[Floats]
    energies: list[float]
    sequence: list[int]

    def find(self, positions: Floats, energy: float) -> int | None:
        """Number of a minimum that is known."""
        for number in np.flatnonzero(np.abs(np.array(self.energies) - energy) < SAME_ENERGY):
            if np.abs(self.positions[number] - self.without_drift(positions)).max() < SAME_PLACE:
                return int(number)
        return None

    def add(self, positions: Floats, energy: float) -> int:
        """Number of a new minimum."""
        self.positions.append(self.without_drift(positions))
        self.energies.append(energy)
        return len(self.energies) - 1

    def without_drift(self, positions: Floats) -> Floats:
        """Shifted as a whole to where the first minimum is."""
        if not self.positions:
            return positions.copy()
        return np.asarray(positions - (positions - self.positions[0]).mean(axis=0))


def run_dynamics(
    state: SoftState, temperature: float, time: float, time_step: float, random: np.random.Generator
) -> None:
    """Move ``state.positions`` on by velocity Verlet from new Maxwell velocities without drift."""
    velocities = random.normal(0.0, np.sqrt(temperature), state.positions.shape)
    velocities -= velocities.mean(axis=0)
    move(state, velocities, time_step, round(time / time_step))


def move(state: SoftState, velocities: Floats, time_step: float, steps: int) -> None:
    """Velocity Verlet at constant energy: positions and velocities (n_atoms, 3) are moved on in place."""
    forces, energies = np.empty_like(velocities), np.empty(len(velocities))
    left = steps
    near = SoftNeighbors(state.positions, state.diameters, state.edge, SKIN)
    near.forces(state.positions, forces, energies)
    while left > 0:
        done = verlet_steps(
            state.positions, velocities, forces, energies, near.diameters, near.edge, near.start, near.index,
            near.origin, 0.5 * near.skin, time_step, left,
        )  # fmt: skip
        if done == left:
            return
        # the step under way has left the range of the list: finish it with a new one
        near = SoftNeighbors(state.positions, state.diameters, state.edge, SKIN)
        near.forces(state.positions, forces, energies)
        velocities += 0.5 * time_step * forces
        left -= done + 1


def visit_minima(
    start: SoftState,
    schedule: WellSchedule,
    seed: int,
    checkpoint: Path,
    report: Callable[[float], None] = lambda fraction: None,
) -> Visits:
    """Dynamics at constant temperature with a quench every ``interval``.

    Each interval starts with new Maxwell velocities (a thermostat by collisions with all atoms at once, Andersen, J.
    Chem. Phys. 72, 2384 (1980)) and random numbers of its own.
    """
    visits, positions = _restore(checkpoint) or (Visits([], [], []), start.positions.copy())
    state = SoftState(positions, start.diameters, start.edge)
    atoms = soft_atoms(positions, start.diameters, start.edge)
    for number in range(len(visits.sequence), schedule.quenches):
        if number:
            random = np.random.default_rng([seed, number])
            run_dynamics(state, schedule.temperature, schedule.interval, schedule.time_step, random)
        atoms.calc = type(atoms.calc)(start.diameters)  # a fresh list: a run that continues takes the same path
        atoms.positions = state.positions
        visits.sequence.append(_recognize(visits, atoms, schedule.minimum_force))
        if (number + 1) % 50 == 0 or number + 1 == schedule.quenches:
            _save(checkpoint, visits, state.positions)
            report((number + 1) / schedule.quenches)
    return visits


def _recognize(visits: Visits, atoms: Atoms, force: float) -> int:
    """Number of the minimum below ``atoms``, which is noted if it is new."""
    minimize(atoms, LOOSE_FORCE)
    found = visits.find(atoms.positions, atoms.get_potential_energy())
    if found is None:
        minimize(atoms, force)
        found = visits.find(atoms.positions, atoms.get_potential_energy())
    return visits.add(atoms.positions, atoms.get_potential_energy()) if found is None else found


def transitions(visits: Visits) -> dict[tuple[int, int], int]:
    """How often each minimum was followed by each other one."""
    counts: dict[tuple[int, int], int] = {}
    for before, after in pairwise(visits.sequence):
        if before != after:
            counts[before, after] = counts.get((before, after), 0) + 1
    return counts


def choose_pairs(visits: Visits, most: int, random: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of minima to label, at most so many, each with the lower energy first.

    All pairs that the dynamics went between directly come first, in random order, then all others of the same glass, in
    random order: nothing about a pair but this decides whether it is labelled.
    """
    rank = np.argsort(np.argsort(visits.energies, kind="stable"), kind="stable")
    followed = sorted({(min(p, key=rank.__getitem__), max(p, key=rank.__getitem__)) for p in transitions(visits)})
    met = set(followed)
    by_energy = np.argsort(visits.energies, kind="stable").tolist()
    others = [(i, j) for k, i in enumerate(by_energy) for j in by_energy[k + 1 :] if (i, j) not in met]
    shuffled = [followed[k] for k in random.permutation(len(followed))]
    shuffled += [others[k] for k in random.permutation(len(others))]
    return shuffled[:most]


def label_wells(
    glass: Glass,
    schedule: WellSchedule,
    seed: int,
    folder: Path,
    report: Callable[[float], None] = lambda fraction: None,
) -> tuple[Glass, LabelledPairs]:
    """Find pairs of inherent structures near a glass and label them.

    Parameters
    ----------
    glass : Glass
        Inherent structure in a cubic cell with a field ``diameter`` (σ).
    schedule : WellSchedule
    seed : int
    folder : Path
        Keeps a checkpoint of the dynamics and one of the paths; a run that was killed continues to the same numbers.
    report : callable of the fraction done

    Returns
    -------
    glass : Glass
        With what was found in its metadata: ``minima``, ``followed`` (pairs that followed one another), ``paths``,
        ``converged``, ``double_wells``.
    pairs : LabelledPairs
    """
    check_schedule(schedule)
    diameters = np.array(glass.fields["diameter"].values, dtype=float)
    start = SoftState(np.array(glass.positions), diameters, float(glass.cell[0, 0]))
    dynamics = folder / "wells-dynamics-checkpoint.npz"
    visits = visit_minima(start, schedule, seed, dynamics, lambda fraction: report(0.35 * fraction))
    chosen = choose_pairs(visits, schedule.pairs, np.random.default_rng([seed, schedule.quenches]))
    store = folder / "wells-paths-checkpoint.npz"
    paths = _find_paths(visits, chosen, start, schedule, store, lambda fraction: report(0.35 + 0.65 * fraction))
    found = _collect(visits, chosen, paths, start.edge, schedule)
    report(1.0)
    summary = {
        "minima": len(visits.energies),
        "followed": len({frozenset(pair) for pair in transitions(visits)}),
        "paths": len(paths),
        "converged": len(found.rows),
        "double_wells": sum(row["is_dw"] for row in found.rows),
    }
    return glass.with_metadata(**summary), found


def _find_paths(
    visits: Visits,
    chosen: list[tuple[int, int]],
    start: SoftState,
    schedule: WellSchedule,
    store: Path,
    report: Callable[[float], None],
) -> list[tuple[Path1D, bool]]:
    """Path of each pair and whether it has converged; those of an earlier run are taken from ``store``."""
    paths = _restore_paths(store)
    for number in range(len(paths), len(chosen)):
        i, j = chosen[number]
        images, energies, converged = connect(
            visits.positions[i], visits.positions[j], start.diameters, start.edge, schedule
        )
        paths.append((energy_along(images, energies, start.diameters, start.edge), converged))
        _save_paths(store, paths)
        report((number + 1) / len(chosen))
    return paths


def _collect(
    visits: Visits,
    chosen: list[tuple[int, int]],
    paths: list[tuple[Path1D, bool]],
    edge: float,
    schedule: WellSchedule,
) -> LabelledPairs:
    """Rows of the pairs with a converged path; minima are named by the rank of their energy."""
    name = np.argsort(np.argsort(visits.energies, kind="stable"), kind="stable")
    counts = transitions(visits)
    rows, profiles = [], []
    for (i, j), (path, converged) in zip(chosen, paths, strict=True):
        if not converged:
            continue
        row = {
            "i": int(name[i]),
            "j": int(name[j]),
            **displacement_columns(visits.positions[i], visits.positions[j], np.eye(3) * edge),
            "Delta_E": visits.energies[j] - visits.energies[i],
            "Tij": counts.get((i, j), 0),
            "Tji": counts.get((j, i), 0),
            **_labels(path, schedule),
        }
        rows.append(row)
        profiles.append(path)
    structures = {int(name[k]): visits.positions[k] for k in {k for pair in chosen for k in pair}}
    return LabelledPairs(rows, profiles, structures, {int(name[k]): e for k, e in enumerate(visits.energies)})


@dataclass(frozen=True)
class LabelledPairs:
    """Rows of the table of pairs, the path of each, and the structures (n_atoms, 3) and energies by their names."""

    rows: list[dict[str, Any]]
    paths: list[Path1D]
    structures: dict[int, Floats]
    energies: dict[int, float]


def check_schedule(schedule: WellSchedule) -> None:
    """Refuse what makes no dynamics and no path.

    Raises
    ------
    RecipeError
    """
    if min(msgspec.structs.astuple(schedule)) <= 0:
        raise RecipeError(f"every number of the schedule of wells must be positive, got {schedule}")
    if schedule.images < 5 or schedule.quenches < 2:
        raise RecipeError(f"wells need at least five images and two quenches, got {schedule}")


def _labels(path: Path1D, schedule: WellSchedule) -> dict[str, float | int]:
    """NaN for what only a double well has."""
    wells = count_wells(path.inside)
    if not wells.is_double_well:
        return {"is_dw": 0, "barrier": np.nan, "asymmetry": np.nan, "quantum_splitting": np.nan}
    splitting = quantum_splitting(path.coordinate, path.energy, schedule.hbar, schedule.mass)
    return {"is_dw": 1, "barrier": wells.barrier, "asymmetry": wells.asymmetry, "quantum_splitting": splitting}


def _save_paths(store: Path, paths: list[tuple[Path1D, bool]]) -> None:
    arrays: dict[str, Floats] = {}
    for k, (path, converged) in enumerate(paths):
        arrays |= {f"s{k}": path.coordinate, f"e{k}": path.energy, f"f{k}": np.array([path.length, converged])}
    with atomic_write(store) as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def _restore_paths(store: Path) -> list[tuple[Path1D, bool]]:
    if not store.exists():
        return []
    with np.load(store) as stored:
        return [
            (Path1D(stored[f"s{k}"], stored[f"e{k}"], float(stored[f"f{k}"][0])), bool(stored[f"f{k}"][1]))
            for k in range(len(stored.files) // 3)
        ]


def _save(path: Path, visits: Visits, positions: Floats) -> None:
    with atomic_write(path) as stream:
        np.savez(
            stream,
            minima=np.array(visits.positions),
            energies=np.array(visits.energies),
            sequence=np.array(visits.sequence),
            positions=positions,
        )


def _restore(path: Path) -> tuple[Visits, Floats] | None:
    if not path.exists():
        return None
    with np.load(path) as stored:
        visits = Visits(list(stored["minima"]), stored["energies"].tolist(), stored["sequence"].tolist())
        return visits, stored["positions"]
