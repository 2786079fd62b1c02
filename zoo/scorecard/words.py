"""What a scorecard says, in sentences."""

from __future__ import annotations

import numpy as np

from zoo.benchmark.metrics import HEADLINE, TITLES
from zoo.scorecard.card import Curve, Scorecard
from zoo.scorecard.correlation import Decay
from zoo.scorecard.plots import length_text
from zoo.scorecard.shape import Link
from zoo.scorecard.species import Chemistry

CAVEAT = (
    "A good score need not be the right physics. A model can rank atoms well by what they are rather than by how they "
    "are surrounded, by one species and not the other, or atom by atom without the extended soft regions that "
    "rearrange together; and a model that scores less can have these right. What is tested here are consequences that "
    "accuracy does not measure: how the probability to rearrange depends on the score (Schoenholz et al., Nat. Phys. "
    "12, 469 (2016)), over which distance atoms are alike (as Jung, Biroli & Berthier, Phys. Rev. Lett. 130, 238202 "
    "(2023), compare the geometry of predicted and true dynamics), and what is left of it when chemistry is taken "
    "away. To pass them proves no mechanism either."
)
SMALL = 0.05
"""Correlation at the start of the fitted range below which atoms are called hardly alike."""
CUT = 0.01
"""Share of scores that are cut off above which it is said."""
NEAR = 0.8
"""Part of what a score is above chance from which on species alone is called nearly as good."""


def warnings_of(card: Scorecard) -> list[str]:
    """What speaks against the score, in sentences; empty if nothing does."""
    return [line for line in (_flat(card), _cut(card), _lone(card), _opposed(card), _chemical(card)) if line]


def _flat(card: Scorecard) -> str:
    found = card.curves[0].found
    if found.slope > 2 * found.slope_error or (np.isnan(found.slope_error) and found.slope > 0):
        return ""
    return "what is to be predicted does not rise with the score by more than twice the error of its slope"


def _cut(card: Scorecard) -> str:
    if card.held.cut <= CUT:
        return ""
    return (
        f"{card.held.cut:.0%} of the held-out scores are 0 or 1, or as near as makes no difference: their log odds are "
        "cut off, and what the model may tell apart there is not seen"
    )


def _lone(card: Scorecard) -> str:
    if not card.decays:
        return ""
    score, label = card.decays[:2]
    if label.at_start > 4 * SMALL and not score.at_start > SMALL:
        at = f"at {label.fit_from:.2g} {card.length}"
        return (
            f"{label.name} is correlated in space ({label.at_start:.2f} {at}), the score is hardly "
            f"({_amplitude(score)}): it ranks atoms one by one and does not see the regions that they form"
        )
    return ""


def _opposed(card: Scorecard) -> str:
    if not card.links:
        return ""
    score, label = card.links[:2]
    if _is_sure(score) and _is_sure(label) and score.correlation * label.correlation < 0:
        return (
            f"the score goes with the local anisotropy in the opposite direction of {label.name} "
            f"(rank correlation {score.correlation:+.2f} against {label.correlation:+.2f})"
        )
    return ""


def _is_sure(link: Link) -> bool:
    """Whether a correlation has its sign in drawn glasses, and is larger than that of as many unrelated atoms."""
    return (link.low > 0 or link.high < 0) and abs(link.correlation) > 2 / np.sqrt(link.curve.n.sum())


def _chemical(card: Scorecard) -> str:
    if card.chemistry is None:
        return ""
    alone, whole = (_above_chance(card, part.scores) for part in (card.chemistry.alone, card.chemistry.whole))
    if whole > 0 and alone > NEAR * whole:
        return "species alone, without any structure, ranks nearly as well as the score"
    return ""


def _above_chance(card: Scorecard, scores: dict[str, float]) -> float:
    """A score above that by chance, in a metric whose chance does not depend on the base rate."""
    if card.held.rows.task.kind == "classification":
        return scores["roc_auc"] - 0.5
    return float(np.nan_to_num(scores["pearson"]))


def response_words(card: Scorecard) -> list[str]:
    """On each curve."""
    return [_curve_words(curve) for curve in card.curves]


