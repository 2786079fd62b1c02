"""What all figures share: the style, the SVG, the arm that an option names."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import PaperError
from zoo.papers.declaration import Arm
from zoo.papers.protocol import Way
from zoo.sheets.plots import STYLE

if TYPE_CHECKING:
    import pandas as pd

    from zoo.papers.study import Study

COLOURS: dict[Way, str] = {"published": "#c98a00", "same-rows": "#7a8594", "by-glass": "#0b5cad"}

MOST_INSIDE = 4
"""Lines of a legend that find room below a ROC curve."""


@contextmanager
def canvas(n_panels: int, width: float = 4.2, height: float = 3.3) -> Iterator[tuple[Any, list[Any]]]:
    """A figure with panels side by side."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width * n_panels, height), layout="constrained")
        yield figure, list(figure.subplots(1, n_panels, squeeze=False)[0])


def svg_of(figure: Any, tight: bool = False) -> str:
    """Without the size in points, so that the page scales it; ``tight``: around what is drawn, where others drew it."""
    buffer = io.StringIO()
    box = "tight" if tight else None
    figure.savefig(buffer, format="svg", dpi=150, bbox_inches=box, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    width = 105 * float(figure.get_figwidth())
    return re.sub(
        r'width="[\d.]+pt" height="[\d.]+pt"', f'style="max-width: {width:.0f}px"', text[text.index("<svg") :], count=1
    )


def arm_of(study: Study, options: dict[str, Any]) -> Arm:
    """The arm of which a figure is.

    Raises
    ------
    PaperError
        No arm is like that, or it has no predictions.
    """
    keys = [key for key in ("task", "features", "family", "learn", "column") if key in options]
    found = [arm for arm in study.arms if all(getattr(arm, key) == options[key] for key in keys)]
    found = [arm for arm in found if options.get("learn", "") == arm.learn]
    if not found:
        raise PaperError(f"no row of {study.paper.name} is {', '.join(f'{key} {options[key]}' for key in keys)}")
    return found[0]


def table_of(study: Study, arm: Arm, way: Way) -> pd.DataFrame:
    """Predictions of an arm.

    Raises
    ------
    PaperError
        It has none.
    """
    table = study.predictions(arm, way)
    if table is None:
        raise PaperError(f"{arm.title} on {arm.task} has no predictions: {study.score(arm, way).reason}")
    return table


def draw_roc(axis: Any, table: pd.DataFrame, label: str, colour: str, style: str = "-") -> None:
    """ROC curve, mean over glasses or, where the classes of single glasses are small, over all rows."""
    from sklearn.metrics import roc_curve

    grid = np.linspace(0, 1, 200)
    curves = []
    for _, part in table.groupby(["repeat", "fold"]):
        if part["target"].nunique() == 2:
            false, true, _ = roc_curve(part["target"], part["score"])
            curves.append(np.interp(grid, false, true))
    mean = np.mean(curves, axis=0)
    mean[0] = 0.0
    axis.plot(grid, mean, style, color=colour, lw=1.6, label=label)


def frame_roc(axis: Any) -> None:
    """Axes of a ROC panel; a long legend stands beside it."""
    axis.plot([0, 1], [0, 1], color="0.8", lw=0.8, zorder=0)
    axis.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    beside = len(axis.get_legend_handles_labels()[0]) > MOST_INSIDE
    axis.legend(**({"loc": "center left", "bbox_to_anchor": (1.02, 0.5)} if beside else {"loc": "lower right"}))


def label_of(name: str, unit: str) -> str:
    """Axis label of a stored quantity: ``d2min_0.020`` in Å² is *D²min at 2 % strain (Å²)*."""
    found = re.fullmatch(r"(.+?)_(?:(-?[xyz]{2})_)?(0\.\d+)", name)
    text = (found[1] if found else name).replace("d2min", "D²min").replace("_", " ")
    if found:
        text += f" at {100 * float(found[3]):g} % strain" + (f" along {found[2]}" if found[2] else "")
    return plain(text + (f" ({unit})" if unit != "1" else ""))


def plain(text: str) -> str:
    """Without what matplotlib would take for mathematics."""
    return text.replace("$", r"\$")
