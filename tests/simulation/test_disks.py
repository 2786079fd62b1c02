"""Two-dimensional glasses: the layer stays flat, the model is the published one, directions are as they are called."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from zoo.errors import RecipeError
from zoo.glass import Glass
from zoo.labels.nonaffine import local_deformation
from zoo.simulation import disks
from zoo.simulation.calculator import to_atoms
from zoo.simulation.disks import DiskSchedule, quench_disks
from zoo.simulation.dynamics import canonical_dynamics
from zoo.simulation.potentials import load_potential
from zoo.simulation.quench import Composition
from zoo.simulation.shear import GRADIENTS, ShearSchedule, deformation, shear

TABLES = load_potential("lj-disks")
SMALL = Composition(atoms={"L": 67, "S": 83}, volume_per_atom=0.9762)
HASTY = DiskSchedule(melt_time=3, equilibration_time=1)
SIGMA = {"LL": 2 * np.sin(np.pi / 5), "SS": 2 * np.sin(np.pi / 10), "LS": 1.0}
EPSILON = {"LL": 0.5, "SS": 0.5, "LS": 1.0}


@pytest.fixture(scope="module")
def disk_glass(tmp_path_factory: pytest.TempPathFactory) -> Glass:
    return quench_disks(SMALL, HASTY, 0.1, TABLES, 1, tmp_path_factory.mktemp("disks"))


def pair(kinds: str, distance: float) -> Atoms:
    return to_atoms(Glass([[5.0, 5.0], [5.0 + distance, 5.0]], list(kinds), [20.0, 20.0]), TABLES)


def turned(glass: Glass) -> Glass:
    """By 90°: x becomes y, y becomes -x."""
    positions = np.column_stack([glass.cell[1, 1] - glass.positions[:, 1], glass.positions[:, 0]])
    return Glass(positions, glass.species, glass.cell[::-1, ::-1])


# ---------------------------------------------------------------- the model


@pytest.mark.parametrize("kinds", ["LL", "SS", "LS", "SL"])
def test_a_pair_has_the_energy_of_lennard_jones_but_for_a_constant(kinds: str) -> None:
    name = "".join(sorted(kinds))
    sigma, epsilon = SIGMA[name], EPSILON[name]
    distances = sigma * np.array([0.9, 1.0, 2 ** (1 / 6), 1.5, 1.99])
    energies = [pair(kinds, distance).get_potential_energy() for distance in distances]
    expected = 4 * epsilon * ((sigma / distances) ** 12 - (sigma / distances) ** 6)
    np.testing.assert_allclose(np.diff(energies), np.diff(expected), atol=1e-7)
    assert pair(kinds, 2.51 * sigma).get_potential_energy() == 0


def test_the_energy_goes_smoothly_to_zero() -> None:
    """Energy, force and its slope have no step at 2 and 2.5 σ, where the polynomial begins and ends."""
    for end in (2.0, 2.5):
        r = end + 1e-3 * np.arange(-3, 4)
        force = np.array([pair("LS", distance).get_forces()[1, 0] for distance in r])
        energy = np.array([pair("LS", distance).get_potential_energy() for distance in r])
        assert np.abs(np.diff(energy, 2)).max() < 1e-6
        assert np.abs(np.diff(force, 2)).max() < 1e-5
    np.testing.assert_allclose([force[-1], energy[-1]], 0, atol=1e-9)


def test_a_cluster_has_the_sum_of_its_pairs() -> None:
    random = np.random.default_rng(0)
    positions = np.array([[6.0, 6.0], [7.0, 6.1], [6.4, 7.0], [7.4, 6.9]]) + random.uniform(-0.05, 0.05, (4, 2))
    kinds = "LSLS"
    shift = {name: pair(name, 1.0).get_potential_energy() - _bare(name, 1.0) for name in SIGMA}
    expected = 0.0
    for a, b in combinations(range(4), 2):
        name = "".join(sorted(kinds[a] + kinds[b]))
        expected += _bare(name, float(np.linalg.norm(positions[a] - positions[b]))) + shift[name]
    atoms = to_atoms(Glass(positions, list(kinds), [20.0, 20.0]), TABLES)
    assert atoms.get_potential_energy() == pytest.approx(expected, abs=1e-6)


def _bare(name: str, r: float) -> float:
    return float(4 * EPSILON[name] * ((SIGMA[name] / r) ** 12 - (SIGMA[name] / r) ** 6))


# ---------------------------------------------------------------- the layer


def test_nothing_leaves_the_layer(disk_glass: Glass) -> None:
    atoms = to_atoms(disk_glass, TABLES)
    assert len(atoms) == 150
    assert atoms.get_number_of_degrees_of_freedom() == 300
    atoms.set_momenta(np.random.default_rng(1).normal(0, 0.5, (150, 3)))
    canonical_dynamics(atoms, 0.01 * disks.FEMTOSECOND, 0.4 * disks.KELVIN, np.random.default_rng(2)).run(200)
    assert not atoms.get_forces(apply_constraint=False)[:, 2].any()
    assert not atoms.positions[:, 2].any()
    np.testing.assert_array_equal(atoms.get_stress()[[2, 3, 4]], 0)
    kinetic = 0.5 * (atoms.get_momenta() ** 2).sum() / 150
    assert kinetic == pytest.approx(atoms.get_temperature() / disks.KELVIN, rel=1e-9)  # two halves of kB T


def test_a_killed_quench_continues_to_the_same_glass(
    disk_glass: Glass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "CHUNK", 150)
    whole = quench_disks(SMALL, HASTY, 0.1, TABLES, 1, tmp_path / "whole")

    class KilledError(Exception):
        pass

    def die(fraction: float) -> None:
        if fraction > 0.5:
            raise KilledError

    with pytest.raises(KilledError):
        quench_disks(SMALL, HASTY, 0.1, TABLES, 1, tmp_path / "killed", die)
    resumed = quench_disks(SMALL, HASTY, 0.1, TABLES, 1, tmp_path / "killed")
    assert resumed.content_hash == whole.content_hash
    assert resumed.metadata["thermo"] == whole.metadata["thermo"]
    other = quench_disks(SMALL, HASTY, 0.1, TABLES, 2, tmp_path / "other")
    assert other.content_hash != whole.content_hash
    assert disk_glass.dimension == 2
    assert disk_glass.volume == pytest.approx(150 * 0.9762)
    temperatures = [row[0] for row in disk_glass.metadata["thermo"]]
    assert temperatures[0] == pytest.approx(1.0, rel=0.25)
    assert temperatures[-1] < 0.3  # 2 τ of the thermostat, of 0.2 at this rate, behind quench_to


def test_schedules_that_do_not_cool_are_refused() -> None:
    with pytest.raises(RecipeError, match="quench_to of disks must lie below quench_from"):
        disks.check_schedule(DiskSchedule(quench_from=0.1, quench_to=0.3))
    with pytest.raises(RecipeError, match="must be positive"):
        disks.check_schedule(DiskSchedule(time_step=0))


# ---------------------------------------------------------------- directions of loading


@pytest.mark.parametrize("direction", list(GRADIENTS))
def test_every_direction_keeps_the_volume_and_has_the_same_shear_strain(direction: str) -> None:
    gamma = 0.02
    gradient = deformation(direction, gamma)
    assert np.linalg.det(gradient) == pytest.approx(1, abs=1e-12)
    strain = 0.5 * (gradient @ gradient.T - np.eye(3))
    assert np.sqrt(0.5 * (strain**2).sum()) == pytest.approx(gamma / 2, rel=gamma)


@pytest.mark.parametrize("direction", ["xy", "-xy", "xx", "yy"])
def test_an_affine_loading_has_no_d2min(direction: str, disk_glass: Glass) -> None:
    gradient = deformation(direction, 0.05)[:2, :2]
    after = Glass(disk_glass.positions @ gradient, disk_glass.species, disk_glass.cell @ gradient)
    local = local_deformation(disk_glass, after, 1.55)
    np.testing.assert_allclose(local.d2min, 0, atol=1e-20)
    np.testing.assert_allclose(local.von_mises, 0.025, rtol=0.05)


@pytest.fixture(scope="module")
def sheared(disk_glass: Glass, tmp_path_factory: pytest.TempPathFactory) -> tuple[Glass, dict[str, np.ndarray]]:
    return load(disk_glass, ["xy", "-xy", "xx", "yy"], tmp_path_factory.mktemp("shear"))


def load(glass: Glass, directions: list[str], folder: Path) -> tuple[Glass, dict[str, np.ndarray]]:
    schedule = ShearSchedule(planes=directions, step=1e-3, strains=[0.002], force=1e-7, cutoff=1.55)
    return shear(glass, schedule, TABLES, folder, length="σ")


def test_opposite_directions_have_opposite_stresses(sheared: tuple[Glass, dict[str, np.ndarray]]) -> None:
    """The stress along the loading: of opposite signs at the start, rising alike afterwards."""
    _, curves = sheared
    for one, other in (("xy", "-xy"), ("xx", "yy")):
        assert curves[one][0, 1] == pytest.approx(-curves[other][0, 1], abs=1e-9)
        moduli = [np.polyfit(*curves[name][:2].T, 1)[0] for name in (one, other)]
        assert moduli[0] == pytest.approx(moduli[1], rel=0.1)
        assert 5 < moduli[0] < 30


def test_the_units_are_those_of_the_model(sheared: tuple[Glass, dict[str, np.ndarray]]) -> None:
    glass, _ = sheared
    assert glass.dimension == 2
    units = {glass.fields[f"{name}_-xy_0.002"].unit for name in ("d2min", "von_mises", "displacement")}
    assert units == {"σ²", "1", "σ"}


def test_stress_is_the_slope_of_the_energy(disk_glass: Glass) -> None:
    """Of an affine strain, per area: whatever the height of the layer's cell."""
    for direction in ("xy", "-xy", "xx", "yy"):
        energies = []
        for strain in (-1e-5, 1e-5):
            gradient = deformation(direction, strain)[:2, :2]
            strained = Glass(disk_glass.positions @ gradient, disk_glass.species, disk_glass.cell @ gradient)
            energies.append(to_atoms(strained, TABLES).get_potential_energy())
        slope = (energies[1] - energies[0]) / 2e-5 / disk_glass.volume
        atoms = to_atoms(disk_glass, TABLES, skin=0.6)
        stress = (atoms.get_stress(voigt=False) * GRADIENTS[direction]).sum() * atoms.cell[2, 2]
        assert stress == pytest.approx(slope, abs=1e-5)


