"""The one neighbour list that forces, labels and descriptors share.

A linked-cell search for any cell shape and any mix of periodic and open directions, 2D or 3D. It is compiled by
numba at first use (and cached on disk). On a dense glass it takes about 2 µs per atom at 5 Å and 7 µs at 10 Å.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo._compiled import njit
from zoo._linked_cells import Bins, Floats, Longs, search, sort_into_bins
from zoo.errors import CutoffError, GlassError
from zoo.glass import Glass

OVERLAP = 0.05
"""Two atoms closer than this (Å) are one atom written twice."""

BATCH = 500
"""Atoms of a batch: 4 MB of neighbours within 10 Å in a metal. More leave the processor's cache and are slower."""


MOST_NEIGHBORS, MOST_CELLS = 5_000, 100
"""Within 27 Å in a metal; images are counted by 8 bits."""


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
        ``cutoff`` (Å) exceeds half of the smallest height of the cell along a periodic direction; see also
        :func:`require_cutoff`.
    """
    require_cutoff(glass, cutoff)
    heights = glass.heights[glass.periodic]
    if len(heights) and cutoff > 0.5 * heights.min():
        raise CutoffError(
            f"a cutoff must not exceed half of the smallest height of the periodic cell, got {cutoff:g} Å in a cell "
            f"that allows {0.5 * heights.min():.2f} Å: use a larger glass or a shorter cutoff"
        )


def require_cutoff(glass: Glass, cutoff: float) -> None:
    """Refuse a cutoff (Å) that is no length, or that holds so much that it must be a mistake of units.

    Raises
    ------
    CutoffError
    """
    if not 0.0 < cutoff < np.inf:
        raise CutoffError(f"a cutoff must be a positive number of Å, got {cutoff}")
    sphere = np.pi * cutoff**2 if glass.dimension == 2 else 4 / 3 * np.pi * cutoff**3
    held = sphere * len(glass) / glass.volume
    cells = float((cutoff / glass.heights[glass.periodic]).max(initial=0.0))
    if held > MOST_NEIGHBORS or cells > MOST_CELLS:
        raise CutoffError(
            f"a sphere of neighbours may hold about {MOST_NEIGHBORS:,} atoms and reach over {MOST_CELLS} cells, but "
            f"one of {cutoff:g} Å holds {held:,.0f} and reaches over {cells:.0f}: check the unit of length "
            "(--length-scale), and whether an atom is far from all others"
        )


def find_neighbors(glass: Glass, cutoff: float) -> NeighborList:
    """All neighbours within ``cutoff`` of every atom; each pair appears from both sides.

    In a cell smaller than twice the cutoff, several images of an atom are neighbours, images of the atom itself too, as
    if the cell were written side by side; :func:`require_cutoff_fits` refuses that where it has no meaning.

    Parameters
    ----------
    glass : Glass
    cutoff : float, Å

    Raises
    ------
    CutoffError
        See :func:`require_cutoff`.
    GlassError
        Two atoms are on top of each other.
    """
    require_cutoff(glass, cutoff)
    bins = bins_of(glass, cutoff, cutoff / 2)
    neighbors = _pairs_of(bins, np.full((1, 1), float(cutoff)), False, True, bins.place)
    _refuse_overlap(neighbors, np.arange(len(glass)))
    return neighbors


def neighbor_batches(
    glass: Glass, cutoff: float, size: int = BATCH
) -> Iterator[tuple[NDArray[np.int32], NeighborList]]:
    """The neighbours of some atoms at a time, so that those of a large glass need not fit in memory at once.

    Batches follow each other through space, as atoms that are close share neighbours.

    Parameters
    ----------
    glass : Glass
    cutoff : float, Å
    size : int
        Atoms of a batch.

    Yields
    ------
    ndarray of shape (n_batch,), int32, and NeighborList
        The atoms of the batch, and their neighbours: row 0 belongs to the first of these atoms.

    Raises
    ------
    CutoffError, GlassError
        As :func:`find_neighbors`.
    """
    require_cutoff(glass, cutoff)
    bins = bins_of(glass, cutoff, cutoff / 2)
    for begin in range(0, max(len(glass), 1), max(size, 1)):
        places = np.arange(begin, min(begin + size, len(glass)))
        neighbors = _pairs_of(bins, np.full((1, 1), float(cutoff)), False, True, places)
        _refuse_overlap(neighbors, bins.atom[places])
        yield bins.atom[places], neighbors


def bins_of(glass: Glass, cutoff: float, edge: float) -> Bins:
    """Atoms sorted by bins of about ``edge`` (Å), for a search of those within ``cutoff`` (Å), which is not checked."""
    positions, cell, periodic = embed_in_3d(glass)
    return sort_into_bins(positions, np.zeros(len(glass), np.int32), cell, periodic, float(cutoff), float(edge))


def _refuse_overlap(neighbors: NeighborList, atoms: NDArray[np.integer]) -> None:
    pair = _closest(neighbors.vector)
    distance = np.linalg.norm(neighbors.vector[pair]) if pair >= 0 else np.inf
    if distance < OVERLAP:
        row = int(np.searchsorted(neighbors.start, pair, side="right")) - 1
        first, second = sorted((int(atoms[row]), int(neighbors.index[pair])))
        raise GlassError(
            f"atoms must be apart, but atoms {first} and {second} (counted from 0) are {distance:.2g} Å from each "
            "other: remove the duplicate or check cell and units"
        )


@njit(cache=True, no_cfunc_wrapper=True)
def _closest(vector: Floats) -> int:
    """Which vector is the shortest; -1 if there is none."""
    least, found = np.inf, -1
    for p in range(len(vector)):
        squared = vector[p, 0] ** 2 + vector[p, 1] ** 2 + vector[p, 2] ** 2
        if squared < least:
            least, found = squared, p
    return found


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
        Keep each pair once instead of from both sides, and leave ``vector`` empty: forces find it anew at every step.

    Returns
    -------
    NeighborList
        Its order depends only on the input.
    """
    reach = float(cutoff.max())
    bins = sort_into_bins(positions, kind, cell, periodic, reach, reach / 2)
    return _pairs_of(bins, cutoff, half, not half, bins.place)


def _pairs_of(bins: Bins, cutoff: Floats, half: bool, vectors: bool, places: Longs) -> NeighborList:
    """Pairs of the atoms at some places with all others; without vectors if these are not wanted."""
    start = np.zeros(len(places) + 1, np.int64)
    # room for a sphere's share of the cell and more; pages that are never written take no memory
    share = 2.0 * bins.reach / bins.n_bins
    share = np.where(bins.periodic, share, np.minimum(share, 1.0)).prod()
    room = 64 + int((0.4 if half else 0.8) * share * len(bins.atom) * len(places))
    while True:
        index = np.empty(room, np.int32)
        image = np.empty((room, 3), np.int8)
        vector = np.empty((room if vectors else 0, 3))
        n_pairs = search(bins, cutoff**2, half, places, start, index, image, vector)
        if n_pairs >= 0:
            return NeighborList(start, index[:n_pairs], vector[:n_pairs], image[:n_pairs])
        room *= 2
