"""Interstices: how much room is left between an atom and its neighbours if all of them are spheres.

Along a bond, ``r_ij / (R_i + R_j) - 1``; in a triangle of the convex hull of the neighbours, the part of its area that
no sphere covers; in the tetrahedron of that triangle and the atom, the part of its volume. The neighbours share a face
of the Voronoi tessellation that is not tiny. Four statistics of each say how uneven the shell is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets
from zoo.features.radii import FIELD, radii_of
from zoo.features.shell import STATISTICS, first_shell
from zoo.features.voronoi import declines_radical

if TYPE_CHECKING:
    from zoo.features.shell import Shell
    from zoo.glass import Glass

CUTOFF = 4.0
"""Å; neighbours by distance, as in the published set."""


def shell_columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """Statistics of distances, areas and volumes in the first shell."""
    what = ("distance", "area", "volume")
    return tuple(Column(f"{kind}_{name}", "1", f"{kind} interstice") for kind in what for name in STATISTICS)


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """The 12 of the shell and 4 of bonds within 4 Å, then the four statistics of each over the neighbours."""
    own = (*shell_columns(kinds), *(Column(f"distance4_{s}", "1", "distance interstice", CUTOFF) for s in STATISTICS))
    around = (
        Column(f"{column.name}_around_{name}", "1", f"{column.family} of neighbours", column.length)
        for column in own
        for name in STATISTICS
    )
    return (*own, *around)


def compute_shell(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Interstices of the first shell.

    Returns
    -------
    ndarray of shape (n_atoms, 12), float32, dimensionless
        Equal to matminer's ``IntersticeDistribution`` to 1e-6 if no face is dropped; that code drops none.
    """
    return describe_shell(first_shell(glass), radii_of(glass))[:, :12].astype(np.float32)


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """The published set of interstices, of the atom and around it.

    Returns
    -------
    ndarray of shape (n_atoms, 80), float32, dimensionless
        Where no other atom is within 4 Å, the columns of that distance are 0.

    References
    ----------
    Wang & Jain, Nat. Commun. 10, 5537 (2019); with neighbours by distance: Wang, Ding & Ma, npj Comput. Mater. 6, 194
    (2020).
    """
    from zoo.features.kernels.interstices import bond_interstices
    from zoo.features.kernels.statistics import neighbor_statistics, pair_statistics
    from zoo.neighbors import find_neighbors

    shell, near, radius = first_shell(glass), find_neighbors(glass, CUTOFF), radii_of(glass)
    own = describe_shell(shell, radius)[:, :12]
    by_distance = pair_statistics(near.start, bond_interstices(near.start, near.index, near.distance, radius))
    around = neighbor_statistics(shell.start, shell.neighbor, own)
    around_by_distance = neighbor_statistics(near.start, near.index, by_distance)
    return np.hstack([own, by_distance, around, around_by_distance]).astype(np.float32)


def describe_shell(shell: Shell, radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 12 columns of :func:`shell_columns` and the filled part of the hull, float64."""
    from zoo.features.kernels.interstices import bond_interstices, hull_interstices
    from zoo.features.kernels.polyhedron import working_space
    from zoo.features.kernels.statistics import pair_statistics

    bonds = bond_interstices(shell.start, shell.neighbor, shell.distance, radius)
    space = working_space(int(np.diff(shell.start).max()))
    hull = hull_interstices(shell.start, shell.neighbor, shell.vector, radius, space)
    return np.hstack([pair_statistics(shell.start, bonds), hull])


feature_sets.register(
    FeatureSet(
        name="interstice-shell",
        title="Interstices of the first shell: distance, area, volume",
        citation="Wang & Jain, Nat. Commun. 10, 5537 (2019)",
        version=1,
        columns=shell_columns,
        compute=compute_shell,
        smooth=False,
        needs=frozenset({"positions", "radii"}),
        fields=(FIELD,),
        declines=declines_radical,
    )
)
INTERSTICE = feature_sets.register(
    FeatureSet(
        name="interstice",
        title="Interstices of the first shell and of the neighbours' shells, by Voronoi faces and by distance",
        citation=(
            "Wang & Jain, Nat. Commun. 10, 5537 (2019); Wang, Ding & Ma, npj Comput. Mater. 6, 194 (2020); radii: "
            "Miracle et al., Int. Mater. Rev. 55, 218 (2010)"
        ),
        version=1,
        columns=columns,
        compute=compute,
        smooth=False,
        needs=frozenset({"positions", "radii"}),
        fields=(FIELD,),
        declines=declines_radical,
    )
)