def test_turning_the_glass_turns_the_labels_of_one_direction_into_another(
    disk_glass: Glass, sheared: tuple[Glass, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    before, curves = sheared
    after, turned_curves = load(turned(disk_glass), ["xy", "-xy", "xx", "yy"], tmp_path)
    for one, other in (("xx", "yy"), ("yy", "xx")):
        for quantity in ("d2min", "von_mises", "displacement"):
            np.testing.assert_allclose(
                after.fields[f"{quantity}_{other}_0.002"].values,
                before.fields[f"{quantity}_{one}_0.002"].values,
                rtol=1e-3,
                atol=1e-9,
            )
        np.testing.assert_allclose(turned_curves[other], curves[one], atol=1e-6)
    # simple shear also turns the glass: only what does not see a rotation is the same
    d2min = {name: before.fields[f"d2min_{name}_0.002"].values for name in ("xy", "-xy", "xx")}
    for one, other in pairwise(("xy", "-xy", "xy")):
        np.testing.assert_allclose(turned_curves[other], curves[one], atol=1e-3)
        assert np.corrcoef(np.log([after.fields[f"d2min_{other}_0.002"].values, d2min[one]]))[0, 1] > 0.99
    assert np.corrcoef(np.log([d2min["xx"], d2min["xy"]]))[0, 1] < 0.9
