"""Is it the right glass? Structure, thermodynamics and mechanics to set beside the literature, and their figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.datasets.card import ColumnCard, Units
from zoo.features.kernels.tessellation import tessellate
from zoo.features.voronoi import voronoi_indices
from zoo.glass import Glass
from zoo.neighbors import find_neighbors

if TYPE_CHECKING:
    import pandas as pd

BINS = 200
RANGE = 3.2
"""g(r) is drawn up to this many mean distances between atoms: 8 Å in a metallic glass."""
METAL_UNITS = Units()
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
    reach: float | None = None,
    width: float | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pair distribution function in 2D or 3D, total or of one pair of species.

    Parameters
    ----------
    glass : Glass
    center, neighbor : str, optional
        Species; any by default.
    reach : float, optional
        Of g(r), in the glass's unit of length; ``RANGE`` mean distances between atoms by default, never more than half
        of the smallest height of the cell.
    width : float, optional
        Of the bins; ``BINS`` of them by default.

    Returns
    -------
    r, g : ndarray of shape (n_bins,), float64
        Bin centres and the dimensionless g(r).
    """
    spacing = (glass.volume / len(glass)) ** (1 / glass.dimension)
    reach = min(reach or RANGE * spacing, 0.499 * glass.heights.min())
    neighbors = find_neighbors(glass, reach)
    edges = np.arange(0.0, reach, width) if width else np.linspace(0.0, reach, BINS + 1)
    from_kind = glass.species == center if center else np.ones(len(glass), bool)
    to_kind = glass.species == neighbor if neighbor else np.ones(len(glass), bool)
    keep = from_kind[neighbors.center] & to_kind[neighbors.index]
    counts, _ = np.histogram(neighbors.distance[keep], edges)
    shells = np.pi * np.diff(edges**2) if glass.dimension == 2 else 4 / 3 * np.pi * np.diff(edges**3)
    ideal = from_kind.sum() * to_kind.sum() / glass.volume * shells
    return 0.5 * (edges[1:] + edges[:-1]), counts / ideal


