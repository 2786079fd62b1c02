"""Voronoi and radical tessellation of a periodic glass.

The cell of an atom starts as a cube and is cut by one plane per neighbour, nearest neighbour first. It is
complete when no farther atom can reach it: the plane of an atom at distance ``r`` is at least
``(r - slack / r) / 2`` away, with ``slack`` the largest squared radius minus the own one (0 without radii),
and that grows with ``r``.

A cell is a polyhedron with three faces at every corner. For each corner it keeps the position, the three
planes (counterclockwise from outside), and the corner at the other end of the edge between each plane and
the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from zoo.errors import CutoffError, GlassError
from zoo.glass import Glass
from zoo.neighbors import NeighborList, find_neighbors

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]
Longs = NDArray[np.int64]

SHORTEST_EDGE = 1e-6
"""Å; where more than three faces meet in one corner, rounding leaves edges far shorter than this."""

FIRST_REACH = 2.3
"""First search radius over (volume per atom)^(1/3): 6 Å in Cu-Zr; all cells of a dense glass need less."""

NEXT_REACH = 1.3
"""Factor by which the search radius grows for the cells that could still be cut."""

SLIVER = 1e-10
"""A cut that takes off less than this fraction of the neighbour's distance is rounding, not a cut."""

_NEXT = (1, 2, 0)
"""The next of the three planes or edges of a corner."""

# functions that only other compiled functions call compile faster without an entry for Python
_njit_inner = njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@dataclass(frozen=True)
class Tessellation:
    """Cells and faces of all atoms, faces in compressed rows.

    Attributes
    ----------
    start : ndarray of shape (n_atoms + 1,), int64
        The faces of atom ``i`` are at ``start[i]:start[i + 1]``, nearest neighbour first.
    neighbor : ndarray of shape (n_faces,), int32
        Atom on the other side of the face; it appears twice if two of its images share a face with ``i``.
    n_edges : ndarray of shape (n_faces,), int32
        Edges longer than ``shortest_edge`` of :func:`tessellate`.
    area : ndarray of shape (n_faces,), float64, Å²
    distance : ndarray of shape (n_faces,), float64, Å
        From the atom to the neighbour.
    volume : ndarray of shape (n_atoms,), float64, Å³
        0 for an atom whose radical cell is empty; it has no faces.
    """

    start: Longs
    neighbor: Integers
    n_edges: Integers
    area: Floats
    distance: Floats
    volume: Floats

    @property
    def center(self) -> Longs:
        """The atom that each face belongs to, shape (n_faces,)."""
        return np.repeat(np.arange(len(self.volume)), np.diff(self.start))


def tessellate(
    glass: Glass, radii: Floats | None = None, shortest_edge: float = SHORTEST_EDGE
) -> Tessellation:
    """Divide the space of a glass into one convex cell per atom.

    Parameters
    ----------
    glass : Glass
        3D and periodic in all directions; any cell shape.
    radii : ndarray of shape (n_atoms,), Å, optional
        With radii, two atoms are divided by their radical plane, from which the tangents to both spheres are
        equally long; without, by the plane halfway (Voronoi). A small atom deep inside a large one can get an
        empty cell: volume 0 and no faces.
    shortest_edge : float, Å
        Edges up to this length are not counted, and a face with fewer than three longer ones is left out
        (volumes stay complete). By default, this only makes a corner where more than three faces meet
        count as one corner. In a crystal with displacements of 0.02 Å, 0.3 Å does so.

    Returns
    -------
    Tessellation

    Raises
    ------
    CutoffError
        The periodic cell is too small to tell whether a Voronoi cell is complete.
    GlassError
        The glass is 2D or has an open direction, ``radii`` does not fit, or two atoms are on top of each
        other.

    References
    ----------
    Finney, Proc. R. Soc. Lond. A 319, 479 (1970); Gellatly & Finney, J. Non-Cryst. Solids 50, 313 (1982).
    """
    _require_bulk(glass)
    weight = _squared_radii(glass, radii)
    largest_cutoff = 0.5 * float(glass.heights.min())
    cutoff = min(FIRST_REACH * (glass.volume / len(glass)) ** (1 / 3), largest_cutoff)
    atoms = np.arange(len(glass))
    batches: list[_Batch] = []
    while True:
        batches.append(_cells_of(atoms, find_neighbors(glass, cutoff), weight, cutoff, shortest_edge))
        atoms = batches[-1].open_atoms
        if not len(atoms):
            return _join(batches, len(glass))
        if cutoff >= largest_cutoff:
            raise CutoffError(
                "a tessellation must not look farther than half of the smallest height of the periodic cell, "
                f"{largest_cutoff:.2f} Å, but this leaves the Voronoi cells of {len(atoms)} of {len(glass)} "
                f"atoms open (first: atom {atoms[0]}, counted from 0): use a larger glass, or repeat this one"
            )
        cutoff = min(NEXT_REACH * cutoff, largest_cutoff)


