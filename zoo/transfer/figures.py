"""The heat map of a transfer matrix."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from zoo._files import atomic_write
from zoo.benchmark.metrics import TITLES
from zoo.sheets.plots import STYLE
from zoo.transfer.matrix import Matrix

CHANCE = {"roc_auc": 0.5, "pearson": 0.0}


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
        for axis, values, text in ((left, score, "{:.2f}"), (right, drop, "{:+.2f}")):
            axis.set_xticks(range(len(targets)), [_plain(name) for name in targets], rotation=40, ha="right")
            axis.set_yticks(range(len(sources)), [_plain(name) for name in sources])
            axis.set_xlabel("tested on")
            axis.tick_params(length=0)
            for side in axis.spines.values():
                side.set_visible(False)
            _annotate(axis, values, text, low if values is score else None)
        left.set_ylabel("learnt on")
        left.set_title("Score; framed: in-domain, glasses held out")
        right.set_title("What is lost by going elsewhere")
        for k in range(len(targets)):
            left.add_patch(mpl.patches.Rectangle((k - 0.47, k - 0.47), 0.94, 0.94, fill=False, ec="w", lw=1.8))
    return figure


def _annotate(axis: Any, values: Any, text: str, low: float | None) -> None:
    """Numbers in the cells, white on dark colours."""
    high = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    for (row, column), value in np.ndenumerate(values):
        if not np.isfinite(value):
            continue
        dark = abs(value) > 0.65 * high if low is None else value - low < 0.6 * (high - low)
        shown = text.format(round(value, 2) + 0.0)  # no -0.00
        axis.text(column, row, shown, ha="center", va="center", fontsize=8, color="w" if dark else "0.1")


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
