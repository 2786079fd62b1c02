"""Energy barriers: exact local forces, saddles that are saddles of the whole glass, searches that can be added to."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from msgspec.structs import replace

from zoo.errors import GlassError, RecipeError
from zoo.glass import Glass
from zoo.paths import content_root
from zoo.simulation import saddle_kernels, saddles
from zoo.simulation.barriers import (
    EVENT,
    EVENT_COLUMNS,
    FIELDS,
    choose_atoms,
    find_barriers,
    repeats,
    run_barriers,
)
from zoo.simulation.calculator import EmbeddedAtomCalculator
from zoo.simulation.cluster import CANDIDATE_LISTS, FULL, LISTS, make_work
from zoo.simulation.cluster_kernels import energy_and_forces, free_atoms, hessian_product
from zoo.simulation.minimize import largest_force, minimize
from zoo.simulation.potentials import EmbeddedAtomTables, load_potential
from zoo.simulation.quench import Composition, QuenchSchedule, quench
from zoo.simulation.recipe import read_recipe
from zoo.simulation.saddle_kernels import CONNECTED, NOT_CONNECTED, lowest_mode, second_mode
from zoo.simulation.saddles import BarrierSchedule, SaddleSearcher, Search, check_schedule

RECIPE = content_root() / "datasets" / "cuzr-barriers" / "recipe.toml"
ROOM = 200_000


@pytest.fixture(scope="module")
def emt() -> EmbeddedAtomTables:
    return load_potential("emt-cu-zr")


@pytest.fixture(scope="module")
def minimum(emt: EmbeddedAtomTables, tmp_path_factory: pytest.TempPathFactory) -> Glass:
    """256 atoms of Cu-Zr, quenched in no time, at an energy minimum."""
    composition = Composition(atoms={"Cu": 128, "Zr": 128}, volume_per_atom=16.5)
    hasty = QuenchSchedule(melt_time=0.5, equilibration_time=0.3, rate=7e14)
    return quench(composition, hasty, emt, 1, tmp_path_factory.mktemp("quench"))


def whole(glass: Glass, tables: EmbeddedAtomTables, displacement: Any = 0.0) -> Atoms:
    """The whole periodic glass with the calculator that dynamics use."""
    atoms = Atoms(glass.species, positions=glass.positions + displacement, cell=glass.cell, pbc=True)
    atoms.calc = EmbeddedAtomCalculator(tables)
    return atoms


# ---------------------------------------------------------------- kernels


@pytest.mark.parametrize("name", ["glass", "triclinic"])
@pytest.mark.parametrize("radius", [6.0, 9.0])
def test_local_forces_are_those_of_the_whole_glass(
    name: str, radius: float, emt: EmbeddedAtomTables, request: pytest.FixtureRequest
) -> None:
    """Also after atoms have moved so far that both lists of pairs are stale, and for the second centre searched."""
    crowd: Glass = request.getfixturevalue(name)
    before = whole(crowd, emt).get_potential_energy()
    searcher = SaddleSearcher(crowd, emt, BarrierSchedule(), 0)
    random = np.random.default_rng(3)
    for atom in (7, 300):
        near, cluster = searcher.cluster(atom)
        m = searcher.mobile(cluster.distance, radius)
        work = make_work(len(near), ROOM)
        assert free_atoms(cluster, work, m)
        for far, lists in ((0.05, 1), (0.6, 2), (1.6, 3)):
            moved = np.zeros_like(cluster.start)
            moved[:m] = random.normal(0, 0.03, (m, 3))
            moved[:2] += far
            energy = energy_and_forces(cluster, work, cluster.start + moved, m, False)
            displacement = np.zeros_like(moved)
            displacement[near] = moved
            atoms = whole(crowd, emt, displacement)
            np.testing.assert_allclose(work.forces[:m], atoms.get_forces()[near[:m]], atol=1e-10)
            assert energy == pytest.approx(atoms.get_potential_energy() - before, abs=1e-8)
            assert work.calls[LISTS] == lists
        assert work.calls[CANDIDATE_LISTS] == 2
        assert work.calls[FULL] == 0


@pytest.fixture(scope="module")
def bent(minimum: Glass, emt: EmbeddedAtomTables) -> tuple[Any, Any, np.ndarray, int, np.ndarray]:
    """A displaced cluster, its kernel's arguments and its dense Hessian from products."""
    searcher = SaddleSearcher(minimum, emt, BarrierSchedule(), 0)
    near, cluster = searcher.cluster(11)
    m = searcher.mobile(cluster.distance, 6.0)
    work = make_work(len(near), ROOM)
    free_atoms(cluster, work, m)
    x = cluster.start.copy()
    x[:m] += np.random.default_rng(5).normal(0, 0.1, (m, 3))
    energy_and_forces(cluster, work, x, m, True)
    return cluster, work, x, m, dense_hessian(cluster, work, m)


