"""Scores of every row of a paper: what it reports, what its protocol gives here, what ours gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.benchmark.metrics import TITLES
from zoo.papers.declaration import Arm, metric_of, parts_of, published_of
from zoo.papers.figures._canvas import COLOURS, canvas, plain, svg_of
from zoo.papers.limits import limit_of
from zoo.papers.protocol import WAYS, Way

if TYPE_CHECKING:
    from zoo.papers.study import Study

CHANCE = {"roc_auc": 0.5}


def draw(study: Study, options: dict[str, Any]) -> str:
    """One panel for each task. ``pairs``: bars of a column plain and coarse-grained side by side."""
    tasks = list(dict.fromkeys(arm.task for arm in study.arms if not arm.learn))
    names = {_name(arm, options) for arm in study.arms if not arm.learn}
    with canvas(len(tasks), 5.4, 1.2 + (0.42 if options.get("pairs") else 0.32) * len(names)) as (figure, axes):
        for axis, task in zip(axes, tasks, strict=True):
            arms = [arm for arm in study.arms if arm.task == task and not arm.learn]
            arms = [arm for arm in arms if study.score(arm, "by-glass").value is not None]
            (_draw_pairs if options.get("pairs") else _draw_points)(axis, study, arms, options)
            metric = metric_of(study.paper, arms[0]) if arms else study.paper.protocol.metric
            axis.set(title=plain(task), xlabel=TITLES[metric])
            axis.tick_params(left=False)
            axis.spines["left"].set_visible(False)
            best = limit_of(task).of_metric(metric)
            if best is not None and arms:
                axis.axvline(best, color="0.5", lw=1.0, ls=":", zorder=0, label="ceiling of label noise")
                axis.set_xlim(right=max(axis.get_xlim()[1], best + 0.01))
            if metric in CHANCE:
                axis.axvline(CHANCE[metric], color="0.8", lw=0.8, zorder=0)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 2 * len(tasks)))
        return svg_of(figure)


def _name(arm: Arm, options: dict[str, Any]) -> str:
    name = arm.column.removesuffix("_cg") if arm.column and options.get("pairs") else arm.column or arm.features
    if len(parts_of(arm.column)) > 1:
        name = f"{arm.features}, in part"
    several = options.get("families")
    return f"{name}, {arm.family_title}" if several else name


def _draw_points(axis: Any, study: Study, arms: list[Arm], options: dict[str, Any]) -> None:
    arms = sorted(arms, key=lambda arm: study.score(arm, "by-glass").value or 0.0)
    ways: list[Way] = ["published", "by-glass"]
    for place, arm in enumerate(arms):
        for way, shift in zip(ways, (0.12, -0.12), strict=True):
            score = study.score(arm, way)
            if score.value is None:
                continue
            first = place == 0
            low, high = score.interval or (score.value - (score.error or 0.0), score.value + (score.error or 0.0))
            axis.plot([low, high], [place + shift] * 2, color=COLOURS[way], lw=1.4, alpha=0.6)
            axis.plot(score.value, place + shift, "o", ms=5, color=COLOURS[way], label=WAYS[way] if first else None)
        for entry in published_of(study.paper, arm):
            if not entry.metric or entry.metric == metric_of(study.paper, arm):
                axis.plot(entry.value, place, "D", ms=6, mfc="none", color="0.15", zorder=3)
    if any(published_of(study.paper, arm) for arm in arms):
        axis.plot([], [], "D", ms=6, mfc="none", color="0.15", label="reported by the paper, its own glasses")
    axis.set_yticks(range(len(arms)), [plain(_name(arm, options)) for arm in arms])
    axis.set_ylim(-0.6, len(arms) - 0.4)


def _draw_pairs(axis: Any, study: Study, arms: list[Arm], options: dict[str, Any]) -> None:
    best: dict[str, float] = {}
    for arm in arms:
        value = study.score(arm, "by-glass").value or 0.0
        best[_name(arm, options)] = max(value, best.get(_name(arm, options), 0.0))
    names = sorted(best, key=lambda name: best[name])
    for arm in arms:
        coarse = arm.column.endswith("_cg")
        at = names.index(_name(arm, options)) + (-0.2 if coarse else 0.2)
        score, theirs = study.score(arm, "by-glass"), study.score(arm, "published")
        colour = COLOURS["by-glass"] if coarse else "#9cc3e8"
        axis.barh(at, (score.value or 0.5) - 0.5, 0.38, left=0.5, color=colour)
        if score.interval:
            axis.plot(score.interval, [at] * 2, color="0.2", lw=1)
        if theirs.value is not None:
            axis.plot(theirs.value, at, "|", ms=9, mew=2, color=COLOURS["published"])
    for label, colour in (("plain", "#9cc3e8"), ("coarse-grained", COLOURS["by-glass"])):
        axis.barh(0, 0, color=colour, label=label)
    axis.plot([], [], "|", ms=9, mew=2, color=COLOURS["published"], label="as published: scored on the same rows")
    axis.set_yticks(range(len(names)), [plain(name.replace("_", " ")) for name in names])
    low = min([0.5, *(study.score(arm, "by-glass").value or 0.5 for arm in arms)])
    axis.set_xlim(np.floor(low * 20) / 20, None)
