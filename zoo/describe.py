"""A glass of one's own described by a feature set: computed, tabulated, written for OVITO or for a notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.errors import FileFormatError, UnknownNameError
from zoo.features.compute import compute_features
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets
from zoo.formats import write_glass
from zoo.glass import Glass

if TYPE_CHECKING:
    import pandas as pd

TABLES = (".parquet", ".csv")
GLASSES = (".extxyz", ".xyz", ".npz")


@dataclass(frozen=True)
class Description:
    """Columns of a feature set for the atoms of one glass.

    Attributes
    ----------
    glass : Glass
    ids : ndarray of shape (n_atoms,), int64
        Of the file, or from 1 on.
    entry : FeatureSet
    columns : tuple of Column
    matrix : ndarray of shape (n_atoms, n_columns), float32
    """

    glass: Glass
    ids: NDArray[np.int64]
    entry: FeatureSet
    columns: tuple[Column, ...]
    matrix: FloatArray

    def table(self) -> pd.DataFrame:
        """``id``, ``species`` and the columns of the set."""
        import pandas as pd

        head = pd.DataFrame({"id": self.ids, "species": self.glass.species.astype(str)})
        return head.join(pd.DataFrame(self.matrix, columns=[column.name for column in self.columns]))

    def column(self, name: str) -> NDArray[np.float64]:
        """One column, shape (n_atoms,).

        Raises
        ------
        UnknownNameError
        """
        names = [column.name for column in self.columns]
        if name not in names:
            raise UnknownNameError(f"column of {self.entry.name}", name, names)
        return self.matrix[:, names.index(name)].astype(np.float64)


def describe(glass: Glass, features: str, ids: NDArray[np.int64] | None = None) -> Description:
    """Compute a feature set, or an expression such as ``radial+voronoi@cg``, for a glass."""
    entry = feature_sets[features]
    matrix = compute_features(features, glass)
    return Description(
        glass, np.arange(1, len(glass) + 1) if ids is None else ids, entry, entry.columns(glass.kinds), matrix
    )


def with_potential(
    glass: Glass,
    name: str,
    entry: FeatureSet,
    minimize: bool = False,
    report: Callable[[float], None] = lambda fraction: None,
) -> Glass:
    """The glass with the fields that a set reads and a potential gives: the energy, vibrations and moduli.

    Parameters
    ----------
    glass : Glass
        3D and periodic.
    name : str
        Of an interatomic potential.
    entry : FeatureSet
        Fields that it does not read are not computed.
    minimize : bool
        Move the atoms to the nearest energy minimum first, the cell fixed.
    report : callable of the fraction done

    Raises
    ------
    RecipeError
        The glass is not at a minimum of the energy, and vibrations are asked for.
    """
    from zoo.simulation.calculator import to_atoms
    from zoo.simulation.minimize import minimize as to_minimum
    from zoo.simulation.physics import FIELDS, PhysicsSchedule, physics
    from zoo.simulation.potentials import load_potential

    tables = load_potential(name)
    atoms = to_atoms(glass, tables)
    if minimize:
        to_minimum(atoms, 1e-5)
    glass = Glass(atoms.positions, glass.species, glass.cell, glass.periodic, glass.fields, glass.metadata)
    glass = glass.with_fields(energy=(atoms.get_potential_energies(), "eV"))
    if set(entry.fields) & (set(FIELDS) - {"energy"}):
        glass = physics(glass, PhysicsSchedule(), tables, report)
    return glass


def write_description(description: Description, path: Path) -> None:
    """Write a table (parquet, CSV) or the glass with the columns as fields (extxyz, npz), by the name of the file.

    A table states the id of each atom; the atoms of a glass are in the order of their ids.

    Raises
    ------
    FileFormatError
        The name has another ending.
    """
    if path.suffix in TABLES:
        table = description.table()
        with atomic_write(path) as stream:
            table.to_parquet(stream, index=False) if path.suffix == ".parquet" else table.to_csv(stream, index=False)
        return
    if path.suffix not in GLASSES:
        raise FileFormatError(f"features are written as {', '.join((*TABLES, *GLASSES))}, got {path.name!r}")
    columns = {
        column.name: (description.matrix[:, k].astype(np.float64), column.unit)
        for k, column in enumerate(description.columns)
    }
    write_glass(path, description.glass.with_fields(**columns))
