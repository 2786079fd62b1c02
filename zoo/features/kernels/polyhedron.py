"""The polyhedron around one atom, cut out of a cube by one plane per neighbour; compiled by numba.

It has three faces at every corner. For each corner it keeps the position, the three planes (counterclockwise from
outside), and the corner at the other end of the edge between each plane and the next.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo._compiled import njit

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]
Longs = NDArray[np.int64]
Indices = NDArray[np.uint32]
"""A signed index may count from the end, which numba asks every time; without the question cells take 7 % less time."""

SLIVER = 1e-10
"""A cut that takes off less than this fraction of the neighbour's distance is rounding, not a cut."""

WIDE = 100.0
"""1/Å; a triangle of a hull nearer to the origin than the inverse of it is taken for open."""

_NEXT = (1, 2, 0)
"""The next of the three planes or edges of a corner."""

# functions that only other compiled functions call compile faster without an entry for Python; none divides by 0, and
# not to ask each time leaves loops without branches
_njit_inner = njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


class Polyhedron(NamedTuple):
    """Working space for one cell, used again for every atom.

    A point ``x`` is inside if ``normal · x <= offset`` for every plane; planes 0 to 5 are the starting cube.
    Functions that are called once per cut get the arrays one by one: to take one out of a tuple, numba counts a
    reference, which made a fifth of the time.
    """

    plane: Floats  # (planes, 4): normal = vector to the neighbour in Å, offset in Å²
    source: Longs  # (planes,): neighbour that the plane comes from
    n_edges: Integers  # (planes,)
    area: Floats  # (planes,), Å²
    corner: Floats  # (3, corners), Å from the atom
    planes_at: Indices  # (corners, 3), counterclockwise from outside
    across: Indices  # (corners, 3): corner at the other end of the edge between planes k and k + 1
    height: Floats  # (corners,): how far the corner sticks out of the plane that cuts, times the normal, Å²
    removed: Indices  # (corners,): corners that are cut off, ascending
    rim: Indices  # (corners, 4): edges that are cut: both planes, corner that stays, next such edge
    rim_corner: Floats  # (3, corners): where they are cut, Å
    rim_at: Integers  # (planes,): which of them has the plane as its first
    queue: Integers  # (neighbours,): heap of neighbours that have not cut yet, nearest on top
    squared: Floats  # (neighbours,): squared distances, Å²


def working_space(n_neighbors: int) -> Polyhedron:
    planes = n_neighbors + 6
    corners = 2 * planes  # a polyhedron with three faces at every corner has 2 * faces - 4 of them
    return Polyhedron(
        plane=np.empty((planes, 4)),
        source=np.empty(planes, np.int64),
        n_edges=np.empty(planes, np.int32),
        area=np.empty(planes),
        corner=np.empty((3, corners)),
        planes_at=np.empty((corners, 3), np.uint32),
        across=np.empty((corners, 3), np.uint32),
        height=np.empty(corners),
        removed=np.empty(corners, np.uint32),
        rim=np.empty((corners, 4), np.uint32),
        rim_corner=np.empty((3, corners)),
        rim_at=np.empty(planes, np.int32),
        queue=np.empty(n_neighbors, np.int32),
        squared=np.empty(n_neighbors),
    )


