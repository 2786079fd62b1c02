"""A glass of one's own described by a feature set: computed, tabulated, written for OVITO or for a notebook."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.errors import FileFormatError, UnknownNameError, ZooError
from zoo.features.compute import compute_features
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets
from zoo.features.radii import RADII, species_without_radius
from zoo.formats import read_glass_and_ids, write_glass
from zoo.formats.files import parse_type_map
from zoo.glass import Glass

if TYPE_CHECKING:
    import pandas as pd

TABLES = (".parquet", ".csv")
GLASSES = (".extxyz", ".xyz", ".npz")
FIGURES = (".png", ".svg", ".pdf")
ROWS = 100_000
"""Of a table, written at a time."""
COMPUTABLE = {
    "energy",
    "vibrational_msd",
    "flexibility_volume",
    "soft_mode_participation",
    "vibrational_entropy",
    "shear_modulus",
    "shear_modulus_affine",
    "nonaffine_response",
}
"""Fields that a potential gives."""


@dataclass(frozen=True)
class Request:
    """What is asked about a glass: a feature set, all species that count, what to draw, where fields come from.

    ``radii`` are words such as ``A=1.25`` (Å); ``paired`` says that a second structure comes with it.
    """

    features: str
    species: tuple[str, ...] = ()
    label: str = ""
    color: str = ""
    potential: str = ""
    minimize: bool = False
    radii: tuple[str, ...] = ()
    paired: bool = False

    @property
    def entry(self) -> FeatureSet:
        """The feature set."""
        return feature_sets[self.features]

    def require_sense(self, plotted: bool) -> None:
        """Refuse what would have no effect, and software that is missing, before anything is computed.

        Raises
        ------
        ZooError
        """
        self.entry.require_software()
        if self.paired != (self.features == "pair"):
            raise ZooError("a pair of structures needs both: --set pair, and --with FILE for the second structure")
        if self.paired and (plotted or self.potential or self.minimize):
            raise ZooError("a pair is one row of numbers: leave --plot, --potential and --minimize out")
        if self.radii and "radius" not in self.entry.fields and not (self.potential and _vibrates(self.entry)):
            raise ZooError(f"feature set {self.features!r} reads no radii: leave --radius out")
        if (self.label or self.color) and not plotted:
            raise ZooError("--label and --color say how to draw a figure: give --plot FILE too")
        if self.minimize and not self.potential:
            raise ZooError("--minimize needs a potential: give --potential NAME too")
        if self.potential and not set(self.entry.fields) & COMPUTABLE:
            raise ZooError(f"feature set {self.features!r} reads nothing that a potential gives: leave --potential out")
        beyond = sorted(set(self.entry.fields) - COMPUTABLE - {"radius"})
        if self.potential and beyond:
            raise ZooError(f"feature set {self.features!r} also reads {beyond[0]!r}, which no potential gives at once")


@dataclass(frozen=True)
class Description:
    """Columns for the atoms of one glass: those of a feature set, or what a model has predicted.

    Attributes
    ----------
    glass : Glass
    ids : ndarray of shape (n_atoms,), int64
        Of the file, or from 1 on.
    title : str
    columns : tuple of Column
    matrix : ndarray of shape (n_atoms, n_columns), float32
    """

    glass: Glass
    ids: NDArray[np.int64]
    title: str
    columns: tuple[Column, ...]
    matrix: FloatArray

    def table(self, atoms: slice = slice(None)) -> pd.DataFrame:
        """``id``, ``species`` and the columns of the set."""
        import pandas as pd

        head = pd.DataFrame({"id": self.ids[atoms], "species": self.glass.species[atoms].astype(str)})
        return head.join(pd.DataFrame(self.matrix[atoms], columns=[column.name for column in self.columns]))

    def gaps(self) -> list[str]:
        """A sentence for each number of atoms for which some columns are known and others are not."""
        known = np.isfinite(self.matrix).sum(axis=0)
        sentences = []
        for count in np.unique(known[known < len(self.glass)]):
            names = [column.name for column, n in zip(self.columns, known, strict=True) if n == count]
            what = f"{names[0]} is" if len(names) == 1 else f"{names[0]} and {len(names) - 1} other columns are"
            sentences.append(f"{what} known for {count:,} of {len(self.glass):,} atoms; the others are empty")
        return sentences


def _vibrates(entry: FeatureSet) -> bool:
    """Whether a set reads more than the energy of what a potential gives; that takes the volume of atoms, so radii."""
    return bool(set(entry.fields) & (COMPUTABLE - {"energy"}))


def read_for(
    request: Request,
    path: Path,
    format: str | None = None,
    type_map: Sequence[str] = (),
    frame: int = -1,
    units: Sequence[str] = (),
    length_scale: float = 1.0,
) -> tuple[Glass, NDArray[np.int64] | None]:
    """Read a glass for a request, with the ids of its atoms where the file states them.

    Parameters
    ----------
    request : Request
        Its label and color must be there.
    path, format, frame
        See :func:`zoo.formats.read_glass`.
    type_map, units : sequences of str
        ``1=Cu``, ``radius=Å``.
    length_scale : float, Å
        One unit of length of the file; columns of the file keep their values.

    Raises
    ------
    UnknownNameError, FileFormatError, GlassError
    """
    if not 0.0 < length_scale < np.inf:
        raise ZooError(f"a length scale must be a positive number of Å for one unit of the file, got {length_scale}")
    named = {name: unit for name, _, unit in (word.partition("=") for word in units)}
    glass, ids = read_glass_and_ids(path, format, parse_type_map(type_map), frame, named)
    for name, unit in named.items():
        if name not in glass.fields:
            raise UnknownNameError("field of the glass", name, list(glass.fields))
        if not unit:
            raise ZooError(f"--unit must give a column its unit, such as energy=eV, got {name!r}")
    if length_scale != 1.0:
        glass = Glass(
            glass.positions * length_scale,
            glass.species,
            glass.cell * length_scale,
            glass.periodic,
            glass.fields,
            glass.metadata,
        )
    if request.radii:
        glass = _with_radii(glass, request.radii)
    if request.label and request.label not in glass.fields:
        raise UnknownNameError("field of the glass", request.label, list(glass.fields))
    label = glass.fields[request.label].values if request.label else np.zeros(1)
    if label.ndim != 1 or label.dtype.kind not in "biuf" or not np.isfinite(label.astype(float)).all():
        raise ZooError(f"the label {request.label!r} must be one finite number for each atom")
    names = [column.name for column in request.entry.columns(request.species or glass.kinds)]
    if request.color and request.color not in names:
        raise UnknownNameError(f"column of {request.features}", request.color, names)
    return glass, ids


def _with_radii(glass: Glass, words: Sequence[str]) -> Glass:
    """The glass with the field ``radius`` from words such as ``A=1.25,B=1.1``; other species keep a listed radius."""
    given: dict[str, float] = {}
    for word in ",".join(words).split(","):
        kind, _, number = word.partition("=")
        radius = float(number) if re.fullmatch(r"\d*\.?\d+", number) else 0.0
        if kind not in glass.kinds or radius <= 0.0:
            species = ", ".join(glass.kinds)
            raise ZooError(f"--radius must give a species ({species}) a positive radius in Å, got {word!r}")
        given[kind] = radius
    unknown = [kind for kind in species_without_radius(glass) if kind not in given]
    if unknown:
        raise ZooError(f"--radius must name every species without a known radius, {', '.join(unknown)} is missing")
    each = {**RADII, **given}
    return glass.with_fields(radius=([each[kind] for kind in glass.species], "Å"))


def describe(
    glass: Glass, features: str, ids: NDArray[np.int64] | None = None, kinds: tuple[str, ...] | None = None
) -> Description:
    """Compute a feature set, or an expression such as ``radial+voronoi@cg``, for a glass.

    ``kinds`` are all species that columns are made for, those of the glass by default.
    """
    entry = feature_sets[features]
    kinds = tuple(sorted(kinds or glass.kinds))
    matrix = compute_features(features, glass, kinds)
    ids = np.arange(1, len(glass) + 1) if ids is None else ids
    return Description(glass, ids, entry.title, entry.columns(kinds), matrix)


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
        Periodic; vibrations and moduli in 3D only.
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
        The glass is not at a minimum of the energy, or is 2D, and vibrations are asked for.
    """
    from zoo.errors import RecipeError
    from zoo.simulation.calculator import to_atoms
    from zoo.simulation.minimize import minimize as to_minimum
    from zoo.simulation.physics import PhysicsSchedule, physics
    from zoo.simulation.potentials import load_potential

    if _vibrates(entry) and glass.dimension == 2:
        raise RecipeError("vibrations and moduli are computed for 3D glasses, this one is 2D: take physics-inspired")
    tables = load_potential(name)
    atoms = to_atoms(glass, tables)
    if minimize:
        to_minimum(atoms, 1e-5)
    positions = atoms.positions[:, : glass.dimension]
    glass = Glass(positions, glass.species, glass.cell, glass.periodic, glass.fields, glass.metadata)
    glass = glass.with_fields(energy=(atoms.get_potential_energies(), "eV"))
    if _vibrates(entry):
        glass = physics(glass, PhysicsSchedule(), tables, report)
    return glass