def _require_bulk(glass: Glass) -> None:
    if glass.dimension != 3:
        raise GlassError(
            f"a tessellation needs a 3D glass, got {glass.dimension}D: choose a descriptor for 2D"
        )
    if not glass.periodic.all():
        raise GlassError(
            "a tessellation needs a glass that is periodic in all directions (surface cells have no end), "
            f"got {glass.periodic.tolist()}: choose a descriptor with a fixed cutoff"
        )


def _squared_radii(glass: Glass, radii: Floats | None) -> Floats:
    if radii is None:
        return np.zeros(len(glass))
    radii = np.asarray(radii, dtype=np.float64)
    if radii.shape != (len(glass),):
        raise GlassError(
            f"radii must give one number in Å for each of the {len(glass)} atoms, got shape {radii.shape}: "
            "give an array in the order of the atoms, such as radii_of(glass.species)"
        )
    bad = np.flatnonzero(~(np.isfinite(radii) & (radii >= 0)))
    if len(bad):
        raise GlassError(
            f"radii must be finite and not negative, but atom {bad[0]} (counted from 0) has "
            f"{radii[bad[0]]} Å: check where they come from"
        )
    return radii**2


class _Batch(NamedTuple):
    """Cells completed with one search radius; ``n_faces`` and ``volume`` are those of ``atoms``, in order."""

    open_atoms: Longs
    atoms: Longs
    n_faces: Longs
    volume: Floats
    neighbor: Integers
    n_edges: Integers
    area: Floats
    distance: Floats


def _cells_of(
    atoms: Longs, neighbors: NeighborList, weight: Floats, cutoff: float, shortest_edge: float
) -> _Batch:
    most = int(neighbors.counts[atoms].max())
    n_faces, volume, total, *faces = _build_cells(
        atoms,
        neighbors.start,
        neighbors.index,
        neighbors.vector,
        weight,
        weight.max(),
        cutoff,
        shortest_edge,
        _working_space(most),
    )
    complete = n_faces >= 0
    return _Batch(
        atoms[~complete],
        atoms[complete],
        n_faces[complete],
        volume[complete],
        *(column[:total].copy() for column in faces),
    )


def _join(batches: list[_Batch], n_atoms: int) -> Tessellation:
    """All batches as one tessellation, in the order of the atoms."""
    _, atoms, n_faces, volume, neighbor, n_edges, area, distance = (
        np.concatenate(parts) for parts in zip(*batches, strict=True)
    )
    start = np.zeros(n_atoms + 1, np.int64)
    start[atoms + 1] = n_faces
    volume_of = np.empty(n_atoms)
    volume_of[atoms] = volume
    faces = np.argsort(np.repeat(atoms, n_faces), kind="stable") if len(batches) > 1 else slice(None)
    return Tessellation(
        np.cumsum(start), neighbor[faces], n_edges[faces], area[faces], distance[faces], volume_of
    )


class _Polyhedron(NamedTuple):
    """Working space for one cell, used again for every atom.

    A point ``x`` is inside if ``normal · x <= offset`` for every plane; planes 0 to 5 are the starting cube.
    """

    plane: Floats  # (planes, 4): normal = vector to the neighbour in Å, offset in Å²
    source: Longs  # (planes,): neighbour pair that the plane comes from
    n_edges: Integers  # (planes,)
    area: Floats  # (planes,), Å²
    corner: Floats  # (3, corners), Å from the atom
    planes_at: Integers  # (corners, 3), counterclockwise from outside
    across: Integers  # (corners, 3): corner at the other end of the edge between planes k and k + 1
    height: Floats  # (corners,): how far the corner sticks out of the plane that cuts, times the normal, Å²
    removed: Integers  # (corners,): corners that are cut off, ascending
    rim: Integers  # (corners, 4): edges that are cut: both planes, corner that stays, next such edge
    rim_corner: Floats  # (3, corners): where they are cut, Å
    rim_at: Integers  # (planes,): which of them has the plane as its first
    queue: Integers  # (neighbours,): heap of neighbours that have not cut yet, nearest on top
    squared: Floats  # (neighbours,): squared distances, Å²


