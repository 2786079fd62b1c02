"""Energy barriers of a glass: saddle points around single atoms, found by kicking each atom again and again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.datasets.card import ColumnCard, TableCard
from zoo.errors import RecipeError
from zoo.glass import Glass
from zoo.simulation.potentials import EmbeddedAtomTables
from zoo.simulation.saddles import BarrierSchedule, SaddleSearcher, Search, check_schedule

SIGNATURE = 64
"""Atoms nearest to the centre whose displacements at the saddle tell whether two searches found the same one."""
SAME_ENERGY, SAME_PLACE = 1e-3, 0.1
"""eV and Å: two saddles that differ by less are one."""
MOVED = 0.1
"""Å: an atom that goes farther has taken part in an event."""
EVENT = np.dtype(
    [
        ("atom", np.int32),
        ("search", np.int32),
        ("state", np.int8),
        ("barrier", np.float64),
        ("final_energy", np.float64),
        ("curvature", np.float64),
        ("largest_displacement", np.float64),
        ("total_displacement", np.float64),
        ("participation", np.float64),
        ("mover_distance", np.float64),
        ("n_moved", np.int32),
        ("signature", np.float32, (SIGNATURE, 3)),
    ]
)
"""What is stored of a search; the columns of the events are described in ``EVENT_COLUMNS``."""

EVENT_COLUMNS = [
    ColumnCard("glass", "1", "group", "glass that the atom belongs to"),
    ColumnCard("atom", "1", "identity", "atom that was kicked, counted from 0"),
    ColumnCard("search", "1", "identity", "number of the search; with glass and atom it seeds the kick"),
    ColumnCard("barrier", "eV", "target", "energy of the saddle above the start"),
    ColumnCard("final_energy", "eV", "target", "energy of the minimum behind the saddle above the start"),
    ColumnCard("curvature", "eV/Å²", "target", "lowest eigenvalue of the Hessian at the saddle"),
    ColumnCard("largest_displacement", "Å", "target", "of an atom, from the start to the minimum behind the saddle"),
    ColumnCard("total_displacement", "Å", "target", "root of the sum of squared displacements, likewise"),
    ColumnCard("participation", "1", "target", "(Σu²)²/Σu⁴ over the displacements u, likewise: atoms taking part"),
    ColumnCard("mover_distance", "Å", "target", "distance of the atom that moves farthest from the kicked one"),
    ColumnCard("n_moved", "1", "target", f"atoms that move more than {MOVED} Å"),
    ColumnCard(
        "repeat",
        "1",
        "target",
        f"an earlier search from this atom found this saddle: barrier within {SAME_ENERGY} eV, atoms within "
        f"{SAME_PLACE} Å",
    ),
]

FIELDS = {
    "barrier_mean": ("eV", "mean barrier of the first {events} connected saddle searches, repeats included"),
    "barrier_mean_even": ("eV", "the same over the first, third, ... of them"),
    "barrier_mean_odd": ("eV", "the same over the second, fourth, ... of them"),
    "barrier_min": ("eV", "lowest of these barriers"),
    "barrier_count": ("1", "number of these barriers; 0 for an atom that was not searched"),
}
"""Unit and description of each field."""


NOT_SEARCHED = "atoms around which no saddle was searched, or none was found"


def barrier_columns(schedule: BarrierSchedule) -> list[ColumnCard]:
    """Cards of the fields."""
    return [
        ColumnCard(
            name, unit, "target", text.format(events=schedule.events), missing="" if unit == "1" else NOT_SEARCHED
        )
        for name, (unit, text) in FIELDS.items()
    ]


def event_table(schedule: BarrierSchedule) -> TableCard:
    """Card of the table of events."""
    text = (
        f"connected saddle searches, {schedule.events} per atom or as many as {schedule.searches} searches gave: "
        "the fields are made of their barriers"
    )
    return TableCard("events", "events.parquet", text, EVENT_COLUMNS)


def choose_atoms(glass: Glass, number: int, seed: int) -> NDArray[np.int64]:
    """Atoms drawn at random, each species in its proportion; a larger ``number`` only adds to a smaller one.

    Raises
    ------
    RecipeError
        The glass has fewer atoms.
    """
    if number > len(glass):
        raise RecipeError(f"atoms to search must be at most those of the glass, got {number} of {len(glass)}")
    random = np.random.default_rng([seed])
    place = np.empty(len(glass))
    for kind in glass.kinds:
        members = random.permutation(np.flatnonzero(glass.species == kind))
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(place, kind="stable")[:number]


def find_barriers(
    glass: Glass,
    schedule: BarrierSchedule,
    tables: EmbeddedAtomTables,
    seed: int,
    store: Path,
    report: Callable[[float], None] = lambda fraction: None,
) -> tuple[Glass, NDArray[np.void]]:
    """Search saddles around some atoms of a glass, until each has enough connected ones.

    The mean over searches that connect, one saddle found twice counted twice, is the activation energy of an atom of
    Wang, Ding & Ma (npj Comput. Mater. 6, 194, 2020).

    Parameters
    ----------
    glass, schedule, tables, seed
        See :class:`SaddleSearcher`.
    store : Path
        Folder with one file per atom, written when its searches are done; searches that it holds are not repeated. It
        must belong to this glass, seed and way of searching; numbers of atoms, events and searches may change.
    report : callable of the fraction done

    Returns
    -------
    labelled : Glass
        With ``FIELDS``, NaN or 0 for atoms that were not searched; ``metadata["barrier_searches"]`` counts searches,
        those that converged to a saddle (in the small cluster at least), and those that connected.
    events : structured ndarray of ``EVENT``
        The connected searches that the fields are made of, by rising atom and search.
    """
    from zoo.simulation.saddle_kernels import CONNECTED, NOT_CONNECTED

    check_schedule(schedule)
    searcher = SaddleSearcher(glass, tables, schedule, seed)
    chosen = choose_atoms(glass, schedule.atoms, seed)
    parts = []
    for done, atom in enumerate(chosen):
        parts.append(_search_atom(searcher, int(atom), store / f"atom-{atom}.npy"))
        report((done + 1) / len(chosen))
    searches = np.concatenate([parts[k] for k in np.argsort(chosen)])
    events = searches[searches["state"] == CONNECTED]
    counts = {
        "searches": len(searches),
        "converged": int(np.isin(searches["state"], (CONNECTED, NOT_CONNECTED)).sum()),
        "connected": len(events),
    }
    return glass.with_fields(**_summarize(events, len(glass))).with_metadata(barrier_searches=counts), events


def run_barriers(
    glass: Glass,
    schedule: BarrierSchedule,
    tables: EmbeddedAtomTables,
    seed: int,
    folder: Path,
    report: Callable[[float], None],
    version: int,
) -> Glass:
    """:func:`find_barriers` with a store in ``folder`` that outlives the step; leaves ``events.parquet``.

    The store is named after all that a search depends on: glass, potential, seed, way of searching and ``version`` of
    the step. Raised numbers find their searches again, another recipe finds none.
    """
    way = msgspec.structs.replace(schedule, atoms=0, events=0, searches=0)
    parts = [glass.content_hash, tables.name, tables.sha256, seed, version, msgspec.to_builtins(way)]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    labelled, events = find_barriers(glass, schedule, tables, seed, folder / f"searches-{key}", report)
    write_events(events, folder / "events.parquet")
    return labelled


def _search_atom(searcher: SaddleSearcher, atom: int, path: Path) -> NDArray[np.void]:
    """Searches of one atom up to the last event that is wanted; new ones are added to the file."""
    from zoo.simulation.saddle_kernels import CONNECTED

    schedule = searcher.schedule
    rows: list[NDArray[np.void]] = list(np.load(path)) if path.exists() else []
    stored = len(rows)
    wanted: list[NDArray[np.void]] = []
    n_events = 0
    while n_events < schedule.events and len(wanted) < schedule.searches:
        number = len(wanted)
        if number == len(rows):
            rows.append(_record(searcher.search(atom, number), atom, number))
        wanted.append(rows[number])
        n_events += int(rows[number]["state"] == CONNECTED)
    if len(rows) > stored:
        with atomic_write(path) as stream:
            np.save(stream, np.array(rows, EVENT))
    return np.array(wanted, EVENT)


def _record(found: Search, atom: int, number: int) -> NDArray[np.void]:
    from zoo.simulation.saddle_kernels import CONNECTED

    row = np.zeros((), EVENT)
    row["atom"], row["search"], row["state"] = atom, number, found.state
    if found.state == CONNECTED:
        row["barrier"], row["final_energy"], row["curvature"] = found.barrier, found.final_energy, found.curvature
        squared = (found.final**2).sum(axis=1)
        row["largest_displacement"] = np.sqrt(squared.max())
        row["total_displacement"] = np.sqrt(squared.sum())
        row["participation"] = squared.sum() ** 2 / (squared**2).sum()
        row["mover_distance"] = found.distance[squared.argmax()]
        row["n_moved"] = (squared > MOVED**2).sum()
        nearest = found.near[:SIGNATURE]
        row["signature"][: len(nearest)] = found.saddle[nearest]
    return row


def repeats(events: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether an event of the same atom that comes earlier is over the same saddle, shape (n_events,)."""
    repeated = np.zeros(len(events), bool)
    for atom in np.unique(events["atom"]):
        of_atom = np.flatnonzero(events["atom"] == atom)
        for position, event in enumerate(of_atom):
            earlier = of_atom[:position]
            near = np.abs(events["barrier"][earlier] - events["barrier"][event]) < SAME_ENERGY
            apart = np.linalg.norm(events["signature"][earlier] - events["signature"][event], axis=2).max(axis=1)
            repeated[event] = (near & (apart < SAME_PLACE)).any()
    return repeated


def write_events(events: NDArray[np.void], path: Path) -> None:
    """The table of ``EVENT_COLUMNS`` (without ``glass``) as parquet."""
    import pandas as pd

    table = {column.name: events[column.name] for column in EVENT_COLUMNS if column.name in (events.dtype.names or ())}
    with atomic_write(path) as stream:
        pd.DataFrame({**table, "repeat": repeats(events)}).to_parquet(stream, index=False)


def _summarize(events: NDArray[np.void], n_atoms: int) -> dict[str, tuple[NDArray[np.float64], str]]:
    values = {name: np.full(n_atoms, np.nan) for name in FIELDS}
    values["barrier_count"][:] = 0
    for atom in np.unique(events["atom"]):
        barriers = events["barrier"][events["atom"] == atom]
        values["barrier_mean"][atom] = barriers.mean()
        values["barrier_mean_even"][atom] = barriers[::2].mean()
        if len(barriers) > 1:
            values["barrier_mean_odd"][atom] = barriers[1::2].mean()
        values["barrier_min"][atom] = barriers.min()
        values["barrier_count"][atom] = len(barriers)
    return {name: (values[name], unit) for name, (unit, _) in FIELDS.items()}
