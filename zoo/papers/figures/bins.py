"""What is predicted against the score: mean over atoms with about the same score, and the ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.papers.figures._canvas import COLOURS, arm_of, canvas, draw_roc, frame_roc, plain, svg_of, table_of
from zoo.papers.protocol import WAYS, Way, ways_of

if TYPE_CHECKING:
    from zoo.papers.study import Study

BINS = 15


def draw(study: Study, options: dict[str, Any]) -> str:
    """Options: ``task``, ``features``, ``family``, ``learn``, and ``score``, what the score is called."""
    from zoo.papers.study import values_of

    arm = arm_of(study, options)
    value, name, unit = values_of(arm.task)
    is_class = set(np.unique(table_of(study, arm, "by-glass")["target"])) <= {0.0, 1.0}
    with canvas(2 if is_class else 1, 4.4) as (figure, axes):
        ways: list[Way] = [way for way in ways_of(study.paper.protocol) if way != "same-rows"]
        for way in ways:
            table = table_of(study, arm, way)
            # ranked within each fit: margins of two fits are not on one scale
            rank = table.groupby(["repeat", "fold"])["score"].rank(pct=True).to_numpy()
            place = np.minimum((rank * BINS).astype(int), BINS - 1)
            found = value[table["row"].to_numpy()]
            middle = [100 * rank[place == k].mean() for k in range(BINS)]
            mean = np.array([found[place == k].mean() for k in range(BINS)])
            error = np.array([found[place == k].std() / np.sqrt(max(1, (place == k).sum())) for k in range(BINS)])
            axes[0].errorbar(middle, mean, error, fmt="o-", ms=4, lw=1.2, color=COLOURS[way], label=WAYS[way])
            if is_class:
                score = study.score(arm, way).value
                draw_roc(axes[1], table, f"{WAYS[way]}: {score:.3f}", COLOURS[way])
        what = options.get("score", "score")
        axes[0].set(xlabel=f"{what}, percentile", ylabel=plain(f"mean {name}" + (f" ({unit})" if unit != "1" else "")))
        axes[0].legend()
        if is_class:
            frame_roc(axes[1])
        return svg_of(figure)
