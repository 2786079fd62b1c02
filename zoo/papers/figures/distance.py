"""Softness around rearranging atoms, and the probability to rearrange at a given softness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import PaperError
from zoo.papers.figures._canvas import COLOURS, arm_of, canvas, svg_of, table_of

if TYPE_CHECKING:
    from zoo.papers.study import Study

REACH = 14.0
"""Å."""
STEP = 0.7
"""Å."""
BINS = 15
FEWEST = 300
"""Pairs below which a distance is not shown."""


def draw(study: Study, options: dict[str, Any]) -> str:
    """Options: ``task``, ``features``, ``family``."""
    arm = arm_of(study, options)
    table = table_of(study, arm, "by-glass")
    # within each fit softness is in standard deviations from the mean: margins of two fits are not on one scale
    by_fit = table.groupby(["repeat", "fold"])["score"]
    softness = ((table["score"] - by_fit.transform("mean")) / by_fit.transform("std")).to_numpy(float)
    full = np.full(int(table["row"].max()) + 1, np.nan)
    full[table["row"].to_numpy()] = softness
    r, mean = softness_around(arm.task, full)
    length, amplitude = decay_length(r, mean)
    with canvas(2, 4.4) as (figure, axes):
        axes[0].plot(r, mean, "o-", ms=4, color=COLOURS["by-glass"])
        if np.isfinite(length):
            fit = amplitude * np.exp(-(r - r[0]) / length)
            axes[0].plot(r, fit, "--", color="0.3", label=f"exponential decay: r_c = {length:.1f} Å")
            axes[0].legend()
        axes[0].axhline(0, color="0.8", lw=0.8, zorder=0)
        axes[0].set(xlabel="distance from a rearranging atom (Å)", ylabel="excess softness (standard deviations)")
        edges = np.quantile(softness, np.linspace(0, 1, BINS + 1))
        place = np.clip(np.searchsorted(edges, softness) - 1, 0, BINS - 1)
        target = table["target"].to_numpy(float)
        at = [softness[place == k].mean() for k in range(BINS)]
        axes[1].semilogy(at, [target[place == k].mean() for k in range(BINS)], "o-", ms=4, color=COLOURS["by-glass"])
        axes[1].axhline(target.mean(), color="0.6", lw=0.8, label="all atoms")
        axes[1].set(xlabel="softness (standard deviations)", ylabel="part of the atoms that rearrange")
        axes[1].legend()
        return svg_of(figure)


def softness_around(task: str, softness: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much softer atoms are at a distance from a rearranging one than at that distance from any atom.

    Pairs are compared with pairs of the same two species in the same glass: without that the curve would follow the
    shells, as an atom with a neighbour at an unusual distance is soft wherever it is.

    Parameters
    ----------
    task : str
        Of classes, on glasses.
    softness : ndarray of shape (n_rows,)
        NaN where it is not known.

    Returns
    -------
    r, excess : ndarray of shape (n_bins,), Å and the unit of softness
    """
    from zoo.benchmark.cell import task_rows
    from zoo.neighbors import find_neighbors

    rows = task_rows(task)
    if rows.dataset.card.kind != "glasses":
        raise PaperError("softness around an atom needs glasses")
    edges = np.arange(0.0, REACH + STEP, STEP)
    n_bins = len(edges) - 1
    sums, counts = np.zeros(n_bins), np.zeros(n_bins)
    for number, name in enumerate(rows.glass_names):
        of_glass = np.flatnonzero(rows.glass == number)
        glass = rows.dataset.in_angstrom(name)
        if len(of_glass) != len(glass) or of_glass[-1] >= len(softness) or not np.isfinite(softness[of_glass]).all():
            continue  # not every atom of it is known
        kind, n_kinds = glass.species_index(glass.kinds), len(glass.kinds)
        near = find_neighbors(glass, REACH)
        place = np.clip((near.distance / STEP).astype(int), 0, n_bins - 1)
        alike = (kind[near.center] * n_kinds + kind[near.index]) * n_bins + place  # pairs to compare with
        value = softness[of_glass][near.index]
        size = n_kinds**2 * n_bins
        usual = np.bincount(alike, value, size) / np.maximum(1, np.bincount(alike, minlength=size))
        chosen = rows.target[of_glass][near.center] == 1
        sums += np.bincount(place[chosen], (value - usual[alike])[chosen], n_bins)
        counts += np.bincount(place[chosen], minlength=n_bins)
    known = counts > FEWEST
    middle = 0.5 * (edges[1:] + edges[:-1])
    return middle[known], sums[known] / counts[known]


def decay_length(r: NDArray[np.float64], mean: NDArray[np.float64]) -> tuple[float, float]:
    """Length r_c and amplitude of ``a exp(-(r - r_0) / r_c)`` with ``r_0`` the first distance, by least squares.

    NaN where no positive decay within the reach fits.
    """
    from scipy.optimize import curve_fit

    if len(r) < 4 or mean.max() <= 0:
        return float("nan"), float("nan")
    try:
        (amplitude, length), _ = curve_fit(
            lambda x, a, c: a * np.exp(-x / c), r - r[0], mean, p0=(mean.max(), 3.0), bounds=([0, 0.1], [np.inf, 100.0])
        )
    except RuntimeError:
        return float("nan"), float("nan")
    return (float(length), float(amplitude)) if length < REACH else (float("nan"), float("nan"))
