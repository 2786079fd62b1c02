"""Short-range order in 18 classic numbers, and their statistics over the neighbours: the baseline of interstices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.features.combinations import over_neighbors
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets
from zoo.features.interstice import CUTOFF, describe_shell
from zoo.features.radii import FIELD, radii_of
from zoo.features.shell import shell_of
from zoo.features.voronoi import declines_radical

if TYPE_CHECKING:
    from zoo.glass import Glass

FEWEST, MOST = 3, 7
"""Edges of a face; one with more counts as having ``MOST``."""
FRANK_KASPER = ((12, 0), (12, 2), (12, 3), (12, 4))
"""(n5, n6) of the polyhedra without disclinations, all other numbers of edges absent."""


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """The same 18 for any species."""
    edges = range(FEWEST, MOST + 1)
    return (
        Column("coordination", "1", "coordination"),
        Column("coordination_4", "1", "coordination", CUTOFF),
        *(Column(f"n{edge}", "1", "symmetry") for edge in edges),
        *(Column(f"fold{edge}", "1", "symmetry") for edge in edges),
        Column("is_icosahedron", "1", "symmetry"),
        Column("is_frank_kasper", "1", "symmetry"),
        Column("q4", "1", "bond order"),
        Column("q6", "1", "bond order"),
        Column("cluster_packing", "1", "density"),
        Column("cell_packing", "1", "density"),
    )


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Short-range order.

    Returns
    -------
    ndarray of shape (n_atoms, 18), float32, dimensionless
        Neighbours by Voronoi faces and within 4 Å; numbers and parts of faces with 3, 4, 5, 6 and at least 7 edges;
        flags of <0 0 12 0> and of all Frank-Kasper polyhedra; q4 and q6 of bonds weighted by the area of their faces;
        the part of the hull of the neighbours, and of the own Voronoi cell, that spheres fill. The published list of 18
        is not stated column by column; these are the quantities that its authors name, one for each.

    References
    ----------
    Wang & Jain, Nat. Commun. 10, 5537 (2019); cluster packing: Yang et al., Phys. Rev. Lett. 109, 105502 (2012).
    """
    from zoo.features.kernels.harmonics import recurrence, second_order, sum_harmonics
    from zoo.features.kernels.tessellation import tessellate
    from zoo.neighbors import find_neighbors

    n_atoms = len(glass)
    cells, radius = tessellate(glass), radii_of(glass)
    shell, edges = shell_of(cells)
    coordination = np.diff(shell.start)
    center = np.repeat(np.arange(n_atoms), coordination)
    n_classes = MOST - FEWEST + 1
    at = n_classes * center + np.minimum(edges, MOST) - FEWEST
    index = np.bincount(at, minlength=n_classes * n_atoms).reshape(n_atoms, n_classes)
    only_five_and_six = (index[:, [0, 1, 4]] == 0).all(axis=1)
    frank_kasper = [(index[:, 2] == n5) & (index[:, 3] == n6) & only_five_and_six for n5, n6 in FRANK_KASPER]
    sums = sum_harmonics(cells.start, cells.vector, cells.area, recurrence(6))
    return np.column_stack(
        [
            coordination,
            find_neighbors(glass, CUTOFF).counts,
            index,
            index / np.maximum(coordination, 1)[:, None],
            frank_kasper[0],
            np.any(frank_kasper, axis=0),
            second_order(sums, np.array([4, 6])),
            describe_shell(shell, radius)[:, 12],
            4 / 3 * np.pi * radius**3 / cells.volume,
        ]
    ).astype(np.float32)


SRO = feature_sets.register(
    FeatureSet(
        name="sro",
        title="Short-range order: coordination, Voronoi faces, bond order, packing",
        citation="Wang & Jain, Nat. Commun. 10, 5537 (2019)",
        version=1,
        columns=columns,
        compute=compute,
        smooth=False,
        needs=frozenset({"positions", "radii"}),
        fields=(FIELD,),
        declines=declines_radical,
    )
)
SRO_MRO = feature_sets.register(over_neighbors(SRO, "sro-mro"))
