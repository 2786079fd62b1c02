"""The one neighbour list that forces, labels and descriptors share.

A linked-cell search for any cell shape and any mix of periodic and open directions, 2D or 3D. It is compiled by
numba at first use (and cached on disk). On a dense glass it takes about 2 µs per atom at 5 Å.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from zoo.errors import CutoffError, GlassError
from zoo.glass import Glass

OVERLAP = 0.05
"""Two atoms closer than this (Å) are one atom written twice."""


@dataclass(frozen=True)
class NeighborList:
    """Neighbours of every atom, in compressed rows.

    Attributes
    ----------
    start : ndarray of shape (n_atoms + 1,), int64
        The neighbours of atom ``i`` are at ``start[i]:start[i + 1]``.
    index : ndarray of shape (n_pairs,), int32
        Neighbour atom.
    vector : ndarray of shape (n_pairs, 3), float64, Å
        From the atom to (the right image of) its neighbour; the third component is 0 in 2D.
    image : ndarray of shape (n_pairs, 3), int8
        Cell vectors to add to the neighbour's stored position to reach that image.
    """

    start: NDArray[np.int64]
    index: NDArray[np.int32]
    vector: NDArray[np.float64]
    image: NDArray[np.int8]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of neighbours of each atom, shape (n_atoms,)."""
        return np.diff(self.start)

    @property
    def center(self) -> NDArray[np.int64]:
        """The atom that each pair starts from, shape (n_pairs,)."""
        return np.repeat(np.arange(len(self.start) - 1), self.counts)

    @property
    def distance(self) -> NDArray[np.float64]:
        """Length of each vector, shape (n_pairs,), Å."""
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", self.vector, self.vector)))


def require_cutoff_fits(glass: Glass, cutoff: float) -> None:
    """Refuse a cutoff that would let an atom meet two images of the same neighbour.

    Raises
    ------
    CutoffError
        ``cutoff`` (Å) exceeds half of the smallest height of the cell along a periodic direction.
    """
    heights = glass.heights[glass.periodic]
    if len(heights) and cutoff > 0.5 * heights.min():
        raise CutoffError(
            f"a cutoff must not exceed half of the smallest height of the periodic cell, got {cutoff:g} Å in a cell "
            f"that allows {0.5 * heights.min():.2f} Å: use a larger glass or a shorter cutoff"
        )


def find_neighbors(glass: Glass, cutoff: float) -> NeighborList:
    """All neighbours within ``cutoff`` of every atom; each pair appears from both sides.

    Parameters
    ----------
    glass : Glass
    cutoff : float, Å

    Raises
    ------
    CutoffError
        See :func:`require_cutoff_fits`.
    GlassError
        Two atoms are on top of each other.
    """
    require_cutoff_fits(glass, cutoff)
    positions, cell, periodic = embed_in_3d(glass)
    neighbors = build_pairs(
        positions, np.zeros(len(glass), np.int32), cell, periodic, np.full((1, 1), float(cutoff)), half=False
    )
    squared = np.einsum("ij,ij->i", neighbors.vector, neighbors.vector)
    if len(squared) and squared.min() < OVERLAP**2:
        pair = int(squared.argmin())
        first = int(np.searchsorted(neighbors.start, pair, side="right")) - 1
        raise GlassError(
            f"atoms must be apart, but atoms {first} and {int(neighbors.index[pair])} (counted from 0) are "
            f"{np.sqrt(squared[pair]):.2g} Å from each other: remove the duplicate or check cell and units"
        )
    return neighbors


