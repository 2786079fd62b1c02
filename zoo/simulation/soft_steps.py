"""What the steps ``swap`` and ``wells`` leave behind: glasses of soft spheres, a table of pairs, paths, structures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo._files import atomic_write
from zoo.datasets.card import ColumnCard, TableCard
from zoo.glass import Glass

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.simulation.recipe import Recipe
    from zoo.simulation.steps import Job
    from zoo.simulation.wells import LabelledPairs

NO_DOUBLE_WELL = "pairs that are no double well"
QUANTUM = 1e-4
"""σ; displacements of the published structures are whole multiples of it."""
STRUCTURES = "structures.npz"


def run_swap(job: Job) -> Glass:
    """A glass prepared by swap Monte Carlo."""
    from zoo.simulation.soft_spheres import prepare

    plan = job.plan
    n_atoms = sum(plan.composition.atoms.values())
    made = prepare(n_atoms, plan.temperature, job.recipe.swap, plan.seed, job.folder, job.report)
    return made.with_metadata(id=plan.id, stratum=plan.stratum, seed=plan.seed, temperature=plan.temperature)


def swap_columns(recipe: Recipe) -> list[ColumnCard]:
    """Fields of the glasses."""
    return [ColumnCard("diameter", "σ", "feature", "diameter of the sphere", "composition")]


def run_wells(job: Job) -> Glass:
    """Pairs of inherent structures near the glass, labelled; leaves ``pairs``, ``paths`` and the structures."""
    from zoo.simulation.wells import label_wells

    glass, found = label_wells(job.start, job.recipe.wells, job.plan.seed, job.folder, job.report)
    _write_pairs(found, job.plan.temperature, job.folder / "pairs.parquet")
    _write_paths(found, job.folder / "paths.parquet")
    write_structures(found, glass, job.folder / STRUCTURES)
    for checkpoint in job.folder.glob("wells-*-checkpoint.npz"):
        checkpoint.unlink()
    return glass


def _write_pairs(found: LabelledPairs, temperature: float, path: Path) -> None:
    import pandas as pd

    rows = [{**row, "T": temperature} for row in found.rows]
    table = pd.DataFrame(rows, columns=[column.name for column in PAIR_COLUMNS if column.name != "glass"])
    with atomic_write(path) as stream:
        table.to_parquet(stream, index=False, compression="zstd")


def _write_paths(found: LabelledPairs, path: Path) -> None:
    import pandas as pd

    lengths = [len(profile.energy) for profile in found.paths]
    points = {
        "i": np.repeat(np.array([row["i"] for row in found.rows], np.int64), lengths),
        "j": np.repeat(np.array([row["j"] for row in found.rows], np.int64), lengths),
        "coordinate": np.array([s for profile in found.paths for s in profile.coordinate], np.float32),
        "energy": np.array([e - profile.inside[0] for profile in found.paths for e in profile.energy], np.float32),
    }
    with atomic_write(path) as stream:
        pd.DataFrame(points).to_parquet(stream, index=False, compression="zstd")


def write_structures(found: LabelledPairs, glass: Glass, path: Path) -> None:
    """Inherent structures as displacements from the glass, in units of ``QUANTUM``."""
    names = sorted(found.structures)
    moved = np.array([found.structures[name] - glass.positions for name in names])
    arrays = {
        "name": np.array(names, np.int32),
        "energy": np.array([found.energies[name] for name in names]),
        "displacement": np.rint(moved / QUANTUM).astype(np.int16),
    }
    with atomic_write(path) as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def read_structures(path: Path, glass: Glass) -> dict[int, Glass]:
    """Inherent structures by the names that the table of pairs gives them, good to ``QUANTUM / 2`` in each coordinate.

    Parameters
    ----------
    path : Path
        ``structures/<glass>.npz`` of the data set.
    glass : Glass
        The glass of that name.
    """
    with np.load(path) as stored:
        return {
            int(name): Glass(
                glass.positions + QUANTUM * moved, glass.species, glass.cell, glass.periodic, glass.fields
            ).with_metadata(structure=int(name), energy=float(energy))
            for name, energy, moved in zip(stored["name"], stored["energy"], stored["displacement"], strict=True)
        }


PAIR_COLUMNS = [
    ColumnCard("glass", "1", "group", "glass (independent preparation) that both states belong to"),
    ColumnCard("i", "1", "state", "inherent structure of lower energy, named by the rank of its energy in its glass"),
    ColumnCard("j", "1", "state", "inherent structure of higher energy"),
    *(
        ColumnCard(f"displacement_{rank}", "σ", "feature", text, "displacement")
        for rank, text in enumerate(
            (
                "largest displacement of a particle between the two inherent structures",
                "second largest displacement",
                "third largest displacement",
            )
        )
    ),
    ColumnCard("Delta_E", "ε", "feature", "difference of the two energies, whole glass", "energy"),
    ColumnCard(
        "0to1", "σ", "feature", "distance between the particles that move most and second most, halfway", "geometry"
    ),
    ColumnCard(
        "0to2", "σ", "feature", "distance between the particles that move most and third most, halfway", "geometry"
    ),
    ColumnCard(
        "total_displacement", "σ", "feature", "square root of the sum of all squared displacements", "displacement"
    ),
    ColumnCard("PR", "1", "feature", "participation ratio of the displacement", "displacement"),
    ColumnCard(
        "Tij", "1", "feature", "transitions counted from the first to the second state in the dynamics", "dynamics"
    ),
    ColumnCard("Tji", "1", "feature", "transitions counted from the second to the first state", "dynamics"),
    ColumnCard(
        "is_dw",
        "1",
        "target",
        "1 if the minimum-energy path between the two states has one barrier and no third minimum, else 0",
    ),
    ColumnCard("barrier", "ε", "target", "highest energy of the path above its lower end", missing=NO_DOUBLE_WELL),
    ColumnCard(
        "asymmetry",
        "ε",
        "identity",
        "difference of the energies of the two wells: the feature Delta_E, therefore no target",
        missing=NO_DOUBLE_WELL,
    ),
    ColumnCard(
        "quantum_splitting",
        "ε",
        "target",
        "E1 - E0 of the one-dimensional Schrödinger equation along the minimum-energy path",
        missing=NO_DOUBLE_WELL,
    ),
    ColumnCard("T", "ε", "identity", "preparation temperature of the glass"),
]


def well_tables(recipe: Recipe) -> list[TableCard]:
    """The table of pairs, which is the main content, and the paths behind its labels."""
    schedule = recipe.wells
    return [
        TableCard("pairs", "pairs.parquet", "pairs of inherent structures, one a row", PAIR_COLUMNS),
        TableCard(
            "paths",
            "paths.parquet",
            f"energy along the minimum-energy path of each pair ({schedule.images} images) and straight on beyond both "
            "ends: from it splittings for any other ħ or mass follow",
            [
                *PAIR_COLUMNS[:3],
                ColumnCard("coordinate", "σ", "identity", "mass-weighted length from state i for unit masses"),
                ColumnCard("energy", "ε", "identity", "energy above that of state i"),
            ],
        ),
    ]
