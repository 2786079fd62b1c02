"""The force kernel: consistent with its own energy, and equal to ASE's potentials."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.eam import EAM
from ase.calculators.emt import EMT, parameters
from ase.data import atomic_masses, atomic_numbers
from ase.units import Bohr
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import CutoffError, UnknownNameError, ZooError
from zoo.glass import Glass
from zoo.simulation import calculator
from zoo.simulation.calculator import EmbeddedAtomCalculator
from zoo.simulation.potentials import (
    METALLIC_GLASS_EMT,
    EffectiveMediumElement,
    EmbeddedAtomTables,
    PotentialFile,
    effective_medium_tables,
    load_potential,
    potential_names,
    read_setfl,
)

CUTOFF = 5.5
"""Å, of the synthetic tables below."""


@pytest.fixture(scope="module")
def emt() -> EmbeddedAtomTables:
    return load_potential("emt-cu-zr")


@pytest.fixture(params=["glass", "triclinic"])
def atoms(request: pytest.FixtureRequest) -> Atoms:
    """500 atoms of Cu-Zr, far from any minimum."""
    glass: Glass = request.getfixturevalue(request.param)
    return Atoms(glass.species, positions=glass.positions, cell=glass.cell, pbc=True)


def energy_of(atoms: Atoms, tables: EmbeddedAtomTables) -> float:
    atoms = atoms.copy()
    atoms.calc = EmbeddedAtomCalculator(tables)
    return float(atoms.get_potential_energy())


def test_forces_are_the_slope_of_the_energy(atoms: Atoms, emt: EmbeddedAtomTables) -> None:
    atoms.calc = EmbeddedAtomCalculator(emt)
    forces = atoms.get_forces()
    step = 1e-4
    for atom, axis in [(0, 0), (17, 1), (254, 2), (499, 0)]:
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[atom, axis] += sign * step
            energies.append(energy_of(moved, emt))
        slope = (energies[0] - energies[1]) / (2 * step)
        assert forces[atom, axis] == pytest.approx(-slope, rel=1e-5, abs=1e-5)
    assert np.abs(forces).max() > 1.0
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-9)


def test_stress_is_the_slope_of_the_energy_over_strain(atoms: Atoms, emt: EmbeddedAtomTables) -> None:
    atoms.calc = EmbeddedAtomCalculator(emt)
    stress = atoms.get_stress()
    step = 1e-5
    for voigt, (a, b) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += sign * step / 2
            strain[b, a] += sign * step / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            energies.append(energy_of(strained, emt))
        slope = (energies[0] - energies[1]) / (2 * step) / atoms.get_volume()
        assert stress[voigt] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_energy_is_extensive_and_does_not_depend_on_where_the_cell_begins(
    atoms: Atoms, emt: EmbeddedAtomTables
) -> None:
    atoms.calc = EmbeddedAtomCalculator(emt)
    energies = atoms.get_potential_energies()
    assert energies.sum() == pytest.approx(atoms.get_potential_energy(), rel=1e-12)
    moved = atoms.copy()
    moved.positions += [3.0, -55.0, 12.0]
    moved.wrap()
    assert energy_of(moved, emt) == pytest.approx(energies.sum(), rel=1e-12)
    assert energy_of(atoms * (2, 1, 1), emt) == pytest.approx(2 * energies.sum(), rel=1e-12)


def test_ase_finds_the_same_effective_medium_energies_and_forces() -> None:
    """Cu-Au with ASE's own parameters; it cuts off without a taper, where the largest radius says."""
    elements = {}
    for symbol in ("Au", "Cu"):
        e0, s0, v0, eta2, kappa, lam, n0 = parameters[symbol]
        mass = float(atomic_masses[atomic_numbers[symbol]])
        elements[symbol] = EffectiveMediumElement(
            e0, s0 * Bohr, v0, eta2 / Bohr, kappa / Bohr, lam / Bohr, n0 / Bohr**3, mass
        )
    tables = effective_medium_tables("cu-au", elements, taper=False)
    rng = np.random.default_rng(4)
    ours = bulk("Cu", "fcc", a=3.9, cubic=True) * (4, 4, 4)
    ours.symbols[:] = rng.choice(["Cu", "Au"], len(ours))
    ours.positions += rng.normal(0, 0.1, ours.positions.shape)
    theirs = ours.copy()
    ours.calc, theirs.calc = EmbeddedAtomCalculator(tables), EMT(asap_cutoff=True)
    np.testing.assert_allclose(ours.get_potential_energies(), theirs.get_potential_energies(), atol=1e-9)
    np.testing.assert_allclose(ours.get_forces(), theirs.get_forces(), atol=1e-6)
    np.testing.assert_allclose(ours.get_stress(), theirs.get_stress(), atol=1e-9)


