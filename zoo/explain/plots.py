"""Figures of explanations: contributions are in standard deviations of the output, unless an axis says otherwise."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.explain.explain import Explanation, Study
from zoo.explain.importance import EMPTY, Group, Profile, group_importance, importance, noise
from zoo.glass import Glass
from zoo.sheets.plots import INK, STYLE, display_radii, slice_of

Floats = NDArray[np.float64]

TOP = 15
"""Columns of a beeswarm or a bar figure."""
STEPS = 9
"""Bars of a waterfall."""
PANELS = 6
CHANCE = 2.0
"""How many times more than a column of random numbers another must explain to be shown as interacting."""
POINTS = 600
"""Of a line of a beeswarm."""
SIGNED = "RdBu_r"
FEATURE = "viridis"
UNIT = "standard deviations of the output"


@dataclass(frozen=True)
class Picture:
    """A figure as a file: ``name`` without ending, ``kind`` svg or png, ``width`` in inches."""

    name: str
    kind: str
    content: bytes
    title: str
    caption: str
    width: float


def draw_shares(study: Study, groups: Sequence[Group], name: str, title: str, caption: str) -> Picture:
    """Share of every column, cluster or physical family in the sum, one dot for each family, a line from fold to fold.

    The share of a fold is that of its own sum, so that families are compared whatever the spread of their output.
    """
    shares, low, high = [], [], []
    for found in study.explanations:
        folds = [group_importance(found, groups, found.drawn & (found.fold == fold)) for fold in np.unique(found.fold)]
        of_folds = np.stack([part / (part.sum() or 1.0) for part in folds])
        total = group_importance(found, groups)
        shares.append(total / (total.sum() or 1.0))
        low.append(of_folds.min(axis=0))
        high.append(of_folds.max(axis=0))
    order = np.argsort(-np.mean(shares, axis=0), kind="stable")[:TOP]
    n = len(study.explanations)
    beside = 1.5 if n > 1 else 0.0  # of the legend: few groups leave no room for it between the lines
    with _figure(6.6 + beside, 0.9 + (0.24 + 0.09 * n) * len(order)) as figure:
        axis = figure.add_subplot()
        for k, found in enumerate(study.explanations):
            at = np.arange(len(order)) + (0.6 * (k / (n - 1) - 0.5) if n > 1 else 0.0)
            colour = INK if n == 1 else f"C{k % 10}"
            if n == 1:
                axis.barh(at, 100 * shares[k][order], 0.62, color=colour, alpha=0.85)
            else:
                axis.plot(100 * shares[k][order], at, "o", ms=4, color=colour, label=_plain(found.family))
            axis.hlines(at, 100 * low[k][order], 100 * high[k][order], color="0.25" if n == 1 else colour, lw=1.2)
        axis.set_yticks(range(len(order)), [_plain(groups[k].name) for k in order])
        axis.set(xlabel="share of the sum of mean absolute contributions (%)", xlim=(0, None))
        axis.invert_yaxis()
        axis.grid(axis="x", color="0.92")
        axis.set_axisbelow(True)
        if n > 1:
            figure.legend(loc="outside right upper")
        left = len(groups) - len(order)
        more = f" Not shown: {left} with smaller shares." if left else ""
        return _picture(figure, "svg", name, title, caption + more)


def draw_profiles(found: Explanation, profiles: Sequence[Profile]) -> Picture:
    """Importance against distance, the sign of the effect as colour, the mean of the columns behind it."""
    import matplotlib as mpl

    columns = min(2, len(profiles))
    lines = -(-len(profiles) // columns)
    with _figure(4.3 * columns + 0.9, 2.7 * lines + 0.2) as figure:
        axes = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
        for axis, profile in zip(axes.flat, profiles, strict=False):
            behind = axis.twinx()
            behind.fill_between(profile.length, profile.mean, color="0.9", lw=0)
            behind.set(yticks=[], ylim=(0, None))
            for side in ("left", "right"):
                behind.spines[side].set_visible(False)
            if profile.empty:
                _mark_empty(axis, float(profile.length[0]), profile.empty)
            axis.set_zorder(behind.get_zorder() + 1)
            axis.patch.set_visible(False)
            axis.fill_between(profile.length, profile.low, profile.high, color=INK, alpha=0.2, lw=0)
            axis.plot(profile.length, profile.importance, color="0.35", lw=1)
            axis.scatter(
                profile.length, profile.importance, 22, profile.direction, cmap=SIGNED, vmin=-1, vmax=1,
                edgecolors="0.3", linewidths=0.4, zorder=3,
            )  # fmt: skip
            axis.set(title=_plain(profile.name), ylim=(0, 1.05 * max(float(p.high.max()) for p in profiles) or 1.0))
        for axis in axes[-1]:
            axis.set_xlabel("distance r (Å)")
        for axis in axes[:, 0]:
            axis.set_ylabel("mean |contribution|")
        for axis in list(axes.flat)[len(profiles) :]:
            axis.set_axis_off()
        mappable = mpl.cm.ScalarMappable(mpl.colors.Normalize(-1, 1), SIGNED)
        figure.colorbar(mappable, ax=axes, shrink=0.9, label="direction (rank correlation)")
        empty = (
            f" Hatched: no neighbours (below {EMPTY:g} in the mean); columns there are tails of the Gaussians around "
            "the nearest atoms, and tell how near these are."
        )
        return _picture(
            figure, "svg", f"distance-{found.family}", "Importance against distance",
            f"Mean absolute contribution ({UNIT}) of the columns that look at a distance; band: from fold to fold. "
            "Red: more there raises the output, blue: lowers it. Grey behind: mean of the column itself, for radial "
            f"functions the distribution of neighbours.{empty if any(p.empty for p in profiles) else ''}",
        )  # fmt: skip


def _mark_empty(axis: Any, first: float, last: float) -> None:
    axis.axvspan(first, last, fc="none", ec="0.85", hatch="////", lw=0, zorder=0)
    axis.text(
        0.5 * (first + last), 0.96, "no neighbours here", rotation=90, ha="center", va="top", fontsize=8, color="0.4",
        transform=axis.get_xaxis_transform(), zorder=4,
    )  # fmt: skip


def draw_beeswarm(study: Study, found: Explanation) -> Picture:
    """Contributions of single rows to the most important columns, coloured by the rank of the column's value."""
    import matplotlib as mpl

    order = np.argsort(-importance(found), kind="stable")[:TOP]
    rows = np.flatnonzero(found.drawn)
    rows = np.random.default_rng(0).permutation(rows)[:POINTS]
    floor = noise(found)
    with _figure(6.9, 0.9 + 0.33 * len(order)) as figure:
        axis = figure.add_subplot()
        axis.axvline(0, color="0.6", lw=0.8)
        for line, k in enumerate(order):
            value, x = found.values[rows, k], study.x[found.rows[rows], k]
            if found.error is not None:
                axis.fill_betweenx([line - 0.4, line + 0.4], -floor[k], floor[k], color="0.93", lw=0)
            axis.scatter(
                value, line + _spread(value), 7, _rank(x), cmap=FEATURE, vmin=0, vmax=1, linewidths=0, zorder=2
            )
        axis.set_yticks(range(len(order)), [_plain(study.columns[k].name) for k in order])
        axis.set(xlabel=f"contribution to the output ({UNIT})", ylim=(len(order) - 0.4, -0.6))
        axis.spines["left"].set_visible(False)
        axis.tick_params(left=False)
        mappable = mpl.cm.ScalarMappable(mpl.colors.Normalize(0, 1), FEATURE)
        bar = figure.colorbar(mappable, ax=axis, shrink=0.7, ticks=[0, 1], label="value of the column, by rank")
        bar.ax.set_yticklabels(["low", "high"])
        grey = " Grey: what sampling noise alone would give." if found.error is not None else ""
        return _picture(
            figure, "png", f"beeswarm-{found.family}", "Contributions of single rows",
            f"{len(rows)} held-out rows, one point each.{grey}",
        )  # fmt: skip


