"""The heat map of a transfer matrix."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo._files import atomic_write
from zoo.benchmark.metrics import TITLES
from zoo.models.declaration import TaskKind
from zoo.sheets.plots import STYLE
from zoo.transfer.matrix import Matrix

if TYPE_CHECKING:
    import pandas as pd

CHANCE = {"roc_auc": 0.5, "pearson": 0.0}
BINS = 10
"""Of equal numbers of rows, in the figure of a cell."""


def draw_matrix(matrix: Matrix) -> str:
    """SVG of scores and drops side by side."""
    figure = _figure(matrix)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def write_figure(matrix: Matrix, path: Path) -> None:
    """The same as a file: png, svg or pdf, as its name says."""
    buffer = io.BytesIO()
    _figure(matrix).savefig(buffer, format=path.suffix.lstrip("."), dpi=130)
    with atomic_write(path) as stream:
        stream.write(buffer.getvalue())


def _figure(matrix: Matrix) -> Any:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    sources, targets = matrix.sources, [group.name for group in matrix.groups]
    score = _values(matrix, "score")
    drop = _values(matrix, "drop")
    title = TITLES[matrix.metric]
    with mpl.rc_context(STYLE):
        longest = max(map(len, sources))
        width = 2 * (0.72 * len(targets) + 1.0) + 0.085 * longest + 1.2
        figure = Figure(figsize=(width, 0.52 * len(sources) + 0.065 * longest + 1.5), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        low = min(CHANCE[matrix.metric], float(np.nanmin(score)))
        shown = left.imshow(score, cmap="viridis", vmin=low, vmax=float(np.nanmax(score)), aspect="auto")
        figure.colorbar(shown, ax=left, shrink=0.8, label=title)
        reach = max(0.01, float(np.nanmax(np.abs(drop)))) if np.isfinite(drop).any() else 0.01
        change = right.imshow(drop, cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto")
        figure.colorbar(change, ax=right, shrink=0.8, label=f"{title} minus in-domain {title}")
        # of small drops the second decimal says nothing
        for axis, values, text in ((left, score, "{:.2f}"), (right, drop, "{:+.3f}" if reach < 0.05 else "{:+.2f}")):
            axis.set_xticks(range(len(targets)), [_plain(name) for name in targets], rotation=40, ha="right")
            axis.set_yticks(range(len(sources)), [_plain(name) for name in sources])
            axis.set_xlabel("tested on")
            axis.tick_params(length=0)
            for side in axis.spines.values():
                side.set_visible(False)
            _annotate(axis, values, text, shown if values is score else change)
        left.set_ylabel("learnt on")
        left.set_title("Score; framed: in-domain, glasses held out")
        right.set_title("What is lost by going elsewhere")
        for k in range(len(targets)):
            left.add_patch(mpl.patches.Rectangle((k - 0.47, k - 0.47), 0.94, 0.94, fill=False, ec="w", lw=1.8))
    return figure


def _annotate(axis: Any, values: Any, text: str, image: Any) -> None:
    """Numbers in the cells, white where the colour of the cell is dark."""
    for (row, column), value in np.ndenumerate(values):
        if not np.isfinite(value):
            continue
        colour = text_colour(image.cmap(image.norm(value)))
        shown = text.format(value)
        if not float(shown):
            shown = shown.lstrip("+-")  # neither gain nor loss
        axis.text(column, row, shown, ha="center", va="center", fontsize=8, color=colour)


def text_colour(rgba: Sequence[float]) -> str:
    """What can be read on a colour: its luminance as screens weigh red, green and blue decides."""
    return "w" if float(np.dot(rgba[:3], (0.299, 0.587, 0.114))) < 0.55 else "0.1"


def write_cell_figure(kind: TaskKind, predictions: pd.DataFrame, title: str, path: Path) -> None:
    """A small figure of one cell: ROC curve of every fit, or the mean target of rows of about the same prediction.

    Parameters
    ----------
    kind : {"classification", "regression"}
    predictions : DataFrame
        Columns ``fit``, ``target`` and ``score``.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.4, 3.0))
        axis = figure.subplots()
        for _, part in predictions.groupby("fit", observed=True):
            target, score = part["target"].to_numpy(float), part["score"].to_numpy(float)
            if kind == "classification":
                axis.plot(*_roc(target, score), color="#0b5cad", lw=1.2, alpha=0.7)
            else:
                bins = [chunk for chunk in np.array_split(np.argsort(score), BINS) if len(chunk)]
                means = np.array([(score[chunk].mean(), target[chunk].mean()) for chunk in bins])
                axis.plot(*means.T, "o-", color="#0b5cad", lw=1.0, ms=3, alpha=0.7)
        ends = (0, 1) if kind == "classification" else (predictions["score"].min(), predictions["score"].max())
        axis.plot(ends, ends, color="0.8", lw=0.8, zorder=0)
        labels = {
            "classification": ("false positive rate", "true positive rate"),
            "regression": ("predicted", "target"),
        }
        axis.set(xlabel=labels[kind][0], ylabel=labels[kind][1])
        axis.set_title(_plain(title), fontsize=8)
        figure.subplots_adjust(0.17, 0.16, 0.96, 0.89)
        figure.savefig(path, dpi=110)


def _roc(target: Any, score: Any) -> tuple[Any, Any]:
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(target, score)
    return false, true


def _values(matrix: Matrix, name: str) -> Any:
    grid = np.full((len(matrix.sources), len(matrix.groups)), np.nan)
    for row, source in enumerate(matrix.sources):
        for column, group in enumerate(matrix.groups):
            cell = matrix.cell(source, group.name)
            value = getattr(cell, name) if cell is not None else None
            grid[row, column] = np.nan if value is None else value
    return grid


def _plain(text: str) -> str:
    return text.replace("$", r"\$")
