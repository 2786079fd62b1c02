"""Two inherent structures described together: the published columns of a table of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DatasetError, GlassMismatchError
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    import pandas as pd

    from zoo.glass import Glass

COLUMNS = (
    Column("Delta_E", "ε", "energy"),
    *(Column(f"displacement_{rank}", "σ", "displacement") for rank in range(3)),
    Column("total_displacement", "σ", "displacement"),
    Column("PR", "1", "displacement"),
    Column("0to1", "σ", "geometry"),
    Column("0to2", "σ", "geometry"),
    Column("Tij", "1", "dynamics"),
    Column("Tji", "1", "dynamics"),
)


def compute(table: pd.DataFrame, kinds: tuple[str, ...]) -> FloatArray:
    """The columns of ``COLUMNS`` from a table of pairs, shape (n_pairs, 10), float32.

    Raises
    ------
    DatasetError
        A column is missing.
    """
    missing = [column.name for column in COLUMNS if column.name not in table.columns]
    if missing:
        raise DatasetError(f"feature set 'pair' needs the column {missing[0]!r}, the table has {list(table.columns)}")
    return np.ascontiguousarray(table[[column.name for column in COLUMNS]], dtype=np.float32)


def describe_pair(first: Glass, last: Glass) -> dict[str, float]:
    """The columns of a pair that its two inherent structures tell; transition counts take dynamics.

    Parameters
    ----------
    first, last : Glass
        The same atoms in the same order and cell.

    Returns
    -------
    dict of str to float
        In the units of length and energy of the glasses. ``Delta_E``, the absolute difference of the energies of the
        whole glass, only if both have the field ``energy``. Equal to the published table to 1e-5 (see the tests).

    Raises
    ------
    GlassMismatchError
        Atoms or cells differ; no atom has moved.
    """
    if len(first) != len(last) or (first.species != last.species).any() or not np.allclose(first.cell, last.cell):
        raise GlassMismatchError("a pair of inherent structures must be the same atoms in the same cell")
    if len(first) < 3:
        raise GlassMismatchError(f"a pair is described by its three largest displacements, got {len(first)} atoms")
    turns = (last.positions - first.positions) @ np.linalg.inv(first.cell)
    wraps = np.where(first.periodic, np.rint(turns), 0.0) @ first.cell
    if np.array_equal(first.positions, last.positions - wraps):
        raise GlassMismatchError("a pair must be two different structures, but no atom has moved")
    found = displacement_columns(first.positions, last.positions - wraps, first.cell)
    if "energy" in first.fields and "energy" in last.fields:
        found["Delta_E"] = float(abs(last.fields["energy"].values.sum() - first.fields["energy"].values.sum()))
    return found


def displacement_columns(
    first: NDArray[np.float64], last: NDArray[np.float64], cell: NDArray[np.float64]
) -> dict[str, float]:
    """Columns of the displacement from ``first`` to ``last``, both (n_atoms, d), unwrapped with respect to each other.

    Distances between atoms are those of the points halfway between the two structures.
    """
    moved = np.sqrt(((last - first) ** 2).sum(axis=1))
    most = np.argsort(-moved, kind="stable")[:3]
    halfway = 0.5 * (first + last)[most]
    apart = halfway[1:] - halfway[0]
    apart -= np.rint(apart @ np.linalg.inv(cell)) @ cell
    distance = np.sqrt((apart**2).sum(axis=1))
    squared = moved**2
    return {
        **{f"displacement_{rank}": float(moved[atom]) for rank, atom in enumerate(most)},
        "0to1": float(distance[0]),
        "0to2": float(distance[1]),
        "total_displacement": float(np.sqrt(squared.sum())),
        "PR": float(squared.sum() ** 2 / (squared**2).sum()),
    }


feature_sets.register(
    FeatureSet(
        name="pair",
        title="Displacement, energy difference and transition counts of two inherent structures",
        citation="Ciarella et al., Nat. Commun. 14, 4229 (2023)",
        version=1,
        columns=lambda kinds: COLUMNS,
        compute=compute,
        needs=frozenset({"inherent-structures"}),
        rows="pairs",
    )
)
