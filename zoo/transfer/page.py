"""Files of a finished matrix: one self-contained page, a figure, a table."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from zoo._files import atomic_write
from zoo.benchmark.metrics import TITLES, metric_names
from zoo.transfer.figures import draw_matrix, write_figure
from zoo.transfer.matrix import Matrix, read_matrix, write_matrix


def write_files(matrix: Matrix, folder: Path) -> list[Path]:
    """Write ``matrix.json``, ``matrix.csv``, ``matrix.png``, ``matrix.svg`` and ``index.html``; their paths."""
    paths = [folder / f"matrix.{ending}" for ending in ("json", "csv", "png", "svg")] + [folder / "index.html"]
    write_matrix(matrix, paths[0])
    with atomic_write(paths[1]) as stream:
        stream.write(table_of(matrix).encode())
    write_figure(matrix, paths[2])
    write_figure(matrix, paths[3])
    write_page(matrix, paths[4])
    return paths


def stored_matrices(results: Path) -> list[Matrix]:
    """Finished matrices of a results folder, by name.

    Raises
    ------
    TransferError
        A ``matrix.json`` cannot be read.
    """
    found = [read_matrix(path) for path in (results / "transfer").glob("*/matrix.json")]
    return sorted(found, key=lambda matrix: matrix.name)


def table_of(matrix: Matrix) -> str:
    """One line for each cell, as CSV."""
    metrics = [name for name in metric_names(matrix.kind) if any(name in cell.scores for cell in matrix.cells)]
    head = ["source", "target", *metrics, "low", "high", "spread", "drop", "drop_low", "drop_high"]
    head += [
        "asymmetry",
        "asymmetry_low",
        "asymmetry_high",
        "oracle",
        "rung",
        "n_train_glasses",
        "n_train_rows",
        "n_test_glasses",
        "n_fits",
    ]
    head += ["skill_raw", "skill_base_rate", "skill_platt", "reason"]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    for cell in matrix.cells:
        low, high = cell.interval or (None, None)
        drops = cell.drop_interval or (None, None)
        asymmetries = cell.asymmetry_interval or (None, None)
        skill = cell.calibration
        row = [cell.source, cell.target, *(cell.scores.get(name) for name in metrics), low, high, cell.spread]
        row += [cell.drop, *drops, cell.asymmetry, *asymmetries, cell.oracle, cell.rung]
        row += [cell.n_train_glasses, cell.n_train_rows, cell.n_test_glasses, cell.n_fits]
        row += [skill.raw, skill.base_rate, skill.platt] if skill else [None] * 3
        writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in [*row, cell.reason]])
    return buffer.getvalue()


def write_page(matrix: Matrix, path: Path) -> None:
    """Write the page; every name in it is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zoo.transfer"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    text = environment.get_template("matrix.html.j2").render(
        matrix=matrix, figure=draw_matrix(matrix), metric=TITLES[matrix.metric], titles=TITLES
    )
    with atomic_write(path) as stream:
        stream.write(text.encode())
