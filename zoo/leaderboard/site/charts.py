"""Charts as inline SVG: readable without a script, coloured by the style sheet, with a line of text on every mark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from zoo.leaderboard.statistics import Floats

N_COLOURS = 8
"""Classes ``c0`` to ``c7`` of the style sheet."""
CHARACTER = 6.6
"""Width of a character of a label, in px."""


@dataclass(frozen=True)
class Mark:
    """A row in a chart."""

    name: str
    value: float
    interval: tuple[float, float] | None = None
    x: float = 0.0
    colour: int = 0
    null: bool = False
    front: bool = False
    tip: str = ""


def interval_chart(marks: Sequence[Mark], axis: str, lines: Sequence[tuple[float, str]] = ()) -> str:
    """Scores with whiskers, one line for each row; ``lines`` are values to draw across, with their names."""
    if not marks:
        return ""
    left, width, step = _label_width([mark.name for mark in marks]), 760, 21
    top, bottom = 20 if lines else 6, len(marks) * step + (20 if lines else 6)
    ends = [end for mark in marks for end in (mark.interval or (mark.value, mark.value))]
    low, high = _span([*ends, *(value for value, _ in lines)])
    ticks = nice_ticks(low, high)

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (width - left - 16)

    parts = [_grid_x(ticks, at, top, bottom)]
    for value, name in lines:
        parts.append(
            f'<line class="mark-line" x1="{at(value):.1f}" x2="{at(value):.1f}" y1="{top - 4}" y2="{bottom}"/>'
        )
        anchor = "end" if at(value) > 0.8 * width else "start" if at(value) < left + 60 else "middle"
        parts.append(
            f'<text class="small" x="{at(value):.1f}" y="{top - 8}" text-anchor="{anchor}">{escape(name)}</text>'
        )
    for number, mark in enumerate(marks):
        y = top + (number + 0.5) * step
        kind = "null" if mark.null else f"c{mark.colour % N_COLOURS}"
        parts.append(f'<g class="{kind}" data-tip="{escape(mark.tip)}"><title>{escape(mark.tip)}</title>')
        parts.append(f'<rect class="hit" x="0" y="{y - step / 2:.1f}" width="{width}" height="{step}"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(_cut(mark.name))}</text>')
        if mark.interval:
            a, b = map(at, mark.interval)
            parts.append(
                f'<path class="whisker" d="M{a:.1f} {y:.1f}H{b:.1f}M{a:.1f} {y - 4:.1f}v8M{b:.1f} {y - 4:.1f}v8"/>'
            )
        parts.append(f'<circle class="dot" cx="{at(mark.value):.1f}" cy="{y:.1f}" r="4.5"/></g>')
    parts.append(
        f'<text class="axis" x="{(left + width) / 2:.0f}" y="{bottom + 32}" text-anchor="middle">{escape(axis)}</text>'
    )
    return _svg(width, bottom + 40, parts, f"{axis} of {len(marks)} rows, with 95 % intervals")


def pareto_chart(marks: Sequence[Mark], x_axis: str, y_axis: str) -> str:
    """Score against cost (``x``, logarithmic); the front as a line, its rows named."""
    if not marks:
        return ""
    width, height, left, right = 760, 380, 56, 24
    xs = np.log10([max(mark.x, 1e-4) for mark in marks])
    x_low, x_high = math.floor(xs.min() * 2) / 2, math.ceil(xs.max() * 2 + 0.01) / 2
    y_low, y_high = _span([mark.value for mark in marks])

    def at(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(max(x, 1e-4)) - x_low) / (x_high - x_low)
        return left + across * (width - left - right), 12 + (y_high - y) / (y_high - y_low) * (height - 60)

    parts = []
    for y in nice_ticks(y_low, y_high):
        place = at(1, y)[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{place:.1f}" y2="{place:.1f}"/>')
        parts.append(f'<text class="small" x="{left - 6}" y="{place + 4:.1f}" text-anchor="end">{_number(y)}</text>')
    for power in range(math.ceil(x_low), math.floor(x_high) + 1):
        place = at(10.0**power, y_low)[0]
        parts.append(f'<line class="grid" x1="{place:.1f}" x2="{place:.1f}" y1="12" y2="{height - 48}"/>')
        parts.append(
            f'<text class="small" x="{place:.1f}" y="{height - 32}" text-anchor="middle">{10.0**power:g}</text>'
        )
    front = sorted((mark for mark in marks if mark.front), key=lambda mark: mark.x)
    if front:
        places = [at(mark.x, mark.value) for mark in front]
        steps = "".join(f"H{x:.1f}V{y:.1f}" for x, y in places[1:])
        parts.append(f'<path class="front" d="M{places[0][0]:.1f} {places[0][1]:.1f}{steps}H{width - right}"/>')
    for mark in sorted(marks, key=lambda mark: mark.front):
        x, y = at(mark.x, mark.value)
        kind = "null" if mark.null else f"c{mark.colour % N_COLOURS}"
        size = 5.5 if mark.front else 4
        parts.append(
            f'<g class="{kind}{" is-front" if mark.front else ""}" data-tip="{escape(mark.tip)}"><title>{escape(mark.tip)}</title>'
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{size}"/><circle class="hit" cx="{x:.1f}" cy="{y:.1f}" r="10"/></g>'
        )
    parts.append(
        f'<text class="axis" x="{(left + width) / 2:.0f}" y="{height - 8}" text-anchor="middle">{escape(x_axis)}</text>'
    )
    parts.append(
        f'<text class="axis" transform="translate(13 {height / 2 - 20:.0f}) rotate(-90)" text-anchor="middle">{escape(y_axis)}</text>'
    )
    return _svg(width, height, parts, f"{y_axis} against {x_axis} of {len(marks)} rows")


def heat_chart(rows: Sequence[str], columns: Sequence[str], values: Floats, what: str, digits: int = 2) -> str:
    """A matrix of numbers, shaded from the least to the largest; NaN leaves a cell empty."""
    if not len(rows) or not len(columns):
        return ""
    left, top, wide, high = _label_width(rows), int(0.62 * _label_width(columns)) + 12, 46, 22
    low, span = np.nanmin(values), max(float(np.nanmax(values) - np.nanmin(values)), 1e-12)
    slant = int(0.75 * _label_width(columns))
    width = left + wide * len(columns) + slant
    parts = []
    for k, name in enumerate(columns):
        place = f"translate({left + (k + 0.5) * wide:.0f} {top - 6}) rotate(-40)"
        parts.append(f'<text transform="{place}">{escape(_cut(name))}</text>')
    for i, name in enumerate(rows):
        y = top + i * high
        parts.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{escape(_cut(name))}</text>')
        for k, value in enumerate(values[i]):
            if not np.isfinite(value):
                continue
            tip = escape(f"{name}, {columns[k]}: {value:.{digits + 1}f}")
            shade = 0.06 + 0.6 * (value - low) / span
            parts.append(
                f'<g data-tip="{tip}"><title>{tip}</title><rect class="heat" x="{left + k * wide}" y="{y}" width="{wide - 2}" '
                f'height="{high - 2}" fill-opacity="{shade:.2f}"/><text class="small" x="{left + (k + 0.5) * wide - 1}" y="{y + 14}" '
                f'text-anchor="middle">{value:.{digits}f}</text></g>'
            )
    return _svg(width, top + high * len(rows) + 4, parts, what, wide=width)


def rank_chart(names: Sequence[str], ranks: Floats, apart: float) -> str:
    """Critical-difference diagram: average ranks on an axis; bars join rows that are not told apart."""
    order = np.argsort(ranks, kind="stable")
    n, width = len(names), 760
    half = (n + 1) // 2
    side = _label_width(names) + 8
    low, high = math.floor(ranks.min()), max(math.ceil(ranks.max()), math.floor(ranks.min()) + 1)

    def at(rank: float) -> float:
        return side + (rank - low) / (high - low) * (width - 2 * side)

    groups = _groups(ranks[order], apart)
    base, first = 40, 40 + 14 + 9 * len(groups)
    parts = [f'<line class="axis-line" x1="{at(low)}" x2="{at(high)}" y1="{base}" y2="{base}"/>']
    every = max(1, round((high - low) / 10))
    for rank in range(low, high + 1, every):
        parts.append(f'<line class="axis-line" x1="{at(rank):.1f}" x2="{at(rank):.1f}" y1="{base - 5}" y2="{base}"/>')
        parts.append(f'<text class="small" x="{at(rank):.1f}" y="{base - 9}" text-anchor="middle">{rank}</text>')
    shown = min(apart, high - low)
    parts.append(
        f'<path class="whisker" d="M{at(low):.1f} 12H{at(low + shown):.1f}M{at(low):.1f} 8v8M{at(low + shown):.1f} 8v8"/>'
    )
    parts.append(f'<text class="small" x="{at(low + shown) + 6:.1f}" y="16">critical difference {apart:.1f}</text>')
    for number, (a, b) in enumerate(groups):
        y = base + 12 + 9 * number
        parts.append(
            f'<line class="group" x1="{at(ranks[order[a]]) - 3:.1f}" x2="{at(ranks[order[b]]) + 3:.1f}" y1="{y}" y2="{y}"/>'
        )
    for place, number in enumerate(order):
        onto_left = place < half
        y = first + 18 * (place if onto_left else n - 1 - place) + 8
        x, edge, anchor = (
            at(ranks[number]),
            side - 6 if onto_left else width - side + 6,
            "end" if onto_left else "start",
        )
        tip = escape(f"{names[number]}: average rank {ranks[number]:.2f}")
        parts.append(
            f'<g data-tip="{tip}"><title>{tip}</title><path class="lead" d="M{x:.1f} {base}V{y}H{edge}"/>'
            f'<text x="{edge + (-4 if onto_left else 4)}" y="{y + 4}" text-anchor="{anchor}">{escape(_cut(names[number]))}</text></g>'
        )
    return _svg(width, first + 18 * half + 10, parts, f"Average ranks of {n} rows; critical difference {apart:.1f}")


def share_chart(bars: Sequence[tuple[str, dict[str, float]]]) -> str:
    """Stacked bars of variance shares, one for each named table; one colour for each source."""
    sources = list(dict.fromkeys(name for _, shares in bars for name in shares))
    if not sources:
        return ""
    sources.sort(key=lambda name: (name == "rest", "×" in name))
    left, width, step = _label_width([name for name, _ in bars]), 760, 30
    parts = []
    for number, (name, shares) in enumerate(bars):
        y, x = 4 + number * step, float(left)
        parts.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{escape(_cut(name))}</text>')
        for source in sources:
            wide = shares.get(source, 0.0) * (width - left - 4)
            if wide < 0.3:
                continue
            tip = escape(f"{name}: {source} {100 * shares[source]:.0f} %")
            kind = "null" if source == "rest" else f"c{sources.index(source) % N_COLOURS}"
            parts.append(
                f'<g class="{kind}" data-tip="{tip}"><title>{tip}</title><rect class="bar" x="{x:.1f}" y="{y}" width="{max(wide - 1, 0.3):.1f}" height="22"/>'
            )
            if wide > 34:
                parts.append(
                    f'<text class="on-bar" x="{x + wide / 2:.1f}" y="{y + 15}" text-anchor="middle">{100 * shares[source]:.0f} %</text>'
                )
            parts.append("</g>")
            x += wide
    y, x = 4 + len(bars) * step + 14, 8.0
    for number, source in enumerate(sources):
        long = 24 + CHARACTER * len(source)
        if x + long > width:
            x, y = 8.0, y + 20
        kind = "null" if source == "rest" else f"c{number % N_COLOURS}"
        parts.append(
            f'<g class="{kind}"><rect class="bar" x="{x:.0f}" y="{y - 10}" width="12" height="12"/><text x="{x + 17:.0f}" y="{y}">{escape(source)}</text></g>'
        )
        x += long + 10
    return _svg(width, y + 10, parts, "Shares of the variance of the score")


def slice_chart(
    at: Floats, radii: Floats, size: tuple[float, float], values: Floats, title: str, unit: str, length: str
) -> str:
    """Atoms of a slice of a glass as circles, shaded by a value from 0 to 1."""
    scale = 300 / max(size)
    width, height = size[0] * scale + 8, size[1] * scale + 46
    parts = [f'<text class="axis" x="4" y="14">{escape(title)}</text>']
    parts.append(f'<rect class="box" x="4" y="22" width="{size[0] * scale:.1f}" height="{size[1] * scale:.1f}"/>')
    for (x, y), r, value in zip(at, radii, values, strict=True):
        parts.append(
            f'<circle class="atom" cx="{4 + x * scale:.1f}" cy="{22 + (size[1] - y) * scale:.1f}" r="{r * scale:.1f}" fill="{colour(value)}"/>'
        )
    bar = 10 ** math.floor(math.log10(size[0] / 2))
    y = height - 8
    parts.append(
        f'<path class="whisker" d="M4 {y - 4:.1f}h{bar * scale:.1f}M4 {y - 8:.1f}v8M{4 + bar * scale:.1f} {y - 8:.1f}v8"/>'
    )
    parts.append(
        f'<text class="small" x="{bar * scale + 12:.1f}" y="{y:.1f}">{bar:g} {escape(length)}{escape(unit and "; " + unit)}</text>'
    )
    return _svg(width, height, parts, f"{title}: {len(at)} atoms of a slice", wide=width)


STOPS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""Of matplotlib's viridis; the viewer's script has the same."""


