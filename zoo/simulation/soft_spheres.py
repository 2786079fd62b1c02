"""A glass former of soft repulsive spheres of many sizes, which swap Monte Carlo takes far below its glass transition.

Units are reduced: lengths in σ (the mean distance, as the number density is 1), energies in ε, masses in m.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.errors import CutoffError, RecipeError, ZooError
from zoo.glass import Glass
from zoo.neighbors import build_pairs
from zoo.simulation.minimize import minimize
from zoo.simulation.soft_kernels import CUTOFF, select_pairs, soft_forces, swap_moves

CITATION = "Ninarello, Berthier & Coslovich, Phys. Rev. X 7, 021039 (2017)"
SMALLEST, LARGEST = 0.73, 1.62
"""σ; diameters in between have the density P(d) ~ d^-3. The largest is that of the published configurations."""

SPECIES = "A"
"""The one name that all spheres have; they differ by their diameter."""
SKIN = 0.3
"""σ, of neighbour lists."""
COOLING = 20
"""Equal steps of log T on the way down from the melt."""

Floats = NDArray[np.float64]


class SwapSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Swap Monte Carlo at constant volume and number density 1.

    ``sweeps`` at the preparation temperature, after ``cooling_sweeps`` that come down to it from ``melt_temperature``
    (ε) by equal factors; a sweep is one move per atom, a fraction ``swaps`` of them exchanges of
    two diameters that differ by less than ``window`` (σ), the others shifts by up to ``jump / 2`` (σ) along each axis;
    ``records`` inherent-structure energies are noted at equal distances.
    """

    melt_temperature: float = 0.3
    cooling_sweeps: int = 4000
    sweeps: int = 60_000
    jump: float = 0.12
    swaps: float = 0.2
    window: float = 0.2
    records: int = 40


def check_schedule(schedule: SwapSchedule) -> None:
    """Refuse what moves nothing.

    Raises
    ------
    RecipeError
    """
    if min(msgspec.structs.astuple(schedule)) <= 0 or schedule.swaps >= 1:
        raise RecipeError(f"every number of the swap schedule must be positive and swaps below 1, got {schedule}")


@dataclass
class SoftState:
    """Where swap Monte Carlo is: positions (n, 3) in σ, diameters (n,) in σ, edge of the cubic cell in σ."""

    positions: Floats
    diameters: Floats
    edge: float


def sample_diameters(n_atoms: int) -> Floats:
    """The quantiles of ``P(d) ~ d^-3`` between ``SMALLEST`` and ``LARGEST``, shape (n_atoms,), ascending, σ.

    Quantiles instead of random numbers: all glasses of a size then have the same spheres and differ in structure only.
    """
    quantile = (np.arange(n_atoms) + 0.5) / n_atoms
    return np.asarray((SMALLEST**-2 - quantile * (SMALLEST**-2 - LARGEST**-2)) ** -0.5)


