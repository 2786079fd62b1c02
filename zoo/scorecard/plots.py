"""Figures of a scorecard."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from zoo.explain.plots import Picture
from zoo.scorecard.card import Curve, Scorecard
from zoo.scorecard.correlation import Decay
from zoo.scorecard.response import Arrhenius
from zoo.scorecard.shape import Link
from zoo.sheets.plots import INK, STYLE

COLOURS = (INK, "#c23b22", "0.55")
"""Score, label, descriptor alone."""
SCORE = "score S (standard deviations)"


def pictures_of(card: Scorecard) -> list[Picture]:
    """Every figure that there is something for."""
    pictures = [draw_curves(card)]
    if card.arrhenius is not None:
        pictures.append(draw_arrhenius(card.arrhenius, card.temperature.partition(" (")[0]))
    if card.decays:
        pictures.append(draw_decays(card.decays, card.length))
    if card.links:
        pictures.append(draw_links(card.links, card.measure))
    if card.chemistry is not None and card.chemistry.swap is not None:
        pictures.append(draw_swap(card))
    return pictures


def draw_curves(card: Scorecard) -> Picture:
    """Label, what it is made of, and barriers, against the score."""
    n = len(card.curves)
    with _figure(4.2 * n + 0.2, 3.2) as figure:
        for axis, curve in zip(figure.subplots(1, n, squeeze=False)[0], card.curves, strict=True):
            _draw_curve(axis, curve)
        bars = "Points: bins of equally many held-out rows. Bars: 95 % as if rows were independent"
        return _picture(
            figure,
            "response",
            "What is found at a given score",
            f"{bars} (Wilson's interval of a probability). Band: 95 % from drawing glasses anew. Dotted: all rows.",
        )


def _draw_curve(axis: Any, curve: Curve) -> None:
    found = curve.found
    axis.fill_between(found.softness, found.glass_low, found.glass_high, color=INK, alpha=0.18, lw=0)
    error = np.maximum([found.mean - found.low, found.high - found.mean], 0.0)
    axis.errorbar(found.softness, found.mean, error, fmt="o", ms=3.5, lw=1.1, color=INK)
    axis.axhline(float(np.average(found.mean, weights=found.n)), color="0.6", lw=0.8, ls=":")
    label = curve.title if curve.unit == "1" else f"{curve.title} ({curve.unit})"
    axis.set(xlabel=SCORE, ylabel=_plain(label))
    if curve.probability and (found.mean > 0).all() and found.mean.max() > 3 * found.mean.min():
        axis.set_yscale("log")
        _plain_ticks(axis)


def draw_arrhenius(found: Arrhenius, key: str) -> Picture:
    """ln P_R against 1/T in bins of the score, and the slopes."""
    import matplotlib as mpl

    with _figure(8.6, 3.2) as figure:
        left, right = figure.subplots(1, 2)
        norm = mpl.colors.Normalize(found.softness.min(), found.softness.max())
        for k in range(len(found.softness)):
            colour = mpl.colormaps["viridis"](norm(found.softness[k]))
            p = found.probability[:, k]
            error = np.maximum([p - found.low[:, k], found.high[:, k] - p], 0.0)
            left.errorbar(1 / found.temperature, p, error, fmt="o", ms=3.5, lw=1.0, color=colour)
            if np.isfinite(found.barrier[k]):
                t = 1 / np.array([found.temperature.min(), found.temperature.max()])
                left.plot(t, np.exp(found.entropy[k] - found.barrier[k] * t), lw=0.9, color=colour)
        left.set(xlabel=_plain(f"1 / {key}"), ylabel="P_R, probability of the label", yscale="log")
        _plain_ticks(left)
        figure.colorbar(mpl.cm.ScalarMappable(norm, "viridis"), ax=left, label="score S")
        right.errorbar(found.softness, found.barrier, 1.96 * found.barrier_error, fmt="o", ms=3.5, lw=1.1, color=INK)
        right.set(xlabel=SCORE, ylabel=_plain(f"slope ΔE (unit of {key})"))
        return _picture(
            figure, "arrhenius", "Temperature", "Lines: P_R = exp(Σ - ΔE/T) in each bin of the score. Bars: 95 %."
        )


def draw_decays(decays: list[Decay], length: str) -> Picture:
    """Autocorrelations with their fits; to the right on a logarithmic scale."""
    with _figure(8.6, 3.3) as figure:
        axes = figure.subplots(1, 2)
        for decay, colour in zip(decays, COLOURS, strict=True):
            text = f"{decay.name}: ξ {length_text(decay, length)}"
            for axis in axes:
                shown = decay.mean > 0 if axis is axes[1] else np.ones(len(decay.r), bool)
                error = np.minimum(decay.error, 0.95 * np.abs(decay.mean)) if axis is axes[1] else decay.error
                axis.errorbar(
                    decay.r[shown], decay.mean[shown], error[shown] if np.isfinite(error[shown]).any() else None,
                    fmt="o", ms=3, lw=0.9, color=colour, label=_plain(text),
                )  # fmt: skip
                if np.isfinite(decay.length):
                    x = np.linspace(decay.fit_from, decay.fit_to, 100)
                    fit = decay.amplitude * np.exp(-(x - decay.fit_from) / decay.length) + decay.offset
                    axis.plot(x, fit, color=colour, lw=1.2)
                axis.set(xlabel=_plain(f"distance r ({length})"), ylabel="C(r)")
        axes[0].axhline(0, color="0.8", lw=0.8, zorder=0)
        axes[0].axvline(decays[0].fit_from, color="0.8", lw=0.8, ls=":")
        axes[0].legend()
        axes[1].set_yscale("log")
        top = max(float(np.nanmax(decay.mean, initial=1e-3)) for decay in decays)
        axes[1].set_ylim(1e-3, 1.3 * max(top, 1e-2))
        return _picture(
            figure,
            "correlation",
            "Over which distance are atoms alike?",
            "Autocorrelation of the score of held-out glasses, of what the label is made of, and of sums of columns "
            "with random weights; each less the mean of the species in its glass. Bars: standard errors over glasses. "
            f"Lines: exponential decays, fitted from {decays[0].fit_from:.3g} to {decays[0].fit_to:.3g} {length}. "
            "Right: the same on a logarithmic scale.",
        )


def draw_links(links: list[Link], measure: str) -> Picture:
    """Score and label in bins of the anisotropy."""
    with _figure(4.6, 3.2) as figure:
        axis = figure.add_subplot()
        axis.axhline(0, color="0.8", lw=0.8, zorder=0)
        for link, colour in zip(links, COLOURS, strict=False):
            curve = link.curve
            axis.fill_between(curve.softness, curve.glass_low, curve.glass_high, color=colour, alpha=0.18, lw=0)
            axis.plot(
                curve.softness, curve.mean, "o-", ms=3.5, lw=1, color=colour,
                label=_plain(f"{link.name}: ρ = {link.correlation:+.2f}"),
            )  # fmt: skip
        axis.set(xlabel=f"{measure}, above the mean of the species", ylabel="mean field (standard deviations)")
        axis.locator_params(axis="x", nbins=6)
        axis.legend()
        return _picture(
            figure,
            "anisotropy",
            "Anisotropy of the surroundings",
            "Score and what the label is made of, above the mean of the species, in bins of the local anisotropy. "
            "Band: 95 % from drawing glasses anew. ρ: rank correlation within a species.",
        )


def draw_swap(card: Scorecard) -> Picture:
    """Score with swapped species against the score as it is, for atoms of some glasses."""
    held = card.held
    rows = held.rows
    before, after, kind = [], [], []
    for number, swapped in held.swapped.items():
        before.append(held.atoms[number])
        after.append(swapped)
        kind.append(rows.dataset.glasses[rows.glass_names[number]].species)
    x, y, species = np.concatenate(before), np.concatenate(after), np.concatenate(kind)
    shown = np.random.default_rng(0).permutation(len(x))[:3000]
    with _figure(4.4, 3.6) as figure:
        axis = figure.add_subplot()
        for number, name in enumerate(np.unique(species).tolist()):
            of = shown[species[shown] == name]
            axis.scatter(
                x[of], y[of], 3, color=f"C{number}", alpha=0.5, linewidths=0, label=_plain(name), rasterized=True
            )
        low, high = np.nanpercentile(x, [0.2, 99.8])
        below, above = np.nanpercentile(y, [0.5, 99.5])
        axis.plot([low, high], [low, high], color="0.5", lw=0.8)
        axis.set(xlabel=SCORE, ylabel="the same atom, species swapped", xlim=(low, high))
        if above - below > 5 * (high - low):  # linear models leave all bounds
            axis.set_yscale("symlog", linthresh=5.0)
        axis.set_ylim(min(low, below), max(high, above))
        axis.legend(markerscale=3, title="true species")
        return _picture(
            figure,
            "swap",
            "Species swapped",
            f"{len(shown):,} held-out atoms. On the line: the score does not know which species is which.",
            "png",
        )


def length_text(decay: Decay, unit: str) -> str:
    """``3.7 ± 0.2 Å``, or ``none``."""
    if not np.isfinite(decay.length):
        return "none"
    if decay.length <= 1.001 * decay.shortest:
        return f"at most {decay.shortest:.2g} {unit}"
    error = f" ± {decay.length_error:.2g}" if np.isfinite(decay.length_error) else ""
    return f"{decay.length:.2g}{error} {unit}"


def _plain_ticks(axis: Any) -> None:
    """0.05, 0.1, 0.2 on a logarithmic axis."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def _plain(text: str) -> str:
    """Without what matplotlib would take for mathematics: names come from cards."""
    return text.replace("$", r"\$")


@contextmanager
def _figure(width: float, height: float) -> Iterator[Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def _picture(figure: Any, name: str, title: str, caption: str, kind: str = "svg") -> Picture:
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    figure.savefig(buffer, format=kind, dpi=130, metadata=metadata)
    return Picture(name, kind, buffer.getvalue(), title, caption, float(figure.get_figwidth()))