def dense_hessian(cluster: Any, work: Any, m: int) -> np.ndarray:
    """At the positions of the last call with curvature."""
    columns = np.empty((3 * m, 3 * m))
    for column, unit in zip(columns, np.eye(3 * m), strict=True):
        hessian_product(cluster, work, m, unit, column)
    return columns


def test_the_hessian_is_the_slope_of_the_forces(bent: tuple[Any, Any, np.ndarray, int, np.ndarray]) -> None:
    cluster, work, x, m, hessian = bent
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-10)
    step = 1e-5
    for column in (0, 4, 3 * m - 1):
        forces = []
        for sign in (1, -1):
            moved = x.copy()
            moved[column // 3, column % 3] += sign * step
            energy_and_forces(cluster, work, moved, m, False)
            forces.append(work.forces[:m].copy())
        slope = (forces[1] - forces[0]).ravel() / (2 * step)
        np.testing.assert_allclose(hessian[column], slope, atol=1e-6)
    assert np.abs(hessian).max() > 1


def test_lanczos_finds_the_lowest_modes(bent: tuple[Any, Any, np.ndarray, int, np.ndarray]) -> None:
    cluster, work, x, m, hessian = bent
    energy_and_forces(cluster, work, x, m, True)
    values, vectors = np.linalg.eigh(hessian)
    mode = np.zeros(3 * m)
    mode[:3] = 1.0
    assert lowest_mode(cluster, work, m, mode, 150) == pytest.approx(values[0], abs=1e-8)
    assert abs(mode @ vectors[:, 0]) == pytest.approx(1, abs=1e-6)
    guess = vectors[:, 1] + 0.3 * vectors[:, 4]
    assert values[1] - 1e-9 < second_mode(cluster, work, m, mode, guess) < values[2]
    assert abs(guess @ vectors[:, 1]) > 0.9 * np.linalg.norm(guess)


# ---------------------------------------------------------------- searches

EVERYTHING_MOVES = BarrierSchedule(shells=(6.0, 40.0))


@pytest.fixture(scope="module")
def found(minimum: Glass, emt: EmbeddedAtomTables) -> tuple[int, int, Search]:
    """Atom, number and outcome of a connected search, refined with all atoms mobile."""
    searcher = SaddleSearcher(minimum, emt, EVERYTHING_MOVES, 2)
    for atom, number in itertools.product((50, 20, 90), range(8)):
        search = searcher.search(atom, number)
        if search.state == CONNECTED and search.barrier > 0.3:
            return atom, number, search
    raise AssertionError("no event in 24 searches")


def test_a_saddle_is_one_of_the_whole_glass(
    minimum: Glass, emt: EmbeddedAtomTables, found: tuple[int, int, Search]
) -> None:
    """Forces vanish, the energy is the barrier, and the Hessian of all atoms has one negative eigenvalue."""
    atom, _, search = found
    atoms = whole(minimum, emt, search.saddle)
    assert largest_force(atoms) < EVERYTHING_MOVES.force * 1.001
    before = whole(minimum, emt).get_potential_energy()
    assert atoms.get_potential_energy() - before == pytest.approx(search.barrier, abs=1e-8)
    assert 0 < search.barrier < EVERYTHING_MOVES.ceiling
    values = whole_hessian_values(SaddleSearcher(minimum, emt, EVERYTHING_MOVES, 2), atom, search)
    assert (values < -1e-6).sum() == 1
    assert search.curvature == pytest.approx(values[0], abs=0.05)


def test_a_saddle_of_second_order_is_left(
    minimum: Glass, emt: EmbeddedAtomTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first search that climbs to a point where the energy curves down in two directions."""
    curvatures: list[float] = []
    monkeypatch.setattr(
        saddle_kernels, "second_mode", lambda *rest: curvatures.append(second_mode(*rest)) or curvatures[-1]
    )
    searcher = SaddleSearcher(minimum, emt, EVERYTHING_MOVES, 2)
    for atom, number in itertools.product((20, 50, 90, 120), range(8)):
        curvatures.clear()
        search = searcher.search(atom, number)
        if curvatures and curvatures[0] < 0 and search.state in (CONNECTED, NOT_CONNECTED):
            break
    assert curvatures[0] < 0 <= curvatures[-1]
    assert largest_force(whole(minimum, emt, search.saddle)) < EVERYTHING_MOVES.force * 1.001
    # Lanczos may overlook a curvature that is almost zero, as where the whole glass may drift
    assert (whole_hessian_values(searcher, atom, search) < -0.01).sum() == 1


def whole_hessian_values(searcher: SaddleSearcher, atom: int, search: Search) -> np.ndarray:
    """Eigenvalues at the saddle with all atoms mobile."""
    _, cluster = searcher.cluster(atom)
    n = len(searcher.glass)
    work = make_work(n, ROOM)
    free_atoms(cluster, work, n)
    energy_and_forces(cluster, work, cluster.start + search.saddle[search.near], n, True)
    return np.linalg.eigvalsh(dense_hessian(cluster, work, n))


def test_an_event_joins_two_minima(minimum: Glass, emt: EmbeddedAtomTables, found: tuple[int, int, Search]) -> None:
    """By another minimiser, in the whole glass, from a little to either side of the saddle."""
    _, _, search = found
    before = whole(minimum, emt).get_potential_energy()
    ends = []
    for end in (np.zeros_like(search.final), search.final):
        towards = end - search.saddle
        atoms = whole(minimum, emt, search.saddle + 0.15 * towards / np.linalg.norm(towards, axis=1).max())
        minimize(atoms, 1e-4)
        ends.append((atoms.get_potential_energy() - before, atoms.positions - minimum.positions))
    assert ends[0][0] == pytest.approx(0, abs=1e-3)
    assert np.linalg.norm(ends[0][1], axis=1).max() < EVERYTHING_MOVES.home
    assert ends[1][0] == pytest.approx(search.final_energy, abs=2e-3)
    assert np.linalg.norm(ends[1][1] - search.final, axis=1).max() < 0.2
    assert np.linalg.norm(search.final, axis=1).max() > 5 * EVERYTHING_MOVES.home


def test_frozen_surroundings_raise_a_barrier_a_little(
    minimum: Glass, emt: EmbeddedAtomTables, found: tuple[int, int, Search]
) -> None:
    atom, number, search = found
    local = SaddleSearcher(minimum, emt, replace(EVERYTHING_MOVES, shells=(6.0, 8.0)), 2).search(atom, number)
    assert local.state == CONNECTED
    assert search.barrier - 0.01 < local.barrier < 1.5 * search.barrier


def test_a_search_depends_on_nothing_but_its_seed(
    minimum: Glass, emt: EmbeddedAtomTables, found: tuple[int, int, Search]
) -> None:
    """Not on what was searched before, nor on the room for its lists."""
    atom, number, search = found
    other = SaddleSearcher(minimum, emt, EVERYTHING_MOVES, 2)
    other.search(100, 0)
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(saddles, "ROOM_PER_ATOM", 20)
        cramped = SaddleSearcher(minimum, emt, EVERYTHING_MOVES, 2)
        for searcher in (other, cramped):
            again = searcher.search(atom, number)
            assert again.barrier == search.barrier
            np.testing.assert_array_equal(again.final, search.final)
    another_seed = SaddleSearcher(minimum, emt, EVERYTHING_MOVES, 3).search(atom, number)
    assert another_seed.barrier != search.barrier


def test_an_open_glass_is_refused(minimum: Glass, emt: EmbeddedAtomTables) -> None:
    slab = Glass(minimum.positions, minimum.species, minimum.cell, [True, True, False])
    with pytest.raises(GlassError, match=r"periodic in 3D, got periodic \[ True  True False\]"):
        SaddleSearcher(slab, emt, BarrierSchedule(), 0)


# ---------------------------------------------------------------- bookkeeping


def test_atoms_are_drawn_in_proportion_and_never_taken_back(minimum: Glass) -> None:
    few, many = choose_atoms(minimum, 50, 1), choose_atoms(minimum, 120, 1)
    np.testing.assert_array_equal(many[:50], few)
    assert len(set(many)) == 120
    share = (minimum.species == "Cu").mean()
    for chosen in (few, many):
        assert (minimum.species[chosen] == "Cu").sum() == pytest.approx(share * len(chosen), abs=1)
    assert not np.array_equal(few, choose_atoms(minimum, 50, 2))
    with pytest.raises(RecipeError, match="at most those of the glass, got 257 of 256"):
        choose_atoms(minimum, 257, 1)


@pytest.fixture
def asked(minimum: Glass, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Searches that were asked for; every third one does not connect, barriers are atom + number / 100."""
    made: list[tuple[int, int]] = []

    def pretend(searcher: SaddleSearcher, atom: int, number: int) -> Search:
        made.append((atom, number))
        moved = np.zeros_like(minimum.positions)
        moved[atom] = [3.0, 4.0, 0.0]
        moved[atom - 1] = [0.0, 0.0, 0.06]
        near = np.argsort((np.arange(256) - atom) % 256)
        state = NOT_CONNECTED if number % 3 == 1 else CONNECTED
        return Search(state, atom + number / 100, -0.1, -1.0, moved, moved, near, np.arange(256.0))

    monkeypatch.setattr(SaddleSearcher, "search", pretend)
    return made


FEW = BarrierSchedule(atoms=3, events=2, searches=5)


def test_raised_numbers_add_to_what_is_there(
    minimum: Glass, emt: EmbeddedAtomTables, asked: list[tuple[int, int]], tmp_path: Path
) -> None:
    find_barriers(minimum, FEW, emt, 1, tmp_path)
    first = [(int(atom), number) for atom in choose_atoms(minimum, 3, 1) for number in (0, 1, 2)]
    assert asked == first
    asked.clear()
    more = BarrierSchedule(atoms=4, events=4, searches=5)
    grown = find_barriers(minimum, more, emt, 1, tmp_path)
    new = int(choose_atoms(minimum, 4, 1)[3])
    assert asked == [(atom, number) for atom in dict(first) for number in (3, 4)] + [(new, k) for k in range(5)]
    for schedule, expected in ((more, grown), (FEW, None)):
        asked.clear()
        stored = find_barriers(minimum, schedule, emt, 1, tmp_path)
        assert not asked
        anew = expected or find_barriers(minimum, schedule, emt, 1, tmp_path / "anew")
        np.testing.assert_array_equal(stored[1], anew[1])
        for name in FIELDS:
            np.testing.assert_array_equal(stored[0].fields[name].values, anew[0].fields[name].values)
        assert stored[0].metadata["barrier_searches"] == anew[0].metadata["barrier_searches"]


def test_a_killed_run_keeps_its_atoms(
    minimum: Glass, emt: EmbeddedAtomTables, asked: list[tuple[int, int]], tmp_path: Path
) -> None:
    class Stop(Exception):
        pass

    def stop(fraction: float) -> None:
        raise Stop

    with pytest.raises(Stop):
        find_barriers(minimum, FEW, emt, 1, tmp_path, stop)
    done = {atom for atom, _ in asked}
    asked.clear()
    find_barriers(minimum, FEW, emt, 1, tmp_path)
    assert {atom for atom, _ in asked} == set(choose_atoms(minimum, 3, 1).tolist()) - done
    assert len(done) == 1


def test_the_store_belongs_to_one_way_of_searching(
    minimum: Glass, emt: EmbeddedAtomTables, asked: list[tuple[int, int]], tmp_path: Path
) -> None:
    moved = Glass(minimum.positions + 0.5, minimum.species, minimum.cell)
    first = (minimum, FEW, 1, 1)
    searched = 9
    for glass, schedule, seed, version, new in (
        (*first, searched),
        (*first, 0),
        (minimum, replace(FEW, searches=4), 1, 1, 0),
        (minimum, replace(FEW, force=0.02), 1, 1, searched),
        (minimum, replace(FEW, shells=(9.0, 12.0)), 1, 1, searched),
        (minimum, FEW, 2, 1, searched),
        (minimum, FEW, 1, 2, searched),
        (moved, FEW, 1, 1, searched),
        (*first, 0),
    ):
        asked.clear()
        run_barriers(glass, schedule, emt, seed, tmp_path, lambda fraction: None, version)
        assert len(asked) == new


def test_fields_and_table_say_what_was_found(
    minimum: Glass, emt: EmbeddedAtomTables, asked: list[tuple[int, int]], tmp_path: Path
) -> None:
    """Searches 0, 2 and 3 of an atom connect, with barriers of atom + 0.00, 0.02 and 0.03 eV."""
    schedule = BarrierSchedule(atoms=2, events=3, searches=9)
    labelled = run_barriers(minimum, schedule, emt, 1, tmp_path, lambda fraction: None, 1)
    values = {name: labelled.fields[name].values for name in FIELDS}
    chosen = choose_atoms(minimum, 2, 1)
    others = np.setdiff1d(np.arange(256), chosen)
    for name, expected in (
        ("barrier_mean", 0.05 / 3),
        ("barrier_mean_even", 0.015),
        ("barrier_mean_odd", 0.02),
        ("barrier_min", 0.0),
    ):
        np.testing.assert_allclose(values[name][chosen], chosen + expected)
        assert np.isnan(values[name][others]).all()
        assert labelled.fields[name].unit == "eV"
    assert set(values["barrier_count"][chosen]) == {3}
    assert not values["barrier_count"][others].any()
    assert labelled.metadata["barrier_searches"] == {"searches": 8, "converged": 8, "connected": 6}
    events = pd.read_parquet(tmp_path / "events.parquet")
    assert ["glass", *events.columns] == [column.name for column in EVENT_COLUMNS]
    assert events.atom.tolist() == sorted(np.repeat(chosen, 3))
    assert events.search.tolist() == [0, 2, 3] * 2
    row = events.iloc[0]
    assert row.largest_displacement == pytest.approx(5)
    assert row.total_displacement == pytest.approx(np.sqrt(25 + 0.06**2))
    assert row.participation == pytest.approx(1, abs=1e-3)
    assert (row.mover_distance, row.n_moved) == (row.atom, 1)


def test_an_atom_without_events_has_no_barrier(
    minimum: Glass, emt: EmbeddedAtomTables, asked: list[tuple[int, int]], tmp_path: Path
) -> None:
    one = find_barriers(minimum, BarrierSchedule(atoms=1, events=1, searches=1), emt, 1, tmp_path)[0]
    (atom,) = choose_atoms(minimum, 1, 1)
    assert np.isfinite(one.fields["barrier_mean_even"].values[atom])
    assert np.isnan(one.fields["barrier_mean_odd"].values[atom])


def test_the_same_saddle_again_is_a_repeat() -> None:
    events = np.zeros(6, EVENT)
    events["atom"] = [1, 1, 1, 1, 2, 1]
    events["barrier"] = [1.0, 1.0005, 1.002, 1.0, 1.0, 1.0]
    events["signature"][3, 5] = [0.0, 0.2, 0.0]  # elsewhere
    events["signature"][5, 5] = [0.0, 0.15, 0.0]  # as the fourth
    assert repeats(events).tolist() == [False, True, False, False, False, True]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"atoms": 0}, r"at least one atom and one event, .* \(0, 8, 30\)"),
        ({"searches": 7}, r"as many searches as events, got .* \(300, 8, 7\)"),
        ({"shells": (13.0, 9.0)}, r"the smaller one first, got \(13.0, 9.0\)"),
        ({"force": 0.0}, r"must be positive, got 0 eV/Å, 5 eV and 0.1 Å"),
    ],
)
def test_a_schedule_with_a_mistake_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        check_schedule(BarrierSchedule(**changes))


def test_the_recipe_asks_for_enough() -> None:
    full, quick = read_recipe(RECIPE), read_recipe(RECIPE, "quick")
    assert len(full.glass_plans()) * full.barriers.atoms >= 1200
    assert full.barriers.events >= 8
    assert len(full.glass_plans()) >= 4
    assert quick.potential == "emt-cu-zr"
