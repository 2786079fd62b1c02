"""ROC curves of several rows of a paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.papers.figures._canvas import MOST_INSIDE, canvas, draw_roc, frame_roc, plain, svg_of, table_of

if TYPE_CHECKING:
    from zoo.papers.study import Study


def draw(study: Study, options: dict[str, Any]) -> str:
    """Option ``task``. Full lines: glasses apart; broken lines: as published."""
    arms = [arm for arm in study.arms if arm.task == options["task"] and study.score(arm, "by-glass").value is not None]
    with canvas(1, 4.8 if 2 * len(arms) <= MOST_INSIDE else 8.4, 4.4) as (figure, axes):
        for number, arm in enumerate(arms):
            name = plain(f"{arm.title}, {arm.family_title}")
            ours, theirs = study.score(arm, "by-glass").value, study.score(arm, "published").value
            draw_roc(axes[0], table_of(study, arm, "by-glass"), f"{name}: {ours:.3f}", f"C{number}")
            if theirs is not None:
                draw_roc(axes[0], table_of(study, arm, "published"), f"as published: {theirs:.3f}", f"C{number}", "--")
        frame_roc(axes[0])
        return svg_of(figure, tight=True)
