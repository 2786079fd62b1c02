"""Searches for saddle points of the energy around single atoms of a glass."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from zoo.errors import GlassError, RecipeError
from zoo.glass import Glass
from zoo.simulation.potentials import EmbeddedAtomTables

if TYPE_CHECKING:
    from zoo.simulation.cluster import Cluster, Work

Floats = NDArray[np.float64]
ROOM_PER_ATOM = 320
"""Pairs for which there is room at first, per mobile atom."""
ROUGH = 0.1
"""eV/Å: tolerance in the small cluster."""
CORRECTIONS = 3
"""Saddles of higher order that a search may leave."""
ASIDE = 0.15
"""Å: how far the most mobile atom is moved from the saddle before the descent."""
DESCENT = 0.3
"""Part of the saddle's tolerance to which minima are relaxed: energies are good to about 1e-3 eV then."""


class BarrierSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Saddle searches.

    How much: ``atoms`` per glass, connected ``events`` per atom, at most ``searches`` per atom. Raising these adds to
    what is there. How: radii (Å) of the two ``shells`` of mobile atoms, ``force`` tolerance (eV/Å), ``ceiling`` (eV)
    above which a saddle is given up, ``home`` (Å) within which a minimum is the start.
    """

    atoms: int = 300
    events: int = 8
    searches: int = 30
    shells: tuple[float, float] = (9.0, 13.0)
    force: float = 0.01
    ceiling: float = 5.0
    home: float = 0.1


def check_schedule(schedule: BarrierSchedule) -> None:
    """Refuse a schedule that cannot be carried out.

    Raises
    ------
    RecipeError
    """
    counts = (schedule.atoms, schedule.events, schedule.searches)
    if min(counts) < 1 or schedule.searches < schedule.events:
        raise RecipeError(
            "barriers need at least one atom and one event, and as many searches as events, "
            f"got atoms, events and searches {counts}"
        )
    if not 0 < schedule.shells[0] <= schedule.shells[1]:
        raise RecipeError(f"shells must be two radii in Å, the smaller one first, got {schedule.shells}")
    if min(schedule.force, schedule.ceiling, schedule.home) <= 0:
        raise RecipeError(
            "force, ceiling and home must be positive, "
            f"got {schedule.force:g} eV/Å, {schedule.ceiling:g} eV and {schedule.home:g} Å"
        )


class Search(NamedTuple):
    """Outcome of one search; atoms in the order of the glass."""

    state: int  # one of saddle_kernels' CONNECTED, ...
    barrier: float  # eV above the start
    final_energy: float  # eV above the start
    curvature: float  # eV/Å²
    saddle: NDArray[np.float64]  # (n_atoms, 3), Å, displacement from the start
    final: NDArray[np.float64]  # (n_atoms, 3), Å, displacement from the start
    near: NDArray[np.int64]  # (n_atoms,), atoms from the nearest to the centre to the farthest
    distance: NDArray[np.float64]  # (n_atoms,), Å, of each atom from the centre


class SaddleSearcher:
    """Saddle searches in one glass.

    Parameters
    ----------
    glass : Glass
        At a minimum of the energy.
    tables : EmbeddedAtomTables
    schedule : BarrierSchedule
    seed : int
        With the atom and the number of the search it seeds the kick, and nothing else does.

    Raises
    ------
    GlassError
        The glass is not periodic in three dimensions.
    """

    def __init__(self, glass: Glass, tables: EmbeddedAtomTables, schedule: BarrierSchedule, seed: int) -> None:
        if glass.dimension != 3 or not glass.periodic.all():
            raise GlassError(f"saddle searches need a glass that is periodic in 3D, got periodic {glass.periodic}")
        self.glass, self.tables, self.schedule, self.seed = glass, tables, schedule, seed
        self.kind = glass.species_index(tables.species)
        self.density = _densities(glass, self.kind, tables)
        self.density_cutoff = _density_cutoffs(tables)
        self.room = 0

    def search(self, atom: int, number: int) -> Search:
        """Kick ``atom`` in the direction that belongs to search ``number`` and follow it over a saddle."""
        from zoo.simulation.cluster import FULL, make_work

        near, cluster = self.cluster(atom)
        kick = np.random.default_rng([self.seed, atom, number]).normal(size=3)
        self.room = max(self.room, ROOM_PER_ATOM * self.mobile(cluster.distance, self.schedule.shells[1]) + len(near))
        while True:
            work = make_work(len(near), self.room)
            outcome = self._follow(cluster, work, kick / np.linalg.norm(kick))
            if not work.calls[FULL]:
                break
            self.room *= 2
        back = np.argsort(near)
        saddle, final = ((positions - cluster.start)[back] for positions in outcome[4:])
        return Search(*outcome[:4], saddle, final, near, cluster.distance[back])

    def _follow(self, cluster: Cluster, work: Work, kick: Floats) -> tuple[int, float, float, float, Floats, Floats]:
        """State, energies of the saddle and the other minimum, curvature, and positions of both."""
        from zoo.simulation.saddle_kernels import CONNECTED, climb, escape

        schedule = self.schedule
        small, large = (self.mobile(cluster.distance, radius) for radius in schedule.shells)
        saddle = cluster.start.copy()
        mode = np.zeros(3 * large)
        rough = mode[: 3 * small]
        barrier, energy, curvature, final = 0.0, 0.0, 0.0, saddle
        state = self._free(cluster, work, small)
        if state == CONNECTED:
            state = escape(cluster, work, small, saddle, kick, rough, schedule.ceiling)
        if state == CONNECTED:
            state, barrier, curvature = climb(cluster, work, small, saddle, rough, ROUGH, schedule.ceiling)
        if state == CONNECTED:
            # a saddle of another basin is mostly recognised here, before the expensive part
            state, energy, final = self._descend(cluster, work, saddle, rough, back=True)
        if state == CONNECTED:
            state = self._free(cluster, work, large)
        if state == CONNECTED:
            state, barrier, curvature = self._climb_to_first_order(cluster, work, saddle, mode)
        for back in (True, False):
            if state == CONNECTED:
                state, energy, final = self._descend(cluster, work, saddle, mode, back)
        return state, barrier, energy, curvature, saddle, final

    @staticmethod
    def _free(cluster: Cluster, work: Work, n_mobile: int) -> int:
        from zoo.simulation.cluster_kernels import free_atoms
        from zoo.simulation.saddle_kernels import CONNECTED, NOT_CONVERGED

        return CONNECTED if free_atoms(cluster, work, n_mobile) else NOT_CONVERGED

    def _climb_to_first_order(
        self, cluster: Cluster, work: Work, positions: Floats, mode: Floats
    ) -> tuple[int, float, float]:
        """Climb, and on from where the energy curves down in a second direction too: (state, energy, curvature)."""
        from zoo.simulation.saddle_kernels import CONNECTED, NOT_CONVERGED, climb, second_mode

        n_mobile = len(mode) // 3
        for _ in range(CORRECTIONS + 1):
            state, energy, curvature = climb(
                cluster, work, n_mobile, positions, mode, self.schedule.force, self.schedule.ceiling
            )
            if state != CONNECTED:
                return state, energy, curvature
            other = (positions - cluster.start)[:n_mobile].ravel()
            if second_mode(cluster, work, n_mobile, mode, other) >= 0.0:
                return state, energy, curvature
            downhill = 1.0 if other @ work.forces[:n_mobile].ravel() >= 0.0 else -1.0
            positions[:n_mobile] += downhill * ASIDE * (other / _longest(other)).reshape(-1, 3)
        return NOT_CONVERGED, energy, curvature

    def _descend(
        self, cluster: Cluster, work: Work, saddle: Floats, mode: Floats, back: bool
    ) -> tuple[int, float, Floats]:
        """Descend on the side that faces the start or on the other one: (state, energy, positions)."""
        from zoo.simulation.saddle_kernels import CONNECTED, NOT_CONNECTED, NOT_CONVERGED, descend, is_home

        n_mobile = len(mode) // 3
        home = self.schedule.home
        away = mode @ (saddle - cluster.start)[:n_mobile].ravel() > 0.0
        final = saddle.copy()
        final[:n_mobile] += (-1.0 if away == back else 1.0) * ASIDE * (mode / _longest(mode)).reshape(-1, 3)
        energy = descend(cluster, work, n_mobile, final, DESCENT * self.schedule.force, home)
        if np.isnan(energy):
            return NOT_CONVERGED, energy, final
        returned = is_home(cluster, final, n_mobile, energy, home)
        return (CONNECTED if returned == back else NOT_CONNECTED), energy, final

    def cluster(self, atom: int) -> tuple[NDArray[np.int64], Cluster]:
        """Atoms from the nearest to the farthest, and what the kernels need to know of them."""
        from zoo.simulation.calculator import SIGNS
        from zoo.simulation.cluster import Cluster

        cell = np.array(self.glass.cell)
        inverse = np.linalg.inv(cell)
        fractional = (self.glass.positions - self.glass.positions[atom]) @ inverse
        positions = (fractional - np.rint(fractional)) @ cell
        offset = SIGNS @ cell
        # in a skewed cell a neighbouring image may be nearer than the one that rounding gives
        distance = np.min([np.linalg.norm(positions + shift, axis=1) for shift in offset], axis=0)
        near = np.argsort(distance, kind="stable")
        tables = self.tables
        return near, Cluster(
            start=positions[near],
            distance=distance[near],
            kind=self.kind[near],
            density=self.density[near],
            cell=cell,
            inverse=np.asarray(inverse, np.float64),
            offset=offset,
            cutoff=tables.cutoffs,
            density_cutoff=self.density_cutoff,
            pair=tables.pair,
            embedding=tables.embedding,
            dr=tables.dr,
            drho=tables.drho,
        )

    @staticmethod
    def mobile(distance: NDArray[np.float64], radius: float) -> int:
        """Number of atoms within ``radius``; ``distance`` rises."""
        return int(np.searchsorted(distance, radius))


def _longest(vector: Floats) -> float:
    """Largest displacement of an atom in a flat vector."""
    return float(np.linalg.norm(vector.reshape(-1, 3), axis=1).max())


def _densities(glass: Glass, kind: NDArray[np.int32], tables: EmbeddedAtomTables) -> NDArray[np.float64]:
    """Density at every atom, in the potential's units, shape (n_atoms,)."""
    from zoo.neighbors import build_pairs

    pairs = build_pairs(glass.positions, kind, np.array(glass.cell), np.ones(3, bool), tables.cutoffs, half=False)
    place = pairs.distance / tables.dr
    bin_ = place.astype(np.int64)
    c = tables.pair[kind[pairs.center], kind[pairs.index], bin_, :4]
    given = np.polynomial.polynomial.polyval(place - bin_, c.T, tensor=False)
    return np.bincount(pairs.center, given, minlength=len(glass)).astype(np.float64)


def _density_cutoffs(tables: EmbeddedAtomTables) -> NDArray[np.float64]:
    """Distance (Å) beyond which two atoms give each other no density, shape (k, k)."""
    given = np.abs(tables.pair[..., :8]).max(axis=-1) > 1e-14
    last = given.shape[-1] - given[..., ::-1].argmax(axis=-1)
    return np.asarray(np.minimum(last * tables.dr, tables.cutoffs))
