"""Facts about the two-body excess entropy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from lattices import KINDS, alloy, crystal

from zoo.features.compute import compute_features
from zoo.features.entropy import REACH, SIGMA
from zoo.glass import Glass
from zoo.neighbors import find_neighbors


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


def integral(distances: list[np.ndarray], density: float, r: np.ndarray) -> np.ndarray:
    """Entropy by the trapezoidal rule from the distances of every atom's neighbours."""
    found = []
    for of in distances:
        gaussians = np.exp(-((r[1:, None] - of) ** 2) / (2 * SIGMA**2)) / (np.sqrt(2 * np.pi) * SIGMA)
        g = gaussians.sum(axis=1) / (4 * np.pi * density * r[1:] ** 2)
        integrand = (g * np.log(np.maximum(g, 1e-300)) - g + 1) * r[1:] ** 2
        found.append(-2 * np.pi * density * np.trapezoid([0.0, *integrand], r))
    return np.array(found)


def test_mdapy_takes_steps_of_the_width_and_no_neighbours_beyond_the_limit():
    """The same integral gives mdapy's numbers so, and ours with steps of half the width and all neighbours."""
    folder = Path(__file__).parent / "reference"
    stored = json.loads((folder / "ovito_voronoi.json").read_text())
    glass = Glass(stored["positions"], ["Cu"] * 256, [stored["cell"]] * 3)
    near, density = find_neighbors(glass, REACH + 6 * SIGMA), 256 / glass.volume
    every = np.split(near.distance, near.start[1:-1])
    inside = [of[of < REACH] for of in every]
    mdapy = json.loads((folder / "mdapy_entropy.json").read_text())["s2"]
    np.testing.assert_allclose(integral(inside, density, np.linspace(0, REACH, 31)), mdapy, atol=2e-6)
    ours = compute_features("entropy", glass)[:, 0]
    np.testing.assert_allclose(integral(every, density, np.linspace(0, REACH, 61)), ours, atol=1e-4)
    np.testing.assert_allclose(integral(every, density, np.linspace(0, REACH, 601)), ours, atol=1e-2)


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
