"""Figures of a data set: labels, pair distribution, a slice of a glass, the table of pairs."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.datasets.load import Dataset
from zoo.datasets.reliability import DIRECTION
from zoo.datasets.rows import Rows, group_of_pairs, is_flag, is_half, rows_of, states_of_pairs
from zoo.glass import Glass

if TYPE_CHECKING:
    import pandas as pd

    from zoo.features.declaration import Column

MOST_PANELS = 12
PANELS = 9
"""Of the figure of a feature set."""
SLICE = 1.3
"""Mean spacings: 3.4 Å in a metal."""
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "glass-zoo",
    "legend.frameon": False,
    "legend.fontsize": 8,
}
INK = "#0b5cad"
Floats = NDArray[np.float64]


def draw_labels(dataset: Dataset) -> str:
    """SVG: histogram of every label, averaged over directions of shear as in tasks, strains over each other."""
    rows = rows_of(dataset, "target")
    groups = _label_groups(rows)
    with _figure(len(groups)) as (figure, axes):
        for axis, (title, series) in zip(axes, groups.items(), strict=False):
            units = {rows.units[name] for names in series.values() for name in names}
            _draw_histograms(axis, {key: mean_of(rows, names) for key, names in series.items()}, title, units.pop())
        return _svg(figure)


def draw_features(dataset: Dataset) -> str:
    """SVG: histogram of every feature of a table of pairs, one for each class where there are two."""
    rows, targets = rows_of(dataset, "feature"), rows_of(dataset, "target")
    flag = next((name for name, values in targets.columns.items() if is_flag(values)), None)
    if not rows.columns:
        return ""
    with _figure(len(rows.columns)) as (figure, axes):
        for axis, (name, values) in zip(axes, rows.columns.items(), strict=False):
            series = {"": values}
            if flag:
                series = {f"{flag} = {k}": values[targets.columns[flag] == k] for k in (0, 1)}
            _draw_histograms(axis, series, name, rows.units[name], legend=axis is axes[0])
        return _svg(figure)


def draw_structure(dataset: Dataset) -> str:
    """SVG: g(r) of each stratum, total and of each pair of species, mean over four glasses at most."""
    from zoo.simulation.quality import radial_distribution

    strata: dict[str, list[Glass]] = {}
    for entry in dataset.card.glasses:
        strata.setdefault(entry.stratum, []).append(dataset.glasses[entry.id])
    unit = _plain(dataset.card.units.length)
    with _figure(len(strata)) as (figure, axes):
        for axis, (stratum, glasses) in zip(axes, strata.items(), strict=False):
            shown = glasses[:4]
            spacing = (shown[0].volume / len(shown[0])) ** (1 / shown[0].dimension)
            reach = min(3.2 * spacing, *(0.499 * float(glass.heights.min()) for glass in shown))
            pairs = _species_pairs(shown[0].kinds)
            for a, b in [(None, None), *pairs]:
                curves = [radial_distribution(glass, a, b, reach, spacing / 50) for glass in shown]
                n = min(len(g) for _, g in curves)
                mean = np.mean([g[:n] for _, g in curves], axis=0)
                style = {"color": "0.15", "lw": 1.8} if a is None else {"lw": 1.0, "alpha": 0.85}
                axis.plot(curves[0][0][:n], mean, label=_plain(f"{a}-{b}") if a else "all", **style)
            axis.axhline(1, color="0.85", lw=0.8, zorder=0)
            axis.set(title=_plain(stratum), xlabel=f"r ({unit})", ylabel="g(r)", xlim=(0.5 * spacing, reach))
            axis.set_ylim(0)
            axis.legend(ncols=2)
        return _svg(figure)


def draw_slice(dataset: Dataset, label: list[str]) -> tuple[str, str]:
    """PNG as a data address, and its caption: atoms of the first glass within a thin slice, coloured by a label.

    Parameters
    ----------
    dataset : Dataset
    label : list of str
        Target columns, which are averaged.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    entry = dataset.card.glasses[0]
    glass = dataset.glasses[entry.id]
    unit = next(column.unit for column in dataset.card.columns if column.name == label[0])
    value = np.mean([glass.fields[name].values.astype(float) for name in label], axis=0)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 4.5), layout="constrained")
        caption = _draw_slice(figure.add_subplot(), glass, value, _common_name(label), unit, dataset.card.units.length)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode(), f"{entry.id}: {caption}"