def mean_distribution(glasses: Sequence[Glass]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean g(r) of glasses whose cells may differ a little."""
    curves = [radial_distribution(glass) for glass in glasses]
    grid = curves[0][0][curves[0][0] <= min(r[-1] for r, _ in curves)]
    return grid, np.mean([np.interp(grid, r, g) for r, g in curves], axis=0)


def first_shell(glasses: Sequence[Glass]) -> tuple[float, float]:
    """Distances of the highest peak of the mean g(r) of equivalent glasses and of the minimum behind it."""
    r, g = mean_distribution(glasses)
    smooth = np.convolve(g, np.ones(7) / 7, "same")  # a tenth of a mean distance: one close pair is no peak
    near = max(int(smooth.argmax()) - 3, 0)
    peak = near + int(g[near : near + 7].argmax())
    beyond = (r > r[peak]) & (r < 1.7 * r[peak])
    return float(r[peak]), float(r[beyond][smooth[beyond].argmin()])


def census(glass: Glass, kind: str) -> dict[str, float]:
    """Fraction of the atoms of one species with each Voronoi index <n3 n4 n5 n6>, most frequent first."""
    indices = voronoi_indices(tessellate(glass))[glass.species == kind]
    values, counts = np.unique(indices, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {"<" + " ".join(map(str, values[k].tolist())) + ">": float(counts[k] / counts.sum()) for k in order}


def measure(glasses: list[Glass], units: Units = METAL_UNITS) -> list[Measurement]:
    """Figures of a group of equivalent glasses, averaged over them."""
    found: dict[tuple[str, str], list[float]] = {}
    shell = first_shell(glasses)
    for glass in glasses:
        for entry in _measure_one(glass, units, shell):
            found.setdefault((entry.quantity, entry.unit), []).append(entry.value)
    return [Measurement(*key, float(np.mean(values))) for key, values in found.items()]


def _measure_one(glass: Glass, units: Units, shell: tuple[float, float]) -> Iterator[Measurement]:
    flat = glass.dimension == 2
    if units == METAL_UNITS and not flat:
        from ase.data import atomic_masses, atomic_numbers

        mass = sum(float(atomic_masses[atomic_numbers[str(kind)]]) for kind in glass.species)
        yield Measurement("density", "g/cm³", mass / glass.volume * GRAMS_PER_CM3)
    else:
        yield Measurement("density", f"1/{units.length}{'²' if flat else '³'}", len(glass) / glass.volume)
    if "energy" in glass.fields:
        yield Measurement("energy per atom", units.energy, float(glass.fields["energy"].values.mean()))
    peak, minimum = shell
    yield Measurement("first peak of g(r)", units.length, peak)
    yield Measurement("first minimum of g(r)", units.length, minimum)
    counts = find_neighbors(glass, minimum).counts
    for kind in glass.kinds:
        yield Measurement(f"coordination of {kind}", "1", float(counts[glass.species == kind].mean()))
    for kind in () if flat else glass.kinds:
        around = census(glass, kind)
        for index in ("<0 0 12 0>", "<0 2 8 2>"):
            yield Measurement(f"{kind}-centred {index}", "%", 100 * around.get(index, 0.0))
    if "history" in glass.metadata:
        energy = np.array(glass.metadata["history"])[:, 2]
        for name, quarter in (
            ("third", energy[len(energy) // 2 : 3 * len(energy) // 4]),
            ("last", energy[-len(energy) // 4 :]),
        ):
            yield Measurement(
                f"inherent-structure energy, {name} quarter of the swap run", units.energy, quarter.mean()
            )
    if "minima" in glass.metadata:
        yield Measurement("inherent structures met in the dynamics", "1", glass.metadata["minima"])
        yield Measurement("paths that converged", "%", 100 * glass.metadata["converged"] / glass.metadata["paths"])
    if "barrier_searches" in glass.metadata:
        searches = glass.metadata["barrier_searches"]
        for outcome, text in (("converged", "reached a saddle"), ("connected", "connected it with another minimum")):
            yield Measurement(f"searches that {text}", "%", 100 * searches[outcome] / searches["searches"])
        mean = glass.fields["barrier_mean"].values
        for percent in (5, 50, 95):
            value = float(np.nanpercentile(mean, percent))
            yield Measurement(f"mean barrier of an atom, {percent} % of atoms below", "eV", value)
    for curve in glass.metadata.get("stress_strain", {}).values():
        strain, stress = np.array(curve).T
        small = strain < 0.0051
        yield Measurement("shear modulus", units.stress, float(np.polyfit(strain[small], stress[small], 1)[0]))
        if strain[-1] > 0.08:
            late = float(stress[strain > 0.08].mean())
            yield Measurement("shear stress at 8-10 % strain", units.stress, late)
    for strain_name, agreement in plane_agreement(glass).items():
        yield Measurement(f"rank correlation of D2min between planes, strain {strain_name}", "1", agreement)


def measure_pairs(table: pd.DataFrame) -> list[Measurement]:
    """Figures of pairs of inherent structures; ``table`` has the columns of the step ``wells``."""
    followed = table["Tij"] + table["Tji"] > 0
    wells = table[table["is_dw"] == 1]
    found = [
        Measurement("labelled pairs", "1", float(len(table))),
        Measurement("double wells among pairs that followed one another", "%", 100 * table["is_dw"][followed].mean()),
        Measurement("double wells among other pairs", "%", 100 * table["is_dw"][~followed].mean()),
        *(
            Measurement(f"median {name.replace('_', ' ')} of double wells", "ε", wells[name].median())
            for name in ("barrier", "asymmetry", "quantum_splitting")
        ),
    ]
    return [entry for entry in found if np.isfinite(entry.value)]


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


def draw(
    groups: Mapping[str, list[Glass]],
    targets: list[ColumnCard],
    path: Path,
    units: Units = METAL_UNITS,
    pairs: Mapping[str, pd.DataFrame] | None = None,
) -> None:
    """Figure of g(r), energy against temperature, stress against strain, the Voronoi census and the labels.

    Panels that a data set has nothing for are left out.
    """
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    glasses = [glass for of_group in groups.values() for glass in of_group]
    panels: list[Callable[[Any], None]] = [lambda axis: _draw_structure(axis, groups, units)]
    if any("thermo" in glass.metadata for glass in glasses):
        panels.append(lambda axis: _draw_cooling(axis, groups, units))
    if any("history" in glass.metadata for glass in glasses):
        panels.append(lambda axis: _draw_preparation(axis, groups, units))
    if any("stress_strain" in glass.metadata for glass in glasses):
        panels.append(lambda axis: _draw_shear(axis, groups, units))
    if all(glass.dimension == 3 for glass in glasses):
        panels.append(lambda axis: _draw_census(axis, groups))
    if pairs:
        panels.append(lambda axis: _draw_splittings(axis, pairs))
    if targets and len(panels) < 4:
        panels.append(lambda axis: _draw_labels(axis, groups, targets[0]))
    with plt.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        rows = (len(panels) + 1) // 2
        figure, axes = plt.subplots(rows, 2, figsize=(9, 3.3 * rows), layout="constrained", squeeze=False)
        for axis, panel in zip(axes.flat, panels, strict=False):
            panel(axis)
            if axis.get_legend_handles_labels()[0]:
                axis.legend(frameon=False, fontsize=8)
        for axis in axes.flat[len(panels) :]:
            axis.set_axis_off()
        with atomic_write(path) as stream:
            figure.savefig(stream, format="png", dpi=130, metadata={"Software": None})
        plt.close(figure)


def _draw_structure(axis: Any, groups: Mapping[str, list[Glass]], units: Units) -> None:
    contact = np.inf
    for name, glasses in groups.items():
        r, g = mean_distribution(glasses)
        axis.plot(r, g, label=name)
        contact = min(contact, float(r[np.argmax(g > 0.01)]))
    axis.set(xlabel=f"r ({units.length})", ylabel="g(r)", title="Pair distribution of the inherent structures")
    axis.set_xlim(left=0.85 * contact)


def _draw_cooling(axis: Any, groups: Mapping[str, list[Glass]], units: Units) -> None:
    for number, (name, glasses) in enumerate(groups.items()):
        for first, glass in enumerate(glasses):
            thermo = np.array(glass.metadata["thermo"])
            label = None if first else name
            axis.plot(thermo[:, 0], thermo[:, 1], ".", ms=3, color=f"C{number}", alpha=0.6, label=label)
    axis.set(xlabel=f"temperature ({units.temperature})", ylabel=f"potential energy ({units.energy}/atom)")
    axis.set_title("Cooling from the melt")


def _draw_preparation(axis: Any, groups: Mapping[str, list[Glass]], units: Units) -> None:
    for number, (name, glasses) in enumerate(groups.items()):
        histories = np.array([glass.metadata["history"] for glass in glasses])
        for history in histories:
            axis.plot(history[:, 0], history[:, 2], color=f"C{number}", lw=0.4, alpha=0.5)
        axis.plot(histories[0, :, 0], histories[:, :, 2].mean(axis=0), color=f"C{number}", lw=2, label=name)
    axis.set(xlabel="swap Monte Carlo sweeps", ylabel=f"inherent-structure energy ({units.energy}/atom)")
    axis.set_title("Preparation at constant temperature")


def _draw_shear(axis: Any, groups: Mapping[str, list[Glass]], units: Units) -> None:
    for number, (name, glasses) in enumerate(groups.items()):
        curves = [curve for glass in glasses for curve in glass.metadata.get("stress_strain", {}).values()]
        for first, curve in enumerate(curves):
            strain, stress = np.array(curve).T
            label = None if first else name
            axis.plot(100 * strain, stress, color=f"C{number}", lw=0.6, alpha=0.7, label=label)
    axis.set(xlabel="shear strain (%)", ylabel=f"shear stress ({units.stress})", title="Athermal quasistatic shear")


def _draw_census(axis: Any, groups: Mapping[str, list[Glass]]) -> None:
    """Polyhedra around the first species that all groups share; around all atoms where they share none."""
    shared = set.intersection(*({*glass.kinds} for glasses in groups.values() for glass in glasses))
    kind = min(shared) if shared else ""
    mean: dict[str, dict[str, float]] = {}
    for name, glasses in groups.items():
        tables = [census(glass, kind) if kind else _census_of_all(glass) for glass in glasses]
        indices = {index for table in tables for index in table}
        mean[name] = {index: float(np.mean([table.get(index, 0.0) for table in tables])) for index in indices}
    total = {index: sum(table.get(index, 0.0) for table in mean.values()) for table in mean.values() for index in table}
    shown = sorted(total, key=lambda index: (-total[index], index))[:8]
    width = 0.8 / len(mean)
    for number, (name, table) in enumerate(mean.items()):
        middle = np.arange(len(shown)) + width * (number - (len(mean) - 1) / 2)
        axis.bar(middle, [100 * table.get(index, 0.0) for index in shown], width, color=f"C{number}", label=name)
    axis.set_xticks(range(len(shown)), shown, rotation=35, ha="right", fontsize=8)
    axis.set(ylabel=f"{kind or 'all'} atoms (%)", title=f"Voronoi polyhedra around {kind or 'all atoms'}")


def _census_of_all(glass: Glass) -> dict[str, float]:
    found: dict[str, float] = {}
    for kind in glass.kinds:
        share = float((glass.species == kind).mean())
        for index, fraction in census(glass, kind).items():
            found[index] = found.get(index, 0.0) + share * fraction
    return found


def _draw_splittings(axis: Any, pairs: Mapping[str, pd.DataFrame]) -> None:
    for number, (name, table) in enumerate(pairs.items()):
        wells = table[table["is_dw"] == 1]
        axis.loglog(wells["Delta_E"], wells["quantum_splitting"], ".", ms=3, color=f"C{number}", alpha=0.6, label=name)
    axis.set(xlabel="asymmetry (ε)", ylabel="quantum splitting (ε)", title="Double wells")


def _draw_labels(axis: Any, groups: Mapping[str, list[Glass]], column: ColumnCard) -> None:
    """Over powers of ten where most values are above zero: D2min spans decades."""
    series = [np.concatenate([glass.fields[column.name].values for glass in glasses]) for glasses in groups.values()]
    known = np.concatenate(series)
    known = known[np.isfinite(known)]
    logarithmic = bool((known >= 0).all() and (known > 0).mean() > 0.5)
    low, high = np.percentile(known[known > 0], [0.1, 100]) if logarithmic else (known.min(), known.max())
    edges = (np.geomspace if logarithmic else np.linspace)(low, high, 60)
    for number, (name, values) in enumerate(zip(groups, series, strict=True)):
        shown = values[np.isfinite(values)]
        weights = np.full(len(shown), 100 / max(1, len(shown)))
        axis.hist(shown, edges, weights=weights, histtype="step", color=f"C{number}", label=name)
    axis.set_xscale("log" if logarithmic else "linear")
    axis.set(xlabel=f"{column.name} ({column.unit})", ylabel="atoms in a bin (%)", title="Labels")
