"""Distributions of stored quantities over the atoms called softest and hardest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.papers.figures._canvas import arm_of, canvas, label_of, svg_of, table_of

if TYPE_CHECKING:
    from zoo.papers.study import Study


def draw(study: Study, options: dict[str, Any]) -> str:
    """Options: ``task``, ``features``, ``family``, ``fields`` with ``titles``, ``fraction`` of each glass."""
    from zoo.benchmark.cell import task_rows
    from zoo.papers.study import column_of

    arm = arm_of(study, options)
    table = table_of(study, arm, "by-glass")
    fraction = float(options.get("fraction", 0.1))
    rank = table.groupby("glass")["score"].rank(pct=True).to_numpy()
    sides = {"softest": rank > 1 - fraction, "hardest": rank <= fraction}
    units = {column.name: column.unit for column in task_rows(arm.task).dataset.card.columns}
    with canvas(len(options["fields"]), 4.2) as (figure, axes):
        titles = options.get("titles", options["fields"])
        for axis, field, title in zip(axes, options["fields"], titles, strict=True):
            found = column_of(arm.task, field)[table["row"].to_numpy()]
            low, high = np.percentile(found, [0.5, 99.5])
            edges = np.linspace(low, high, 2 + int(np.sqrt(min(chosen.sum() for chosen in sides.values()))))
            axis.hist(found, edges, density=True, color="0.92", label=f"all: mean {found.mean():.3g}")
            for (side, chosen), colour in zip(sides.items(), ("#b42318", "#0b5cad"), strict=True):
                values = found[chosen]
                text = f"{side} {100 * fraction:.0f} %: mean {values.mean():.3g}"
                axis.hist(values, edges, density=True, histtype="step", lw=1.6, color=colour, label=text)
            axis.set(xlabel=label_of(title, units[field]), yticks=[])
            axis.set_ylim(0, 1.45 * axis.get_ylim()[1])
            axis.legend(loc="upper right")
        axes[0].set_ylabel("probability density (arbitrary scale)")
        return svg_of(figure)
