"""D2: rows and files that repeat, columns that say nothing, values that are missing or far off."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

import numpy as np

from zoo._words import plural, quantity, some
from zoo.checks.declaration import BOTH, PAIRS, Check, NotApplicable, glasses_of
from zoo.datasets.load import Dataset, load_dataset
from zoo.datasets.registry import list_cards
from zoo.datasets.rows import Floats, group_of_pairs, is_flag, rows_of
from zoo.errors import ZooError
from zoo.glass import Glass

FAR = 20.0
"""Robust standard deviations. Logarithms of D2min reach 7; a splitting of 130 ε among values of 0.014 ε is at 28."""
RARE = 0.05
NEAR, SAME = 0.12, 0.1
"""Two glasses are one if more than a tenth of the atoms are within 0.12 mean spacings (0.3 Å in a metal): 1 to 2 % of
two independent ones are, 24 % after a stretch by 4 %."""


def unreadable(dataset: Dataset) -> list[str]:
    try:
        rows_of(dataset, "feature", "target")
        for table in dataset.card.tables:
            dataset.side_table(table.name)
        if dataset.card.glasses:
            _ = dataset.glasses
    except ZooError as error:
        return [str(error)]
    return []


def duplicate_rows(dataset: Dataset) -> list[str]:
    table = dataset.raw_table
    group, states = dataset.card.names("group"), dataset.card.names("state")
    repeats = table.duplicated(group + states)
    found = []
    if repeats.any():
        found.append(
            f"{plural(int(repeats.sum()), 'row')} of {len(table):,} repeat an earlier {', '.join(group + states)}"
        )
    if len(states) == 2:
        swapped = table[group + states[::-1]].set_axis(group + states, axis=1)
        turned = (
            table[group + states].merge(swapped.drop_duplicates(), how="left", indicator=True)["_merge"] == "both"
        ).to_numpy()
        turned &= (table[states[0]] != table[states[1]]).to_numpy()
        if turned.any():
            found.append(f"{plural(int(turned.sum()), 'row')} are also there with both states swapped")
    return found + _same_content(dataset, repeats.to_numpy())


def _same_content(dataset: Dataset, known: np.ndarray) -> list[str]:
    """Rows with another name but the same features and targets, where these are fine enough to tell rows apart."""
    table = dataset.raw_table
    columns = dataset.card.names("feature", "target")
    fine = [name for name in columns if table[name].nunique() > 0.5 * len(table)]
    same = table.duplicated(columns, keep=False).to_numpy() & ~known
    again = table[~known].duplicated(columns)
    if not fine or not again.any():
        return []
    _, group = group_of_pairs(dataset)
    spread = table[same & ~known].assign(_glass=group[same & ~known]).groupby(columns)["_glass"].nunique()
    across = int((spread > 1).sum())
    return [
        f"{plural(int(again.sum()), 'row')} have the features and targets of an earlier row under another name"
        + (f", {across} times in another glass" if across else "")
    ]


def same_glass(dataset: Dataset) -> list[str]:
    entries, glasses = dataset.card.glasses, glasses_of(dataset)
    found = []
    for first, second in combinations(entries, 2):
        if first.origin and first.origin == second.origin:
            continue
        share = shared_places(glasses[first.id], glasses[second.id])
        if share > SAME:
            found.append(
                f"{100 * share:.0f} % of the atoms of {first.id} lie where {second.id} has one of the same species "
                f"(within {NEAR:g} mean spacings, cells scaled to each other), of two independent glasses 1 to 2 %"
            )
    return found


def shared_places(first: Glass, second: Glass) -> float:
    """Share of the atoms of one glass (300 at most are tried) that have one of the same species of the other within
    ``NEAR`` mean spacings, at the same place relative to the cell."""
    from scipy.spatial import cKDTree

    if len(first) != len(second) or first.kinds != second.kinds or first.dimension != second.dimension:
        return 0.0
    edges = np.linalg.norm(second.cell, axis=1)
    here, there = (np.mod(of.positions @ np.linalg.inv(of.cell), 1.0) % 1.0 * edges for of in (first, second))
    chosen = np.linspace(0, len(first) - 1, min(300, len(first))).astype(int)
    distance, index = cKDTree(there, boxsize=edges).query(here[chosen])
    spacing = (second.volume / len(second)) ** (1 / second.dimension)
    return float(((distance < NEAR * spacing) & (second.species[index] == first.species[chosen])).mean())


def same_file(dataset: Dataset) -> list[str]:
    card = dataset.card
    found = []
    mine: dict[str, str] = {}
    for entry in card.files:
        earlier = mine.setdefault(entry.sha256, entry.path or entry.url)
        if earlier != (entry.path or entry.url):
            found.append(f"{_short(entry.path or entry.url)} has the same bytes as {_short(earlier)}")
    for other in list_cards():
        if other.name == card.name:
            continue
        for entry in other.files:
            if entry.sha256 in mine:
                theirs = _short(entry.path or entry.url)
                found.append(f"{_short(mine[entry.sha256])} has the same bytes as {theirs} of {other.name}")
    return found


def shared_glasses(dataset: Dataset) -> list[str]:
    mine = {glass.content_hash: name for name, glass in glasses_of(dataset).items()}
    found = []
    for other in list_cards():
        if other.name == dataset.card.name or not other.glasses:
            continue
        try:
            hashes = _glass_hashes(other.name, other.content_hash)
        except ZooError:
            continue  # not fetched, or refused there
        common = [name for key, name in mine.items() if key in hashes]
        if common:
            found.append(f"{plural(len(common), 'glass')} of {len(mine)} ({some(common)}) are also in {other.name}")
    return found


@lru_cache(maxsize=64)
def _glass_hashes(name: str, data: str) -> frozenset[str]:
    """Hash of every glass of a data set; ``data`` is its content hash, so that one that has changed is read again."""
    return frozenset(glass.content_hash for glass in load_dataset(name).glasses.values())


def constant_columns(dataset: Dataset) -> list[str]:
    rows = rows_of(dataset, "feature", "target")
    constant = [name for name, values in rows.columns.items() if not np.nanstd(_finite(values)) > 0]
    found = (
        [f"{plural(len(constant), 'column')} constant over all {len(rows):,} rows: {some(constant)}"]
        if constant
        else []
    )
    within, targets = [], dataset.card.names("target")
    for name, values in rows.columns.items():
        if name in constant or is_flag(values) or len(rows.names) < 2:
            continue
        still = [
            g for g in range(len(rows.names)) if (rows.group == g).sum() > 9 and _is_constant(values[rows.group == g])
        ]
        if still and (name in targets or len(still) > 0.5 * len(rows.names)):
            within.append(f"{name} in {plural(len(still), 'glass')} of {len(rows.names)}")
    return found + ([f"constant within a glass: {some(within)}"] if within else [])


def missing_values(dataset: Dataset) -> list[str]:
    admitted = {column.name for column in dataset.card.columns if column.missing}
    found = []
    for name, values in rows_of(dataset, "feature", "target").columns.items():
        bad = ~np.isfinite(values) if name not in admitted else np.isinf(values)
        if bad.any():
            rows = plural(int(bad.sum()), "row")
            found.append(f"{name} has no finite value in {rows} of {len(values):,} ({100 * bad.mean():.1f} %)")
    return found


def outliers(dataset: Dataset) -> list[str]:
    rows = rows_of(dataset, "feature", "target")
    found = []
    for name, values in rows.columns.items():
        far = _far_values(values)
        if len(far):
            known = values[np.isfinite(values)]
            worst = far[np.abs(far - np.median(known)).argmax()]
            found.append(
                f"{name}: {plural(len(far), 'value')} more than {FAR:g} robust standard deviations from the median "
                f"{quantity(np.median(known), rows.units[name])}, such as {worst:.3g}"
            )
    return found


def rare_class(dataset: Dataset) -> list[str]:
    flags = {name: values for name, values in rows_of(dataset, "target").columns.items() if is_flag(values)}
    if not flags:
        raise NotApplicable("no target is a flag")
    found = []
    for name, values in flags.items():
        share = float(np.nanmean(values))
        if 0 < min(share, 1 - share) < RARE:
            count = int(np.isfinite(values).sum() * min(share, 1 - share))
            found.append(f"{name}: the rare class has {plural(count, 'row')} ({100 * min(share, 1 - share):.2g} %)")
    return found


def _finite(values: Floats) -> Floats:
    known = values[np.isfinite(values)]
    return known if len(known) else np.zeros(1)


def _is_constant(values: Floats) -> bool:
    known = values[np.isfinite(values)]
    return len(known) > 9 and bool(np.ptp(known) == 0)


def _far_values(values: Floats) -> Floats:
    """Values far from the median: of the logarithm where all are positive, of log(1 + x) where none is negative."""
    known = values[np.isfinite(values)]
    if len(known) < 20 or len(np.unique(known[:1000])) < 10:
        return known[:0]
    scale = np.log(known) if known.min() > 0 else np.log1p(known) if known.min() >= 0 else known
    away = np.abs(scale - np.median(scale))
    spread = 1.4826 * np.median(away)
    return known[away > FAR * spread] if spread > 0 else known[:0]


def _short(file: str) -> str:
    return file.rsplit("/", 1)[-1]


CHECKS = (
    Check(
        code="D001",
        title="The data set cannot be read",
        level="error",
        kinds=BOTH,
        why="A file that is missing, differs from its sha256, or lacks a column of the card is not the data set "
        "that the card describes; no other check is made.",
        mend="Get the files again (zoo data fetch, or the folder of the project), or mend the card.",
        find=unreadable,
    ),
    Check(
        code="D201",
        title="Duplicate rows",
        level="error",
        kinds=PAIRS,
        why="A row that is there twice is counted twice, and lands on both sides of a split that does not know.",
        mend="Keep one of each; if the copies differ in their label, keep none.",
        find=duplicate_rows,
    ),
    Check(
        code="D202",
        title="The same file under two names",
        level="error",
        kinds=BOTH,
        why="Two files with the same bytes are one file: one of both names is wrong. A published table called "
        "T0092 is a copy of the one for T = 0.07, and a model tested on it was trained on it.",
        mend="Find out which name is right, ask the authors for the other file, and leave it out until then.",
        find=same_file,
    ),
    Check(
        code="D203",
        title="Glasses shared with another data set",
        level="info",
        kinds=BOTH,
        why="Glasses that are in two data sets are no independent test of a model that is trained on one and "
        "tested on the other, whatever their labels are.",
        mend="In transfer between both data sets, leave the common glasses out of training.",
        find=shared_glasses,
    ),
    Check(
        code="D204",
        title="Constant columns",
        level="warning",
        kinds=BOTH,
        why="A constant feature teaches nothing, a constant target cannot be learnt; often it is a sign of a "
        "failed step. A column that is constant within each glass tells glasses apart and nothing else.",
        mend="Leave the column out, give it the role identity, or make it again.",
        find=constant_columns,
    ),
    Check(
        code="D205",
        title="Values missing without a reason",
        level="error",
        kinds=BOTH,
        why="Rows without a value are rarely missing at random (searches fail where barriers are high), and no "
        "model or metric takes them.",
        mend="State under missing in the column's card why values are missing, or leave the rows out and say so.",
        find=missing_values,
    ),
    Check(
        code="D206",
        title="Values far from all others",
        level="warning",
        kinds=BOTH,
        why="A few values that are orders of magnitude off decide R² and every mean. They are often failed "
        "computations: a splitting that was not converged, a pair of states that are the same state.",
        mend="Look at these rows. Leave out what is no measurement; predict a logarithm or score ranks where the "
        "tail is real.",
        find=outliers,
    ),
    Check(
        code="D207",
        title="A rare class",
        level="warning",
        kinds=BOTH,
        why="With few positives ROC AUC looks good while average precision, MCC and F1 are close to zero.",
        mend="Lead with average precision and enrichment, keep the natural balance in test folds, never balance "
        "the test.",
        find=rare_class,
    ),
    Check(
        code="D208",
        title="One glass under two names",
        level="error",
        kinds=BOTH,
        why="A glass and its copy, or the same glass after a small strain or a few hops, are one glass. A split "
        "by glass that takes them for two tests on what was trained on.",
        mend="Give both the same origin in the card: glasses of one origin are never parted.",
        find=same_glass,
    ),
)
