"""Kob-Andersen configurations are described by the inherent structure below them, with the model's own energies."""

from __future__ import annotations

import numpy as np
import pytest
from disorder import liquid

from zoo.features import physics_inspired
from zoo.features.compute import compute_features
from zoo.features.declaration import feature_sets
from zoo.features.inherent import SIGMA, inherent_structure
from zoo.glass import Glass
from zoo.simulation.calculator import to_atoms
from zoo.simulation.potentials import load_potential

NAME = "physics-inspired-kob-andersen"
MODEL = {"AA": (1.0, 1.0), "BB": (0.5, 0.88), "AB": (1.5, 0.8)}


@pytest.fixture(scope="module")
def inherent() -> tuple[Glass, Glass]:
    glass = liquid()
    return glass, inherent_structure(glass)


@pytest.mark.parametrize("kinds", ["AA", "BB", "AB", "BA"])
def test_a_pair_has_the_energy_of_the_model_but_for_a_constant(kinds: str) -> None:
    epsilon, sigma = MODEL["".join(sorted(kinds))]
    r = sigma * np.array([0.9, 1.0, 2 ** (1 / 6), 1.5, 2.29])
    tables = load_potential("kob-andersen")
    found = [
        to_atoms(Glass([[5.0, 5, 5], [5.0 + x, 5, 5]], list(kinds), [20.0] * 3), tables).get_potential_energy()
        for x in r
    ]
    expected = 4 * epsilon * ((sigma / r) ** 12 - (sigma / r) ** 6)
    np.testing.assert_allclose(np.diff(found), np.diff(expected), atol=1e-6)


def test_it_is_a_minimum_with_the_energies_of_the_model(inherent: tuple[Glass, Glass]) -> None:
    _, found = inherent
    energy = found.fields["energy"].values
    vector = (found.positions[:, None] - found.positions) / SIGMA
    edge = found.cell[0, 0] / SIGMA
    distance = np.linalg.norm(vector - edge * np.round(vector / edge), axis=-1)
    np.fill_diagonal(distance, np.inf)
    names = np.char.add(found.species[:, None], found.species)
    names[names == "BA"] = "AB"
    own = np.zeros(len(found))
    for name, (epsilon, sigma) in MODEL.items():
        x = np.where(names == name, distance / sigma, np.inf)
        own += np.where(x < 2.5, 4 * epsilon * (x**-12 - x**-6 - 2.5**-12 + 2.5**-6), 0).sum(axis=1) / 2
    assert np.corrcoef(own, energy)[0, 1] > 0.999  # the tail between 2.3 and 2.5 σ is all that differs
    assert (own - energy).std() < 0.05
    assert -8 < energy.mean() < -6


def test_vibrations_do_not_change_what_is_read(inherent: tuple[Glass, Glass], monkeypatch: pytest.MonkeyPatch) -> None:
    glass, found = inherent
    shift = np.random.default_rng(1).normal(scale=0.05, size=(len(found), 3))
    again = inherent_structure(Glass(found.positions + shift, found.species, found.cell))
    assert np.abs(again.positions - found.positions).max() < 0.02 < np.abs(shift).max() / 5
    monkeypatch.setattr(physics_inspired, "CUTOFF", 8.0)  # the box is small
    own = physics_inspired.compute(found, ("A", "B"))
    np.testing.assert_allclose(compute_features(NAME, glass), own, rtol=1e-4, atol=1e-4)


def test_what_is_no_kob_andersen_mixture_is_declined() -> None:
    declines = feature_sets[NAME].declines
    assert declines(liquid()) is None
    assert "1.2 particles" in (declines(liquid(density=0.9)) or "")
    other = liquid()
    assert "Cu, Zr" in (declines(Glass(other.positions, np.where(other.species == "A", "Cu", "Zr"), other.cell)) or "")
    assert {column.unit for column in feature_sets[NAME].columns(("A", "B"))} == {"1", "ε", "Å²", "ε²"}