def _curve_words(curve: Curve) -> str:
    found = curve.found
    first, last = found.mean[0], found.mean[-1]
    parts = f"From the lowest to the highest of {len(found.n)} bins of the score, "
    error = "" if np.isnan(found.slope_error) else f" ± {found.slope_error:.2g}"
    if curve.probability:
        times = f" ({last / first:.1f} times)" if first > 0 else ""
        return (
            f"{parts}P_R goes from {first:.1%} to {last:.1%}{times}; ln P_R rises by {found.slope:.2f}{error} with "
            "every standard deviation of the score."
        )
    unit = "" if curve.unit == "1" else f" ({curve.unit})"
    return f"{parts}{curve.title}{unit} goes from {first:.3g} to {last:.3g}; slope {found.slope:.3g}{error}."


def arrhenius_words(card: Scorecard) -> str:
    """On temperature; empty where there is no check."""
    found = card.arrhenius
    if found is None:
        return ""
    known = np.isfinite(found.barrier)
    if not known.any():
        return "No bin of the score has rows of class 1 at every temperature: nothing can be fitted."
    if len(found.temperature) == 2:
        check = "With two temperatures any line goes through both points: slopes, and no check that they are straight."
    else:
        check = f"The straight lines miss the counts by χ² = {found.misfit:.2g} per degree of freedom (1: they fit)."
    slopes = [f"{found.barrier[known][k]:.2g} ± {found.barrier_error[known][k]:.1g}" for k in (0, -1)]
    return (
        f"{len(found.temperature)} temperatures from {found.temperature[0]:g} to {found.temperature[-1]:g}: "
        f"{card.temperature}. ΔE is {slopes[0]} in the lowest and {slopes[1]} in the highest of the {known.sum()} bins "
        f"of the score (of {len(known)}) that have rows of class 1 at every temperature, in the unit of the "
        f"temperature. {check} It is a barrier only if rearrangements were counted at these temperatures, "
        "which those of preparation are not."
    )


def correlation_words(card: Scorecard) -> list[str]:
    """On decay lengths."""
    lines = []
    for decay in card.decays:
        said = "no correlation that decays there"
        if np.isfinite(decay.length):
            interval = f", 95 % {decay.low:.2g} to {decay.high:.2g}" if np.isfinite(decay.low) else ""
            said = f"ξ {length_text(decay, card.length)}{interval}, correlation {_amplitude(decay)} at its start"
        lines.append(
            f"{decay.name}: {said} (C(r) = A exp(-r/ξ) + b fitted from {decay.fit_from:.3g} to {decay.fit_to:.3g} "
            f"{card.length}, {decay.n_glasses} glasses)."
        )
    return lines


def _amplitude(decay: Decay) -> str:
    return "none" if np.isnan(decay.at_start) else f"{decay.at_start:.2g}"


def link_words(link: Link) -> str:
    """On the anisotropy."""
    interval = "" if np.isnan(link.low) else f" (95 % {link.low:+.3f} to {link.high:+.3f})"
    return f"{link.name}: rank correlation {link.correlation:+.3f}{interval} within a species."


def chemistry_words(card: Scorecard, found: Chemistry) -> list[str]:
    """On species."""
    kind = card.held.rows.task.kind
    name = "roc_auc" if kind == "classification" else HEADLINE[kind]
    title = TITLES[name]
    lines = [
        f"{title} of the score {_number(found.whole.scores[name])}; of the species alone "
        f"{_number(found.alone.scores[name])}; within one species "
        f"{', '.join(f'{part.name} {_number(part.scores[name])}' for part in found.within)}."
    ]
    swap = found.swap
    if swap is None:
        return [*lines, f"Species are not swapped: {found.no_swap}."]
    lines.append(
        f"Swapped, the score of an atom changes by {swap.change:.2f} standard deviations (median; "
        f"{', '.join(f'{kind} {shift:+.2f}' for kind, shift in swap.shift.items())}) and keeps a rank "
        f"correlation of {_number(swap.correlation)} with the score as it was, {_number(swap.correlation_within)} "
        f"within one species; it still ranks the true labels with {title} {_number(swap.scores[name])}."
    )
    return lines


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"