def embed_in_3d(glass: Glass) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Positions (n, 3), cell (3, 3) and periodicity (3,) of a glass, with an open third direction in 2D."""
    if glass.dimension == 3:
        return glass.positions, glass.cell, glass.periodic
    positions = np.zeros((len(glass), 3))
    positions[:, :2] = glass.positions
    cell = np.eye(3)
    cell[:2, :2] = glass.cell
    return positions, cell, np.array([*glass.periodic, False])


def build_pairs(
    positions: NDArray[np.float64],
    kind: NDArray[np.int32],
    cell: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    cutoff: NDArray[np.float64],
    half: bool,
) -> NeighborList:
    """Pairs closer than a cutoff that may depend on the two species; nothing is checked.

    Parameters
    ----------
    positions : ndarray of shape (n, 3), Å
    kind : ndarray of shape (n,), int32
        Row and column of each atom in ``cutoff``.
    cell : ndarray of shape (3, 3), Å
    periodic : ndarray of shape (3,), bool
    cutoff : ndarray of shape (n_kinds, n_kinds), Å
    half : bool
        Keep each pair once instead of from both sides.

    Returns
    -------
    NeighborList
        Its order depends only on the input.
    """
    return NeighborList(
        *_build_pairs(
            np.ascontiguousarray(positions), kind, np.ascontiguousarray(cell), np.linalg.inv(cell), periodic, cutoff, half
        )
    )


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _build_pairs(positions, kind, cell, inverse, periodic, cutoff, half):  # type: ignore[no-untyped-def]
    """Pairs closer than a cutoff that depends on the two species.

    Parameters
    ----------
    See :func:`build_pairs`; ``inverse`` is the inverse of ``cell``.
    """
    n = positions.shape[0]
    largest = cutoff.max()
    # fractional coordinates, wrapped where periodic; ``wrap`` remembers by how many cells
    fractional = np.empty((n, 3))
    wrap = np.zeros((n, 3), np.int64)
    low = np.zeros(3)
    span = np.ones(3)
    for k in range(3):
        for i in range(n):
            value = (
                positions[i, 0] * inverse[0, k] + positions[i, 1] * inverse[1, k] + positions[i, 2] * inverse[2, k]
            )
            if periodic[k]:
                wrap[i, k] = int(np.floor(value))
                value -= wrap[i, k]
            fractional[i, k] = value
        if not periodic[k]:
            low[k] = fractional[:, k].min()
            span[k] = max(fractional[:, k].max() - low[k], 1e-9)
    # bins of about half the cutoff, so that fewer far pairs are looked at
    n_bins = np.empty(3, np.int64)
    reach = np.empty(3, np.int64)
    for k in range(3):
        height = span[k] / np.sqrt(inverse[0, k] ** 2 + inverse[1, k] ** 2 + inverse[2, k] ** 2)
        n_bins[k] = min(64, max(1, int(2.0 * height / largest)))
        reach[k] = int(np.ceil(largest * n_bins[k] / height - 1e-12)) if periodic[k] else min(
            n_bins[k] - 1, int(np.ceil(largest * n_bins[k] / height - 1e-12))
        )
    total = n_bins[0] * n_bins[1] * n_bins[2]
    bin_of = np.empty((n, 3), np.int64)
    first = np.zeros(total + 1, np.int64)
    for i in range(n):
        for k in range(3):
            bin_of[i, k] = min(n_bins[k] - 1, int((fractional[i, k] - low[k]) / span[k] * n_bins[k]))
        first[(bin_of[i, 0] * n_bins[1] + bin_of[i, 1]) * n_bins[2] + bin_of[i, 2] + 1] += 1
    for b in range(total):
        first[b + 1] += first[b]
    # atoms sorted by bin, with wrapped Cartesian positions
    fill = first.copy()
    atom = np.empty(n, np.int32)
    place = np.empty((n, 3))
    sorted_kind = np.empty(n, np.int32)
    for i in range(n):
        b = (bin_of[i, 0] * n_bins[1] + bin_of[i, 1]) * n_bins[2] + bin_of[i, 2]
        p = fill[b]
        fill[b] += 1
        atom[p] = i
        sorted_kind[p] = kind[i]
        for c in range(3):
            place[p, c] = (
                positions[i, c] - wrap[i, 0] * cell[0, c] - wrap[i, 1] * cell[1, c] - wrap[i, 2] * cell[2, c]
            )
    position_of = np.empty(n, np.int64)
    for p in range(n):
        position_of[atom[p]] = p

    squared = cutoff**2
    capacity = max(64, 40 * n)
    index = np.empty(capacity, np.int32)
    image = np.empty((capacity, 3), np.int8)
    vector = np.empty((capacity, 3))
    start = np.zeros(n + 1, np.int64)
    count = 0
    for i in range(n):
        p = position_of[i]
        x, y, z = place[p, 0], place[p, 1], place[p, 2]
        # a half list looks only at bins ahead of the atom's own
        for da in range(0 if half else -reach[0], reach[0] + 1):
            a = bin_of[i, 0] + da
            turn_a = a // n_bins[0]
            if turn_a != 0 and not periodic[0]:
                continue
            for db in range(0 if half and da == 0 else -reach[1], reach[1] + 1):
                b = bin_of[i, 1] + db
                turn_b = b // n_bins[1]
                if turn_b != 0 and not periodic[1]:
                    continue
                for dc in range(0 if half and da == 0 and db == 0 else -reach[2], reach[2] + 1):
                    c = bin_of[i, 2] + dc
                    turn_c = c // n_bins[2]
                    if turn_c != 0 and not periodic[2]:
                        continue
                    own = da == 0 and db == 0 and dc == 0
                    sx = x - turn_a * cell[0, 0] - turn_b * cell[1, 0] - turn_c * cell[2, 0]
                    sy = y - turn_a * cell[0, 1] - turn_b * cell[1, 1] - turn_c * cell[2, 1]
                    sz = z - turn_a * cell[0, 2] - turn_b * cell[1, 2] - turn_c * cell[2, 2]
                    bin_index = (
                        (a - turn_a * n_bins[0]) * n_bins[1] + b - turn_b * n_bins[1]
                    ) * n_bins[2] + c - turn_c * n_bins[2]
                    for q in range(first[bin_index], first[bin_index + 1]):
                        dx, dy, dz = place[q, 0] - sx, place[q, 1] - sy, place[q, 2] - sz
                        if dx * dx + dy * dy + dz * dz >= squared[kind[i], sorted_kind[q]]:
                            continue
                        j = atom[q]
                        if own and (j == i or (half and j < i)):
                            continue
                        if count == capacity:
                            capacity *= 2
                            index = _longer(index, capacity)
                            image = _longer_rows(image, capacity)
                            vector = _longer_rows(vector, capacity)
                        index[count] = j
                        image[count, 0] = turn_a + wrap[i, 0] - wrap[j, 0]
                        image[count, 1] = turn_b + wrap[i, 1] - wrap[j, 1]
                        image[count, 2] = turn_c + wrap[i, 2] - wrap[j, 2]
                        vector[count, 0], vector[count, 1], vector[count, 2] = dx, dy, dz
                        count += 1
        start[i + 1] = count
    return start, index[:count].copy(), vector[:count].copy(), image[:count].copy()


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _longer(array, capacity):  # type: ignore[no-untyped-def]
    longer = np.empty(capacity, array.dtype)
    longer[: len(array)] = array
    return longer


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _longer_rows(array, capacity):  # type: ignore[no-untyped-def]
    longer = np.empty((capacity, array.shape[1]), array.dtype)
    longer[: len(array)] = array
    return longer
