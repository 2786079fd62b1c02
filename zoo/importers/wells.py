"""A user's own copy of the pairs behind the two-level systems of Ciarella et al. (Zenodo 8026630).

What is documented by the authors' repository (SCiarella/TLS_ML_exploration, README and step1.py to step4.py):

- ``QS_T0062.feather``, ``QS_T007.feather``, ``QS_T0092.feather`` (Zenodo): one row for each pair of inherent
  structures, with its features and the identities ``conf``, ``i``, ``j``; no result of a calculation;
- ``exact_calculations/QS_T*/nonDW_T*.csv`` (repository): ``conf``, ``i``, ``j`` of pairs that are no double wells;
- ``exact_calculations/QS_T*/quantum_splitting_T*.csv``: ``conf``, ``i``, ``j``, ``out``, the splitting of double wells;
- states are matched after rounding their energies to 10 decimals.

What is inferred: that the columns of features are called as in the published training tables. Columns of numbers with
other names are taken as features too and named. This reader was written without a copy of the Zenodo files at hand and
has not been run on them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.datasets.card import ColumnCard
from zoo.errors import DatasetError, FileFormatError
from zoo.features.declaration import Column
from zoo.features.pair import COLUMNS
from zoo.importers.folder import NOT_STATED, Import, Target
from zoo.importers.sources import provenance, read_table

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["conf", "i", "j"]
IDENTITIES = {"index", "i2", "j2", "T", "Unnamed: 0"}
"""Columns of the published tables that are never features: row numbers, ranks, the temperature."""
DECIMALS = 10
CITATION = "Ciarella, Khomenko, Berthier, Mocanu, Reichman, Scalliet & Zamponi, Nat. Commun. 14, 4229 (2023)"


def import_wells(pairs: Path, splittings: Path, others: Path | None = None) -> Import:
    """Join pairs with the results of the calculations.

    Parameters
    ----------
    pairs : Path
        ``QS_T*.feather``.
    splittings : Path
        ``quantum_splitting_T*.csv``: pairs that are double wells, and their splitting.
    others : Path, optional
        ``nonDW_T*.csv``: pairs that are no double wells. With it, the target is ``is_dw`` (which pairs are double
        wells?); without it, ``quantum_splitting`` (ε) of the double wells.

    Raises
    ------
    DatasetError, FileFormatError
        A column is missing, a pair is in both lists or twice in one, or none of the results belongs to a pair.
    """
    table = _keyed(pairs, read_table(pairs))
    features = _features(pairs, table)
    wells = _keyed(splittings, read_table(splittings), "out")
    keys = [f"_{key}" for key in KEYS]
    if others is None:
        results = wells[[*keys, "out"]].rename(columns={"out": "quantum_splitting"})
        if not (results["quantum_splitting"] > 0).all():
            raise FileFormatError(f"{splittings}: splittings must be positive")
    else:
        results = _classes(splittings, others, wells, _keyed(others, read_table(others)), keys)
    joined = table.merge(results, on=keys, how="inner")
    if joined.empty:
        raise DatasetError(
            f"none of the {len(results)} results belongs to a pair of {pairs}: are both of one temperature?"
        )
    target = "is_dw" if others is not None else "quantum_splitting"
    lost = len(results) - len(joined)
    published = {column.name: column for column in COLUMNS}
    strange = [name for name in features if name not in published]
    return Import(
        columns=[
            *(_feature(name, published) for name in features),
            ColumnCard(target, "ε" if others is None else "1", "target", "result of the minimum-energy path"),
            ColumnCard("conf", "1", "group", "glass (independent preparation) that both states belong to"),
            ColumnCard("i", "ε", "state", "first inherent structure, named by its energy per particle"),
            ColumnCard("j", "ε", "state", "second inherent structure, named by its energy per particle"),
        ],
        table=joined[[*features, target, *KEYS]],
        targets=[
            Target(target, "flag", "Which pairs of inherent structures are double wells?")
            if others is not None
            else Target(target, "minus-log10", "How large is the quantum splitting of a double well?")
        ],
        made=provenance([path for path in (pairs, splittings, others) if path is not None], "source"),
        notes=[
            "Pairs were chosen for calculation by an iteratively trained model: they are no fair sample of all pairs, "
            "and the share of double wells among them is not that of the glass."
        ],
        remarks=[
            "The reader of these tables was tested on files made after their description, not on the Zenodo files.",
            *([f"{lost} of {len(results)} results belong to no pair of the table and are left out."] if lost else []),
            *([f"Taken as features, though not in the published tables: {', '.join(strange)}."] if strange else []),
        ],
        license="as on Zenodo 8026630 (not read from the files); code and results MIT (Simone Ciarella)",
        citation=CITATION,
    )


def _feature(name: str, published: dict[str, Column]) -> ColumnCard:
    known = published.get(name) or Column(name, NOT_STATED, "columns")
    return ColumnCard(name, known.unit, "feature", "as in the published table", known.family)


def _keyed(path: Path, table: pd.DataFrame, *more: str) -> pd.DataFrame:
    """With columns ``_conf``, ``_i``, ``_j`` to join on; states that are one after rounding are refused."""
    missing = [name for name in (*KEYS, *more) if name not in table.columns]
    if missing:
        raise FileFormatError(f"{path} must have the column {missing[0]!r}, got {', '.join(table.columns)}")
    try:
        numbers = table[[*KEYS, *more]].astype(np.float64)
    except (TypeError, ValueError):
        raise FileFormatError(f"{path}: {', '.join([*KEYS, *more])} must be numbers") from None
    if not np.isfinite(numbers.to_numpy()).all():
        raise FileFormatError(f"{path}: {', '.join([*KEYS, *more])} must be finite")
    scale = 10**DECIMALS
    table = table.assign(
        _conf=numbers["conf"].round().astype(np.int64),
        _i=(numbers["i"] * scale).round().astype(np.int64),
        _j=(numbers["j"] * scale).round().astype(np.int64),
    )
    repeated = int(table.duplicated(["_conf", "_i", "_j"]).sum())
    if repeated:
        raise DatasetError(f"{path} must list each pair once, but {repeated} of {len(table)} rows repeat another")
    return table


def _classes(splittings: Path, others: Path, wells: pd.DataFrame, rest: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    import pandas as pd

    both = wells[keys].merge(rest[keys], on=keys)
    if len(both):
        raise DatasetError(f"a pair is a double well or not, but {len(both)} are in {splittings} and in {others}")
    return pd.concat([wells[keys].assign(is_dw=1.0), rest[keys].assign(is_dw=0.0)])


def _features(path: Path, table: pd.DataFrame) -> list[str]:
    import pandas as pd

    missing = [column.name for column in COLUMNS if column.name not in table.columns]
    if missing:
        raise FileFormatError(
            f"{path} must have the columns of the published training tables, but {missing[0]!r} is not among "
            f"{', '.join(table.columns)}: import it with zoo data import --table and name the roles yourself"
        )
    never = {*KEYS, *IDENTITIES, "_conf", "_i", "_j"}
    return [name for name in table.columns if name not in never and pd.api.types.is_numeric_dtype(table[name])]
