"""Soft spheres, swap Monte Carlo, and the pairs of inherent structures that are labelled from them."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from ase import Atoms

from zoo._files import read_toml
from zoo.datasets.load import load_dataset
from zoo.errors import CutoffError, RecipeError, ZooError
from zoo.features.declaration import feature_sets
from zoo.features.pair import displacement_columns
from zoo.glass import Glass
from zoo.labels.tunnelling import count_wells
from zoo.paths import content_root
from zoo.simulation import wells
from zoo.simulation.build import build_dataset, build_glass
from zoo.simulation.elastic_band import relax_band
from zoo.simulation.minimize import largest_force, minimize
from zoo.simulation.recipe import read_recipe
from zoo.simulation.soft_kernels import CUTOFF
from zoo.simulation.soft_spheres import (
    LARGEST,
    SMALLEST,
    SoftState,
    SwapSchedule,
    prepare,
    sample_diameters,
    soft_atoms,
    swap_monte_carlo,
)
from zoo.simulation.soft_steps import read_structures
from zoo.simulation.well_paths import connect, energy_along
from zoo.simulation.wells import (
    Visits,
    WellSchedule,
    choose_pairs,
    label_wells,
    move,
    transitions,
)

MIRROR = os.environ.get("ZOO_MIRROR", "")
PUBLISHED = (
    Path(MIRROR)
    / "github.com/SCiarella/TLS_ML_exploration/24aba89b874bc0662f64b97c77a4231c80e316bf/Configurations/minima/T0.062"
    / "Cnf-148750000"
)
RECIPE = content_root() / "datasets" / "soft-wells" / "recipe.toml"
SWAP = SwapSchedule(cooling_sweeps=200, sweeps=200, records=4)
HASTY: dict[str, Any] = {
    "quenches": 10,
    "interval": 2.0,
    "pairs": 3,
    "images": 11,
    "path_force": 5e-3,
    "path_steps": 500,
}
WELLS = WellSchedule(**HASTY)


@pytest.fixture(scope="module")
def glass(tmp_path_factory: pytest.TempPathFactory) -> Glass:
    """150 spheres, prepared in no time at T = 0.09."""
    return prepare(150, 0.09, SWAP, 1, tmp_path_factory.mktemp("glass"))


def state_of(glass: Glass) -> SoftState:
    return SoftState(np.array(glass.positions), np.array(glass.fields["diameter"].values), float(glass.cell[0, 0]))


def hot(n_atoms: int = 150, temperature: float = 0.5) -> SoftState:
    """A liquid in equilibrium."""
    rng = np.random.default_rng(5)
    edge = n_atoms ** (1 / 3)
    lattice = np.stack(np.meshgrid(*[np.arange(6)] * 3), -1).reshape(-1, 3)[:n_atoms] * edge / 6
    state = SoftState(lattice, rng.permutation(sample_diameters(n_atoms)), edge)
    swap_monte_carlo(state, temperature, 300, SWAP, rng)
    return state


# ---------------------------------------------------------------- the model


def test_forces_are_the_slope_of_the_energy() -> None:
    state = hot()
    atoms = soft_atoms(state.positions, state.diameters, state.edge)
    forces = atoms.get_forces()
    assert np.abs(forces).max() > 10
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-9)
    for atom, axis in [(0, 0), (17, 1), (149, 2)]:
        energies = []
        for step in (1e-5, -1e-5):
            moved = atoms.copy()
            moved.positions[atom, axis] += step
            energies.append(soft_atoms(moved.positions, state.diameters, state.edge).get_potential_energy())
        assert forces[atom, axis] == pytest.approx((energies[1] - energies[0]) / 2e-5, rel=1e-5, abs=1e-5)


def test_a_pair_has_the_published_energy_and_vanishes_smoothly_at_the_cutoff() -> None:
    """Two spheres, the nearest images of which face each other through the wall of the cell."""
    small, large = 0.8, 1.4
    sigma = 0.5 * (small + large) * (1 - 0.2 * (large - small))

    def pair(x: float) -> tuple[float, float]:
        atoms = soft_atoms(np.array([[0.1, 1, 1], [10.1 - x * sigma, 1, 1]]), np.array([small, large]), 10.0)
        return atoms.get_potential_energy(), float(atoms.get_forces()[0, 0])

    c0, c2, c4 = -28 / 1.25**12, 48 / 1.25**14, -21 / 1.25**16
    assert pair(0.9)[0] == pytest.approx(0.9**-12 + c4 * 0.9**4 + c2 * 0.9**2 + c0, rel=1e-12)
    assert pair(0.9)[1] > 0
    assert pair(CUTOFF + 1e-6) == (0, 0)
    for gap in (1e-2, 1e-3):  # energy as the third power, force as the second
        energy, force = pair(CUTOFF - gap)
        assert 0 < energy < 400 * gap**3
        assert 0 < force < 1200 * gap**2


def test_a_used_neighbour_list_finds_what_a_fresh_one_finds() -> None:
    state, rng = hot(), np.random.default_rng(3)
    atoms = soft_atoms(state.positions, state.diameters, state.edge)
    for size in (0.05, 0.05, 0.05, 0.2, 0.05):
        atoms.positions += rng.uniform(-size, size, (150, 3))
        fresh = soft_atoms(atoms.positions, state.diameters, state.edge)
        np.testing.assert_allclose(atoms.get_forces(), fresh.get_forces(), rtol=1e-10, atol=1e-8)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="ZOO_MIRROR has no published configurations")
def test_published_inherent_structures_have_their_published_energies() -> None:
    """Two minima of Ciarella et al. (2023), named by their energy per particle, and the published row of their pair."""
    minima = []
    for path in sorted(PUBLISHED.iterdir()):
        content = np.loadtxt(path, skiprows=18)
        content = content[np.argsort(content[:, 0])]
        atoms = soft_atoms(np.ascontiguousarray(content[:, 3:6]), np.ascontiguousarray(content[:, 2]), 11.447142426)
        assert atoms.get_potential_energy() / 1500 == pytest.approx(float(path.name[:15]), abs=5e-11)
        assert largest_force(atoms) < 1e-4
        minima.append(atoms.positions.copy())
    first, last = minima
    step = last - first
    step -= 11.447142426 * np.rint(step / 11.447142426)
    features = displacement_columns(first, first + step - step.mean(axis=0), np.eye(3) * 11.447142426)
    published = {
        "displacement_0": 0.7303516,
        "displacement_1": 0.4621019,
        "displacement_2": 0.3520276,
        "0to1": 4.651823,
        "0to2": 3.728646,
        "total_displacement": 1.117697,
        "PR": 4.427523,
    }
    assert features == pytest.approx(published, rel=1e-5)


def test_what_the_model_has_no_forces_for_is_refused() -> None:
    apart = np.array([[0.0, 0, 0], [1, 1, 1]])
    with pytest.raises(CutoffError, match=r"at least twice the largest interaction range .* use more atoms"):
        soft_atoms(apart, np.array([1.0, 1.6]), 3.9).get_forces()
    skewed = soft_atoms(apart, np.array([1.0, 1.6]), 5.0)
    skewed.cell[1, 0] = 0.5
    with pytest.raises(ZooError, match="cubic periodic cell"):
        skewed.get_forces()
    lost = soft_atoms(np.full((2, 3), np.nan), np.array([1.0, 1.6]), 5.0)
    with pytest.raises(ZooError, match="use a shorter time step"):
        lost.get_forces()


# ---------------------------------------------------------------- swap Monte Carlo


def test_diameters_have_the_density_of_the_model() -> None:
    """P(d) ~ d^-3: the part below d is (a^-2 - d^-2) / (a^-2 - b^-2)."""
    diameters = sample_diameters(2000)
    assert SMALLEST < diameters[0] < diameters[-1] < LARGEST
    below = (SMALLEST**-2 - 1.0) / (SMALLEST**-2 - LARGEST**-2)
    assert (diameters < 1).mean() == pytest.approx(below, abs=1e-3)


def test_swaps_keep_the_spheres_and_sample_the_same_ensemble() -> None:
    """The mean energy of a hot liquid does not depend on the kind of moves; cold, swaps relax it much faster."""
    means = []
    for swaps in (1e-9, 0.5):
        state, rng, energies = hot(), np.random.default_rng(7), []
        spheres = np.sort(state.diameters)
        schedule = SwapSchedule(swaps=swaps)
        for _ in range(150):
            accepted = swap_monte_carlo(state, 0.5, 10, schedule, rng)
            energies.append(soft_atoms(state.positions, state.diameters, state.edge).get_potential_energy() / 150)
        np.testing.assert_array_equal(np.sort(state.diameters), spheres)
        assert (accepted[1] > 0) == (swaps > 0.1)
        assert accepted[0] > 0
        blocks = np.reshape(energies, (15, 10)).mean(axis=1)
        means.append((blocks.mean(), blocks.std() / np.sqrt(14)))
    (plain, error), (swapped, other) = means
    assert abs(plain - swapped) < 4 * np.hypot(error, other)
    assert np.hypot(error, other) < 0.01 * plain


def test_a_killed_preparation_continues_to_the_same_glass(glass: Glass, tmp_path: Path) -> None:
    class Kill(Exception):
        pass

    def stop(fraction: float) -> None:
        if fraction > 0.7:
            raise Kill

    with pytest.raises(Kill):
        prepare(150, 0.09, SWAP, 1, tmp_path, stop)
    again = prepare(150, 0.09, SWAP, 1, tmp_path)
    np.testing.assert_array_equal(again.positions, glass.positions)
    assert again.metadata == glass.metadata
    assert len(glass.metadata["history"]) == SWAP.records + 1
    assert glass.fields["energy"].values.sum() / 150 < 0.35


# ---------------------------------------------------------------- dynamics and minima


def test_dynamics_conserves_energy_and_momentum_across_lists(glass: Glass) -> None:
    state = state_of(glass)
    velocities = np.random.default_rng(2).normal(0, np.sqrt(0.3), (150, 3))
    velocities -= velocities.mean(axis=0)

    def energy() -> float:
        potential = soft_atoms(state.positions, state.diameters, state.edge).get_potential_energy()
        return float(potential + 0.5 * (velocities**2).sum())

    before, start = energy(), state.positions.copy()
    move(state, velocities, 0.002, 1500)
    assert np.abs(state.positions - start).max() > 0.5  # several lists
    assert energy() == pytest.approx(before, abs=2e-3 * 150 * 0.3)
    np.testing.assert_allclose(velocities.sum(axis=0), 0, atol=1e-9)


def test_transitions_and_the_pairs_chosen_from_them() -> None:
    visits = Visits([], [3.0, 1.0, 2.0, 5.0], [0, 1, 1, 0, 2, 2, 3, 2, 0])
    assert transitions(visits) == {(0, 1): 1, (1, 0): 1, (0, 2): 1, (2, 3): 1, (3, 2): 1, (2, 0): 1}
    followed = {(1, 0), (2, 0), (2, 3)}  # the lower energy first
    chosen = choose_pairs(visits, 100, np.random.default_rng(0))
    assert set(chosen[:3]) == followed
    assert set(chosen[3:]) == {(1, 2), (1, 3), (0, 3)}
    assert choose_pairs(visits, 4, np.random.default_rng(0)) == chosen[:4]
    orders = {tuple(choose_pairs(visits, 3, np.random.default_rng(seed))) for seed in range(30)}
    assert len(orders) == 6


def test_minima_are_told_apart_but_not_from_themselves_after_a_drift() -> None:
    rng = np.random.default_rng(4)
    first = rng.uniform(0, 5, (20, 3))
    moved = first.copy()
    moved[3, 0] += 0.3
    visits = Visits([first], [10.0], [0])
    assert visits.find(first + np.array([0.2, -0.1, 0.4]), 10.0 + 1e-6) == 0
    assert visits.find(moved, 10.0 + 1e-6) is None  # same energy, another place
    assert visits.find(first, 10.01) is None
    assert visits.add(moved, 10.0) == 1
    np.testing.assert_allclose((visits.positions[1] - first).mean(axis=0), 0, atol=1e-12)


# ---------------------------------------------------------------- paths


def mueller_brown(number: int, positions: np.ndarray) -> tuple[float, np.ndarray]:
    """Müller & Brown, Theor. Chim. Acta 53, 75 (1979), divided by 200; saddles at -40.6648 and -72.2489."""
    x, y = positions[0, :2]
    terms = [
        (-200, -1, 0, -10, 1, 0),
        (-100, -1, 0, -10, 0, 0.5),
        (-170, -6.5, 11, -6.5, -0.5, 1.5),
        (15, 0.7, 0.6, 0.7, -1, 1),
    ]
    energy, force = 0.0, np.zeros((1, 3))
    for height, a, b, c, x0, y0 in terms:
        dx, dy = x - x0, y - y0
        term = height / 200 * np.exp(a * dx**2 + b * dx * dy + c * dy**2)
        energy += term
        force[0, :2] -= term * np.array([2 * a * dx + b * dy, b * dx + 2 * c * dy])
    return energy, force


def test_the_band_finds_known_saddles() -> None:
    ends = np.array([[[-0.558224, 1.441726, 0]], [[0.623499, 0.028038, 0]]])
    line = ends[0] + np.linspace(0, 1, 41)[:, None, None] * (ends[1] - ends[0])
    images, energies, converged = relax_band(line, mueller_brown, 1e-4, 1.0, 5000)
    assert converged
    assert energies.max() * 200 == pytest.approx(-40.6648, abs=0.5)
    assert count_wells(energies).n_minima == 3
    second = energies[images[:, 0, 0] > 0]
    assert second.max() * 200 == pytest.approx(-72.2489, abs=0.5)
    lengths = np.linalg.norm(np.diff(images, axis=0), axis=(1, 2))
    assert lengths.max() / lengths.min() < 1.1
    assert not relax_band(line, mueller_brown, 1e-4, 1.0, 10)[2]


def test_ase_finds_the_same_path(glass: Glass) -> None:
    """On a pair of minima with a low barrier, at the same tolerance."""
    from ase.mep import NEB
    from ase.optimize import FIRE

    state, rng = state_of(glass), np.random.default_rng(0)
    atoms = soft_atoms(state.positions, state.diameters, state.edge)
    minimize(atoms, 1e-6)
    first = atoms.positions.copy()
    visits = Visits([first], [atoms.get_potential_energy()], [0])
    for _ in range(40):
        there = SoftState(first.copy(), state.diameters, state.edge)
        wells.run_dynamics(there, 0.1, 1.0, 0.01, rng)
        atoms.positions = there.positions
        minimize(atoms, 1e-6)
        last = visits.without_drift(atoms.positions)
        if 0.1 < np.linalg.norm(last - first) < 1.0:
            break
    schedule = WellSchedule(images=9, path_force=5e-3)
    images, energies, converged = connect(first, last, state.diameters, state.edge, schedule)
    assert converged
    theirs = [Atoms(numbers=np.zeros(150, int), positions=first, cell=atoms.cell, pbc=True) for _ in range(8)]
    theirs.append(Atoms(numbers=np.zeros(150, int), positions=last, cell=atoms.cell, pbc=True))
    for image in theirs:
        image.calc = soft_atoms(image.positions, state.diameters, state.edge).calc
    band = NEB(theirs, k=schedule.spring, method="improvedtangent")
    band.interpolate()
    assert FIRE(band, logfile=None).run(fmax=schedule.path_force, steps=500)
    np.testing.assert_allclose(energies, [image.get_potential_energy() for image in theirs], atol=2e-3)
    assert np.ptp(energies) > 0.02
    path = energy_along(images, energies, state.diameters, state.edge)
    assert path.coordinate[0] < 0 < path.length < path.coordinate[-1]
    np.testing.assert_array_equal(path.inside, energies)
    assert min(path.energy[0], path.energy[-1]) > energies.max() + 0.5
    assert (np.diff(path.energy[path.coordinate <= 0]) < 0).all()


# ---------------------------------------------------------------- the data set


def tiny(folder: Path, **changes: Any) -> Path:
    content = {key: value for key, value in read_toml(RECIPE).items() if key not in ("variants", "literature")}
    group = {"composition": {"atoms": {"A": 150}}, "seeds": [1]}
    content["glasses"] = [
        {"stratum": f"T{temperature}", "temperature": temperature, **group} for temperature in (0.075, 0.09)
    ]
    content["swap"] |= {"cooling_sweeps": 200, "sweeps": 200, "records": 4}
    content["wells"] |= HASTY
    path = folder / "recipe.toml"
    path.write_text(tomli_w.dumps({**content, **changes}))
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("soft-wells")
    recipe = tiny(folder)
    for plan in read_recipe(recipe).glass_plans():
        (folder / "work" / plan.id).mkdir(parents=True)
        build_glass(recipe, "full", plan.id, folder / "work" / plan.id)
    build_dataset(recipe, folder)
    return folder


def test_a_build_gives_pairs_that_load(built: Path) -> None:
    dataset = load_dataset(str(built))
    table = dataset.table
    assert dataset.card.kind == "pairs"
    assert (set(table["glass"]), set(table["T"])) == ({"t0.075-s1", "t0.09-s1"}, {0.075, 0.09})
    assert (table["i"] < table["j"]).all()
    assert (table["Delta_E"] > 0).all()
    wells_only = table[["barrier", "asymmetry", "quantum_splitting"]].notna().all(axis=1)
    assert (wells_only == (table["is_dw"] == 1)).all()
    double = table[table["is_dw"] == 1]
    np.testing.assert_allclose(double["asymmetry"], double["Delta_E"])
    assert (double["barrier"] > double["asymmetry"]).all()
    assert (double["quantum_splitting"] > 0).all()
    assert feature_sets["pair"].compute(table, ()).shape == (len(table), 10)
    paths = dataset.side_table("paths")
    for (_, i, j), path in paths.groupby(["glass", "i", "j"]):
        assert ((table["i"] == i) & (table["j"] == j)).any()
        assert (np.diff(path["coordinate"]) > 0).all()
    quality = {(entry.stratum, entry.quantity): entry.ours for entry in dataset.card.quality}
    assert quality["T0.075", "labelled pairs"] + quality["T0.09", "labelled pairs"] == len(table)


def test_published_structures_lead_back_to_the_minima_of_the_table(built: Path) -> None:
    dataset = load_dataset(str(built))
    for name, glass in dataset.glasses.items():
        structures = read_structures(built / "structures" / f"{name}.npz", glass)
        rows = dataset.table[dataset.table["glass"] == name]
        assert set(rows["i"]) | set(rows["j"]) <= set(structures)
        diameters = np.array(glass.fields["diameter"].values, dtype=float)
        for row in rows.to_dict("records"):
            first, last = structures[row["i"]], structures[row["j"]]
            difference = last.metadata["energy"] - first.metadata["energy"]
            assert difference == pytest.approx(row["Delta_E"], abs=1e-9)
            features = displacement_columns(first.positions, last.positions, np.asarray(glass.cell))
            assert features["total_displacement"] == pytest.approx(row["total_displacement"], abs=3e-3)
            atoms = soft_atoms(first.positions, diameters, float(glass.cell[0, 0]))
            assert atoms.get_potential_energy() == pytest.approx(first.metadata["energy"], abs=0.05)


def test_killed_labelling_continues_to_the_same_rows(glass: Glass, tmp_path: Path) -> None:
    class Kill(Exception):
        pass

    reported: list[float] = []

    def stop(fraction: float) -> None:
        reported.append(fraction)
        if len(reported) in (1, 4):
            raise Kill

    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    _, whole = label_wells(glass, WELLS, 3, tmp_path / "whole")
    for _ in range(2):
        with pytest.raises(Kill):
            label_wells(glass, WELLS, 3, tmp_path / "killed", stop)
    assert (tmp_path / "killed" / "wells-paths-checkpoint.npz").exists()
    _, continued = label_wells(glass, WELLS, 3, tmp_path / "killed")
    assert str(continued.rows) == str(whole.rows)
    assert len(whole.rows) > 0
    assert all(before < after for before, after in pairwise(sorted(whole.energies.values())))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wells": {"images": 3}}, "at least five images"),
        ({"wells": {"temperature": -0.1}}, "must be positive"),
        ({"swap": {"swaps": 1.0}}, "swaps below 1"),
    ],
)
def test_schedules_that_cannot_work_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=message):
        read_recipe(tiny(tmp_path, **changes))
