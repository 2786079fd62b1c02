"""Pairs of configurations, before and after a deformation, made into glasses with rearrangements as labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.card import ColumnCard
from zoo.errors import DatasetError, GlassMismatchError
from zoo.glass import Glass
from zoo.importers.folder import Import, Target
from zoo.importers.sources import (
    composition,
    doubtful_lengths,
    names_of,
    provenance,
    read_structure,
    related_glasses,
)
from zoo.neighbors import find_neighbors

SMALLEST = 1e-6
"""Å; displacements below it are no deformation."""

LARGEST_STRAIN = 0.5
"""Part by which a cell vector may change; more is a flip of the cell or another cell."""
WIDEST = 1.3
"""First minima of g(r) to which the cutoff may grow for the sake of atoms with few neighbours."""


def import_deformed(
    before: Sequence[Path],
    after: Sequence[Path],
    names: Sequence[str] = (),
    type_map: Mapping[int, str] | None = None,
    cutoff: float | None = None,
    format: str | None = None,
    frames: tuple[int, int] = (-1, -1),
    length_scale: float = 1.0,
) -> Import:
    """Read pairs of files and measure how each atom has rearranged in between.

    Parameters
    ----------
    before, after : sequences of Path
        One pair for each glass; LAMMPS dumps and data files, extxyz, POSCAR, CIF or npz. Atoms are matched by id.
    names : sequence of str
        Of the glasses; those of the files before by default.
    type_map : mapping of int to str, optional
        Symbol of each LAMMPS atom type.
    cutoff : float, Å, optional
        Of the neighbours; by default the first minimum of g(r), averaged over the glasses.
    format : str, optional
        Of all files; told from their names by default.
    frames : (int, int)
        Which frame to take of files before and after; the last by default.
    length_scale : float, Å
        One unit of length of the files.

    Returns
    -------
    Import
        Glasses as they were before, with the targets ``d2min`` (Å²), ``von_mises`` and ``displacement`` (Å).

    Raises
    ------
    DatasetError, FileFormatError, GlassError
        Files are missing, truncated or not the same atoms; nothing has moved; neighbours do not fix the labels.
    """
    if not before or len(before) != len(after):
        raise DatasetError(
            f"every file before deformation needs one after it, in the same order, got {len(before)} and {len(after)}"
        )
    names = names_of(before, names)
    references: dict[str, Glass] = {}
    deformed: dict[str, Glass] = {}
    remarks: list[str] = []
    for name, first, second in zip(names, before, after, strict=True):
        reference, ids = read_structure(first, format, type_map, frames[0], length_scale)
        changed, other_ids = read_structure(second, format, type_map, frames[1], length_scale)
        _require_same_atoms(f"{first} and {second}", reference, changed, ids, other_ids)
        if ids is None:
            remarks.append(f"{name}: the files state no atom ids, so atoms are matched by their order.")
        remarks += doubtful_lengths(name, reference)
        references[name], deformed[name] = reference, changed
    cutoff = cutoff or _common_minimum(references)
    glasses = {name: _labelled(name, references[name], deformed[name], cutoff) for name in names}
    origins, related = related_glasses(references)
    return Import(
        columns=_columns(cutoff),
        glasses=glasses,
        strata={name: composition(glass) for name, glass in references.items()},
        origins=origins,
        targets=[
            Target("d2min", "top-fraction", "Which atoms rearrange?", 0.1),
            Target("d2min", "log10", "How much does an atom rearrange?"),
        ],
        made={
            "cutoff": round(cutoff, 4),
            **{f"strain_{name}": _strain(references[name], deformed[name]) for name in names},
            **provenance(before, "before"),
            **provenance(after, "after"),
        },
        notes=[
            "Positions are those before deformation: what is to be predicted is the future of a structure.",
            *([f"Lengths of the files are multiplied by {length_scale:g} Å."] if length_scale != 1.0 else []),
        ],
        remarks=[*remarks, *(said for name, glass in glasses.items() for said in _strangers(name, glass)), *related],
    )


def _columns(cutoff: float) -> list[ColumnCard]:
    within = f"neighbours within {cutoff:.3g} Å before deformation"
    return [
        ColumnCard("d2min", "Å²", "target", f"non-affine displacement D2min, mean over {within}"),
        ColumnCard("von_mises", "1", "target", f"von Mises local shear strain, {within}"),
        ColumnCard(
            "displacement",
            "Å",
            "target",
            "length of the displacement beyond the homogeneous strain of the cell and drift",
        ),
    ]


def _require_same_atoms(
    where: str,
    reference: Glass,
    changed: Glass,
    ids: NDArray[np.int64] | None,
    other_ids: NDArray[np.int64] | None,
) -> None:
    """Refuse configurations of different atoms.

    Raises
    ------
    GlassMismatchError
    """
    if len(reference) != len(changed):
        raise GlassMismatchError(
            f"{where} must hold the same atoms, got {len(reference)} and {len(changed)}: dump all atoms in both"
        )
    if (ids is None) != (other_ids is None):
        raise GlassMismatchError(f"{where}: one states atom ids and the other does not, so atoms cannot be matched")
    if ids is not None and other_ids is not None and not np.array_equal(ids, other_ids):
        stranger = sorted(set(ids.tolist()) ^ set(other_ids.tolist()))[0]
        raise GlassMismatchError(f"{where} must hold the same atoms, but id {stranger} is in one of them only")
    if reference.dimension != changed.dimension:
        raise GlassMismatchError(
            f"{where} must have the same dimension, got {reference.dimension}, {changed.dimension}"
        )
    other = np.flatnonzero(reference.species != changed.species)
    if len(other):
        atom = int(other[0])
        what = f"the atom with id {int(ids[atom])}" if ids is not None else f"atom {atom} (counted from 0)"
        raise GlassMismatchError(
            f"{where} must hold the same atoms, but {what} is {reference.species[atom]} before and "
            f"{changed.species[atom]} after ({len(other)} differ): check the ids and the type map"
        )
    lengths = np.linalg.norm(reference.cell, axis=1)
    change = np.linalg.norm(changed.cell - reference.cell, axis=1) / lengths
    if change.max() > LARGEST_STRAIN:
        raise GlassMismatchError(
            f"{where}: a cell vector changes by {100 * change.max():.0f} % of its length, which is no deformation to "
            "learn from: are both the same glass, and was the cell flipped (LAMMPS: fix deform with flip no)?"
        )


def _common_minimum(references: Mapping[str, Glass]) -> float:
    """First minimum of g(r) in Å, averaged over the glasses, so that labels of all of them mean the same.

    Further out where an atom has too few neighbours within it: one atom in a void is no reason to stop.
    """
    from zoo.simulation.quality import first_shell

    first_minimum = cutoff = first_shell(list(references.values()))[1]
    for glass in references.values():
        while cutoff < WIDEST * first_minimum and (find_neighbors(glass, cutoff).counts <= glass.dimension).any():
            cutoff *= 1.02
    return cutoff


def _labelled(name: str, reference: Glass, changed: Glass, cutoff: float) -> Glass:
    from zoo.labels.nonaffine import local_deformation

    moved = _displacement(reference, changed)
    labels = local_deformation(reference, changed, cutoff)
    if moved.max() < SMALLEST and np.nanmax(labels.d2min) < SMALLEST**2:
        raise DatasetError(f"{name}: no atom has rearranged between before and after: are both the same file?")
    missing = int(np.isnan(labels.d2min).sum())
    if missing:
        raise DatasetError(
            f"{name}: every atom must have more neighbours than the glass has dimensions, on all sides, but {missing} "
            f"within {cutoff:.3g} Å have not: give a larger --cutoff"
        )
    return reference.with_fields(
        d2min=(labels.d2min, "Å²"), von_mises=(labels.von_mises, "1"), displacement=(moved, "Å")
    )


def _strangers(name: str, glass: Glass) -> list[str]:
    """A sentence if half of the atoms have changed places, as they have between two different glasses."""
    median = float(np.median(glass.fields["displacement"].values))
    spacing = (glass.volume / len(glass)) ** (1 / glass.dimension)
    if median < 0.5 * spacing:
        return []
    return [
        f"{name}: half of the atoms have moved by more than {median:.3g} Å, with {spacing:.3g} Å between atoms: are "
        "before and after states of the same glass?"
    ]


def _displacement(reference: Glass, changed: Glass) -> NDArray[np.float64]:
    """Length of each atom's displacement without the homogeneous strain of the cell and the mean, Å."""
    turns = changed.positions @ np.linalg.inv(changed.cell) - reference.positions @ np.linalg.inv(reference.cell)
    turns -= np.where(reference.periodic, np.rint(turns), 0.0)
    moved = turns @ changed.cell
    return np.asarray(np.linalg.norm(moved - moved.mean(axis=0), axis=1))


def _strain(reference: Glass, changed: Glass) -> str:
    """Largest component of the Green-Lagrange strain of the cell: ``xy 0.01`` after simple shear by 2 %."""
    gradient = np.linalg.solve(reference.cell, changed.cell)
    strain = 0.5 * (gradient @ gradient.T - np.eye(reference.dimension))
    row, column = np.unravel_index(int(np.abs(strain).argmax()), strain.shape)
    return f"{'xyz'[row]}{'xyz'[column]} {strain[row, column]:.4g} (Green-Lagrange)"
