"""What is predicted against the score: mean over atoms with about the same score, and the ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.papers.figures._canvas import COLOURS, arm_of, canvas, draw_roc, frame_roc, label_of, svg_of, table_of
from zoo.papers.protocol import WAYS, Way, ways_of

if TYPE_CHECKING:
    import pandas as pd

    from zoo.papers.study import Study

BINS, FEW = 15, 10
"""Groups of atoms of about the same score; the second where there are less than 3,000 atoms."""
ALIKE = 1.5
"""Largest ratio of the parts of class 1 of two sets of rows whose means are still drawn in one panel."""


def draw(study: Study, options: dict[str, Any]) -> str:
    """Options: ``task``, ``features``, ``family``, ``learn``, and ``score``, what the score is called.

    Means of rows that were undersampled are not those of a glass: they are left out of the first panel.
    """
    from zoo.papers.study import values_of

    arm = arm_of(study, options)
    value, name, unit = values_of(arm.task)
    ours = table_of(study, arm, "by-glass")
    is_class = set(np.unique(ours["target"])) <= {0.0, 1.0}
    ways: list[Way] = [way for way in ways_of(study.paper.protocol) if way != "same-rows"]
    with canvas(2 if is_class else 1, 4.4) as (figure, axes):
        for way in ways:
            table = table_of(study, arm, way)
            if not is_class or table["target"].mean() < ALIKE * ours["target"].mean():
                _draw_means(axes[0], table, value, way)
            if is_class:
                score = study.score(arm, way).value
                draw_roc(axes[1], table, f"{WAYS[way]}: {score:.3f}", COLOURS[way])
        axes[0].axhline(value[ours["row"].to_numpy()].mean(), color="0.7", lw=0.8, zorder=0, label="mean of all")
        axes[0].set(xlabel=f"{options.get('score', 'score')}, percentile", ylabel=label_of(name, unit))
        if is_class:  # room for the legend
            axes[0].set_ylim(0, 1.3 * axes[0].get_ylim()[1])
        axes[0].legend(loc="upper left")
        if is_class:
            frame_roc(axes[1])
        return svg_of(figure)


def _draw_means(axis: Any, table: pd.DataFrame, value: NDArray[np.float64], way: Way) -> None:
    """Mean with standard error and, in our protocol, median of the atoms of about the same score."""
    # ranked within each fit: margins of two fits are not on one scale
    rank = table.groupby(["repeat", "fold"])["score"].rank(pct=True).to_numpy()
    n_bins = BINS if len(table) >= 3000 else FEW
    place = np.minimum((rank * n_bins).astype(int), n_bins - 1)
    found = value[table["row"].to_numpy()]
    parts = [found[place == k] for k in range(n_bins)]
    middle = [100 * rank[place == k].mean() for k in range(n_bins)]
    mean = [part.mean() for part in parts]
    error = [part.std() / np.sqrt(len(part)) for part in parts]
    axis.errorbar(middle, mean, error, fmt="o-", ms=4, lw=1.2, color=COLOURS[way], label=f"mean, {WAYS[way]}")
    if way == "by-glass":
        axis.plot(middle, [np.median(part) for part in parts], ":", lw=1.2, color=COLOURS[way], label="median")
