"""The force kernel behind ASE's calculator interface, so that every ASE driver works on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from numpy.typing import NDArray

from zoo.errors import CutoffError, ZooError
from zoo.glass import Glass
from zoo.neighbors import build_pairs
from zoo.simulation.kernels import embedded_atom_forces
from zoo.simulation.potentials import EmbeddedAtomTables

SIGNS = np.array([[a, b, c] for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)], dtype=float)


class Layer:
    """ASE's constraint to two dimensions of atoms that are all at z = 0, and that no force takes from there.

    It is there to count two degrees of freedom for each atom; ASE's ``FixCartesian`` costs a fifth of a time step.
    """

    def get_removed_dof(self, atoms: Atoms) -> int:
        """One for each atom."""
        return len(atoms)

    def adjust_momenta(self, atoms: Atoms, momenta: NDArray[np.float64]) -> None:
        """Nothing moves along z."""
        momenta[:, 2] = 0.0

    def adjust_positions(self, atoms: Atoms, positions: NDArray[np.float64]) -> None:
        """Momenta and forces lie in the layer already."""

    def adjust_forces(self, atoms: Atoms, forces: NDArray[np.float64]) -> None:
        """Exactly 0 along z, as all pairs are in the layer."""


def to_atoms(glass: Glass, tables: EmbeddedAtomTables, skin: float = 1.0) -> Atoms:
    """Positions, species and cell of a glass as ASE's atoms, with the masses and the forces of a potential.

    A 2D glass becomes a :class:`Layer` in a cell in which it does not meet its images.
    """
    atoms = Glass(glass.positions, glass.species, glass.cell).to_ase()
    if glass.dimension == 2:
        atoms.cell[2, 2] = 2 * (tables.cutoffs.max() + skin)
        atoms.pbc = True
        atoms.set_constraint(Layer())
    masses = dict(zip(tables.species, tables.masses, strict=True))
    atoms.set_masses([masses.get(kind, 0.0) for kind in species_of(atoms)])
    atoms.calc = EmbeddedAtomCalculator(tables, skin)
    return atoms


def species_of(atoms: Atoms) -> list[str]:
    """Names of the species: chemical symbols, or the array that ``Glass.to_ase`` makes for others."""
    return [str(kind) for kind in atoms.arrays.get("species", atoms.symbols)]


class EmbeddedAtomCalculator(Calculator):  # type: ignore[misc, unused-ignore]
    """Embedded-atom energies (eV), forces (eV/Å) and stress (eV/Å³, ASE's sign and Voigt order).

    Parameters
    ----------
    tables : EmbeddedAtomTables
    skin : float, Å
        The neighbour list reaches this much beyond the cutoff, less in a small cell, and is made anew once an atom may
        have crossed it; an affine change of the cell is followed, not a reason to rebuild.
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012

    def __init__(self, tables: EmbeddedAtomTables, skin: float = 1.0) -> None:
        super().__init__()
        self.tables = tables
        self.skin = skin
        self._numbers: NDArray[np.int64] | None = None

    def forget_neighbors(self) -> None:
        """Build the neighbour list anew at the next call, so that a run restarted here takes the same path."""
        self._numbers = None
        self.reset()

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """What changed since the last call, compared exactly: ASE's own comparison costs a fifth of a step."""
        old = self.atoms
        if old is None or len(old) != len(atoms):
            return list(all_changes)
        pairs = {
            "positions": (old.positions, atoms.positions),
            "numbers": (old.numbers, atoms.numbers),
            "cell": (np.asarray(old.cell), np.asarray(atoms.cell)),
            "pbc": (old.pbc, atoms.pbc),
        }
        return [name for name, (before, now) in pairs.items() if not np.array_equal(before, now)]

    def calculate(
        self, atoms: Atoms, properties: list[str] | None = None, system_changes: list[str] = all_changes
    ) -> None:
        """See :meth:`ase.calculators.calculator.Calculator.calculate`."""
        super().calculate(atoms, properties or ["energy"], system_changes)
        positions, cell = atoms.positions, np.asarray(atoms.cell)
        if not np.isfinite(positions).all():
            raise ZooError("positions must be finite: the dynamics blew up, use a shorter time step")
        if self._list_is_stale(atoms):
            self._build_list(atoms)
        wrapped = positions - self._wrap @ cell
        t = self.tables
        forces = np.empty((len(atoms), 3))
        energies = np.empty(len(atoms))
        virial = np.empty(6)
        energy = embedded_atom_forces(
            wrapped, self._kind, SIGNS @ cell, self._start, self._index, self._image, t.cutoffs, t.pair,
            t.embedding, t.dr, t.drho, forces, energies, virial, self._work,
        )  # fmt: skip
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "energies": energies,
            "forces": forces,
            "stress": -virial / abs(np.linalg.det(cell)),
        }

    def _list_is_stale(self, atoms: Atoms) -> bool:
        if self._numbers is None or not np.array_equal(self._numbers, atoms.numbers):
            return True
        cell = np.asarray(atoms.cell)
        affine = np.linalg.solve(self._list_cell, cell)
        shrink = 1.0 - np.linalg.svd(affine, compute_uv=False)[-1]
        moved = atoms.positions - self._list_positions @ affine
        farthest = float(np.sqrt(np.einsum("ij,ij->i", moved, moved).max()))
        reach = self.tables.cutoffs.max() + self._list_skin
        return bool(2.0 * farthest + max(shrink, 0.0) * reach > self._list_skin)

    def _build_list(self, atoms: Atoms) -> None:
        cell = np.asarray(atoms.cell)
        heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
        cutoffs = self.tables.cutoffs
        if not all(atoms.pbc) or 2 * cutoffs.max() > heights.min():
            raise CutoffError(
                f"the cell must be periodic and at least twice the potential's cutoff ({cutoffs.max():.2f} Å) high, "
                f"got heights {heights.round(2).tolist()} Å: use more atoms"
            )
        try:
            self._kind = np.array([self.tables.species.index(s) for s in species_of(atoms)], dtype=np.int32)
        except ValueError:
            raise ZooError(
                f"potential {self.tables.name} knows {', '.join(self.tables.species)}, "
                f"the glass holds {', '.join(sorted(set(species_of(atoms))))}"
            ) from None
        self._list_skin = min(self.skin, heights.min() / 2 - cutoffs.max())
        self._wrap = np.floor(atoms.positions @ np.linalg.inv(cell))
        pairs = build_pairs(
            atoms.positions - self._wrap @ cell,
            self._kind,
            cell,
            np.ones(3, bool),
            cutoffs + self._list_skin,
            half=True,
        )
        self._start, self._index = pairs.start, pairs.index.astype(np.int32)
        image = pairs.image  # -1, 0 or 1 cells away, as the positions are wrapped
        self._image = (image[:, 0] * 9 + image[:, 1] * 3 + image[:, 2] + 13).astype(np.uint8)
        n_pairs = len(pairs.index) + 1  # a pair beyond the cutoff is written before it is dropped
        self._work = (
            np.empty((n_pairs, 3)),
            np.empty((n_pairs, 3)),
            np.empty(n_pairs, np.int32),
            np.empty(len(atoms) + 1, np.int64),
        )
        self._list_positions = atoms.positions.copy()
        self._list_cell = cell.copy()
        self._numbers = atoms.numbers.copy()

    def todict(self, skip_default: bool = True) -> dict[str, Any]:
        """Name and hash of the potential, for ASE's trajectories."""
        return {"potential": self.tables.name, "sha256": self.tables.sha256}
