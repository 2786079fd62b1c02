"""Facts about the two-body excess entropy."""

from __future__ import annotations

import numpy as np
import pytest
from lattices import KINDS, alloy, crystal

from zoo.features.compute import compute_features
from zoo.features.entropy import REACH, SIGMA
from zoo.glass import Glass


def test_it_is_the_integral_of_its_definition():
    glass, atom = alloy(), 7
    edges = np.diag(glass.cell)
    apart = glass.positions - glass.positions[atom]
    distance = np.delete(np.linalg.norm(apart - edges * np.rint(apart / edges), axis=1), atom)
    species = np.delete(glass.species, atom)
    r = np.linspace(1e-4, REACH, 20001)

    def entropy(of: np.ndarray, density: float) -> float:
        gaussians = np.exp(-((r[:, None] - of) ** 2) / (2 * SIGMA**2)) / (np.sqrt(2 * np.pi) * SIGMA)
        g = gaussians.sum(axis=1) / (4 * np.pi * density * r**2)
        integrand = (g * np.log(np.maximum(g, 1e-300)) - g + 1) * r**2
        return float(-2 * np.pi * density * np.trapezoid(integrand, r))

    blind = entropy(distance, len(glass) / glass.volume)
    resolved = sum(entropy(distance[species == k], (glass.species == k).sum() / glass.volume) for k in KINDS)
    assert compute_features("entropy", glass)[atom, :2] == pytest.approx([blind, resolved], abs=2e-3)


def test_a_crystal_is_more_ordered_than_a_glass_and_a_gas_has_none():
    ordered, glassy = crystal("fcc"), alloy()
    assert compute_features("entropy", ordered)[:, 0].max() < compute_features("entropy", glassy)[:, 0].mean() - 1
    random = np.random.default_rng(0)
    lattice = np.stack(np.meshgrid(*[np.arange(20)] * 3), -1).reshape(-1, 3) * 1.0
    gas = Glass(lattice + random.uniform(0, 1, lattice.shape) * 0.9, ["Cu"] * 8000, [20, 20, 20])
    crowded = compute_features("entropy", gas)
    assert crowded[:, 0].mean() > -2.5  # dense and almost random: little is left
    np.testing.assert_allclose(crowded[:, 0], crowded[:, 1], atol=1e-5)  # one species
    np.testing.assert_allclose(crowded[:, 2].mean(), crowded[:, 0].mean(), atol=0.05)
