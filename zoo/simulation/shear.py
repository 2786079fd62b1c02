"""Athermal quasistatic shear: the glass is strained in small steps and minimised after each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

from zoo._files import atomic_write
from zoo.errors import RecipeError
from zoo.glass import Glass
from zoo.labels.nonaffine import local_deformation
from zoo.simulation.calculator import to_atoms
from zoo.simulation.minimize import minimize
from zoo.simulation.potentials import EmbeddedAtomTables


def _gradient(*entries: tuple[int, int, float]) -> NDArray[np.float64]:
    gradient = np.zeros((3, 3))
    for row, column, value in entries:
        gradient[row, column] = value
    return gradient


GRADIENTS = {
    "xy": _gradient((1, 0, 1.0)),
    "-xy": _gradient((1, 0, -1.0)),
    "xz": _gradient((2, 0, 1.0)),
    "yz": _gradient((2, 1, 1.0)),
    "xx": _gradient((0, 0, 0.5), (1, 1, -0.5)),
    "yy": _gradient((0, 0, -0.5), (1, 1, 0.5)),
}
"""Displacement gradient L of each direction of loading: a row vector x of the glass becomes x exp(strain L).

Simple shear ``xy``, ``xz`` and ``yz``, ``-xy`` against ``xy``; pure shear ``xx`` stretches along x and shrinks along y,
``yy`` the other way round. All have the same shear strain for the same number. In the xy plane the glass is stretched
along 45° (``xy``), 135° (``-xy``), 0° (``xx``) and 90° (``yy``) from x.
"""
LABELS = {
    "d2min": ("Å²", "non-affine displacement D2min, mean over neighbours within {cutoff} Å"),
    "von_mises": ("1", "von Mises local shear strain, neighbours within {cutoff} Å"),
    "displacement": ("Å", "length of the displacement beyond the affine one of the cell, mean displacement removed"),
}
"""Unit and description of each label."""


class ShearSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Quasistatic shear.

    ``planes`` of simple shear or other directions of ``GRADIENTS``, engineering strain per ``step``, ``strains`` at
    which atoms are labelled (the last one ends the run), ``force`` tolerance in eV/Å, ``cutoff`` of the labels'
    neighbourhoods in Å.
    """

    planes: list[str] = msgspec.field(default_factory=lambda: ["xy", "xz", "yz"])
    step: float = 1e-3
    strains: list[float] = msgspec.field(default_factory=lambda: [0.01, 0.02, 0.05, 0.10])
    force: float = 1e-4
    cutoff: float = 3.8


def check_schedule(schedule: ShearSchedule) -> None:
    """Refuse planes and strains that cannot be labelled.

    Raises
    ------
    RecipeError
    """
    for plane in schedule.planes:
        if plane not in GRADIENTS:
            raise RecipeError(f"a shear plane must be one of {', '.join(GRADIENTS)}, got {plane!r}")
    for strain in schedule.strains:
        steps = strain / schedule.step if schedule.step > 0 else 0.0
        if steps < 0.5 or abs(steps - round(steps)) > 1e-6 or abs(1000 * strain - round(1000 * strain)) > 1e-6:
            raise RecipeError(
                f"strains must be multiples of the step and of 0.001 (columns are named after them), got {strain:g} "
                f"with steps of {schedule.step:g}"
            )
    if not schedule.planes or not schedule.strains:
        raise RecipeError("shear needs at least one plane and one strain")


def label_name(quantity: str, plane: str, strain: float) -> str:
    """Name of a label column, such as ``d2min_xy_0.020``."""
    return f"{quantity}_{plane}_{strain:.3f}"


