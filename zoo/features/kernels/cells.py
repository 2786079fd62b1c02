"""The cells of all atoms, one after the other, each from the atoms near it; compiled by numba."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from zoo._compiled import njit
from zoo.features.kernels.nearby import find_candidates, room_for_candidates, select_near
from zoo.features.kernels.polyhedron import Polyhedron, carve, measure, squared_normal

FACES = 16
"""Of an atom, for which there is room at first."""


@njit(cache=True)
def build_cells(bins, wanted, weight, cutoff, shortest_edge, cell: Polyhedron):
    """Cells of the ``wanted`` atoms, from their neighbours within ``cutoff`` (Å).

    Parameters
    ----------
    bins : see :func:`zoo.features.kernels.nearby.shared_bins`
    wanted : (n_atoms,) bool
    weight : (n_atoms,) float64, Å², squared radii
    cutoff, shortest_edge : float, Å
    cell : working space for as many neighbours as there may be candidates

    Returns
    -------
    atom, n_faces, volume : (n_cells,) int32, int64 and float64 (Å³) of the complete cells, in the order of the bins; a
    wanted atom is missing if its cell could still be cut
    (neighbor, n_edges, area, vector) : (n_faces, ...) int32, int32, float64 (Å²) and float64 (Å) of their faces, one
    cell after the other
    n_touching : int, atoms found on top of another
    """
    _, first, _, atom, _, _, _, _, position, _, _, _, _ = bins
    n_wanted, largest_weight = wanted.sum(), weight.max()
    done, n_faces, volume = np.empty(n_wanted, np.int32), np.empty(n_wanted, np.int64), np.empty(n_wanted)
    size = FACES * n_wanted
    neighbor, n_edges, area, vector = _room_for_faces(size)
    room = room_for_candidates(bins)
    place, near, index = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    around, squared, hit = np.empty((3, room)), np.empty(room), np.empty(room, np.uint8)
    to, plane, source, cell_edges, cell_area = np.empty((room, 3)), cell.plane, cell.source, cell.n_edges, cell.area
    n_done = total = n_touching = 0
    for at in range(len(first) - 1):
        n_candidates = 0
        for p in range(first[at], first[at + 1]):
            i = atom[p]
            if not wanted[i]:
                continue
            if n_candidates == 0:
                n_candidates = find_candidates(bins, at, cutoff, place, around)
            x, y, z = position[0, p], position[1, p], position[2, p]
            n_near, touching = select_near(x, y, z, around, n_candidates, cutoff, squared, hit, near)
            n_touching += touching
            for k in range(n_near):
                q = near[k]
                index[k] = atom[place[q]]
                to[k, 0], to[k, 1], to[k, 2] = around[0, q] - x, around[1, q] - y, around[2, q] - z
            slack = largest_weight - weight[i]
            n_planes, n_corners, complete = carve(i, n_near, index, to, weight, slack, cutoff, cell)
            if not complete:
                continue
            measure(n_planes, n_corners, shortest_edge, cell)
            if total + n_planes > size:
                size = 2 * size + n_planes
                more = _room_for_faces(size)
                more[0][:total], more[1][:total], more[2][:total] = neighbor[:total], n_edges[:total], area[:total]
                more[3][:total] = vector[:total]
                neighbor, n_edges, area, vector = more
            done[n_done], volume[n_done], before = i, 0.0, total
            for f in range(6, n_planes):
                if cell_area[f] == 0.0:
                    continue  # cut off by later planes
                volume[n_done] += cell_area[f] * plane[f, 3] / (3.0 * np.sqrt(squared_normal(plane, f)))
                if cell_edges[f] >= 3:
                    neighbor[total], n_edges[total], area[total] = index[source[f]], cell_edges[f], cell_area[f]
                    for axis in range(3):
                        vector[total, axis] = plane[f, axis]
                    total += 1
            n_faces[n_done] = total - before
            n_done += 1
    faces = neighbor[:total], n_edges[:total], area[:total], vector[:total]
    return done[:n_done], n_faces[:n_done], volume[:n_done], faces, n_touching


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _room_for_faces(size):
    return np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size), np.empty((size, 3))
