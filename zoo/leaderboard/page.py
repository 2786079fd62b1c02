"""The board as one self-contained HTML page: tables that sort, a chart per task, nothing loaded from elsewhere."""

from __future__ import annotations

import datetime
import io
from pathlib import Path
from typing import Any

import numpy as np

from zoo._files import atomic_write
from zoo.benchmark.metrics import TITLES
from zoo.benchmark.suite import Suite
from zoo.features.declaration import feature_sets
from zoo.leaderboard.board import TaskBoard
from zoo.models.declaration import model_families


def write_page(boards: list[TaskBoard], suite: Suite, path: Path) -> None:
    """Write the page; everything that comes from declarations is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zoo.leaderboard"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    text = environment.get_template("board.html.j2").render(
        suite=suite,
        boards=boards,
        titles=TITLES,
        charts=[draw_board(board) for board in boards],
        features={row.features: feature_sets[row.features] for board in boards for row in board.rows},
        families={entry.name: entry for entry in model_families},
        made=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    with atomic_write(path) as stream:
        stream.write(text.encode())


def draw_board(board: TaskBoard) -> str:
    """SVG chart of the headline score of every feature set and family, with intervals."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    rows = [row for row in board.rows if row.state == "ok" and board.headline in row.scores]
    if not rows:
        return ""
    features = list(dict.fromkeys(row.features for row in rows))[::-1]
    families = sorted({row.model for row in rows})
    with plt.rc_context({"font.size": 10, "svg.fonttype": "none", "svg.hashsalt": "glass-zoo"}):
        figure, axis = plt.subplots(figsize=(8.6, 1.2 + 0.75 * len(features)), layout="constrained")
        for number, family in enumerate(families):
            _draw_family(axis, board, family, features, 0.72 * (number / max(1, len(families) - 1) - 0.5), number)
        axis.set_yticks(range(len(features)), features)
        axis.set_ylim(-0.6, len(features) - 0.4)
        for line in np.arange(len(features) - 1) + 0.5:
            axis.axhline(line, color="0.9", lw=0.8, zorder=0)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
        axis.tick_params(left=False)
        axis.set_xlabel(f"{TITLES[board.headline]} (95 % interval over glasses)")
        axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]


def _draw_family(axis: Any, board: TaskBoard, family: str, features: list[str], offset: float, number: int) -> None:
    rows = [row for row in board.rows if row.model == family and row.state == "ok" and board.headline in row.scores]
    colour = f"C{number % 10}"
    for row in rows:
        if row.interval:
            axis.plot(row.interval, [features.index(row.features) - offset] * 2, color=colour, lw=1.2, alpha=0.6)
    axis.plot(
        [row.scores[board.headline] for row in rows],
        [features.index(row.features) - offset for row in rows],
        "o",
        ms=4.5,
        color=colour,
        label=family,
    )