def shear(
    glass: Glass,
    schedule: ShearSchedule,
    tables: EmbeddedAtomTables,
    folder: Path,
    report: Callable[[float], None] = lambda fraction: None,
    length: str = "Å",
) -> tuple[Glass, dict[str, NDArray[np.float64]]]:
    """Shear a glass in every plane of the schedule, each time from the same start.

    Parameters
    ----------
    glass : Glass
        Minimised.
    schedule, tables
    folder : Path
        Keeps the planes that are done, so that a run that was killed does not repeat them.
    report : callable of the fraction done
    length : str
        Unit of the positions, and so of the labels.

    Returns
    -------
    labelled : Glass
        With a field ``<quantity>_<plane>_<strain>`` for each of ``LABELS``.
    stress_strain : dict of ndarray of shape (n_steps + 1, 2)
        Engineering strain and shear stress along it for each plane: GPa, energy per area of the potential in 2D.
    """
    check_schedule(schedule)
    labels: dict[str, tuple[NDArray[np.float64], str]] = {}
    curves = {}
    for number, plane in enumerate(schedule.planes):
        finished = folder / f"shear-{plane}.npz"
        if not finished.exists():

            def report_plane(fraction: float, before: int = number) -> None:
                report((before + fraction) / len(schedule.planes))

            result = _shear_plane(glass, plane, schedule, tables, report_plane)
            with atomic_write(finished) as stream:
                np.savez(stream, **result)  # type: ignore[arg-type, unused-ignore]
        with np.load(finished) as stored:
            curves[plane] = stored["stress_strain"]
            for strain in schedule.strains:
                for quantity, (unit, _) in LABELS.items():
                    name = label_name(quantity, plane, strain)
                    labels[name] = (stored[name], unit.replace("Å", length))
    for plane in schedule.planes:
        (folder / f"shear-{plane}.npz").unlink()
    return glass.with_fields(**labels), curves


def deformation(plane: str, strain: float) -> NDArray[np.float64]:
    """Deformation gradient, shape (3, 3): row vectors are multiplied by it from the right."""
    gradient = GRADIENTS[plane]
    stretch = np.diag(gradient)
    return np.asarray(np.diag(np.exp(strain * stretch)) + strain * (gradient - np.diag(stretch)))


def _shear_plane(
    glass: Glass,
    plane: str,
    schedule: ShearSchedule,
    tables: EmbeddedAtomTables,
    report: Callable[[float], None],
) -> dict[str, NDArray[np.float64]]:
    d = glass.dimension
    atoms = to_atoms(glass, tables, skin=0.6)
    cell = np.asarray(atoms.cell).copy()
    minimize(atoms, schedule.force)
    start = atoms.get_scaled_positions(wrap=False)
    curve = [[0.0, _shear_stress(atoms, plane, d == 2)]]
    result: dict[str, NDArray[np.float64]] = {}
    n_steps = round(max(schedule.strains) / schedule.step)
    labelled = {round(strain / schedule.step): strain for strain in schedule.strains}
    for number in range(1, n_steps + 1):
        atoms.set_cell(cell @ deformation(plane, number * schedule.step), scale_atoms=True)
        minimize(atoms, schedule.force)
        curve.append([number * schedule.step, _shear_stress(atoms, plane, d == 2)])
        if number in labelled:
            deformed = Glass(atoms.positions[:, :d], glass.species, np.asarray(atoms.cell)[:d, :d])
            local = local_deformation(glass, deformed, schedule.cutoff)
            result[label_name("d2min", plane, labelled[number])] = local.d2min
            result[label_name("von_mises", plane, labelled[number])] = local.von_mises
            result[label_name("displacement", plane, labelled[number])] = _displacement(start, atoms)
        report(number / n_steps)
    return {**result, "stress_strain": np.array(curve)}


def _displacement(start: NDArray[np.float64], atoms: Atoms) -> NDArray[np.float64]:
    """Length (Å) of each atom's move from where an affine deformation of the scaled ``start`` would have put it."""
    moved = (atoms.get_scaled_positions(wrap=False) - start) @ np.asarray(atoms.cell)
    moved -= moved.mean(axis=0)
    return np.asarray(np.sqrt((moved**2).sum(axis=1)))


def _shear_stress(atoms: Atoms, plane: str, flat: bool) -> float:
    """What does the work of the loading: GPa; in 2D the energy per area, whatever the height of the cell."""
    stress = float((atoms.get_stress(voigt=False) * GRADIENTS[plane]).sum())
    return stress * float(atoms.cell[2, 2]) if flat else stress / float(units.GPa)