@_njit_inner
def carve(
    i: int,
    n_neighbors: int,
    index: Integers,
    vector: Floats,
    weight: Floats,
    slack: float,
    cutoff: float,
    cell: Polyhedron,
) -> tuple[np.int64, np.int64, bool]:
    """Cell of atom ``i`` from its neighbours in any order: planes, corners (0 if it is empty), is it complete.

    Parameters
    ----------
    index, vector : (n_neighbors,) and (n_neighbors, 3), Å from the atom
    weight : (n_atoms,), Å², squared radii
    slack : Å², the largest weight minus that of the atom
    cutoff : Å, within which all neighbours are given
    """
    plane, source, corner, queue, squared = cell.plane, cell.source, cell.corner, cell.queue, cell.squared
    height, removed, planes_at, across = cell.height, cell.removed, cell.planes_at, cell.across
    rim, rim_corner, rim_at = cell.rim, cell.rim_corner, cell.rim_at
    n_left = np.int64(n_neighbors)
    for k in range(n_left):
        x, y, z = vector[k, 0], vector[k, 1], vector[k, 2]
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
        offset = 0.5 * (squared[k] + weight[i] - weight[index[k]])
        if offset > 0.0 and offset * offset >= squared[k] * farthest:
            continue
        source[n_planes] = k
        for axis in range(3):
            plane[n_planes, axis] = vector[k, axis]
        plane[n_planes, 3] = offset
        n_after = _cut(
            n_planes,
            n_corners,
            SLIVER * squared[k],
            plane,
            corner,
            height,
            removed,
            planes_at,
            across,
            rim,
            rim_corner,
            rim_at,
        )
        if n_after >= 0:
            n_planes += 1
            n_corners = n_after
            farthest = _farthest_corner(n_corners, corner)
    return n_planes, n_corners, n_corners == 0 or _is_out_of_reach(cutoff * cutoff, slack, farthest)


@_njit_inner
def dual_of_hull(points: Floats, n_points: int, cell: Polyhedron) -> np.int64:
    """Polar dual of the convex hull of points around the origin: number of its corners.

    Each corner is a triangle of the hull, and its three planes, less 6, are the points at the triangle's corners. A
    corner with one of the planes 0 to 5 lies on the starting cube: the hull is open there, or (almost) passes through
    the origin.
    """
    plane, corner, height, removed = cell.plane, cell.corner, cell.height, cell.removed
    planes_at, across = cell.planes_at, cell.across
    rim, rim_corner, rim_at = cell.rim, cell.rim_corner, cell.rim_at
    _start_cube(WIDE, cell)
    n_planes, n_corners = np.int64(6), np.int64(8)
    for k in range(n_points):
        for axis in range(3):
            plane[n_planes, axis] = points[k, axis]
        plane[n_planes, 3] = 1.0
        n_after = _cut(
            n_planes, n_corners, SLIVER, plane, corner, height, removed, planes_at, across, rim, rim_corner, rim_at
        )
        if n_after >= 0:
            n_corners = n_after
        n_planes += 1
    return n_corners


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
def squared_normal(plane: Floats, p: int) -> float:
    return float(plane[p, 0] ** 2 + plane[p, 1] ** 2 + plane[p, 2] ** 2)


@_njit_inner
def _start_cube(half_width: float, cell: Polyhedron) -> None:
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
def _cut(
    p: int,
    n_corners: int,
    tolerance: float,
    plane: Floats,
    corner: Floats,
    height: Floats,
    removed: Indices,
    planes_at: Indices,
    across: Indices,
    rim: Indices,
    rim_corner: Floats,
    rim_at: Integers,
) -> int:
    """Cut the cell by plane ``p``: number of corners that it has then, -1 if the plane does not touch it."""
    a, b, c, d = plane[p, 0], plane[p, 1], plane[p, 2], plane[p, 3]
    for v in range(n_corners):
        height[v] = a * corner[0, v] + b * corner[1, v] + c * corner[2, v] - d
    while True:
        n_above = np.uint64(0)  # unsigned: never counted from the end of an array
        for v in range(n_corners):
            removed[n_above] = v
            n_above += np.uint64(height[v] > tolerance)
        n_removed = np.int64(n_above)
        if n_removed == 0:
            return -1
        if n_removed == n_corners:
            return 0
        n_rim = _trace_rim(n_removed, tolerance, corner, height, removed, planes_at, across, rim, rim_corner, rim_at)
        if n_rim > 0:
            n_after: int = _close_rim(
                p, n_corners, n_removed, n_rim, corner, removed, planes_at, across, rim, rim_corner
            )
            return n_after
        # rounding at a degenerate corner took off pieces that do not hang together: take off less
        tolerance *= 10.0


