"""The ladder of transfer: one recipe carried to glasses ever farther from those learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.benchmark.metrics import TITLES
from zoo.papers.figures._canvas import canvas, svg_of

if TYPE_CHECKING:
    from zoo.papers.study import Study


def draw(study: Study, options: dict[str, Any]) -> str:
    """Options: ``tasks``, ``features``, ``family``, ``max_rows``."""
    matrix = study.matrix(options)
    with canvas(1, 7.8, 3.8) as (figure, axes):
        axis = axes[0]
        for place, rung in enumerate(matrix.ladder):
            cells = [cell for cell in matrix.cells if cell.rung == rung.rung and cell.score is not None]
            spread = np.linspace(-0.18, 0.18, len(cells)) if len(cells) > 1 else [0.0]
            for cell, shift in zip(cells, spread, strict=True):
                axis.plot(place + shift, cell.score, "o", ms=4, color="#0b5cad", alpha=0.55)
            axis.plot([place - 0.28, place + 0.28], [rung.score] * 2, color="0.15", lw=2)
            axis.text(place, rung.largest + 0.006, f"{rung.score:.3f}", ha="center", va="bottom", fontsize=9)
        titles = [_wrapped(rung.title) for rung in matrix.ladder]
        axis.set_xticks(range(len(titles)), titles)
        axis.axhline(0.5, color="0.8", lw=0.8, zorder=0)
        axis.set(ylabel=TITLES[matrix.metric], xlim=(-0.6, len(titles) - 0.4))
        axis.tick_params(bottom=False)
        return svg_of(figure)


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 17))
