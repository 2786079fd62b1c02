"""Is it the right glass? Structure, thermodynamics and mechanics to set beside the literature, and their figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.features.kernels.tessellation import tessellate
from zoo.features.voronoi import voronoi_indices
from zoo.glass import Glass
from zoo.neighbors import find_neighbors

BIN = 0.04
"""Å, of g(r)."""
RANGE = 8.0
GRAMS_PER_CM3 = 1.66053907
"""u/Å³ in g/cm³."""


@dataclass(frozen=True)
class Measurement:
    """One number with its unit, for one stratum."""

    quantity: str
    unit: str
    value: float


def radial_distribution(
    glass: Glass,
    center: str | None = None,
    neighbor: str | None = None,
    reach: float = RANGE,
    width: float = BIN,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pair distribution function in 2D or 3D, total or of one pair of species.

    Parameters
    ----------
    glass : Glass
    center, neighbor : str, optional
        Species; any by default.
    reach : float, Å
        Of g(r); never more than half of the smallest height of the cell.
    width : float, Å
        Of the bins.

    Returns
    -------
    r, g : ndarray of shape (n_bins,), float64
        Bin centres in Å and the dimensionless g(r).
    """
    reach = min(reach, 0.499 * glass.heights.min())
    neighbors = find_neighbors(glass, reach)
    edges = np.arange(0.0, reach, width)
    from_kind = glass.species == center if center else np.ones(len(glass), bool)
    to_kind = glass.species == neighbor if neighbor else np.ones(len(glass), bool)
    keep = from_kind[neighbors.center] & to_kind[neighbors.index]
    counts, _ = np.histogram(neighbors.distance[keep], edges)
    shells = np.pi * np.diff(edges**2) if glass.dimension == 2 else 4 / 3 * np.pi * np.diff(edges**3)
    ideal = from_kind.sum() * to_kind.sum() / glass.volume * shells
    return 0.5 * (edges[1:] + edges[:-1]), counts / ideal


