"""Hops of atoms from cage to cage in a trajectory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo.errors import GlassError


def hop_indicator(frames: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """How far apart each atom dwells before and after each time.

    ``p_hop(t) = sqrt(<(r - <r>_B)²>_A <(r - <r>_A)²>_B)`` with A the ``window`` frames before t and B those from t on.
    An atom that vibrates in one cage has the variance of its position; one that has jumped by d in between has about
    d² more. The mean displacement of all atoms is removed from every frame first.

    Parameters
    ----------
    frames : ndarray of shape (n_frames, n_atoms, d), Å
        Positions at equal intervals, unwrapped: without jumps across the cell.
    window : int
        Frames in A and in B.

    Returns
    -------
    ndarray of shape (n_frames - 2 window + 1, n_atoms), float64, Å²
        The first time is that of frame number ``window``.

    Raises
    ------
    GlassError
        The frames have another shape, are not finite, or are fewer than two windows.

    References
    ----------
    Candelier, Widmer-Cooper, Kummerfeld, Dauchot, Biroli, Harrowell & Reichman, Phys. Rev. Lett. 105, 135702 (2010);
    Smessaert & Rottler, Phys. Rev. E 88, 022314 (2013).
    """
    frames = np.asarray(frames, dtype=np.float64)
    if frames.ndim != 3:
        raise GlassError(f"frames must have shape (n_frames, n_atoms, d) in Å, got {frames.shape}")
    if not 1 <= window <= len(frames) // 2:
        raise GlassError(
            f"frames must fill two windows of at least one frame, got {len(frames)} frames and windows of {window}: "
            "use a longer trajectory or shorter windows"
        )
    if not np.isfinite(frames).all():
        raise GlassError("positions must be finite in every frame: check the trajectory")
    mean, variance = _windows(without_drift(frames), window)
    apart = ((mean[window:] - mean[:-window]) ** 2).sum(axis=2)
    # <(r - <r>_B)²>_A is the variance within A and the distance between both means, squared
    return np.asarray(np.sqrt((variance[:-window] + apart) * (variance[window:] + apart)))


def without_drift(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Displacements from the first frame less their mean over all atoms; shape (n_frames, n_atoms, d), Å."""
    moved = frames - frames[0]
    return np.asarray(moved - moved.mean(axis=1, keepdims=True))


def _windows(displacements: NDArray[np.float64], window: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (n, n_atoms, d) and variance (n, n_atoms), summed over d, of every ``window`` consecutive frames."""
    mean = _sliding_mean(displacements, window)
    square = _sliding_mean((displacements**2).sum(axis=2), window)
    return mean, np.maximum(square - (mean**2).sum(axis=2), 0.0)


def _sliding_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    summed = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    return np.asarray((summed[window:] - summed[:-window]) / window)