def _draw_slice(axis: Any, glass: Glass, value: Floats, name: str, unit: str, length: str) -> str:
    """Draw the atoms of the middle of a glass, coloured by a value of each; the caption."""
    import matplotlib as mpl
    from matplotlib.collections import EllipseCollection

    chosen, thickness = slice_of(glass)
    scale, logarithmic = colour_scale(value)
    at = np.mod(glass.positions @ np.linalg.inv(glass.cell), 1.0) @ glass.cell
    chosen = chosen[np.argsort(at[chosen, -1], kind="stable")]  # what lies higher is drawn over what lies lower
    at = at[chosen]
    size = 2 * display_radii(glass)[chosen]
    cell = glass.cell[:2, :2]
    corners = np.array([[0, 0], cell[0], cell[0] + cell[1], cell[1], [0, 0]])
    axis.plot(*corners.T, color="0.6", lw=0.8)
    known = np.isfinite(scale[chosen])
    low, high = np.percentile(scale[np.isfinite(scale)], [2, 98]) if np.isfinite(scale).any() else (0.0, 1.0)
    atoms = EllipseCollection(
        size, size, np.zeros(len(size)), units="xy", offsets=at[:, :2], transOffset=axis.transData,
        edgecolors="0.3", linewidths=0.3,
    )  # fmt: skip
    colours = mpl.colormaps["viridis"](np.clip((scale[chosen] - low) / max(high - low, 1e-300), 0, 1))
    colours[~known] = (0.9, 0.9, 0.9, 1.0)
    atoms.set_facecolor([tuple(colour) for colour in colours])
    axis.add_collection(atoms)
    axis.margins(0.03)
    axis.autoscale_view()
    axis.set(xlabel=f"x ({_plain(length)})", ylabel=f"y ({_plain(length)})", aspect="equal")
    mappable = mpl.cm.ScalarMappable(mpl.colors.Normalize(low, high), "viridis")
    text = f"log10 of {name}" if logarithmic else name
    axis.figure.colorbar(mappable, ax=axis, shrink=0.8, label=_plain(text + ("" if unit == "1" else f" ({unit})")))
    missing = int((~known).sum())
    caption = "all atoms" if glass.dimension == 2 else f"atoms of a slice {thickness:.1f} {length} thick"
    return f"{caption}, coloured by {text}" + (f"; {missing} atoms without a value are grey" if missing else "")


