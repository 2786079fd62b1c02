"""Figures of papers drawn again: one module for each kind, each with a function ``draw(study, options) -> SVG``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from zoo.errors import PaperError, ZooError

if TYPE_CHECKING:
    from zoo.papers.declaration import FigureCard
    from zoo.papers.study import Study


def draw_figure(study: Study, card: FigureCard) -> tuple[str, str]:
    """SVG of a figure, and why there is none."""
    module = importlib.import_module(f"zoo.papers.figures.{card.kind}")
    try:
        svg: str = module.draw(study, card.options)
        return svg, ""
    except ZooError as error:
        return "", str(error)
    except KeyError as error:
        raise PaperError(f"paper {study.paper.name}: the figure {card.kind!r} needs the option {error}") from None
