"""Dynamics below the glass transition: which atoms leave their cages, over many choices of the velocities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from ase import Atoms
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.errors import RecipeError
from zoo.glass import Glass
from zoo.labels.hops import hop_indicator, without_drift
from zoo.simulation.calculator import EmbeddedAtomCalculator
from zoo.simulation.dynamics import canonical_dynamics, require_stable
from zoo.simulation.potentials import EmbeddedAtomTables

CHUNK = 1000
"""Steps between two checkpoints, about."""
LABELS = {
    "p_hop": ("Å²", "largest hop indicator p_hop of a run"),
    "displacement": ("Å", "distance from the inherent structure to the mean position in the last window of a run"),
}
"""Unit and description of what is averaged over runs."""
PARTS = {"": "mean over {runs} runs", "_even": "mean over half of the runs", "_odd": "mean over the other half"}
"""Name ending and description of the averages: the halves show how reliable the whole is."""


class HopSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An isoconfigurational ensemble: runs from one inherent structure that differ by their velocities.

    ``temperature`` in K; ``thermalisation_time`` at zero pressure, then ``run_time`` in the cell it has led to, both in
    ps; ``time_step`` in fs; ``interval`` between two frames and the length of one ``window`` (A or B of p_hop) in ps;
    ``runs`` with velocities of their own.
    """

    temperature: float = 600.0
    thermalisation_time: float = 4.0
    run_time: float = 25.0
    time_step: float = 5.0
    interval: float = 0.1
    window: float = 2.0
    runs: int = 12

    @property
    def steps_per_frame(self) -> int:
        """Time steps between two frames."""
        return round(1000 * self.interval / self.time_step)

    @property
    def n_frames(self) -> int:
        """Frames of a run, the one at its start included."""
        return round(self.run_time / self.interval) + 1

    @property
    def frames_per_window(self) -> int:
        """Frames in one window."""
        return round(self.window / self.interval)


def check_schedule(schedule: HopSchedule) -> None:
    """Refuse times that do not fit into each other and runs that cannot be halved.

    Raises
    ------
    RecipeError
    """
    if min(getattr(schedule, name) for name in schedule.__struct_fields__) <= 0:
        raise RecipeError(f"temperature, times and runs of hops must be positive, got {schedule}")
    for whole, part in (
        (1000 * schedule.interval, schedule.time_step),
        (schedule.window, schedule.interval),
        (schedule.run_time, schedule.interval),
    ):
        if abs(whole / part - round(whole / part)) > 1e-6:
            raise RecipeError(
                "the interval of hops must be a multiple of the time step, window and run_time multiples of the "
                f"interval, got {schedule}"
            )
    if schedule.n_frames < 2 * schedule.frames_per_window:
        raise RecipeError(f"run_time of hops must hold two windows, got {schedule.run_time:g} ps")
    if schedule.runs % 2:
        raise RecipeError(f"runs of hops must be even, so that two halves can be compared, got {schedule.runs}")


def label_hops(
    glass: Glass,
    schedule: HopSchedule,
    tables: EmbeddedAtomTables,
    seed: int,
    folder: Path,
    report: Callable[[float], None] = lambda fraction: None,
) -> Glass:
    """Run the ensemble and label the atoms of the inherent structure that it starts from.

    Every piece of a run has its own random numbers and a fresh neighbour list, and leaves a checkpoint: an ensemble
    that was killed continues to bit-identical results.

    Parameters
    ----------
    glass : Glass
        Minimised, at zero pressure.
    schedule, tables
    seed : int
    folder : Path
        Keeps the checkpoint while the ensemble lasts.
    report : callable of the fraction done

    Returns
    -------
    Glass
        With a field for each of ``LABELS`` and ``PARTS``, such as ``p_hop`` and ``p_hop_even``.
    """
    check_schedule(schedule)
    checkpoint = folder / "hops-checkpoint.npz"
    state = _restore(checkpoint)
    labels: dict[str, list[NDArray[np.float64]]] = {name: list(state.get(name, [])) for name in LABELS}
    for run in range(len(labels["p_hop"]), schedule.runs):

        def keep(unfinished: dict[str, Any], run: int = run) -> None:
            _save(checkpoint, {**labels, **unfinished})
            report((run + len(unfinished["frames"]) / schedule.n_frames) / schedule.runs)

        frames = _run(glass, schedule, tables, [seed, run], state, keep)
        labels["p_hop"].append(hop_indicator(frames[1:], schedule.frames_per_window).max(axis=0))
        last = without_drift(frames)[-schedule.frames_per_window :].mean(axis=0)
        labels["displacement"].append(np.sqrt((last**2).sum(axis=1)))
        state = {}
        _save(checkpoint, labels)
    fields = {
        f"{name}{part}": (np.mean(values[start::step], axis=0), LABELS[name][0])
        for name, values in labels.items()
        for part, (start, step) in zip(PARTS, ((0, 1), (0, 2), (1, 2)), strict=True)
    }
    checkpoint.unlink(missing_ok=True)
    report(1.0)
    return glass.with_fields(**fields)


def _run(
    glass: Glass,
    schedule: HopSchedule,
    tables: EmbeddedAtomTables,
    seed: list[int],
    state: dict[str, Any],
    keep: Callable[[dict[str, Any]], None],
) -> NDArray[np.float64]:
    """Frames of a run after the inherent structure, scaled to the same cell, shape (n_frames + 1, n_atoms, 3), Å.

    ``state`` is what ``keep`` was last given by a run that was killed.
    """
    masses = dict(zip(tables.species, tables.masses, strict=True))
    atoms = Atoms(list(glass.species), positions=glass.positions, cell=glass.cell, pbc=True)
    atoms.set_masses([masses[symbol] for symbol in atoms.symbols])
    atoms.calc = EmbeddedAtomCalculator(tables)
    if "frames" in state:
        atoms.set_cell(state["cell"])
        atoms.positions = state["frames"][-1]
        atoms.set_momenta(state["momenta"])
        frames = list(state["frames"])
    else:
        # half of the kinetic energy goes into the springs between the atoms
        MaxwellBoltzmannDistribution(
            atoms, temperature_K=2 * schedule.temperature, rng=np.random.default_rng([*seed, 0])
        )
        Stationary(atoms)
        n_steps = round(1000 * schedule.thermalisation_time / schedule.time_step)
        _continue(atoms, schedule, [*seed, 1], True).run(n_steps)
        frames = [np.linalg.solve(glass.cell.T, glass.positions.T).T @ np.asarray(atoms.cell), atoms.positions.copy()]
    while len(frames) <= schedule.n_frames:
        dynamics = _continue(atoms, schedule, [*seed, len(frames)], False)
        for _ in range(min(max(1, CHUNK // schedule.steps_per_frame), schedule.n_frames + 1 - len(frames))):
            dynamics.run(schedule.steps_per_frame)
            frames.append(atoms.positions.copy())
        require_stable(atoms, schedule.temperature, 10 * schedule.temperature, schedule.time_step)
        keep({"frames": frames, "momenta": atoms.get_momenta(), "cell": np.asarray(atoms.cell)})
    return np.array(frames)


def _continue(atoms: Atoms, schedule: HopSchedule, seed: list[int], constant_pressure: bool) -> Any:
    return canonical_dynamics(
        atoms,
        schedule.time_step,
        schedule.temperature,
        np.random.default_rng(seed),
        constant_pressure=constant_pressure,
    )


def _save(path: Path, content: dict[str, Any]) -> None:
    with atomic_write(path) as stream:
        np.savez(stream, **{name: np.array(value) for name, value in content.items()})  # type: ignore[arg-type]


def _restore(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}