def colour(value: float) -> str:
    """Colour of a value from 0 to 1; grey for NaN."""
    if not math.isfinite(value):
        return "#bbb"
    place = min(max(value, 0.0), 1.0) * (len(STOPS) - 1)
    k = min(int(place), len(STOPS) - 2)
    mixed = (round(a + (b - a) * (place - k)) for a, b in zip(STOPS[k], STOPS[k + 1], strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def nice_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers between two values, at most ``most``."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _groups(ranks: Floats, apart: float) -> list[tuple[int, int]]:
    """Longest runs of sorted ranks within the critical difference, of two rows at least."""
    runs = [(a, int(np.searchsorted(ranks, rank + apart, side="right")) - 1) for a, rank in enumerate(ranks)]
    return [(a, b) for number, (a, b) in enumerate(runs) if b > a and (number == 0 or b > runs[number - 1][1])]


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.05
    return low - room, high + room


def _grid_x(ticks: Sequence[float], at: object, top: float, bottom: float) -> str:
    place = at if callable(at) else float
    lines = (
        f'<line class="grid" x1="{place(t):.1f}" x2="{place(t):.1f}" y1="{top}" y2="{bottom}"/>'
        f'<text class="small" x="{place(t):.1f}" y="{bottom + 14}" text-anchor="middle">{_number(t)}</text>'
        for t in ticks
    )
    return "".join(lines)


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _label_width(names: Sequence[str]) -> int:
    return int(CHARACTER * max(len(_cut(name)) for name in names)) + 16


def _cut(name: str) -> str:
    return name if len(name) <= 38 else name[:37] + "…"


def _svg(width: float, height: float, parts: Sequence[str], label: str, wide: float = 0) -> str:
    size = f'style="max-width:{1.15 * (wide or width):.0f}px;min-width:{0.72 * (wide or width):.0f}px"'
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(label)}" {size}>{"".join(parts)}</svg>'
