"""Rankings of columns that papers report, to set ours beside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.explain.explain import Explanation, Study
from zoo.explain.importance import importance


@dataclass(frozen=True)
class Ranking:
    """Columns of a feature set, the most important first, and who says so of what."""

    features: str
    columns: tuple[str, ...]
    words: tuple[str, ...]
    citation: str
    about: str


RANKINGS = (
    Ranking(
        "pair",
        ("Delta_E", "displacement_0", "total_displacement"),
        ("energy difference", "largest displacement", "total displacement"),
        "Ciarella et al., Nat. Commun. 14, 4229 (2023)",
        "the quantum splitting of ultrastable polydisperse soft spheres",
    ),
)


def compared(study: Study, found: Explanation) -> str:
    """A sentence on the published ranking of the feature set beside ours; empty if there is none."""
    known = next((ranking for ranking in RANKINGS if ranking.features == study.request.features), None)
    if known is None:
        return ""
    names = [column.name for column in study.columns]
    weight = importance(found)
    ours = [names[k] for k in np.argsort(-weight, kind="stable")]
    places = [ours.index(name) + 1 for name in known.columns]
    said = f"{', '.join(known.words)} ({known.citation}, of {known.about})"
    top = ", ".join(f"{name} {weight[names.index(name)] / weight.sum():.0%}" for name in ours[: len(places)])
    if places == sorted(places) and max(places) == len(places):
        return f"{found.family} gives the published ranking: {said}; its shares are {top}."
    at = ", ".join(f"{name} at {place}" for name, place in zip(known.columns, places, strict=True))
    if max(places) == len(places):
        return f"{found.family} has the published three on top, in another order: {top}; published: {said}."
    return f"{found.family} differs from the published ranking, {said}: it has {at} of {len(ours)}; on top are {top}."
