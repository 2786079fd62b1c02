"""Quantum levels against exactly solvable potentials; the double-well flag on curves with known wells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import ZooError
from zoo.labels.tunnelling import count_wells, energy_levels, quantum_splitting


@pytest.mark.parametrize(("hbar", "mass", "stiffness"), [(1.0, 1.0, 1.0), (0.0132, 1.0, 3.0), (0.03, 2.5, 0.7)])
def test_harmonic_oscillator(hbar: float, mass: float, stiffness: float) -> None:
    """E_n = ħω (n + 1/2), wherever the zero of the energy is."""
    quantum = hbar * np.sqrt(stiffness / mass)
    s = np.linspace(-1, 1, 61) * 12 * np.sqrt(hbar / np.sqrt(stiffness * mass))
    levels = energy_levels(s, -7.0 + 0.5 * stiffness * s**2, hbar, mass, n_levels=4)
    np.testing.assert_allclose((levels + 7.0) / quantum, [0.5, 1.5, 2.5, 3.5], rtol=1e-6)


def test_quartic_oscillator() -> None:
    """p² + x⁴: Banerjee, Proc. R. Soc. Lond. A 364, 265 (1978) and others."""
    x = np.linspace(-5, 5, 201)
    levels = energy_levels(x, x**4, hbar=1.0, mass=0.5)
    np.testing.assert_allclose(levels, [1.0603620905, 3.7996730298], atol=1e-6)


@pytest.mark.parametrize("zeta", [1.0, 0.1, 1e-2, 1e-4])
def test_symmetric_double_well(zeta: float) -> None:
    """-d²/dx² + (ζ cosh 2x - 2)² has the splitting 4 ζ exactly: Razavy, Am. J. Phys. 48, 285 (1980).

    With ζ the barrier goes from 1 to 4 at a ground state of 2 to 3: the two levels come as close as 1e-4 of them.
    """
    reach = 0.5 * np.arccosh(40.0 / zeta)
    x = np.linspace(-reach, reach, 801)
    potential = (zeta * np.cosh(2 * x) - 2) ** 2
    assert energy_levels(x, potential, 1.0, 0.5)[0] == pytest.approx(3 - 2 * zeta + zeta**2, rel=1e-6)
    assert quantum_splitting(x, potential, 1.0, 0.5) == pytest.approx(4 * zeta, rel=2e-4)


def test_a_tilted_double_well_is_split_by_its_asymmetry() -> None:
    """Far below the barrier the wells do not mix: the splitting is the difference of the two ground states."""
    x = np.linspace(-2, 2, 201)
    splitting = quantum_splitting(x, (x**2 - 1) ** 2 + 5e-3 * x, hbar=0.02)
    assert splitting == pytest.approx(1e-2, rel=1e-2)


S = np.linspace(0.0, 1.0, 31)
TILT = 3 * S**2 - 2 * S**3  # level at both ends, as a path is at a minimum


@pytest.mark.parametrize(
    ("energy", "n_minima", "n_barriers"),
    [
        (0.1 * np.sin(np.pi * S) ** 2, 2, 1),
        (0.1 * np.sin(np.pi * S) ** 2 + 0.05 * TILT, 2, 1),
        (0.1 * np.sin(2 * np.pi * S) ** 2, 3, 2),
        (0.1 * np.sin(3 * np.pi * S) ** 2 - 0.3 * TILT, 4, 3),
        (0.2 * S, 2, 0),
        (0.2 * (1 - S), 2, 0),
        (0.2 * S + 0.1 * np.sin(2 * np.pi * S), 3, 1),
        (0.1 * (S - 0.5) ** 2, 3, 0),
        (np.zeros(31), 2, 0),
    ],
    ids=[
        "symmetric",
        "asymmetric",
        "third minimum",
        "two more",
        "rising",
        "falling",
        "third minimum before a shallow end",
        "one well",
        "flat",
    ],
)
def test_wells_are_counted(energy: np.ndarray, n_minima: int, n_barriers: int) -> None:
    wells = count_wells(energy)
    assert (wells.n_minima, wells.n_barriers) == (n_minima, n_barriers)
    assert wells.is_double_well == ((n_minima, n_barriers) == (2, 1))


def test_barrier_is_counted_from_the_lower_end() -> None:
    energy = 0.1 * np.sin(np.pi * S) ** 2 + 0.05 * TILT
    for values in (energy, energy[::-1]):
        wells = count_wells(values)
        assert wells.barrier == pytest.approx(0.12643, abs=2e-4)
        assert wells.asymmetry == pytest.approx(0.05)


@given(seed=st.integers(0, 2**31), height=st.floats(1e-3, 1.0), shift=st.floats(-5, 5))
def test_noise_below_the_depth_is_no_well(seed: int, height: float, shift: float) -> None:
    noise = np.random.default_rng(seed).uniform(-4.9e-5, 4.9e-5, 31)
    assert count_wells(shift + height * np.sin(np.pi * S) ** 2 + noise).is_double_well


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(ZooError, match="at least three finite energies"):
        count_wells([0.0, np.nan, 1.0])
    with pytest.raises(ZooError, match="at least four points that ascend"):
        energy_levels([0, 1, 1, 2], [0, 1, 1, 0], 1.0)