def setfl_text(kind: str) -> str:
    """A smooth made-up alloy of Cu and Zr in which every function differs from every other."""
    n_rho, d_rho, n_r, dr = 1000, 0.05, 1200, CUTOFF / 1199
    r, rho = np.arange(n_r) * dr, np.arange(n_rho) * d_rho
    vanish = np.clip(1 - r / CUTOFF, 0, None) ** 4

    def density(source: int, target: int) -> np.ndarray:
        return (2.0 + source + 0.35 * target) * np.exp(-(0.5 + 0.1 * source + 0.07 * target) * r) * vanish * 20

    def embedding(element: int) -> np.ndarray:
        return -(1.0 + 0.4 * element) * (np.sqrt(rho + 1.0) - 1.0) + 0.003 * rho**2

    def pair(a: int, b: int) -> np.ndarray:
        return (8.0 + 3 * a + 3 * b + 2 * a * b) * np.exp(-(1.0 + 0.1 * (a + b)) * r) * vanish * 10

    words = [f"made up\n{kind}\ntable\n2 Cu Zr\n{n_rho} {d_rho} {n_r} {dr!r} {CUTOFF}"]
    blocks: list[np.ndarray] = []
    for element, (number, mass) in enumerate([(29, 63.546), (40, 91.224)]):
        words.append(f"{number} {mass} 3.6 fcc")
        targets = range(2) if kind == "fs" else [0]
        blocks = [embedding(element), *(density(element, target) for target in targets)]
        words += [" ".join(f"{value:.17g}" for value in block) for block in blocks]
    words += [" ".join(f"{value:.17g}" for value in r * pair(a, b)) for a, b in ((0, 0), (1, 0), (1, 1))]
    return "\n".join(words) + "\n"


@pytest.mark.parametrize("kind", ["fs", "alloy"])
def test_ase_finds_the_same_energies_and_forces_from_a_table(kind: str, tmp_path: Path) -> None:
    """Every density depends on both species: an index in the wrong place changes the energy by electronvolts."""
    path = tmp_path / f"made-up.eam.{kind}"
    path.write_text(setfl_text(kind))
    tables = read_setfl(path, PotentialFile("made-up", "", "0" * 64, "CC0", "none"))
    assert tables.species == ("Cu", "Zr")
    np.testing.assert_allclose(tables.masses, [63.546, 91.224])
    rng = np.random.default_rng(6)
    ours = bulk("Cu", "fcc", a=3.9, cubic=True) * (3, 3, 3)
    ours.set_cell(np.array([[1, 0, 0], [0.1, 1, 0], [-0.05, 0.1, 1]]) @ ours.cell.array, scale_atoms=True)
    ours.symbols[:] = rng.choice(["Cu", "Zr"], len(ours))
    ours.positions += rng.normal(0, 0.15, ours.positions.shape)
    theirs = ours.copy()
    ours.calc, theirs.calc = EmbeddedAtomCalculator(tables, skin=0.0), EAM(potential=str(path))
    assert ours.get_potential_energy() == pytest.approx(theirs.get_potential_energy(), abs=1e-6)
    np.testing.assert_allclose(ours.get_forces(), theirs.get_forces(), atol=1e-5)


