"""The hop indicator: what a jump, a vibration and a drift give, in numbers that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.errors import GlassError
from zoo.labels.hops import hop_indicator

WINDOW = 20


def still(n_frames: int = 100, n_atoms: int = 40) -> np.ndarray:
    """Atoms at rest, anywhere."""
    positions = np.random.default_rng(0).uniform(0, 30, (n_atoms, 3))
    return np.repeat(positions[None], n_frames, axis=0)


def test_a_jump_between_two_cages_has_its_squared_length() -> None:
    """All of A before the jump and all of B after it: p_hop = d². With k frames of B still before it, the mean of B is
    (1 - k/w) d away, its own variance k/w (1 - k/w) d², so p_hop = d² (1 - k/w)^(3/2).
    """
    jump = np.array([1.0, -2.0, 0.5])
    size = jump @ jump
    frames = still(n_atoms=2)
    frames[50:, 0] += jump / 2
    frames[50:, 1] -= jump / 2  # nothing drifts
    found = hop_indicator(frames, WINDOW)
    assert found.shape == (100 - 2 * WINDOW + 1, 2)
    share = np.clip(1 - np.abs(np.arange(WINDOW, 81) - 50) / WINDOW, 0, None)
    np.testing.assert_allclose(found, np.repeat((size / 4 * share**1.5)[:, None], 2, axis=1), atol=1e-9)


def test_the_formula_holds_for_any_trajectory() -> None:
    """sqrt(<(r - <r>_B)²>_A <(r - <r>_A)²>_B), written out."""
    frames = np.cumsum(np.random.default_rng(1).normal(size=(30, 7, 2)), axis=0)
    own = frames - frames.mean(axis=1, keepdims=True)
    for time, found in enumerate(hop_indicator(frames, 6), start=6):
        a, b = own[time - 6 : time], own[time : time + 6]
        in_a = ((a - b.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0)
        in_b = ((b - a.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0)
        np.testing.assert_allclose(found, np.sqrt(in_a * in_b), rtol=1e-9)


def test_a_vibrating_atom_has_its_thermal_variance() -> None:
    """3 σ² and, from the uncertain means of two windows of w frames, 1/w more."""
    sigma = 0.15
    frames = still(2000, 200) + np.random.default_rng(2).normal(0, sigma, (2000, 200, 3))
    found = hop_indicator(frames, 50)
    assert found.mean() == pytest.approx(3 * sigma**2 * (1 + 1 / 50), rel=0.01)


def test_a_drift_of_all_atoms_is_no_hop() -> None:
    frames = still()
    frames[50:, 3] += [0.0, 0.0, 1.5]
    drift = np.linspace(0, 30, len(frames))[:, None, None] * np.array([1.0, 0.3, -0.2])
    np.testing.assert_allclose(hop_indicator(frames + drift, WINDOW), hop_indicator(frames, WINDOW), atol=1e-9)


def test_nobody_minds_a_turn_or_the_direction_of_time() -> None:
    frames = np.cumsum(np.random.default_rng(3).normal(size=(60, 9, 3)), axis=0)
    found = hop_indicator(frames, 10)
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    np.testing.assert_allclose(hop_indicator(frames @ turn, 10), found, rtol=1e-9)
    np.testing.assert_allclose(hop_indicator(frames[::-1], 10)[::-1], found, rtol=1e-9)


@pytest.mark.parametrize("window", [0, 51])
def test_windows_that_do_not_fit_are_refused(window: int) -> None:
    with pytest.raises(GlassError, match=f"two windows of at least one frame, got 100 frames and windows of {window}"):
        hop_indicator(still(), window)


def test_broken_trajectories_are_refused() -> None:
    frames = still()
    with pytest.raises(GlassError, match=r"shape \(n_frames, n_atoms, d\) in Å, got \(40, 3\)"):
        hop_indicator(frames[0], WINDOW)
    frames[4, 4, 1] = np.nan
    with pytest.raises(GlassError, match="finite in every frame"):
        hop_indicator(frames, WINDOW)
