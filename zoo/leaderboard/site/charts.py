"""Charts as inline SVG: readable without a script, coloured by the style sheet, with a line of text on every mark."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

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
        x = at(value)
        anchor = "end" if x > 0.8 * width else "start" if x < left + 60 else "middle"
        parts += [_line("mark-line", x, x, top - 4, bottom), _text(x, top - 8, name, "small", anchor)]
    for number, mark in enumerate(marks):
        y = top + (number + 0.5) * step
        parts.append(
            _marked(
                _kind(mark),
                mark.tip,
                f'<rect class="hit" x="0" y="{y - step / 2:.1f}" width="{width}" height="{step}"/>',
                _text(left - 8, y + 4, _cut(mark.name), "", "end"),
                _bar_with_ends(at(mark.interval[0]), at(mark.interval[1]), y) if mark.interval else "",
                f'<circle class="dot" cx="{at(mark.value):.1f}" cy="{y:.1f}" r="4.5"/>',
            )
        )
    parts.append(_text((left + width) / 2, bottom + 32, axis, "axis", "middle"))
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
        parts += [
            _line("grid", left, width - right, place, place),
            _text(left - 6, place + 4, _number(y), "small", "end"),
        ]
    for power in range(math.ceil(x_low), math.floor(x_high) + 1):
        place = at(10.0**power, y_low)[0]
        parts += [_line("grid", place, place, 12, height - 48)]
        parts += [_text(place, height - 32, f"{10.0**power:g}", "small", "middle")]
    front = sorted((mark for mark in marks if mark.front), key=lambda mark: mark.x)
    places = [at(mark.x, mark.value) for mark in front]
    if front:
        steps = "".join(f"H{x:.1f}V{y:.1f}" for x, y in places[1:])
        parts.append(f'<path class="front" d="M{places[0][0]:.1f} {places[0][1]:.1f}{steps}H{width - right}"/>')
    for mark in sorted(marks, key=lambda mark: mark.front):
        x, y = at(mark.x, mark.value)
        dot = f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{5.5 if mark.front else 4}"/>'
        hit = f'<circle class="hit" cx="{x:.1f}" cy="{y:.1f}" r="10"/>'
        parts.append(_marked(_kind(mark) + (" is-front" if mark.front else ""), mark.tip, dot, hit))
    dots = [at(mark.x, mark.value) for mark in marks]
    names = [("" if mark.null else _cut(mark.name), *place) for mark, place in zip(front, places, strict=True)]
    parts += _labels(names, dots, _around(places, width - right), (left, 0, width, height - 48))
    parts.append(_text((left + width) / 2, height - 8, x_axis, "axis", "middle"))
    turned = f"translate(13 {height / 2 - 20:.0f}) rotate(-90)"
    parts.append(f'<text class="axis" transform="{turned}" text-anchor="middle">{escape(y_axis)}</text>')
    return _svg(width, height, parts, f"{y_axis} against {x_axis} of {len(marks)} rows")


def _labels(
    names: Sequence[tuple[str, float, float]],
    dots: Sequence[tuple[float, float]],
    lines: Sequence[Box],
    frame: Box,
) -> list[str]:
    """Names beside their dots, where no other name, dot or line is in the way; left out where there is no room.

    ``names`` with the place of their dots; boxes are left, top, right, bottom.
    """
    parts: list[str] = []
    taken = list(lines)
    for name, x, y in sorted(names, key=lambda entry: entry[2]):
        wide = CHARACTER * len(name)
        for dx, dy, anchor in LABEL_PLACES:
            start = x + dx - (wide if anchor == "end" else 0)
            box = start, y + dy - 11, start + wide, y + dy + 3
            inside = box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]
            free = not any(_overlap(box, other) for other in taken)
            clear = not any(_overlap(box, (a - 4, b - 4, a + 4, b + 4)) for a, b in dots if (a, b) != (x, y))
            if name and inside and free and clear:
                if abs(dy) > 12:
                    parts.append(f'<path class="lead" d="M{x:.1f} {y:.1f}L{x + dx:.1f} {y + dy - 4:.1f}"/>')
                parts.append(_text(x + dx, y + dy, name, "", anchor))
                taken.append(box)
                break
    return parts


Box = tuple[float, float, float, float]
LABEL_PLACES = [
    (dx, dy, anchor) for dy in (-9, 4, 15, -22, 28, -35, 41, -48, 54) for dx, anchor in ((-10, "end"), (10, "start"))
]
"""Where a name may stand beside its dot, the best place first."""


def _around(places: Sequence[tuple[float, float]], right: float) -> list[Box]:
    """Boxes around the steps of a front, which go on to the right end."""
    boxes = []
    ends = [*(x for x, _ in places[1:]), right]
    for (x, y), end in zip(places, ends, strict=True):
        boxes.append((x, y - 1, end, y + 1))
    for (_, y), (x, to) in pairwise(places):
        boxes.append((x - 1, min(y, to), x + 1, max(y, to)))
    return boxes


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def heat_chart(
    rows: Sequence[str], columns: Sequence[str], values: Floats, what: str, digits: int = 2, signed: bool = False
) -> str:
    """A matrix of numbers, shaded from the least to the largest, or ``signed`` by size; NaN leaves a cell empty."""
    if not len(rows) or not len(columns):
        return ""
    left, top, wide, high = _label_width(rows), int(0.62 * _label_width(columns)) + 12, 46, 22
    if not np.isfinite(values).any():
        return ""
    low, span = float(np.nanmin(values)), max(float(np.nanmax(values) - np.nanmin(values)), 1e-12)
    if signed:
        low, span = 0.0, max(float(np.nanmax(np.abs(values))), 1e-12)
    sign = "+" if signed else ""
    slant = int(0.75 * _label_width(columns))
    width = left + wide * len(columns) + slant
    parts = []
    for k, name in enumerate(columns):
        place = f"translate({left + (k + 0.5) * wide:.0f} {top - 6}) rotate(-40)"
        parts.append(f'<text transform="{place}">{escape(_cut(name))}</text>')
    for i, name in enumerate(rows):
        y = top + i * high
        parts.append(_text(left - 8, y + 15, _cut(name), "", "end"))
        for k, value in enumerate(values[i]):
            if not np.isfinite(value):
                continue
            shade = 0.04 + 0.46 * abs(value - low) / span
            box = f'x="{left + k * wide}" y="{y}" width="{wide - 2}" height="{high - 2}" fill-opacity="{shade:.2f}"'
            text, exact = (_fixed(value, n, sign) for n in (digits, digits + 1))
            number = _text(left + (k + 0.5) * wide - 1, y + 14, text, "in-heat", "middle")
            kind = "heat lost" if signed and value < 0 else "heat"
            parts.append(_marked("", f"{name}, {columns[k]}: {exact}", f'<rect class="{kind}" {box}/>', number))
    return _svg(width, top + high * len(rows) + 4, parts, what, wide=width)


def _fixed(value: float, digits: int, sign: str) -> str:
    rounded = round(float(value), digits) + 0.0  # no sign before a zero
    return f"{rounded:{sign if rounded else ''}.{digits}f}".replace("-", "−")


def rank_chart(names: Sequence[str], ranks: Floats, apart: float) -> str:
    """Critical-difference diagram: average ranks on an axis; bars join rows that are not told apart."""
    order = np.argsort(ranks, kind="stable")
    n, width = len(names), 760
    half = (n + 1) // 2
    side = _label_width(names) + 8
    low, high = math.floor(ranks.min()), max(math.ceil(ranks.max()), math.floor(ranks.min()) + 1)

    def at(rank: float) -> float:
        return float(side + (rank - low) / (high - low) * (width - 2 * side))

    groups = _groups(ranks[order], apart)
    base, first = 40, 40 + 14 + 9 * len(groups)
    parts = [_line("axis-line", at(low), at(high), base, base)]
    for rank in range(low, high + 1, max(1, round((high - low) / 10))):
        x = at(rank)
        parts += [_line("axis-line", x, x, base - 5, base), _text(x, base - 9, str(rank), "small", "middle")]
    end = at(low + min(apart, high - low))
    parts += [_bar_with_ends(at(low), end, 12), _text(end + 6, 16, f"critical difference {apart:.1f}", "small")]
    for number, (a, b) in enumerate(groups):
        y = base + 12 + 9 * number
        parts.append(_line("group", at(ranks[order[a]]) - 3, at(ranks[order[b]]) + 3, y, y))
    for place, number in enumerate(order):
        onto_left = place < half
        y = first + 18 * (place if onto_left else n - 1 - place) + 8
        edge, anchor, shift = (side - 6, "end", -4) if onto_left else (width - side + 6, "start", 4)
        lead = f'<path class="lead" d="M{at(ranks[number]):.1f} {base}V{y}H{edge}"/>'
        name = _text(edge + shift, y + 4, _cut(names[number]), "", anchor)
        parts.append(_marked("", f"{names[number]}: average rank {ranks[number]:.2f}", lead, name))
    return _svg(width, first + 18 * half + 10, parts, f"Average ranks of {n} rows; critical difference {apart:.1f}")


def share_chart(bars: Sequence[tuple[str, dict[str, float]]]) -> str:
    """Stacked bars of variance shares, one for each named table; small interactions are counted with the rest."""
    sources = list(dict.fromkeys(name for _, shares in bars for name in shares if name != "rest"))
    if not sources:
        return ""
    largest = {name: max(shares.get(name, 0.0) for _, shares in bars) for name in sources}
    sources = sorted(sources, key=lambda name: ("×" in name, -largest[name]))[:N_COLOURS]
    left, width, step = _label_width([name for name, _ in bars]), 760, 30
    parts = []
    for number, (name, shares) in enumerate(bars):
        y, x = 4.0 + number * step, float(left)
        parts.append(_text(left - 8, y + 15, _cut(name), "", "end"))
        shown = {source: shares.get(source, 0.0) for source in sources}
        for k, (source, share) in enumerate([*shown.items(), ("rest", 1 - sum(shown.values()))]):
            wide = share * (width - left - 4)
            if wide < 0.3:
                continue
            bar = f'<rect class="bar" x="{x:.1f}" y="{y}" width="{max(wide - 1, 0.3):.1f}" height="22"/>'
            text = _text(x + wide / 2, y + 15, f"{100 * share:.0f} %", "on-bar", "middle") if wide > 34 else ""
            kind = "null" if source == "rest" else f"c{k}"
            parts.append(_marked(kind, f"{name}: {source} {100 * share:.0f} %", bar, text))
            x += wide
    x, y = 8.0, 4.0 + len(bars) * step + 14
    for k, source in enumerate([*sources, "rest"]):
        if x + 24 + CHARACTER * len(source) > width:
            x, y = 8.0, y + 20
        box = f'<rect class="bar" x="{x:.0f}" y="{y - 10:.0f}" width="12" height="12"/>'
        parts.append(f'<g class="{"null" if source == "rest" else f"c{k}"}">{box}{_text(x + 17, y, source)}</g>')
        x += 34 + CHARACTER * len(source)
    return _svg(width, y + 10, parts, "Shares of the variance of the score")


def slice_chart(at: Floats, radii: Floats, size: tuple[float, float], values: Floats, title: str, length: str) -> str:
    """Atoms of a slice of a glass as circles, shaded by a value from 0 to 1; ``length`` is the unit of positions."""
    scale = 300 / max(size)
    width, height = size[0] * scale + 8, size[1] * scale + 46
    parts = [_text(4, 14, title, "axis")]
    parts.append(f'<rect class="box" x="4" y="22" width="{size[0] * scale:.1f}" height="{size[1] * scale:.1f}"/>')
    for (x, y), r, value in zip(at, radii, values, strict=True):
        place = f'cx="{4 + x * scale:.1f}" cy="{22 + (size[1] - y) * scale:.1f}" r="{r * scale:.1f}"'
        parts.append(f'<circle class="atom" {place} fill="{colour(value)}"/>')
    bar = 10 ** math.floor(math.log10(size[0] / 2))
    parts += [
        _bar_with_ends(4, 4 + bar * scale, height - 12),
        _text(bar * scale + 12, height - 8, f"{bar:g} {length}", "small"),
    ]
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


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    """A text, escaped; ``kind`` is a class of the style sheet."""
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(kind: str, x1: float, x2: float, y1: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'


def _bar_with_ends(a: float, b: float, y: float) -> str:
    return f'<path class="whisker" d="M{a:.1f} {y:.1f}H{b:.1f}M{a:.1f} {y - 4:.1f}v8M{b:.1f} {y - 4:.1f}v8"/>'


def _marked(kind: str, tip: str, *parts: str) -> str:
    """Marks that show a line of text: as a title without a script, at the pointer with one."""
    style = f' class="{kind}"' if kind else ""
    return f'<g{style} data-tip="{escape(tip)}"><title>{escape(tip)}</title>{"".join(parts)}</g>'


def _groups(ranks: Floats, apart: float) -> list[tuple[int, int]]:
    """Longest runs of sorted ranks within the critical difference, of two rows at least."""
    runs = [(a, int(np.searchsorted(ranks, rank + apart, side="right")) - 1) for a, rank in enumerate(ranks)]
    return [(a, b) for number, (a, b) in enumerate(runs) if b > a and (number == 0 or b > runs[number - 1][1])]


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.05
    return low - room, high + room


def _grid_x(ticks: Sequence[float], at: Callable[[float], float], top: float, bottom: float) -> str:
    lines = (
        _line("grid", at(t), at(t), top, bottom) + _text(at(t), bottom + 14, _number(t), "small", "middle")
        for t in ticks
    )
    return "".join(lines)


def _kind(mark: Mark) -> str:
    return "null" if mark.null else f"c{mark.colour % N_COLOURS}"


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _label_width(names: Sequence[str]) -> int:
    return int(CHARACTER * max(len(_cut(name)) for name in names)) + 16


def _cut(name: str) -> str:
    return name if len(name) <= 38 else name[:37] + "…"


def _svg(width: float, height: float, parts: Sequence[str], label: str, wide: float = 0) -> str:
    size = f"max-width:{1.15 * (wide or width):.0f}px;min-width:{0.72 * (wide or width):.0f}px"
    box = f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(label)}" style="{size}"'
    return f"<svg {box}>{''.join(parts)}</svg>"