def _working_space(n_neighbors: int) -> _Polyhedron:
    planes = n_neighbors + 6
    corners = 2 * planes  # a polyhedron with three faces at every corner has 2 * faces - 4 of them
    return _Polyhedron(
        plane=np.empty((planes, 4)),
        source=np.empty(planes, np.int64),
        n_edges=np.empty(planes, np.int32),
        area=np.empty(planes),
        corner=np.empty((3, corners)),
        planes_at=np.empty((corners, 3), np.int32),
        across=np.empty((corners, 3), np.int32),
        height=np.empty(corners),
        removed=np.empty(corners, np.int32),
        rim=np.empty((corners, 4), np.int32),
        rim_corner=np.empty((3, corners)),
        rim_at=np.empty(planes, np.int32),
        queue=np.empty(n_neighbors, np.int32),
        squared=np.empty(n_neighbors),
    )


@njit(cache=True)
def _build_cells(
    atoms: Longs,
    start: Longs,
    index: Integers,
    vector: Floats,
    weight: Floats,
    largest_weight: float,
    cutoff: float,
    shortest_edge: float,
    cell: _Polyhedron,
) -> tuple[Longs, Floats, int, Integers, Integers, Floats, Floats]:
    """Cells of ``atoms`` from their neighbours within ``cutoff``.

    Returns
    -------
    n_faces : (len(atoms),), int64; -1 where the cell could still be cut
    volume : (len(atoms),), float64, Å³
    total : int, the length up to which the other arrays are filled
    neighbor, n_edges, area, distance : per face of the complete cells, in the order of ``atoms``
    """
    n_faces = np.empty(len(atoms), np.int64)
    volume = np.empty(len(atoms))
    # a cell has no more faces than neighbours; pages of these arrays that are never written take no memory
    neighbor = np.empty(len(index), np.int32)
    n_edges = np.empty(len(index), np.int32)
    area = np.empty(len(index))
    distance = np.empty(len(index))
    total = 0
    for a in range(len(atoms)):
        i = atoms[a]
        n_faces[a] = -1
        volume[a] = 0.0
        slack = largest_weight - weight[i]
        n_planes, n_corners, complete = _carve(
            i, start[i], start[i + 1], index, vector, weight, slack, cutoff, cell
        )
        if not complete:
            continue
        n_faces[a] = 0
        _measure(n_planes, n_corners, shortest_edge, cell)
        for p in range(6, n_planes):
            apart = np.sqrt(_squared_normal(cell.plane, p))
            volume[a] += cell.area[p] * cell.plane[p, 3] / (3.0 * apart)
            if cell.n_edges[p] >= 3:
                neighbor[total] = index[cell.source[p]]
                n_edges[total] = cell.n_edges[p]
                area[total] = cell.area[p]
                distance[total] = apart
                n_faces[a] += 1
                total += 1
    return n_faces, volume, total, neighbor, n_edges, area, distance