def write_pair(first: Glass, last: Glass, path: Path | None) -> dict[str, float]:
    """Describe two structures of the same atoms, and write that as a table of one row.

    Returns
    -------
    dict of str to float
        See :func:`zoo.features.pair.describe_pair`.

    Raises
    ------
    FileFormatError
        The name is not that of a table.
    """
    import pandas as pd

    from zoo.features.pair import describe_pair

    if path is not None and path.suffix not in TABLES:
        raise FileFormatError(f"a pair is written as {' or '.join(TABLES)}, got {path.name!r}")
    found = describe_pair(first, last)
    if path is not None:
        table = pd.DataFrame([found])
        with atomic_write(path) as stream:
            table.to_parquet(stream, index=False) if path.suffix == ".parquet" else table.to_csv(stream, index=False)
    return found


def require_writable(output: Path | None, plot: Path | None) -> None:
    """Refuse names of files that cannot be written, before anything is computed.

    Raises
    ------
    FileFormatError
    """
    if output is not None and output.suffix not in (*TABLES, *GLASSES):
        raise FileFormatError(f"features are written as {', '.join((*TABLES, *GLASSES))}, got {output.name!r}")
    if plot is not None and plot.suffix not in FIGURES:
        raise FileFormatError(f"a figure is written as {', '.join(FIGURES)}, got {plot.name!r}")


