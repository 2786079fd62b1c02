"""One configuration of atoms."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.errors import GlassError

if TYPE_CHECKING:
    import ase


ASE_UNITS = {"masses": "u", "momenta": "√(u eV)", "initial_charges": "e", "initial_magmoms": "μB", "tags": "1"}
"""Unit of the arrays that ASE itself defines."""


@dataclass(frozen=True)
class Field:
    """A value per atom with its unit.

    Attributes
    ----------
    values : ndarray of shape (n_atoms,) or (n_atoms, k)
    unit : str
        ``"1"`` for a dimensionless quantity.
    """

    values: NDArray[Any]
    unit: str


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Glass:
    """Atoms in a cell: what every descriptor, label and file of this project is about.

    Parameters
    ----------
    positions : array_like of shape (n_atoms, d), Å
        ``d`` is 2 or 3. Atoms may lie outside the cell.
    species : sequence of n_atoms str
        Chemical symbols, or names such as ``"A"`` and ``"B"`` in a model glass.
    cell : array_like of shape (d, d) or (d,), Å
        Rows are the cell vectors; ``d`` numbers mean an orthogonal cell.
    periodic : array_like of d bool, default all True
    fields : mapping of str to Field or to (values, unit)
        Quantities per atom.
    metadata : mapping of str to JSON values
        Anything about the whole configuration: composition, quench rate, seed.

    Raises
    ------
    GlassError
        A shape is wrong, a position is not finite, or the cell has no volume.
    """

    positions: NDArray[np.float64]
    species: NDArray[np.str_]
    cell: NDArray[np.float64]
    periodic: NDArray[np.bool_] = field(default_factory=lambda: np.array(True))
    fields: Mapping[str, Field] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __init__(
        self,
        positions: ArrayLike,
        species: ArrayLike,
        cell: ArrayLike,
        periodic: ArrayLike = True,
        fields: Mapping[str, Field | tuple[ArrayLike, str]] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        positions_ = _checked_positions(positions)
        n_atoms, dimension = positions_.shape
        species_ = np.array(species, dtype=np.str_)
        if species_.shape != (n_atoms,):
            raise GlassError(f"species must name each of the {n_atoms} atoms, got shape {species_.shape}")
        attributes: dict[str, Any] = {
            "positions": positions_,
            "species": species_,
            "cell": _checked_cell(cell, dimension),
            "periodic": _checked_periodic(periodic, dimension),
            "metadata": MappingProxyType(dict(metadata or {})),
        }
        for array in (attributes["positions"], species_, attributes["cell"], attributes["periodic"]):
            array.setflags(write=False)
        attributes["fields"] = MappingProxyType(
            {name: _checked_field(name, value, n_atoms) for name, value in (fields or {}).items()}
        )
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.positions)

    def __repr__(self) -> str:
        kinds, counts = np.unique(self.species, return_counts=True)
        formula = " ".join(f"{kind}{count}" for kind, count in zip(kinds, counts, strict=True))
        return f"Glass({formula}, {self.dimension}D, volume {self.volume:.1f} Å{'²³'[self.dimension - 2]})"

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return int(self.positions.shape[1])

    @property
    def volume(self) -> float:
        """Volume of the cell in Å³ (area in Å² in 2D)."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def heights(self) -> NDArray[np.float64]:
        """Distance between opposite faces of the cell along each vector, shape (d,), Å."""
        return np.asarray(1.0 / np.linalg.norm(np.linalg.inv(self.cell), axis=0))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The distinct species in alphabetical order."""
        return tuple(str(kind) for kind in np.unique(self.species))

    def species_index(self, kinds: tuple[str, ...]) -> NDArray[np.int32]:
        """Position of each atom's species in ``kinds``, shape (n_atoms,).

        Raises
        ------
        GlassError
            An atom's species is not among ``kinds``.
        """
        order = np.argsort(kinds)
        at = np.searchsorted(kinds, self.species, sorter=order)
        index = order[np.minimum(at, len(kinds) - 1)]
        strangers = sorted(set(self.kinds) - set(kinds))
        if strangers:
            raise GlassError(
                f"the species expected are {', '.join(kinds)}, this glass also has {', '.join(strangers)}: "
                "give the species of every glass together, or map its types to the right symbols"
            )
        return index.astype(np.int32)

    def with_fields(self, **fields: Field | tuple[ArrayLike, str]) -> Glass:
        """Copy with more fields; an existing name is replaced."""
        return Glass(self.positions, self.species, self.cell, self.periodic, {**self.fields, **fields}, self.metadata)

    def with_metadata(self, **metadata: Any) -> Glass:
        """Copy with more metadata."""
        return replace(self, metadata={**self.metadata, **metadata})

    @property
    def content_hash(self) -> str:
        """sha256 of the geometry (positions, species, cell, periodicity), not of fields or metadata."""
        digest = hashlib.sha256()
        for array in (self.positions, self.cell, self.periodic):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update("\n".join(self.species).encode())
        return digest.hexdigest()

    def to_ase(self) -> ase.Atoms:
        """As :class:`ase.Atoms`; fields become arrays, metadata goes to ``info``.

        A 2D glass gets z = 0 and a 1 Å third cell vector. A species that is no chemical symbol becomes ``X`` and
        keeps its name in the array ``species``.
        """
        import ase
        from ase.data import atomic_numbers

        n_atoms, dimension = self.positions.shape
        positions = np.zeros((n_atoms, 3))
        positions[:, :dimension] = self.positions
        cell = np.eye(3)
        cell[:dimension, :dimension] = self.cell
        atoms = ase.Atoms(
            numbers=[atomic_numbers.get(kind, 0) for kind in self.species],
            positions=positions,
            cell=cell,
            pbc=[*self.periodic, *[False] * (3 - dimension)],
            info={key: value for key, value in self.metadata.items() if isinstance(value, str | int | float)},
        )
        if not all(kind in atomic_numbers for kind in self.kinds):
            atoms.set_array("species", np.asarray(self.species))
        for name, entry in self.fields.items():
            atoms.set_array(name, np.asarray(entry.values))
        return atoms

    @classmethod
    def from_ase(cls, atoms: ase.Atoms, units: Mapping[str, str] | None = None, dimension: int = 3) -> Glass:
        """From :class:`ase.Atoms`.

        Parameters
        ----------
        atoms : ase.Atoms
            Extra arrays become fields, what JSON can hold of ``info`` becomes metadata.
        units : mapping of str to str
            Unit of each extra array; ``"unknown"`` where neither it nor ASE states one.
        dimension : int
            2 drops the third coordinate and the third cell vector.
        """
        arrays = {k: v for k, v in atoms.arrays.items() if k not in ("numbers", "positions", "species")}
        species = atoms.arrays.get("species", np.array(atoms.get_chemical_symbols()))
        units = {**ASE_UNITS, **(units or {})}
        return cls(
            positions=atoms.positions[:, :dimension],
            species=species,
            cell=np.asarray(atoms.cell)[:dimension, :dimension],
            periodic=atoms.pbc[:dimension],
            fields={name: Field(values, units.get(name, "unknown")) for name, values in arrays.items()},
            metadata=json_values(atoms.info),
        )


def json_values(content: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that JSON can hold, numpy's numbers and arrays as plain ones."""
    plain = {}
    for key, value in content.items():
        value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            continue
        plain[str(key)] = value
    return plain