def census(glass: Glass, kind: str) -> dict[str, float]:
    """Fraction of the atoms of one species with each Voronoi index <n3 n4 n5 n6>, most frequent first."""
    indices = voronoi_indices(tessellate(glass))[glass.species == kind]
    values, counts = np.unique(indices, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {"<" + " ".join(map(str, values[k].tolist())) + ">": float(counts[k] / counts.sum()) for k in order}


def measure(glasses: list[Glass]) -> list[Measurement]:
    """Figures of a group of equivalent glasses, averaged over them."""
    from ase.data import atomic_masses, atomic_numbers

    found: dict[tuple[str, str], list[float]] = {}

    def note(quantity: str, unit: str, value: float) -> None:
        found.setdefault((quantity, unit), []).append(float(value))

    for glass in glasses:
        mass = sum(float(atomic_masses[atomic_numbers[str(kind)]]) for kind in glass.species)
        note("density", "g/cm³", mass / glass.volume * GRAMS_PER_CM3)
        note("energy per atom", "eV", float(glass.fields["energy"].values.mean()))
        r, g = radial_distribution(glass)
        peak = int(g.argmax())
        note("first peak of g(r)", "Å", r[peak])
        beyond = (r > r[peak]) & (r < 1.7 * r[peak])
        minimum = float(r[beyond][np.convolve(g, np.ones(5) / 5, "same")[beyond].argmin()])
        note("first minimum of g(r)", "Å", minimum)
        counts = find_neighbors(glass, minimum).counts
        for kind in glass.kinds:
            note(f"coordination of {kind}", "1", counts[glass.species == kind].mean())
        around_copper = census(glass, "Cu")
        for index in ("<0 0 12 0>", "<0 2 8 2>"):
            note(f"Cu-centred {index}", "%", 100 * around_copper.get(index, 0.0))
        for curve in glass.metadata.get("stress_strain", {}).values():
            strain, stress = np.array(curve).T
            small = strain < 0.0051
            note("shear modulus", "GPa", np.polyfit(strain[small], stress[small], 1)[0])
            if strain[-1] > 0.08:
                note("shear stress at 8-10 % strain", "GPa", stress[strain > 0.08].mean())
        for strain_name, agreement in plane_agreement(glass).items():
            note(f"rank correlation of D2min between planes, strain {strain_name}", "1", agreement)
    return [Measurement(*key, float(np.mean(values))) for key, values in found.items()]


def plane_agreement(glass: Glass) -> dict[str, float]:
    """Mean Spearman correlation of D2min between pairs of shear planes, for each strain that has several.

    It bounds what a descriptor that does not know the loading direction can predict of one plane.
    """
    from scipy.stats import spearmanr

    by_strain: dict[str, list[NDArray[np.float64]]] = {}
    for name, entry in glass.fields.items():
        quantity, _, rest = name.partition("_")
        if quantity == "d2min":
            by_strain.setdefault(rest.split("_")[1], []).append(entry.values)
    return {
        strain: float(np.mean([spearmanr(a, b)[0] for a, b in combinations(labels, 2)]))
        for strain, labels in sorted(by_strain.items())
        if len(labels) > 1
    }


def draw(groups: Mapping[str, list[Glass]], path: Path) -> None:
    """Figure of g(r), energy against temperature, stress against strain and the Voronoi census."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    with plt.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(2, 2, figsize=(9, 6.6), layout="constrained")
        for number, (name, glasses) in enumerate(groups.items()):
            colour = f"C{number}"
            _draw_structure(axes[0, 0], glasses, name, colour)
            _draw_cooling(axes[0, 1], glasses, name, colour)
            _draw_shear(axes[1, 0], glasses, name, colour)
        _draw_census(axes[1, 1], groups)
        for axis in axes.flat:
            if axis.get_legend_handles_labels()[0]:
                axis.legend(frameon=False, fontsize=8)
        with atomic_write(path) as stream:
            figure.savefig(stream, format="png", dpi=130, metadata={"Software": None})
        plt.close(figure)


def _draw_structure(axis: Any, glasses: list[Glass], name: str, colour: str) -> None:
    curves = [radial_distribution(glass) for glass in glasses]
    axis.plot(curves[0][0], np.mean([g for _, g in curves], axis=0), color=colour, label=name)
    axis.set(xlabel="r (Å)", ylabel="g(r)", title="Pair distribution of the inherent structures", xlim=(1.5, RANGE))


def _draw_cooling(axis: Any, glasses: list[Glass], name: str, colour: str) -> None:
    for number, glass in enumerate(glasses):
        thermo = np.array(glass.metadata["thermo"])
        axis.plot(thermo[:, 0], thermo[:, 1], ".", ms=3, color=colour, alpha=0.6, label=None if number else name)
    axis.set(xlabel="temperature (K)", ylabel="potential energy (eV/atom)", title="Cooling from the melt")


def _draw_shear(axis: Any, glasses: list[Glass], name: str, colour: str) -> None:
    number = 0
    for glass in glasses:
        for curve in glass.metadata.get("stress_strain", {}).values():
            strain, stress = np.array(curve).T
            axis.plot(100 * strain, stress, color=colour, lw=0.6, alpha=0.7, label=None if number else name)
            number += 1
    axis.set(xlabel="shear strain (%)", ylabel="shear stress (GPa)", title="Athermal quasistatic shear")


def _draw_census(axis: Any, groups: Mapping[str, list[Glass]]) -> None:
    tables = {name: [census(glass, "Cu") for glass in glasses] for name, glasses in groups.items()}
    mean: dict[str, dict[str, float]] = {
        name: {
            index: float(np.mean([table.get(index, 0.0) for table in of_glass]))
            for index in {key for table in of_glass for key in table}
        }
        for name, of_glass in tables.items()
    }
    total = {index: sum(table.get(index, 0.0) for table in mean.values()) for table in mean.values() for index in table}
    shown = sorted(total, key=lambda index: (-total[index], index))[:8]
    width = 0.8 / len(mean)
    for number, (name, table) in enumerate(mean.items()):
        axis.bar(
            np.arange(len(shown)) + width * (number - (len(mean) - 1) / 2),
            [100 * table.get(index, 0.0) for index in shown],
            width,
            color=f"C{number}",
            label=name,
        )
    axis.set_xticks(range(len(shown)), shown, rotation=35, ha="right", fontsize=8)
    axis.set(ylabel="Cu atoms (%)", title="Voronoi polyhedra around Cu")