def write_columns(
    path: Path, glass: Glass, table: pd.DataFrame, columns: Sequence[Column], label: str = "", color: str = ""
) -> None:
    """Figure of a feature set: distributions of its columns, and a slice of the glass coloured by one.

    Parameters
    ----------
    path : Path
        Its ending is the format: png, svg, pdf.
    glass : Glass
    table : DataFrame
        With the columns of the set.
    columns : sequence of Column
    label : str
        Field of the glass; with it, distributions of the atoms of either of its two values, or of the 10 % where it is
        largest and of the others; those columns are drawn that separate the two best.
    color : str
        Column that colours the slice; by default the one that separates best, or else varies most among those drawn.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from zoo.datasets.statistics import separation

    by_name = {column.name: column for column in columns}
    shown = [column.name for column in columns]
    classes = _two_classes(glass, label) if label else {"": np.ones(len(glass), bool)}
    if label:
        first = next(iter(classes.values())).astype(float)
        shown.sort(key=lambda name: -separation(table[name].to_numpy(float), first))
    elif len(shown) > PANELS:  # evenly over the set: neighbouring columns are alike
        shown = shown[:: -(-len(shown) // PANELS)]
    shown = shown[:PANELS]
    if not color:
        color = shown[0] if label else max(shown, key=lambda name: table[name].std() / (table[name].abs().max() + 1e-9))
    lines = -(-len(shown) // 3)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(13.5, max(4.5, 2.4 * lines)), layout="constrained")
        left, right = figure.subfigures(1, 2, width_ratios=(1.6, 1.0), squeeze=False)[0]
        for axis, name in zip(left.subplots(lines, min(3, len(shown)), squeeze=False).flat, shown, strict=False):
            values = table[name].to_numpy(float)
            series = {title: values[atoms] for title, atoms in classes.items()}
            _draw_histograms(axis, series, name, by_name[name].unit, legend=name == shown[0])
        for axis in left.axes[len(shown) :]:
            axis.set_axis_off()
        axis = right.add_subplot()
        caption = _draw_slice(axis, glass, table[color].to_numpy(float), color, by_name[color].unit, "Å")
        axis.set_title(_plain(caption.replace(", coloured by", ",\ncoloured by")))
        buffer = io.BytesIO()
        figure.savefig(buffer, format=path.suffix.lstrip("."), dpi=150)
    with atomic_write(path) as stream:
        stream.write(buffer.getvalue())


def _two_classes(glass: Glass, label: str) -> dict[str, NDArray[np.bool_]]:
    """Atoms by the two values of a field, the larger first, or those with its largest 10 % and the others."""
    value = glass.fields[label].values.astype(float)
    found = np.unique(value)
    if len(found) == 2:
        return {f"{label} = {number:g}": value == number for number in found[::-1]}
    largest = np.zeros(len(glass), bool)
    largest[np.argsort(-value, kind="stable")[: max(1, len(glass) // 10)]] = True
    return {f"largest 10 % of {label}": largest, "others": ~largest}


def draw_pairs(dataset: Dataset) -> str:
    """SVG: how many pairs each glass has, and in how many pairs each state is."""
    _, group = group_of_pairs(dataset)
    targets = rows_of(dataset, "target")
    flag = next((values for values in targets.columns.values() if is_flag(values)), None)
    states = states_of_pairs(dataset)
    with _figure(2) as (figure, axes):
        counts = np.bincount(group)
        order = np.argsort(-counts, kind="stable")
        places = np.arange(len(counts)) + 0.5
        axes[0].fill_between(places, counts[order], step="mid", color="0.8", label="all pairs")
        if flag is not None:
            positive = np.bincount(group[flag == 1], minlength=len(counts))
            axes[0].fill_between(places, positive[order], step="mid", color=INK, label="of class 1")
            axes[0].legend()
        axes[0].set(title="Pairs of each glass", xlabel="glass, by size", ylabel="pairs", xlim=(0, len(counts)))
        axes[0].set_ylim(0)
        times, number = np.unique(np.bincount(states.ravel()), return_counts=True)
        axes[1].loglog(times, number, "o", ms=3.5, color=INK)
        axes[1].set(title="Pairs that a state is in", xlabel="pairs", ylabel="states")
        return _svg(figure)


def slice_of(glass: Glass) -> tuple[NDArray[np.int64], float]:
    """Which atoms lie in the middle of the glass along its last cell vector, and how thick the slice is."""
    if glass.dimension == 2:
        return np.arange(len(glass)), float("nan")
    thickness = min(SLICE * (glass.volume / len(glass)) ** (1 / 3), float(glass.heights[2]))
    height = np.mod(glass.positions @ np.linalg.inv(glass.cell), 1.0)[:, 2]
    return np.flatnonzero(np.abs(height - 0.5) * glass.heights[2] <= 0.5 * thickness), thickness


def colour_scale(value: Floats) -> tuple[Floats, bool]:
    """``value`` or, where it is positive and spans more than a factor of 30, its logarithm; whether it is that."""
    known = value[np.isfinite(value)]
    if len(known) and known.min() > 0 and np.percentile(known, 98) > 30 * np.percentile(known, 2):
        return np.log10(value), True
    return value, False


def display_radii(glass: Glass) -> Floats:
    """Radius to draw each atom with, so that neighbours touch: covalent for elements, equal otherwise."""
    from ase.data import atomic_numbers, covalent_radii

    spacing = (glass.volume / len(glass)) ** (1 / glass.dimension)
    size = glass.fields.get("radius", glass.fields.get("diameter"))
    if size is not None:
        radii = size.values.astype(float)
    elif all(kind in atomic_numbers for kind in glass.kinds):
        radii = np.array([covalent_radii[atomic_numbers[str(kind)]] for kind in glass.species])
    else:
        radii = np.ones(len(glass))
    return np.asarray(0.48 * spacing * radii / radii.mean())


def mean_of(rows: Rows, names: list[str]) -> Floats:
    """Mean of some columns."""
    return np.asarray(np.mean([rows.columns[name] for name in names], axis=0))


def _label_groups(rows: Rows) -> dict[str, dict[str, list[str]]]:
    """Panels of curves of columns: ``d2min_xy_0.020`` is in panel ``d2min``, curve ``0.020``."""
    groups: dict[str, dict[str, list[str]]] = {}
    for name in rows.columns:
        if is_half(name):
            continue
        label = DIRECTION.sub("", name)
        found = re.fullmatch(r"(.+)_(\d+\.\d+)", label)
        panel, series = found.groups() if found else (label, "")
        groups.setdefault(panel, {}).setdefault(series, []).append(name)
    return groups


def _common_name(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    labels = {DIRECTION.sub("", name) for name in names}
    return ", ".join(sorted(labels)) + (f", mean of {len(names)} directions" if len(names) > len(labels) else "")


def _species_pairs(kinds: tuple[str, ...]) -> list[tuple[str, str]]:
    if not 1 < len(kinds) < 5:
        return []
    return [(a, b) for k, a in enumerate(kinds) for b in kinds[k:]]


def _draw_histograms(axis: Any, series: Mapping[str, Floats], title: str, unit: str, legend: bool = True) -> None:
    known = {key: values[np.isfinite(values)] for key, values in series.items()}
    everything = np.concatenate([*known.values()])
    axis.set(title=_plain(title), yticks=[])
    axis.spines["left"].set_visible(False)
    if not len(everything):
        axis.set_xlabel("no values")
        return
    edges, logarithmic = _bins(everything)
    for key, values in known.items():
        heights, _ = np.histogram(values, edges)
        style = {"color": INK} if len(known) == 1 else {}
        shares = heights / max(1, len(values))
        axis.stairs(shares, edges, fill=len(known) == 1, lw=1.3, label=_plain(key) or None, **style)
    zeros = float((everything <= 0).mean()) if logarithmic else 0.0
    note = f"{100 * zeros:.1f} % are 0" if zeros else ""
    axis.set_xscale("log" if logarithmic else "linear")
    axis.set_xlabel("; ".join(filter(None, ["" if unit == "1" else _plain(unit), note])))
    axis.set_ylim(0)
    if is_flag(everything):
        axis.set_xticks([0, 1], [f"{k}: {100 * float((everything == k).mean()):.1f} %" for k in (0, 1)])
    if len(known) > 1 and legend:
        axis.set_ylim(0, 1.3 * axis.get_ylim()[1])
        axis.legend(ncols=2)


def _bins(values: Floats) -> tuple[Floats, bool]:
    """Edges of 60 bins, or of those of a flag, and whether they are logarithmic; zeros are then left out."""
    if is_flag(values):
        return np.array([-0.25, 0.25, 0.75, 1.25]), False
    positive = values[values > 0]
    if len(positive) > 0.5 * len(values) and values.min() >= 0 and colour_scale(positive)[1]:
        return np.geomspace(positive.min(), positive.max() * 1.0001, 60), True
    low, high = np.percentile(values, [0.2, 99.8])
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, 60), False


def _plain(text: str) -> str:
    """Without what matplotlib would take for mathematics: names come from cards."""
    return text.replace("$", r"\$")


@contextmanager
def _figure(n_panels: int) -> Iterator[tuple[Any, list[Any]]]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    shown = max(1, min(n_panels, MOST_PANELS))
    columns = min(4 if shown > 9 else 3, shown)
    lines = -(-shown // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.1 * columns, 2.4 * lines), layout="constrained")
        axes = [figure.add_subplot(lines, columns, number + 1) for number in range(shown)]
        yield figure, axes


def _svg(figure: Any) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    width = 105 * float(figure.get_figwidth())  # with text of the size of the page's, and not too small on a phone
    size = f'style="max-width: {width:.0f}px; min-width: {0.6 * width:.0f}px"'
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', size, text, count=1)