@_njit_inner
def _carve(
    i: int,
    begin: int,
    end: int,
    index: Integers,
    vector: Floats,
    weight: Floats,
    slack: float,
    cutoff: float,
    cell: _Polyhedron,
) -> tuple[np.int64, np.int64, bool]:
    """Cell of atom ``i`` from the pairs ``begin:end``: planes, corners (0 if it is empty), is it complete."""
    plane, source, corner, queue, squared = cell.plane, cell.source, cell.corner, cell.queue, cell.squared
    n_left = end - begin
    for k in range(n_left):
        x, y, z = vector[begin + k, 0], vector[begin + k, 1], vector[begin + k, 2]
        squared[k] = x * x + y * y + z * z
        queue[k] = k
    for k in range(n_left // 2 - 1, -1, -1):
        _sift_down(k, queue, squared, n_left)
    _start_cube(cutoff, cell)
    # np.int64, here and below: numba would compile every callee once more for a literal
    n_planes, n_corners = np.int64(6), np.int64(8)
    farthest = 3.0 * cutoff * cutoff
    while n_left > 0 and n_corners > 0:
        k = queue[0]
        if _is_out_of_reach(squared[k], slack, farthest):
            return n_planes, n_corners, True
        n_left -= 1
        queue[0] = queue[n_left]
        _sift_down(np.int64(0), queue, squared, n_left)
        pair = begin + k
        offset = 0.5 * (squared[k] + weight[i] - weight[index[pair]])
        if offset > 0.0 and offset * offset >= squared[k] * farthest:
            continue
        source[n_planes] = pair
        for axis in range(3):
            plane[n_planes, axis] = vector[pair, axis]
        plane[n_planes, 3] = offset
        n_after = _cut(n_planes, n_corners, SLIVER * squared[k], cell)
        if n_after >= 0:
            n_planes += 1
            n_corners = n_after
            farthest = _farthest_corner(n_corners, corner)
    return n_planes, n_corners, n_corners == 0 or _is_out_of_reach(cutoff * cutoff, slack, farthest)


@_njit_inner
def _sift_down(k: int, queue: Integers, squared: Floats, size: int) -> None:
    """Restore the heap, nearest neighbour on top, below its entry ``k``."""
    item = queue[k]
    key = squared[item]
    child = 2 * k + 1
    while child < size:
        if child + 1 < size and squared[queue[child + 1]] < squared[queue[child]]:
            child += 1
        if squared[queue[child]] >= key:
            break
        queue[k] = queue[child]
        k = child
        child = 2 * k + 1
    queue[k] = item


@_njit_inner
def _is_out_of_reach(squared: float, slack: float, farthest: float) -> bool:
    """Can no atom at this squared distance or beyond cut a corner at the squared distance ``farthest``?"""
    return squared > slack and (squared - slack) ** 2 >= 4.0 * squared * farthest


@_njit_inner
def _farthest_corner(n_corners: int, corner: Floats) -> float:
    """Squared distance, Å²."""
    farthest = 0.0
    for v in range(n_corners):
        farthest = max(farthest, corner[0, v] ** 2 + corner[1, v] ** 2 + corner[2, v] ** 2)
    return farthest


@_njit_inner
def _squared_normal(plane: Floats, p: int) -> float:
    return float(plane[p, 0] ** 2 + plane[p, 1] ** 2 + plane[p, 2] ** 2)


@_njit_inner
def _start_cube(half_width: float, cell: _Polyhedron) -> None:
    """Planes 2k and 2k + 1 are at the lower and upper end of axis k; bit k of a corner says at which end."""
    plane, corner, planes_at, across = cell.plane, cell.corner, cell.planes_at, cell.across
    for p in range(6):
        for axis in range(3):
            plane[p, axis] = 0.0
        plane[p, p // 2] = 2 * (p & 1) - 1
        plane[p, 3] = half_width
    for v in range(8):
        # the axes come counterclockwise in ascending order if the corner is at an odd number of upper ends
        is_ascending = (v ^ v >> 1 ^ v >> 2) & 1
        for k in range(3):
            axis = k if is_ascending else 2 - k
            corner[axis, v] = half_width if v >> axis & 1 else -half_width
            planes_at[v, k] = 2 * axis + (v >> axis & 1)
            along = (k + 2) % 3 if is_ascending else 2 - (k + 2) % 3
            across[v, k] = v ^ 1 << along


@_njit_inner
def _cut(p: int, n_corners: int, tolerance: float, cell: _Polyhedron) -> int:
    """Cut the cell by plane ``p``: number of corners that it has then, -1 if the plane does not touch it."""
    plane, corner, height, removed = cell.plane, cell.corner, cell.height, cell.removed
    a, b, c, d = plane[p, 0], plane[p, 1], plane[p, 2], plane[p, 3]
    for v in range(n_corners):
        height[v] = a * corner[0, v] + b * corner[1, v] + c * corner[2, v] - d
    while True:
        n_removed = np.int64(0)
        for v in range(n_corners):
            if height[v] > tolerance:
                removed[n_removed] = v
                n_removed += 1
        if n_removed == 0:
            return -1
        if n_removed == n_corners:
            return 0
        n_rim = _trace_rim(n_removed, tolerance, cell)
        if n_rim > 0:
            n_after: int = _close_rim(p, n_corners, n_removed, n_rim, cell)
            return n_after
        # rounding at a degenerate corner took off pieces that do not hang together: take off less
        tolerance *= 10.0


@_njit_inner
def _trace_rim(n_removed: int, tolerance: float, cell: _Polyhedron) -> int:
    """Find the edges between a removed corner and one that stays; 0 unless they form one closed ring."""
    corner, height, rim, rim_corner, rim_at = cell.corner, cell.height, cell.rim, cell.rim_corner, cell.rim_at
    planes_at, across = cell.planes_at, cell.across
    for r in range(n_removed):
        for k in range(3):
            rim_at[planes_at[cell.removed[r], k]] = -1
    n_rim = 0
    for r in range(n_removed):
        v = cell.removed[r]
        for k in range(3):
            w = across[v, k]
            if height[w] > tolerance:
                continue
            first = planes_at[v, k]
            if rim_at[first] >= 0:
                return 0
            rim_at[first] = n_rim
            rim[n_rim, 0] = first
            rim[n_rim, 1] = planes_at[v, _NEXT[k]]
            rim[n_rim, 2] = w
            share = max(height[w] / (height[w] - height[v]), 0.0)
            for axis in range(3):
                rim_corner[axis, n_rim] = corner[axis, w] + share * (corner[axis, v] - corner[axis, w])
            n_rim += 1
    r = 0
    n_ring = 0
    while n_ring < n_rim and (r != 0 or n_ring == 0):
        following = rim_at[rim[r, 1]]
        if following < 0:
            return 0
        rim[r, 3] = following
        r = following
        n_ring += 1
    return n_rim if r == 0 and n_ring == n_rim and n_rim >= 3 else 0


@_njit_inner
def _close_rim(p: int, n_corners: int, n_removed: int, n_rim: int, cell: _Polyhedron) -> int:
    """Replace the removed corners by one per cut edge, around the new face ``p``: number of corners."""
    corner, planes_at, across, removed, rim = cell.corner, cell.planes_at, cell.across, cell.removed, cell.rim
    for r in range(n_removed, n_rim):
        removed[r] = n_corners
        n_corners += 1
    for r in range(n_rim):
        v, following = removed[r], removed[rim[r, 3]]
        first, second, kept = rim[r, 0], rim[r, 1], rim[r, 2]
        for axis in range(3):
            corner[axis, v] = cell.rim_corner[axis, r]
        planes_at[v, 0], planes_at[v, 1], planes_at[v, 2] = first, second, p
        across[v, 0], across[v, 1], across[following, 2] = kept, following, v
        across[kept, _edge_after(second, kept, planes_at)] = v
    for r in range(n_removed - 1, n_rim - 1, -1):
        n_corners -= 1
        if removed[r] != n_corners:
            _move_corner(n_corners, removed[r], corner, planes_at, across)
    return n_corners


@_njit_inner
def _edge_after(plane: int, v: int, planes_at: Integers) -> int:
    """Which edge of corner ``v`` runs between ``plane`` and the next plane."""
    if planes_at[v, 0] == plane:
        return 0
    return 1 if planes_at[v, 1] == plane else 2


@_njit_inner
def _move_corner(v: int, to: int, corner: Floats, planes_at: Integers, across: Integers) -> None:
    for k in range(3):
        corner[k, to] = corner[k, v]
        planes_at[to, k] = planes_at[v, k]
        w = across[v, k]
        across[to, k] = w
        across[w, _edge_after(planes_at[v, _NEXT[k]], w, planes_at)] = to


@_njit_inner
def _measure(n_planes: int, n_corners: int, shortest_edge: float, cell: _Polyhedron) -> None:
    """Edges and area (Å²) of the face in every plane; 0 for a plane that has no face left."""
    plane, corner, n_edges, area = cell.plane, cell.corner, cell.n_edges, cell.area
    for p in range(n_planes):
        n_edges[p] = 0
        area[p] = 0.0
    for v in range(n_corners):
        x, y, z = corner[0, v], corner[1, v], corner[2, v]
        for k in range(3):
            w = cell.across[v, k]
            p = cell.planes_at[v, _NEXT[k]]
            dx, dy, dz = corner[0, w] - x, corner[1, w] - y, corner[2, w] - z
            # twice the signed area between the edge and the foot of the plane, times the length of the normal
            area[p] += (
                plane[p, 0] * (y * dz - z * dy)
                + plane[p, 1] * (z * dx - x * dz)
                + plane[p, 2] * (x * dy - y * dx)
            )
            if dx * dx + dy * dy + dz * dz > shortest_edge * shortest_edge:
                n_edges[p] += 1
    for p in range(n_planes):
        area[p] *= 0.5 / np.sqrt(_squared_normal(plane, p))
