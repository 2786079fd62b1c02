"""Space left empty between touching spheres: along bonds, in triangles and in tetrahedra; compiled by numba."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from zoo._compiled import njit
from zoo.features.kernels.polyhedron import Polyhedron, dual_of_hull
from zoo.features.kernels.statistics import summarize

_inner = njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@njit(cache=True)
def bond_interstices(start, index, distance, radius):
    """Empty part of every bond, divided by its filled part: ``r_ij / (R_i + R_j) - 1``, shape (n_pairs,)."""
    empty = np.empty(len(index))
    for i in range(len(radius)):
        for q in range(start[i], start[i + 1]):
            empty[q] = distance[q] / (radius[i] + radius[index[q]]) - 1.0
    return empty


@njit(cache=True)
def hull_interstices(start, index, vector, radius, cell: Polyhedron):
    """Statistics of the interstices of the hull around every atom.

    The convex hull of an atom's neighbours consists of triangles; with the atom, each is the base of a tetrahedron. An
    interstice is the part of the triangle's area, or of the tetrahedron's volume, that is in none of the spheres around
    their corners; 0 where spheres overlap so much that more than all of it is filled.

    Parameters
    ----------
    start, index, vector : neighbours in compressed rows; vectors in Å from the atom to the neighbour
    radius : (n,), Å
    cell : working space for the largest number of neighbours

    Returns
    -------
    (n, 9) float64: mean, standard deviation, least and largest of areas, then of volumes; the filled part of the whole
    hull. 0 for an open hull

    References
    ----------
    Wang & Jain, Nat. Commun. 10, 5537 (2019).
    """
    n = len(radius)
    table = np.zeros((n, 9))
    areas = np.empty(len(cell.height))
    volumes = np.empty(len(cell.height))
    for i in range(n):
        first = start[i]
        n_corners = dual_of_hull(vector[first : start[i + 1]], start[i + 1] - first, cell)
        found = 0
        whole = filled = 0.0
        for v in range(n_corners):
            a, b, c = cell.planes_at[v, 0] - 6, cell.planes_at[v, 1] - 6, cell.planes_at[v, 2] - 6
            if min(a, b, c) < 0:
                found = 0  # one side is open: the closed triangles alone would say nothing about the shell
                break
            a, b, c = a + first, b + first, c + first
            areas[found], empty, volume = _triangle(
                (vector[a, 0], vector[a, 1], vector[a, 2]),
                (vector[b, 0], vector[b, 1], vector[b, 2]),
                (vector[c, 0], vector[c, 1], vector[c, 2]),
                radius[i],
                radius[index[a]],
                radius[index[b]],
                radius[index[c]],
            )
            volumes[found] = max(empty, 0.0)
            whole += volume
            filled += (1.0 - empty) * volume
            found += 1
        summarize(areas, found, table[i, :4])
        summarize(volumes, found, table[i, 4:8])
        table[i, 8] = filled / whole if found else 0.0
    return table


@_inner
def _triangle(a, b, c, r0, ra, rb, rc):
    """Empty part of the triangle between three neighbours, of the tetrahedron with the atom at the origin; its volume.

    The empty part of the tetrahedron is negative where spheres overlap enough; that of the triangle is then 0.
    """
    ab, ac, bc = _minus(b, a), _minus(c, a), _minus(c, b)
    twice_area = _length(_cross(ab, ac))
    alpha = math.atan2(twice_area, _dot(ab, ac))
    beta = math.atan2(twice_area, -_dot(ab, bc))
    gamma = math.pi - alpha - beta
    area = 1.0 - (alpha * ra * ra + beta * rb * rb + gamma * rc * rc) / twice_area
    six_volumes = abs(_dot(a, _cross(b, c)))
    filled = r0**3 * _solid_angle(a, b, c, six_volumes)
    filled += ra**3 * _solid_angle(a, _minus(a, b), _minus(a, c), six_volumes)
    filled += rb**3 * _solid_angle(b, ab, _minus(b, c), six_volumes)
    filled += rc**3 * _solid_angle(c, ac, bc, six_volumes)
    return max(area, 0.0), 1.0 - 2.0 * filled / six_volumes, six_volumes / 6.0


@_inner
def _solid_angle(a, b, c, determinant):
    """Between three directions from a point (Van Oosterom & Strackee, IEEE Trans. Biomed. Eng. 30, 125, 1983)."""
    la, lb, lc = _length(a), _length(b), _length(c)
    return 2.0 * math.atan2(determinant, la * lb * lc + _dot(a, b) * lc + _dot(a, c) * lb + _dot(b, c) * la)


@_inner
def _minus(a, b):
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@_inner
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@_inner
def _cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@_inner
def _length(a):
    return math.sqrt(_dot(a, a))