def test_atoms_repel_each_other_at_any_distance_however_dense_it_gets(emt: EmbeddedAtomTables) -> None:
    """Beyond the densities of the table too: a trial step of a minimiser must not find a hole there."""
    crystal = bulk("Cu", "fcc", a=3.61, cubic=True) * (4, 4, 4)
    bond = crystal.positions[1] - crystal.positions[0]
    energies = []
    for distance in (2.2, 1.8, 1.4, 1.0, 0.6, 0.2):
        crystal.positions[1] = crystal.positions[0] + distance * bond / np.linalg.norm(bond)
        energies.append(energy_of(crystal, emt))
    assert np.diff(energies).min() > 1.0
    assert energies[-1] < 1e4


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    entry = PotentialFile("made-up", "", "0" * 64, "CC0", "none")
    text = setfl_text("fs")
    for number, content in enumerate(["hello\n" * 5, text[: len(text) // 2], text[:-200], "a\nb\nc\n2 Cu Zr\n"]):
        path = tmp_path / f"{number}.eam.fs"
        path.write_text(content)
        with pytest.raises(ZooError, match=rf"{number}\.eam\.fs is not a setfl table"):
            read_setfl(path, entry)


# ---------------------------------------------------------------- the neighbour list of the calculator


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A note for every neighbour list that is built."""
    notes: list[int] = []
    build = calculator.build_pairs

    def counted(positions, *rest, **options):  # type: ignore[no-untyped-def]
        notes.append(len(positions))
        return build(positions, *rest, **options)

    monkeypatch.setattr(calculator, "build_pairs", counted)
    return notes


def test_small_moves_and_affine_changes_of_the_cell_reuse_the_list(
    atoms: Atoms, emt: EmbeddedAtomTables, builds: list[int]
) -> None:
    atoms.calc = EmbeddedAtomCalculator(emt)
    atoms.get_forces()
    rng = np.random.default_rng(8)
    for _ in range(4):
        atoms.positions += rng.uniform(-0.05, 0.05, atoms.positions.shape)
        cell = atoms.cell.array.copy()
        cell[1, 0] += 1e-3 * cell[1, 1]
        atoms.set_cell(cell, scale_atoms=True)
        atoms.get_forces()
    assert len(builds) == 1
    found = atoms.get_forces(), atoms.get_stress(), atoms.get_potential_energy()
    atoms.calc.forget_neighbors()
    np.testing.assert_allclose(found[0], atoms.get_forces(), atol=1e-9)
    np.testing.assert_allclose(found[1], atoms.get_stress(), atol=1e-12)
    assert found[2] == pytest.approx(atoms.get_potential_energy(), rel=1e-12)
    assert len(builds) == 2


@given(seed=st.integers(0, 2**31), largest=st.sampled_from([0.1, 0.4, 2.0]), tight=st.booleans())
def test_a_used_calculator_finds_what_a_fresh_one_finds(
    seed: int, largest: float, tight: bool, emt: EmbeddedAtomTables
) -> None:
    """However far atoms and cell move, also in a cell that has no room for the whole skin."""
    rng = np.random.default_rng(seed)
    edge = 2 * emt.cutoffs.max() + (0.3 if tight else 3.0)
    lattice = np.stack(np.meshgrid(*[np.arange(5)] * 3), axis=-1).reshape(-1, 3) / 5 * edge
    atoms = Atoms(rng.choice(["Cu", "Zr"], 125), positions=lattice, cell=[edge] * 3, pbc=True)
    atoms.positions += rng.normal(0, 0.2, (125, 3))
    atoms.calc = EmbeddedAtomCalculator(emt)
    for _ in range(4):
        atoms.get_forces()
        atoms.positions += rng.uniform(-largest, largest, (125, 3)) * rng.choice([0.1, 1.0], (125, 1))
        strain = rng.uniform(0, 0.01) if tight else rng.uniform(-0.03, 0.01)
        atoms.set_cell(atoms.cell.array * (1 + strain), scale_atoms=bool(rng.integers(2)))
        fresh = atoms.copy()
        fresh.calc = EmbeddedAtomCalculator(emt)
        scale = 1 + np.abs(fresh.get_forces()).max()
        np.testing.assert_allclose(atoms.get_forces(), fresh.get_forces(), atol=1e-9 * scale)


@pytest.mark.parametrize("scale", [0.97, 0.85])
def test_compressing_the_cell_brings_new_neighbours(scale: float, atoms: Atoms, emt: EmbeddedAtomTables) -> None:
    """No atom moves against the others, but pairs from beyond the list come within the cutoff."""
    atoms.calc = EmbeddedAtomCalculator(emt)
    atoms.get_forces()
    atoms.set_cell(atoms.cell.array * scale, scale_atoms=True)
    assert atoms.get_potential_energy() == pytest.approx(energy_of(atoms, emt), rel=1e-12)


def test_asking_twice_computes_once(atoms: Atoms, emt: EmbeddedAtomTables, monkeypatch: pytest.MonkeyPatch) -> None:
    atoms.calc = EmbeddedAtomCalculator(emt)
    atoms.get_potential_energy()
    monkeypatch.setattr(calculator, "embedded_atom_forces", None)
    atoms.get_forces()
    atoms.get_stress()
    atoms.positions[3, 1] += 1e-14
    with pytest.raises(TypeError):
        atoms.get_forces()


def test_exchanged_species_are_noticed(atoms: Atoms, emt: EmbeddedAtomTables) -> None:
    atoms.calc = EmbeddedAtomCalculator(emt)
    before = atoms.get_potential_energy()
    atoms.symbols[:] = ["Zr" if symbol == "Cu" else "Cu" for symbol in atoms.symbols]
    assert atoms.get_potential_energy() == pytest.approx(energy_of(atoms, emt), rel=1e-12)
    assert abs(atoms.get_potential_energy() - before) > 1


# ---------------------------------------------------------------- what is refused


def test_a_cell_smaller_than_twice_the_cutoff_is_refused(emt: EmbeddedAtomTables) -> None:
    for periodic, edge in ((True, 2 * emt.cutoffs.max() - 0.1), ([True, True, False], 30.0)):
        atoms = Atoms("Cu2", positions=[[0, 0, 0], [2.5, 0, 0]], cell=[edge] * 3, pbc=periodic)
        atoms.calc = EmbeddedAtomCalculator(emt)
        with pytest.raises(CutoffError, match=r"periodic and at least twice the potential's cutoff .* use more atoms"):
            atoms.get_potential_energy()


def test_a_species_that_the_potential_lacks_is_refused(emt: EmbeddedAtomTables) -> None:
    atoms = Atoms("CuNi", positions=[[0, 0, 0], [2.5, 0, 0]], cell=[20] * 3, pbc=True)
    atoms.calc = EmbeddedAtomCalculator(emt)
    with pytest.raises(ZooError, match="emt-cu-zr knows Cu, Zr, the glass holds Cu, Ni"):
        atoms.get_potential_energy()


def test_potentials_have_names() -> None:
    assert {"cu-zr-2009", "emt-cu-zr", "emt-cu-mg"} <= set(potential_names())
    with pytest.raises(UnknownNameError, match="no potential is called 'emt-cuzr': did you mean emt-cu-zr"):
        load_potential("emt-cuzr")
    assert load_potential("emt-cu-zr").sha256 != load_potential("emt-cu-mg").sha256


@pytest.mark.parametrize("symbol", ["Cu", "Zr"])
def test_fcc_crystals_are_where_the_effective_medium_counts_from(symbol: str, emt: EmbeddedAtomTables) -> None:
    """Energy 0 at the neutral-sphere radius s0, with the nearest neighbours at 1.809 s0."""
    scales = np.arange(0.96, 1.05, 0.01)
    a = np.sqrt(2) * 1.809 * METALLIC_GLASS_EMT[symbol].s0
    crystals = [bulk(symbol, "fcc", a=a * scale, cubic=True) * (4, 4, 4) for scale in scales]
    energies = [energy_of(crystal, emt) / len(crystal) for crystal in crystals]
    assert scales[np.argmin(energies)] == pytest.approx(1, abs=0.011)
    assert min(energies) == pytest.approx(0, abs=0.02)