class SoftSphereCalculator(Calculator):  # type: ignore[misc, unused-ignore]
    """Energies (ε) and forces (ε/σ) of polydisperse soft spheres in a cubic periodic cell.

    Parameters
    ----------
    diameters : ndarray of shape (n_atoms,), σ
    skin : float, σ
        The neighbour list reaches this much beyond the cutoff and is made anew once an atom may have crossed it.
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces"]  # noqa: RUF012

    def __init__(self, diameters: Floats, skin: float = SKIN) -> None:
        super().__init__()
        self.diameters = np.ascontiguousarray(diameters, dtype=float)
        self.skin = skin
        self.neighbors: SoftNeighbors | None = None

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """What changed since the last call, compared exactly."""
        old = self.atoms
        if old is None or len(old) != len(atoms) or not np.array_equal(old.cell.array, atoms.cell.array):
            return list(all_changes)
        return [] if np.array_equal(old.positions, atoms.positions) else ["positions"]

    def calculate(
        self, atoms: Atoms, properties: list[str] | None = None, system_changes: list[str] = all_changes
    ) -> None:
        """See :meth:`ase.calculators.calculator.Calculator.calculate`."""
        super().calculate(atoms, properties or ["energy"], system_changes)
        edge = cubic_edge(atoms)
        near = self.neighbors
        if near is None or near.edge != edge or near.is_stale(atoms.positions):
            near = self.neighbors = SoftNeighbors(atoms.positions, self.diameters, edge, self.skin)
        forces, energies = np.empty((len(atoms), 3)), np.empty(len(atoms))
        energy = near.forces(atoms.positions, forces, energies)
        self.results = {"energy": energy, "free_energy": energy, "energies": energies, "forces": forces}


class SoftNeighbors:
    """Pairs of spheres that may touch as long as none has moved by half of ``skin`` (σ) from ``positions``."""

    def __init__(self, positions: Floats, diameters: Floats, edge: float, skin: float) -> None:
        reach = CUTOFF * float(diameters.max())
        if 2.0 * reach > edge:
            raise CutoffError(
                f"the cell must be at least twice the largest interaction range ({reach:.2f} σ) wide, "
                f"got {edge:.2f} σ: use more atoms"
            )
        if not np.isfinite(positions).all():
            raise ZooError("positions must be finite: the dynamics blew up, use a shorter time step")
        self.skin = min(skin, edge / 2.0 - reach)
        self.origin = positions.copy()
        self.diameters, self.edge = diameters, edge
        start, index = all_pairs(positions, edge, reach + self.skin, half=True)
        self.start, self.index = select_pairs(positions, diameters, edge, self.skin, start, index)

    def is_stale(self, positions: Floats) -> bool:
        """Whether a pair may be missing."""
        moved = positions - self.origin
        return bool(4.0 * np.einsum("ij,ij->i", moved, moved).max() > self.skin**2)

    def forces(self, positions: Floats, forces: Floats, energies: Floats) -> float:
        """Total energy (ε); forces (n, 3) and energies (n,) are written in place."""
        return float(soft_forces(positions, self.diameters, self.edge, self.start, self.index, forces, energies))


def all_pairs(positions: Floats, edge: float, reach: float, half: bool) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Compressed rows of all pairs within ``reach`` (σ) in a cubic cell."""
    kinds = np.zeros(len(positions), np.int32)
    cell, cutoff = np.eye(3) * edge, np.full((1, 1), reach)
    pairs = build_pairs(np.ascontiguousarray(positions), kinds, cell, np.ones(3, bool), cutoff, half)
    return pairs.start, pairs.index


def cubic_edge(atoms: Atoms) -> float:
    """Edge (σ) of a cubic periodic cell; another shape is refused."""
    cell = atoms.cell.array
    if not all(atoms.pbc) or not np.array_equal(cell, np.eye(3) * cell[0, 0]):
        raise ZooError(f"soft spheres need a cubic periodic cell, got {cell.tolist()}")
    return float(cell[0, 0])


def soft_atoms(positions: Floats, diameters: Floats, edge: float) -> Atoms:
    """ASE atoms of unit mass with a calculator of their own."""
    atoms = Atoms(numbers=np.zeros(len(diameters), int), positions=positions, cell=[edge] * 3, pbc=True)
    atoms.set_masses(np.ones(len(diameters)))
    atoms.calc = SoftSphereCalculator(diameters)
    return atoms


