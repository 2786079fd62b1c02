"""SHAP values of every column for glasses held out, as a beeswarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import PaperError
from zoo.papers.figures._canvas import arm_of, svg_of
from zoo.sheets.plots import STYLE

if TYPE_CHECKING:
    from zoo.papers.study import Study

EXPLAINED = 500
"""Rows of glasses held out."""


def draw(study: Study, options: dict[str, Any]) -> str:
    """Options: ``task``, ``features``, ``family`` (of trees). Fitted to the training glasses of the first fold."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt
    import shap

    from zoo.benchmark.cell import task_rows
    from zoo.benchmark.training import Training
    from zoo.features.declaration import feature_sets
    from zoo.models.declaration import model_families
    from zoo.papers.protocol import matrix

    arm = arm_of(study, options)
    family = model_families[arm.family]
    if family.explained_by != "trees":
        raise PaperError(f"exact SHAP values of this figure are those of trees, {arm.family} has none")
    rows, x = task_rows(arm.task), matrix(arm.task, arm)
    run = next(run for run in study.runs if run.arm == arm and run.way == "by-glass")
    step = next(run.steps())
    training = Training(rows.task.kind, x[step.train], rows.target[step.train], rows.glass[step.train], run.seed)
    estimator = training.fit(family, dict(arm.settings))
    random = np.random.default_rng(run.seed)
    shown = np.sort(random.permutation(step.test)[:EXPLAINED])
    values = shap.TreeExplainer(estimator).shap_values(x[shown])
    values = values[1] if isinstance(values, list) else values[..., 1] if np.ndim(values) == 3 else values
    kinds = tuple(rows.dataset.card.names("feature"))
    columns = feature_sets[arm.features].columns(kinds)
    names = [column.name.replace("_", " ") + (f" ({column.unit})" if column.unit != "1" else "") for column in columns]
    explained = shap.Explanation(values, data=np.asarray(x[shown]), feature_names=names)
    with mpl.rc_context(STYLE):
        figure = plt.figure()
        axis = shap.plots.beeswarm(explained, show=False, max_display=12, plot_size=(7.2, 4.2), color_bar=True)
        for collection in axis.collections:
            collection.set_rasterized(True)
        quantity = rows.task.target[0].replace("_", " ")
        rule = {"minus-log10": "-log10 of ", "log10": "log10 of "}.get(rows.task.label.rule, "")
        unit = "log odds" if rows.task.kind == "classification" else rule + quantity
        axis.set_xlabel(f"SHAP value ({unit})", fontsize=10)
        axis.tick_params(labelsize=9)
        svg = svg_of(plt.gcf(), tight=True)
        plt.close(figure)
        plt.close("all")
    return svg
