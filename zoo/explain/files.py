"""Explanations as files: values for a notebook, contributions of physical families for OVITO."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo._files import atomic_write
from zoo.benchmark.cell import task_rows
from zoo.explain.explain import Explanation, Study
from zoo.explain.importance import families_of
from zoo.explain.request import first_row

if TYPE_CHECKING:
    import pandas as pd


def table_of(study: Study, found: Explanation) -> pd.DataFrame:
    """One line for each row explained.

    ``row`` of the task, ``glass``, ``atom`` from 0 (of a table of pairs: its row), ``fold``, ``drawn`` (not asked for
    by name), ``target``, ``output``, ``base``, ``scale``; then ``phi:COLUMN`` in the unit of the output, divided by
    ``scale`` on the common one; ``se:COLUMN``, standard errors, where values are sampled.
    """
    import pandas as pd

    rows = task_rows(study.request.task)
    head = pd.DataFrame(
        {
            "row": found.rows,
            "glass": np.array(rows.glass_names)[rows.glass[found.rows]],
            "atom": [place_of(study, int(row))[1] for row in found.rows],
            "fold": found.fold,
            "drawn": found.drawn,
            "target": rows.target[found.rows],
            "output": found.output,
            "base": found.base,
            "scale": found.scale,
        }
    )
    names = [column.name for column in study.columns]
    parts = [head, pd.DataFrame(found.raw, columns=[f"phi:{name}" for name in names])]
    if found.raw_error is not None:
        parts.append(pd.DataFrame(found.raw_error, columns=[f"se:{name}" for name in names]))
    table = pd.concat(parts, axis=1)
    table.attrs = {"family": found.family, "output": found.space, "method": found.method}
    return table


def place_of(study: Study, row: int) -> tuple[str, int]:
    """Glass of a row of the task and its atom, counted from 0; of a table of pairs its row there."""
    rows = task_rows(study.request.task)
    glass = rows.glass_names[rows.glass[row]]
    source = int(rows.source[row])
    return glass, source if rows.dataset.card.kind == "pairs" else source - first_row(rows, glass)


def name_of(study: Study, row: int) -> str:
    """A row in words: ``cu50zr50-s1 atom 12``, ``pair 7``."""
    glass, atom = place_of(study, row)
    pairs = task_rows(study.request.task).dataset.card.kind == "pairs"
    return f"pair {atom}" if pairs else f"{glass} atom {atom}"


def write_table(study: Study, found: Explanation, path: Path) -> None:
    """Write the table of values as parquet."""
    buffer = io.BytesIO()
    table_of(study, found).to_parquet(buffer, index=False, compression="zstd")
    with atomic_write(path) as stream:
        stream.write(buffer.getvalue())


def write_for_ovito(study: Study, found: Explanation, path: Path) -> None:
    """The glass of the request with what every physical family of columns adds to the output of each atom.

    ``phi_FAMILY`` and ``output`` are in standard deviations of the output, the latter from the mean of the background;
    ``held_out_target`` is the label where the atom has one.
    """
    from zoo.formats import write_glass
    from zoo.glass import Glass

    assert found.glass_values is not None
    rows = task_rows(study.request.task)
    name = study.request.glass
    glass = rows.dataset.glasses[name]
    target = np.full(len(glass), np.nan)
    here = rows.glass == rows.glass_names.index(name)
    target[rows.source[here] - first_row(rows, name)] = rows.target[here]
    fields = {
        f"phi_{re.sub(r'[^A-Za-z0-9]+', '_', group.name)}": (found.glass_values[:, group.columns].sum(axis=1), "1")
        for group in families_of(study.columns)
    }
    fields["output"] = (found.glass_values.sum(axis=1), "1")
    fields["held_out_target"] = (target, "1")
    write_glass(path, Glass(glass.positions, glass.species, glass.cell, glass.periodic, fields))