def prepare(
    n_atoms: int,
    temperature: float,
    schedule: SwapSchedule,
    seed: int,
    folder: Path,
    report: Callable[[float], None] = lambda fraction: None,
) -> Glass:
    """Bring a liquid to ``temperature`` (ε) by swap Monte Carlo and minimise it.

    The run is cut into chunks with random numbers of their own and a checkpoint after each, so that one that was killed
    continues to the same numbers.

    Returns
    -------
    Glass
        The inherent structure. ``fields["diameter"]`` in σ, ``fields["energy"]`` in ε; ``metadata["history"]`` lists
        sweeps at the preparation temperature, energy and inherent-structure energy per atom (ε).
    """
    checkpoint = folder / "swap-checkpoint.npz"
    per_chunk = [max(1, schedule.cooling_sweeps // COOLING)] * COOLING
    per_chunk += [max(1, schedule.sweeps // schedule.records)] * schedule.records
    fall = (temperature / schedule.melt_temperature) ** (1.0 / COOLING)
    state, done, history = _restore(checkpoint) or (_lattice(n_atoms, seed), 0, [])
    for number in range(done, len(per_chunk)):
        at = max(schedule.melt_temperature * fall**number, temperature)
        swap_monte_carlo(state, at, per_chunk[number], schedule, np.random.default_rng([seed, number]))
        if number >= COOLING - 1:
            atoms = soft_atoms(state.positions, state.diameters, state.edge)
            energy = atoms.get_potential_energy() / n_atoms
            minimize(atoms, 1e-4)
            sweeps = float(sum(per_chunk[COOLING : number + 1]))
            history.append([sweeps, energy, atoms.get_potential_energy() / n_atoms])
        _save(checkpoint, state, number + 1, history)
        report(sum(per_chunk[: number + 1]) / sum(per_chunk))
    atoms = soft_atoms(state.positions, state.diameters, state.edge)
    minimize(atoms, 1e-6)
    return Glass(
        atoms.positions,
        [SPECIES] * n_atoms,
        atoms.cell.array,
        fields={"diameter": (state.diameters, "σ"), "energy": (atoms.get_potential_energies(), "ε")},
        metadata={"history": history},
    )


def swap_monte_carlo(
    state: SoftState, temperature: float, sweeps: int, schedule: SwapSchedule, random: np.random.Generator
) -> NDArray[np.int64]:
    """Metropolis moves in place, ``sweeps`` per atom; returns the accepted shifts and swaps, shape (2,)."""
    accepted = np.zeros(2, np.int64)
    reach = CUTOFF * float(state.diameters.max())
    skin = min(0.6, state.edge / 2.0 - reach)
    left = sweeps * len(state.diameters)
    while left > 0:
        state.positions %= state.edge
        start, index = all_pairs(state.positions, state.edge, reach + skin, half=False)
        left -= swap_moves(
            random, left, temperature, schedule.jump, schedule.swaps, schedule.window, state.positions,
            state.diameters, state.edge, start, index, state.positions.copy(),
            0.5 * (skin - schedule.jump), accepted,
        )  # fmt: skip
    return accepted


def _lattice(n_atoms: int, seed: int) -> SoftState:
    """Spheres of random size on a simple cubic lattice, at number density 1."""
    random = np.random.default_rng([seed])
    edge = n_atoms ** (1 / 3)
    sites = int(np.ceil(edge - 1e-9))
    lattice = (np.stack(np.meshgrid(*[np.arange(sites)] * 3, indexing="ij"), -1).reshape(-1, 3) + 0.5) / sites
    chosen = np.sort(random.permutation(len(lattice))[:n_atoms])
    return SoftState(lattice[chosen] * edge, random.permutation(sample_diameters(n_atoms)), edge)


def _save(path: Path, state: SoftState, done: int, history: list[list[float]]) -> None:
    with atomic_write(path) as stream:
        np.savez(
            stream,
            positions=state.positions,
            diameters=state.diameters,
            edge=state.edge,
            done=done,
            history=np.array(history).reshape(-1, 3),
        )


def _restore(path: Path) -> tuple[SoftState, int, list[list[float]]] | None:
    if not path.exists():
        return None
    with np.load(path) as stored:
        state = SoftState(stored["positions"], stored["diameters"], float(stored["edge"]))
        history: list[list[float]] = stored["history"].tolist()
        return state, int(stored["done"]), history