def _numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GlassError(f"{name} must be numbers in Å, in rows of the same length: {error}") from None


def _checked_positions(positions: ArrayLike) -> NDArray[np.float64]:
    array = _numbers("positions", positions)
    if array.ndim != 2 or array.shape[1] not in (2, 3) or len(array) == 0:
        raise GlassError(f"positions must have shape (n_atoms, 2) or (n_atoms, 3) in Å, got {array.shape}")
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise GlassError(
            f"positions must be finite, but atom {bad[0]} is at {array[bad[0]].tolist()} "
            f"({len(bad)} of {len(array)} atoms are not finite): check the file that they come from"
        )
    return array


def _checked_cell(cell: ArrayLike, dimension: int) -> NDArray[np.float64]:
    array = _numbers("cell", cell)
    if array.shape == (dimension,):
        array = np.diag(array)
    if array.shape != (dimension, dimension):
        raise GlassError(
            f"cell must be a {dimension}x{dimension} matrix in Å (rows are cell vectors), got {array.shape}"
        )
    if not np.isfinite(array).all():
        raise GlassError(f"cell must be finite, got {array.tolist()}")
    lengths = np.linalg.norm(array, axis=1)
    if (lengths < 1e-6).any():
        raise GlassError(
            f"cell vectors must not be zero, got lengths {lengths.tolist()} Å: "
            "give the size of the box even along directions that are not periodic"
        )
    if abs(np.linalg.det(array)) < 1e-3 * np.prod(lengths):
        raise GlassError(
            f"cell vectors must span a volume, but {array.tolist()} are (almost) in one plane: "
            "check the order of the numbers and the tilt factors"
        )
    return array


def _checked_periodic(periodic: ArrayLike, dimension: int) -> NDArray[np.bool_]:
    array = np.array(periodic, dtype=bool)
    if array.shape not in ((), (dimension,)):
        raise GlassError(f"periodic must be one or {dimension} truth values, got shape {array.shape}")
    return np.broadcast_to(array, (dimension,)).copy()


def _checked_field(name: str, value: Field | tuple[ArrayLike, str], n_atoms: int) -> Field:
    if not isinstance(value, Field) and not (isinstance(value, tuple) and len(value) == 2):
        raise GlassError(f'field {name!r} must come with its unit, such as (values, "eV"), got {type(value).__name__}')
    values, unit = (value.values, value.unit) if isinstance(value, Field) else value
    array = np.array(values)
    if array.ndim not in (1, 2) or len(array) != n_atoms:
        raise GlassError(f"field {name!r} must have a value for each of the {n_atoms} atoms, got {array.shape}")
    if array.dtype.kind not in "biufU":
        raise GlassError(f"field {name!r} must hold numbers, truth values or words, got {array.dtype}")
    array.setflags(write=False)
    return Field(array, str(unit))