def draw_dependence(study: Study, found: Explanation) -> Picture:
    """Contribution of the most important columns against their values, coloured by another column or by fold."""
    order = np.argsort(-importance(found), kind="stable")
    shown = order[: min(PANELS, len(order))]
    rows = np.flatnonzero(found.drawn)
    lines = -(-len(shown) // 3)
    others = {int(k): most_interacting(study, found, int(k), order) for k in shown}
    with _figure(3.3 * min(3, len(shown)) + 0.2, 2.6 * lines) as figure:
        axes = figure.subplots(lines, min(3, len(shown)), squeeze=False)
        for axis, (k, other) in zip(axes.flat, others.items(), strict=False):
            column = study.columns[k]
            value, x = found.values[rows, k], study.x[found.rows[rows], k]
            axis.axhline(0, color="0.8", lw=0.8)
            if other is None:
                for number, fold in enumerate(np.unique(found.fold)):
                    here = found.fold[rows] == fold
                    axis.plot(x[here], value[here], ".", ms=3, color=f"C{number % 10}", label=f"fold {fold}")
                axis.set_title("colour: fold", color="0.35", fontsize=8)
            else:
                axis.scatter(x, value, 7, _rank(study.x[found.rows[rows], other]), cmap=FEATURE, linewidths=0)
                axis.set_title(_plain(f"colour: {study.columns[other].name}"), color="0.35", fontsize=8)
            axis.set_xlabel(_plain(column.name + ("" if column.unit == "1" else f" ({column.unit})")))
        by_fold = [axis for axis, other in zip(axes.flat, others.values(), strict=False) if other is None]
        if by_fold and len(np.unique(found.fold)) > 1:
            by_fold[0].legend(markerscale=2, fontsize=7)
        for axis in axes[:, 0]:
            axis.set_ylabel("contribution (std)")
        for axis in list(axes.flat)[len(shown) :]:
            axis.set_axis_off()
        text = _dependence_caption(found, [other is None for other in others.values()])
        return _picture(figure, "png", f"dependence-{found.family}", "How the most important columns act", text)


def _dependence_caption(found: Explanation, by_fold: list[bool]) -> str:
    text = f"Contribution ({UNIT}) against the value of the column."
    if not all(by_fold):
        text += (
            " Colour, dark for low and yellow for high: the column by which points of the same value and fold differ "
            "most."
        )
    if not any(by_fold):
        return text
    if found.method.startswith("coefficients"):
        text += " The model is a sum of columns, so that no other column plays a part."
    else:
        text += " Where no other column orders such points more than chance would, colour is the fold."
    return f"{text} Every fold has a model of its own: lines that fan out differ from fit to fit."


def draw_waterfall(study: Study, found: Explanation, place: int, name: str) -> Picture:
    """From the base to the output of one row, the largest contributions one by one; in the unit of the output."""
    value, error = found.raw[place], None if found.raw_error is None else found.raw_error[place]
    order = np.argsort(-np.abs(value), kind="stable")
    top, rest = order[:STEPS], order[STEPS:]
    steps = [*((study.columns[k].name, float(study.x[found.rows[place], k]), value[k]) for k in top)]
    labels = [f"{name} = {x:.3g}" for name, x, _ in steps]
    sizes = [step for *_, step in steps]
    if len(rest):
        labels.append(f"{len(rest)} other column{'s' if len(rest) > 1 else ''}")
        sizes.append(float(value[rest].sum()))
    ends = found.base[place] + np.cumsum(sizes)
    starts = ends - sizes
    spread = np.zeros(len(sizes))
    spread[: len(top)] = 0.0 if error is None else error[top]
    right, left = np.maximum(starts, ends + spread), np.minimum(starts, ends - spread)
    width = float(right.max() - left.min()) or 1.0
    with _figure(6.4, 0.8 + 0.27 * len(sizes)) as figure:
        axis = figure.add_subplot()
        for line, (start, size) in enumerate(zip(starts, sizes, strict=True)):
            axis.barh(line, size, 0.62, left=start, color="#b2182b" if size > 0 else "#2166ac")
            axis.text(right[line] + 0.01 * width, line, f"{size:+.3g}", va="center", fontsize=8, color="0.25")
        if error is not None:
            axis.errorbar(ends[: len(top)], range(len(top)), xerr=error[top], fmt="none", ecolor="0.3", lw=0.8)
        axis.vlines(ends[:-1], np.arange(len(sizes) - 1) - 0.31, np.arange(len(sizes) - 1) + 1.31, color="0.6", lw=0.6)
        axis.axvline(found.base[place], color="0.6", lw=0.8, ls=":")
        axis.set_yticks(range(len(labels)), [_plain(label) for label in labels])
        axis.invert_yaxis()
        axis.set_xlim(left.min() - 0.04 * width, right.max() + 0.16 * width)
        ends_at = f"{found.base[place]:.3g}, mean of the background, to {found.output[place]:.3g}"
        axis.set_xlabel(f"output ({found.space}): from {ends_at}")
        lines = " Lines: standard errors." if error is not None else ""
        return _picture(
            figure, "svg", f"waterfall-{found.family}-{name.replace(' ', '-').replace(':', '-')}", name,
            f"Columns with their values in this row.{lines}",
        )  # fmt: skip


def draw_matrix(matrix: Floats, labels: Sequence[str], name: str, title: str, caption: str) -> Picture:
    """Rank correlations as a coloured table."""
    n = len(labels)
    longest = max(len(label) for label in labels)
    with _figure(0.8 + 0.075 * longest + 0.62 * n, 0.6 + 0.035 * longest + 0.42 * n) as figure:
        axis = figure.add_subplot()
        axis.imshow(matrix, cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
        for row in range(n):
            for column in range(n):
                known = np.isfinite(matrix[row, column])
                text, dark = (f"{matrix[row, column]:.2f}", matrix[row, column] > 0.8) if known else ("–", False)
                axis.text(column, row, text, ha="center", va="center", color="white" if dark else "0.15", fontsize=8)
        axis.set_xticks(range(n), [_plain(label) for label in labels], rotation=30, ha="right")
        axis.set_yticks(range(n), [_plain(label) for label in labels])
        axis.tick_params(length=0)
        for side in ("left", "bottom"):
            axis.spines[side].set_visible(False)
        return _picture(figure, "svg", name, title, caption)


def draw_slice(found: Explanation, glass: Glass, name: str, group: Group, length: str) -> Picture:
    """Atoms of a slice of a held-out glass, coloured by what a group of columns adds to the output."""
    import matplotlib as mpl
    from matplotlib.collections import EllipseCollection

    assert found.glass_values is not None
    value = found.glass_values[:, group.columns].sum(axis=1)
    chosen, thickness = slice_of(glass)
    at = np.mod(glass.positions @ np.linalg.inv(glass.cell), 1.0) @ glass.cell
    chosen = chosen[np.argsort(at[chosen, -1], kind="stable")]
    size = 2 * display_radii(glass)[chosen]
    largest = float(np.percentile(np.abs(value), 98)) or 1.0
    with _figure(5.6, 4.6) as figure:
        axis = figure.add_subplot()
        cell = glass.cell[:2, :2]
        axis.plot(*np.array([[0, 0], cell[0], cell[0] + cell[1], cell[1], [0, 0]]).T, color="0.6", lw=0.8)
        atoms = EllipseCollection(
            size, size, np.zeros(len(size)), units="xy", offsets=at[chosen][:, :2], transOffset=axis.transData,
            edgecolors="0.35", linewidths=0.3,
        )  # fmt: skip
        norm = mpl.colors.Normalize(-largest, largest)
        atoms.set_facecolor(mpl.colormaps[SIGNED](norm(value[chosen])))
        axis.add_collection(atoms)
        axis.margins(0.03)
        axis.autoscale_view()
        axis.set(xlabel=f"x ({_plain(length)})", ylabel=f"y ({_plain(length)})", aspect="equal")
        mappable = mpl.cm.ScalarMappable(norm, SIGNED)
        figure.colorbar(mappable, ax=axis, shrink=0.8, label=_plain(f"contribution of {group.name} (std)"))
        what = "All atoms" if glass.dimension == 2 else f"Atoms of a slice {thickness:.1f} {length} thick"
        return _picture(
            figure, "png", f"slice-{found.family}", f"A look inside {name}",
            f"{what} of a glass that the model has not seen, coloured by what {group.name} adds to the output "
            f"({UNIT}).",
        )  # fmt: skip


def most_interacting(study: Study, found: Explanation, k: int, order: NDArray[np.int64]) -> int | None:
    """Among the 20 most important others, the column that explains most of what is left of the contribution of column
    ``k`` beyond a straight line through rows of the same fold and nearly the same value.

    None where nothing is left, as in linear models, or no column explains more than chance does.
    """
    rows = np.flatnonzero(found.drawn)
    x, value = study.x[found.rows[rows]].astype(np.float64), found.values[rows, k]
    others = [int(other) for other in order[:21] if other != k]
    both = np.column_stack([value, _rank(x[:, others])]) if others else value[:, None]
    explained, total, by_chance = np.zeros(len(others)), 0.0, 0.0
    for fold in np.unique(found.fold[rows]):
        members = np.flatnonzero(found.fold[rows] == fold)
        members = members[np.argsort(x[members, k], kind="stable")]
        for part in np.array_split(members, max(1, min(8, len(members) // 12))):
            line = np.column_stack([np.ones(len(part)), x[part, k] - x[part, k].mean()])
            rest = both[part] - line @ np.linalg.lstsq(line, both[part], rcond=None)[0]
            left, size = rest[:, 0], (rest[:, 1:] ** 2).sum(axis=0)
            explained += np.divide((left @ rest[:, 1:]) ** 2, size, out=np.zeros(len(size)), where=size > 1e-12)
            total += float(left @ left)
            by_chance += float(left @ left) / max(1, len(part) - 2)
    if not others or total <= 1e-12 * float(value @ value) or explained.max() < CHANCE * by_chance:
        return None
    return others[int(explained.argmax())]


def _rank(values: NDArray[Any]) -> Floats:
    """Ranks from 0 to 1 along the first axis."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(values, axis=0) - 1) / max(1, len(values) - 1))


def _spread(value: Floats) -> Floats:
    """Heights that keep points of similar values apart, within 0.38 of a line."""
    if np.ptp(value) == 0:
        return np.zeros(len(value))
    place = np.digitize(value, np.linspace(value.min(), value.max(), 80))
    height = np.zeros(len(value))
    for bin_ in np.unique(place):
        members = np.flatnonzero(place == bin_)
        steps = np.arange(len(members)) + 1
        height[members] = (steps // 2) * np.where(steps % 2, -1, 1)
    return np.asarray(height * min(0.06, 0.38 / max(1.0, np.abs(height).max())))


def _plain(text: str) -> str:
    """Without what matplotlib would take for mathematics: names come from cards."""
    return text.replace("$", r"\$")


@contextmanager
def _figure(width: float, height: float) -> Iterator[Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def _picture(figure: Any, kind: str, name: str, title: str, caption: str) -> Picture:
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    figure.savefig(buffer, format=kind, dpi=130, metadata=metadata)
    return Picture(name, kind, buffer.getvalue(), title, caption, float(figure.get_figwidth()))
