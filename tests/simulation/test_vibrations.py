"""Vibrations against finite differences of forces and against all eigenvectors of a small glass."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk

from zoo.errors import CutoffError, RecipeError
from zoo.glass import Glass
from zoo.simulation.calculator import EmbeddedAtomCalculator
from zoo.simulation.hessian_kernels import Bonds
from zoo.simulation.physics import PhysicsSchedule, check_schedule, physics, physics_columns
from zoo.simulation.potentials import EmbeddedAtomTables
from zoo.simulation.vibrations import Vibrations, find_bonds, hessian, vibrations

Spectrum = tuple[np.ndarray, np.ndarray]
N = 216


@pytest.fixture(scope="module")
def bonds(minimum: Glass, tables: EmbeddedAtomTables) -> Bonds:
    return find_bonds(minimum, tables)


@pytest.fixture(scope="module")
def masses(minimum: Glass) -> np.ndarray:
    return np.where(minimum.species == "Cu", 63.546, 91.224)


@pytest.fixture(scope="module")
def vibrating(bonds: Bonds, masses: np.ndarray) -> Vibrations:
    return vibrations(bonds, masses)


@pytest.fixture(scope="module")
def spectrum(bonds: Bonds, masses: np.ndarray) -> Spectrum:
    """Angular frequencies (rad/s) of all modes but the translations, and the share |e_i|² of every atom in each."""
    root = np.repeat(np.sqrt(masses), 3)
    value, vector = np.linalg.eigh(hessian(bonds).toarray() / np.outer(root, root))
    shares = (vector.reshape(N, 3, 3 * N) ** 2).sum(axis=1)
    return np.sqrt(value[3:] * units._e / units._amu) * 1e10, shares[:, 3:]


def test_hessian_is_the_slope_of_the_forces(minimum: Glass, tables: EmbeddedAtomTables, bonds: Bonds) -> None:
    atoms = minimum.to_ase()
    atoms.calc = EmbeddedAtomCalculator(tables)
    direction = np.random.default_rng(0).normal(size=(N, 3))
    step = 1e-6  # the tables are cubic splines: their third derivative jumps
    pushed = []
    for sign in (1, -1):
        atoms.positions = minimum.positions + sign * step * direction
        pushed.append(atoms.get_forces())
    expected = (pushed[1] - pushed[0]) / (2 * step)
    found = (hessian(bonds) @ direction.ravel()).reshape(N, 3)
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()


def test_a_minimum_has_three_free_translations_and_no_way_down(bonds: Bonds) -> None:
    dense = hessian(bonds).toarray()
    assert np.abs(dense - dense.T).max() < 1e-12 * np.abs(dense).max()
    assert np.abs(dense.reshape(3 * N, N, 3).sum(axis=1)).max() < 1e-10  # a common displacement costs no force
    value = np.linalg.eigvalsh(dense)
    assert (np.abs(value[:3]) < 1e-10).all()
    assert value[3] > 0.01


def test_mean_squared_displacement(vibrating: Vibrations, spectrum: Spectrum, masses: np.ndarray) -> None:
    frequency, shares = spectrum
    expected = units._k * 300 / (masses * units._amu) * (shares / frequency**2).sum(axis=1) * 1e20
    np.testing.assert_allclose(vibrating.mean_squared_displacement(300.0), expected, rtol=1e-9)
    assert 0.01 < expected.mean() < 0.2  # Å² at 300 K


def test_lowest_modes(vibrating: Vibrations, spectrum: Spectrum) -> None:
    frequency, shares = spectrum
    found, modes = vibrating.lowest_modes(7)
    np.testing.assert_allclose(found, frequency[:7] / (2e12 * np.pi), rtol=1e-9)
    np.testing.assert_allclose((modes**2).sum(axis=1), shares[:, :7], atol=1e-8)


def test_entropy(vibrating: Vibrations, spectrum: Spectrum) -> None:
    frequency, shares = spectrum
    per_mode = 1 + np.log(units._k * 300 / (units._hbar * frequency))
    found = vibrating.entropy(300.0)
    assert found.sum() == pytest.approx(per_mode.sum(), rel=1e-9)
    exact = shares @ per_mode
    assert np.abs(found - exact).max() < 0.06  # k_B
    assert (found - exact).std() < 0.05 * exact.std()
    # the classical heat capacity is k_B for every mode
    assert (vibrating.entropy(600.0) - found).sum() == pytest.approx((3 * N - 3) * np.log(2), rel=1e-9)


def test_atoms_relax_to_where_forces_balance(vibrating: Vibrations, bonds: Bonds) -> None:
    push = np.random.default_rng(1).normal(size=(N, 3))
    push -= push.mean(axis=0)
    np.testing.assert_allclose(hessian(bonds) @ vibrating.relax(push).ravel(), push.ravel(), atol=1e-9)


def test_equal_atoms_vibrate_equally(tables: EmbeddedAtomTables) -> None:
    atoms = bulk("Cu", "fcc", a=3.59, cubic=True) * (4, 4, 4)
    crystal = vibrations(find_bonds(Glass.from_ase(atoms), tables), np.full(256, 63.546))
    for values in (crystal.mean_squared_displacement(300.0), crystal.entropy(300.0)):
        np.testing.assert_allclose(values, values[0], rtol=1e-7)


def test_only_at_a_minimum(minimum: Glass, tables: EmbeddedAtomTables, masses: np.ndarray) -> None:
    moved = minimum.positions + np.random.default_rng(2).normal(0, 0.01, (N, 3))
    with pytest.raises(RecipeError, match="largest force at most"):
        vibrations(find_bonds(Glass(moved, minimum.species, minimum.cell), tables), masses)
    saddle = Glass.from_ase(bulk("Cu", "sc", a=2.4) * (6, 6, 6))  # no force by symmetry, but falls at a touch
    with pytest.raises(RecipeError, match="negative eigenvalue"):
        vibrations(find_bonds(saddle, tables), np.full(216, 63.546))
    with pytest.raises(CutoffError):
        find_bonds(Glass.from_ase(Atoms("Cu4", np.eye(4, 3), cell=[8.0] * 3, pbc=True)), tables)


def test_the_step_makes_what_its_columns_say(minimum: Glass, tables: EmbeddedAtomTables) -> None:
    schedule = PhysicsSchedule(temperature=200.0, lowest_modes=0.02)
    made = physics(minimum, schedule, tables)
    columns = physics_columns(schedule)
    assert {column.name: column.unit for column in columns} == {k: f.unit for k, f in made.fields.items()}
    assert all(column.role == "feature" and column.family and "{" not in column.description for column in columns)
    values = {name: entry.values for name, entry in made.fields.items()}
    assert all(np.isfinite(column).all() and column.std() > 0 for column in values.values())
    assert values["soft_mode_participation"].mean() == pytest.approx(1)
    assert values["voronoi_volume"].sum() == pytest.approx(minimum.volume)
    whole = values["voronoi_volume"] @ values["shear_modulus"] / minimum.volume
    assert np.mean(made.metadata["shear_moduli"]) == pytest.approx(whole)


@pytest.mark.parametrize("change", [{"temperature": 0.0}, {"lowest_modes": 0.0}, {"lowest_modes": 0.5}])
def test_schedules_that_make_no_sense(change: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match="got"):
        check_schedule(PhysicsSchedule(**change))
