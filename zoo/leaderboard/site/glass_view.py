"""One test glass for the three-dimensional view: positions and what colours its atoms, in some tens of kB."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.store import Store
from zoo.benchmark.task import load_rows
from zoo.errors import ZooError
from zoo.glass import Glass
from zoo.leaderboard.board import BoardRow
from zoo.leaderboard.compare import name_of
from zoo.leaderboard.site.charts import slice_chart
from zoo.leaderboard.site.gather import Entry
from zoo.leaderboard.statistics import Floats

MOST_ATOMS = 4000
MISSING = 255
EXPLAINED = 12
"""Rows of a board that an explanation is looked for."""


@dataclass(frozen=True)
class Channel:
    """What colours the atoms: values from 0 to 1, NaN for none, shape (n_atoms,).

    ``marks`` are texts of the colour key with their values: the two ends of a ramp, or every kind that there is.
    """

    name: str
    note: str
    values: Floats
    marks: list[tuple[str, float]] = field(default_factory=lambda: [("least", 0.0), ("largest", 1.0)])
    ramp: bool = True

    def data(self, shown: NDArray[np.int64]) -> dict[str, object]:
        """For the script, of some atoms."""
        values = _base64(_bytes(self.values[shown]), "u1")
        return {"name": self.name, "note": self.note, "marks": self.marks, "ramp": self.ramp, "values": values}


@dataclass(frozen=True)
class GlassView:
    """A glass and the channels that colour its atoms.

    Attributes
    ----------
    name : str
    data : dict
        For the script: see ``static/viewer.js``.
    slices : list of str
        The truth and the best prediction in a slice of it, as SVG.
    """

    name: str
    n_atoms: int
    data: dict[str, Any]
    slices: list[str]


def view_of(entry: Entry, store: Store) -> GlassView | None:
    """The first test glass of a task: its label, leading predictions, a null control; contributions if there are any.

    None for tables of pairs, and where the data are not at hand.
    """
    from zoo.sheets.plots import display_radii

    try:
        rows = load_rows(entry.board.task)
    except ZooError:
        return None
    dataset = rows.dataset
    if dataset.card.kind != "glasses" or not entry.comparison.rows:
        return None
    number = next((k for k, name in enumerate(rows.glass_names) if len(dataset.glasses[name]) <= MOST_ATOMS), 0)
    name = rows.glass_names[number]
    glass = dataset.glasses[name]
    before = sum(len(dataset.glasses[other]) for other in rows.glass_names[:number])
    of_glass = np.flatnonzero(rows.glass == number)
    atoms = rows.source[of_glass] - before
    shown = np.arange(min(len(glass), MOST_ATOMS))
    truth = _spread(len(glass), atoms, ranks_of(_raw_target(entry, glass)[atoms]))
    channels = [Channel("measured", "label of the data set", truth)]
    if entry.board.task.kind == "classification":
        found = _spread(len(glass), atoms, rows.target[of_glass])
        channels.append(Channel("class", "label as it is scored", found, [("other", 0.0), ("to be found", 1.0)], False))
    for row in _shown_rows(entry):
        score = _prediction(row, store, name, of_glass)
        if score is not None:
            what = "null control" if row.null_control else "predicted by a model that has not seen this glass"
            channels.append(Channel(name_of(row), what, _spread(len(glass), atoms, ranks_of(score))))
    channels += _contributions(entry, name, len(glass))
    kinds = sorted(set(glass.species.tolist()))
    places = [k / max(1, len(kinds) - 1) for k in range(len(kinds))]
    codes = np.array([places[kinds.index(kind)] for kind in glass.species.tolist()])
    channels.append(Channel("species", "", codes, list(zip(kinds, places, strict=True)), False))
    radii, unit = display_radii(glass), dataset.card.units.length
    data = {
        "n": len(shown),
        "cell": _cell3(glass).round(4).tolist(),
        "positions": _base64(_fractional(glass)[shown], "<u2"),
        "radii": _base64(np.clip(255 * radii[shown] / radii.max(), 0, 255), "u1"),
        "radius": round(float(radii.max()), 4),
        "unit": unit,
        "channels": [channel.data(shown) for channel in channels],
    }
    predicted = next((channel for channel in channels[1:] if channel.ramp), None)
    slices = [_slice(glass, of.values, of.name, unit) for of in (channels[0], predicted) if of]
    return GlassView(name, len(shown), data, slices)


def ranks_of(values: Floats) -> Floats:
    """Share of the values that are smaller, 0 to 1; what is predicted by different models is comparable by it."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(values) - 1) / max(1, len(values) - 1))


