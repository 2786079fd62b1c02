"""Figures of papers drawn again: one module for each kind, each with a function ``draw(study, options) -> SVG``.

A module may have a function ``note(study, options) -> str``: a sentence that stands under its figure.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from zoo.errors import PaperError, ZooError

if TYPE_CHECKING:
    from zoo.papers.declaration import FigureCard
    from zoo.papers.study import Study


def draw_figure(study: Study, card: FigureCard) -> tuple[str, str, str]:
    """SVG of a figure, what stands under it, and why there is none."""
    module = importlib.import_module(f"zoo.papers.figures.{card.kind}")
    try:
        svg: str = module.draw(study, card.options)
        return svg, module.note(study, card.options) if hasattr(module, "note") else "", ""
    except ZooError as error:
        return "", "", str(error)
    except KeyError as error:
        raise PaperError(f"paper {study.paper.name}: the figure {card.kind!r} needs the option {error}") from None