def write_description(description: Description, path: Path) -> None:
    """Write a table (parquet, CSV) or the glass with the columns as fields (extxyz, npz), by the name of the file.

    A table states the id of each atom, parquet also the unit of each column in the metadata of its schema; the atoms of
    a glass are in the order of their ids.

    Raises
    ------
    FileFormatError
        The name has another ending.
    """
    if path.suffix in TABLES:
        with atomic_write(path) as stream:
            _write_parquet(description, stream) if path.suffix == ".parquet" else _write_csv(description, stream)
        return
    require_writable(path, None)
    columns = {
        column.name: (description.matrix[:, k].astype(np.float64), column.unit)
        for k, column in enumerate(description.columns)
    }
    write_glass(path, description.glass.with_fields(**columns))


def _parts(description: Description) -> Iterator[pd.DataFrame]:
    """The table in parts, so that a large one is not in memory several times."""
    for first in range(0, len(description.glass), ROWS):
        yield description.table(slice(first, first + ROWS))


def _write_parquet(description: Description, stream: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    units = {column.name: {"unit": column.unit} for column in description.columns}
    writer = None
    for part in _parts(description):
        table = pa.Table.from_pandas(part, preserve_index=False)
        fields = [field.with_metadata(units.get(field.name, {})) for field in table.schema]
        table = table.cast(pa.schema(fields, table.schema.metadata))
        writer = writer or pq.ParquetWriter(stream, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _write_csv(description: Description, stream: IO[bytes]) -> None:
    for k, part in enumerate(_parts(description)):
        part.to_csv(stream, index=False, header=k == 0)
