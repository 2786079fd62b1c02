"""SHAP values of every column for glasses held out, as a beeswarm, beside the ranking that a paper reports."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from zoo.errors import PaperError
from zoo.papers.figures._canvas import arm_of

if TYPE_CHECKING:
    from zoo.explain.explain import Study as Explained
    from zoo.explain.plots import Picture
    from zoo.papers.study import Study

ROWS = 500
"""Of glasses held out, evenly over the folds."""


def draw(study: Study, options: dict[str, Any]) -> str:
    """Options: ``task``, ``features``, ``family``. As ``zoo explain`` draws it, of all folds."""
    from zoo.explain.plots import draw_beeswarm

    found = explained(study, options)
    return svg_of_picture(draw_beeswarm(found, found.explanations[0]))


def note(study: Study, options: dict[str, Any]) -> str:
    """How the ranking of the columns compares with the published one; empty where none is known."""
    from zoo.explain.published import compared

    found = explained(study, options)
    return compared(found, found.explanations[0])


def explained(study: Study, options: dict[str, Any]) -> Explained:
    """Explanation of an arm with the settings and rows of the paper; it is in the cache the second time.

    Raises
    ------
    ZooError
        The arm has settings or columns of its own, the family declines, or columns are too many to be explained.
    """
    from zoo.explain.explain import explain
    from zoo.explain.request import Request

    arm = arm_of(study, options)
    if arm.settings or arm.column:
        raise PaperError(
            f"a whole set with default settings is explained, but {arm.title} has {arm.recipe or 'columns'}"
        )
    run = next(run for run in study.runs if run.arm == arm and run.way == "by-glass")
    request = Request(
        arm.task, arm.features, (arm.family,), rows=ROWS, seed=run.seed, max_train_rows=run.protocol.max_rows
    )
    return explain(request)


def svg_of_picture(picture: Picture) -> str:
    """A png within an SVG, as all figures of papers are."""
    width, height = (int.from_bytes(picture.content[at : at + 4], "big") for at in (16, 20))  # of the header of a png
    data = base64.b64encode(picture.content).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" style="max-width: '
        f'{105 * picture.width:.0f}px"><image width="{width}" height="{height}" href="data:image/png;base64,{data}"/>'
        "</svg>"
    )