def _shown_rows(entry: Entry) -> list[BoardRow]:
    """The best row, the best one of another descriptor, the best null control."""
    rows = entry.comparison.rows
    other = next((row for row in rows if row.features != rows[0].features and not row.null_control), None)
    null = next((row for row in rows if row.null_control), None)
    return [row for number, row in enumerate((rows[0], other, null)) if row and (number == 0 or row is not rows[0])]


def _raw_target(entry: Entry, glass: Glass) -> Floats:
    values = np.mean([glass.fields[name].values.astype(float) for name in entry.board.task.target], axis=0)
    return np.asarray(-values if entry.board.task.label.rule in ("bottom-fraction", "minus-log10") else values)


def _prediction(row: BoardRow, store: Store, glass: str, of_glass: NDArray[np.int64]) -> Floats | None:
    """Scores of the rows of a glass, in their order; None where the prediction is not at hand."""
    for result in row.folds:
        if glass in result.scores_by_glass and store.has_predictions(result.key):
            table = store.predictions(result.key)
            scores = table[table["glass"].astype(str) == glass].set_index("row")["score"]
            return scores.reindex(of_glass).to_numpy(float)
    return None


def _contributions(entry: Entry, glass: str, n_atoms: int) -> list[Channel]:
    """What physical families of columns add to the output for each atom, where ``zoo explain`` has kept it.

    Of the best row in default mode for which it was run on this glass with its other options left as they are; the
    three families that vary most.
    """
    from zoo.explain.fold import part_path, read_part
    from zoo.explain.importance import families_of
    from zoo.explain.request import Request, columns_of, fold_of_glass

    for row in [row for row in entry.comparison.rows if row.mode == "default" and not row.null_control][:EXPLAINED]:
        request = Request(entry.board.source, row.features, (row.family,), glass=glass)
        part = read_part(part_path(request, row.family, fold_of_glass(request, glass)))
        if part is None or len(part.glass_values) != n_atoms:
            continue
        families = [(of.name, part.glass_values[:, of.columns].sum(axis=1)) for of in families_of(columns_of(request))]
        families.sort(key=lambda of: -float(of[1].std()))
        note = "what these columns add to the output (Shapley values)"
        return [Channel(f"{name_of(row)}: {name}", note, ranks_of(values)) for name, values in families[:3]]
    return []


def _spread(n: int, atoms: NDArray[np.int64], values: Floats) -> Floats:
    everything = np.full(n, np.nan)
    everything[atoms] = values
    return everything


def _fractional(glass: Glass) -> Floats:
    """Positions in units of the cell, times 65535, shape (n_atoms, 3)."""
    inside = np.mod(glass.positions @ np.linalg.inv(glass.cell), 1.0)
    if glass.dimension == 2:
        inside = np.column_stack([inside, np.full(len(inside), 0.5)])
    return np.asarray(65535 * inside)


def _cell3(glass: Glass) -> Floats:
    if glass.dimension == 3:
        return np.asarray(glass.cell)
    cell = np.zeros((3, 3))
    cell[:2, :2] = glass.cell
    return cell


def _bytes(values: Floats) -> Floats:
    return np.where(np.isfinite(values), np.clip(np.nan_to_num(values) * 254, 0, 254), MISSING)


def _base64(values: Floats, dtype: str) -> str:
    return base64.b64encode(np.round(values).astype(dtype).tobytes()).decode()


def _slice(glass: Glass, values: Floats, title: str, length: str) -> str:
    from zoo.sheets.plots import display_radii, slice_of

    chosen, _ = slice_of(glass)
    at = np.mod(glass.positions @ np.linalg.inv(glass.cell), 1.0)[chosen] @ glass.cell
    chosen, at = chosen[np.argsort(at[:, -1])], at[np.argsort(at[:, -1])]
    size = (float(glass.cell[:, 0].max()), float(glass.cell[:, 1].max()))
    return slice_chart(at[:, :2], display_radii(glass)[chosen], size, values[chosen], title, length)
