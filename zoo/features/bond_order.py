"""Bond-orientational order: how the neighbours of an atom are arranged, whatever the orientation.

Neighbours share a Voronoi face, and each bond counts by the area of its face: so the plain parameters change smoothly
when a neighbour comes or goes, unlike those of neighbours within a distance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.features.conditions import declines_unless_bulk
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets

if TYPE_CHECKING:
    from zoo.glass import Glass

DEGREES = tuple(range(2, 13))
EVEN = tuple(range(2, 13, 2))
"""Those whose third-order invariant is not always 0."""
SHELLS = 2
"""Times that the second-order parameters are averaged over neighbours again."""


def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
    """q and w plain, q and w of harmonics averaged over neighbours, q averaged over neighbours once and twice."""
    names = [*(f"q{degree}" for degree in DEGREES), *(f"w{degree}" for degree in EVEN)]
    return (
        *(Column(name, "1", "bond order") for name in names),
        *(Column(f"{name}_averaged", "1", "bond order of neighbours") for name in names),
        *(
            Column(f"q{degree}_shell{shell}", "1", "bond order of neighbours")
            for shell in range(1, SHELLS + 1)
            for degree in DEGREES
        ),
    )


def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
    """Bond-orientational order parameters.

    Returns
    -------
    ndarray of shape (n_atoms, 56), float32, dimensionless
        ``q`` and ``w`` of the mean harmonics of an atom's bonds, each weighted by the area of its face; the same of
        harmonics averaged over the atom and all its neighbours alike (Lechner & Dellago); plain ``q`` averaged over
        the neighbours without the atom, by area, and averaged so again (Boattini et al. average with weights that fall
        with the distance). Equal to freud's ``Steinhardt``: ``q`` to 3e-5, ``w`` to 1e-3 where ``q`` > 0.05, in single
        precision there.

    References
    ----------
    Steinhardt, Nelson & Ronchetti, Phys. Rev. B 28, 784 (1983); Mickel, Kapfer, Schröder-Turk & Mecke, J. Chem. Phys.
    138, 044501 (2013); Lechner & Dellago, J. Chem. Phys. 129, 114707 (2008); Boattini, Smallenburg & Filion, Phys. Rev.
    Lett. 127, 088007 (2021).
    """
    from zoo.features.kernels.harmonics import average_over_neighbors, recurrence, sum_harmonics
    from zoo.features.kernels.statistics import neighbor_means
    from zoo.features.kernels.tessellation import tessellate

    cells = tessellate(glass)
    sums = sum_harmonics(cells.start, cells.vector, cells.area, recurrence(DEGREES[-1]))
    plain = _invariants(sums)
    averaged = _invariants(average_over_neighbors(cells.start, cells.neighbor, sums))
    shells = [plain[:, : len(DEGREES)]]
    for _ in range(SHELLS):
        shells.append(neighbor_means(cells.start, cells.neighbor, cells.area, shells[-1]))
    return np.hstack([plain, averaged, *shells[1:]]).astype(np.float32)


def _invariants(sums: np.ndarray) -> np.ndarray:
    from zoo.features.kernels.harmonics import second_order, third_order, triples

    second = second_order(sums, np.array(DEGREES))
    return np.column_stack([second, *(third_order(sums, degree, triples(degree)) for degree in EVEN)])


BOND_ORDER = feature_sets.register(
    FeatureSet(
        name="bond-order",
        title="Bond-orientational order, plain, averaged over neighbours and in shells",
        citation=(
            "Steinhardt, Nelson & Ronchetti, Phys. Rev. B 28, 784 (1983); Lechner & Dellago, J. Chem. Phys. 129, "
            "114707 (2008); Boattini, Smallenburg & Filion, Phys. Rev. Lett. 127, 088007 (2021)"
        ),
        version=1,
        columns=columns,
        compute=compute,
        smooth=False,
        declines=declines_unless_bulk,
    )
)