@_njit_inner
def _trace_rim(
    n_removed: int,
    tolerance: float,
    corner: Floats,
    height: Floats,
    removed: Indices,
    planes_at: Indices,
    across: Indices,
    rim: Indices,
    rim_corner: Floats,
    rim_at: Integers,
) -> int:
    """Find the edges between a removed corner and one that stays; 0 unless they form one closed ring."""
    for r in range(n_removed):
        for k in range(3):
            rim_at[planes_at[removed[r], k]] = -1
    n_rim = 0
    for r in range(n_removed):
        v = removed[r]
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
def _close_rim(
    p: int,
    n_corners: int,
    n_removed: int,
    n_rim: int,
    corner: Floats,
    removed: Indices,
    planes_at: Indices,
    across: Indices,
    rim: Indices,
    rim_corner: Floats,
) -> int:
    """Replace the removed corners by one per cut edge, around the new face ``p``: number of corners."""
    for r in range(n_removed, n_rim):
        removed[r] = n_corners
        n_corners += 1
    for r in range(n_rim):
        v, following = removed[r], removed[rim[r, 3]]
        first, second, kept = rim[r, 0], rim[r, 1], rim[r, 2]
        for axis in range(3):
            corner[axis, v] = rim_corner[axis, r]
        planes_at[v, 0], planes_at[v, 1], planes_at[v, 2] = first, second, p
        across[v, 0], across[v, 1], across[following, 2] = kept, following, v
        across[kept, _edge_after(second, kept, planes_at)] = v
    for r in range(n_removed - 1, n_rim - 1, -1):
        n_corners -= 1
        if removed[r] != n_corners:
            _move_corner(n_corners, removed[r], corner, planes_at, across)
    return n_corners


@_njit_inner
def _edge_after(plane: int, v: int, planes_at: Indices) -> int:
    """Which edge of corner ``v`` runs between ``plane`` and the next plane."""
    if planes_at[v, 0] == plane:
        return 0
    return 1 if planes_at[v, 1] == plane else 2


@_njit_inner
def _move_corner(v: int, to: int, corner: Floats, planes_at: Indices, across: Indices) -> None:
    for k in range(3):
        corner[k, to] = corner[k, v]
        planes_at[to, k] = planes_at[v, k]
        w = across[v, k]
        across[to, k] = w
        across[w, _edge_after(planes_at[v, _NEXT[k]], w, planes_at)] = to


@_njit_inner
def measure(n_planes: int, n_corners: int, shortest_edge: float, cell: Polyhedron) -> None:
    """Edges and area (Å²) of the face in every plane; 0 for a plane that has no face left."""
    plane, corner, n_edges, area = cell.plane, cell.corner, cell.n_edges, cell.area
    planes_at, across = cell.planes_at, cell.across
    for p in range(n_planes):
        n_edges[p] = 0
        area[p] = 0.0
    for v in range(n_corners):
        x, y, z = corner[0, v], corner[1, v], corner[2, v]
        for k in range(3):
            w = across[v, k]
            p = planes_at[v, _NEXT[k]]
            dx, dy, dz = corner[0, w] - x, corner[1, w] - y, corner[2, w] - z
            # twice the signed area between the edge and the foot of the plane, times the length of the normal
            area[p] += (
                plane[p, 0] * (y * dz - z * dy) + plane[p, 1] * (z * dx - x * dz) + plane[p, 2] * (x * dy - y * dx)
            )
            if dx * dx + dy * dy + dz * dz > shortest_edge * shortest_edge:
                n_edges[p] += 1
    for p in range(n_planes):
        if area[p] != 0.0:
            area[p] *= 0.5 / np.sqrt(squared_normal(plane, p))
