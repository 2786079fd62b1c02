"""Space left empty between touching spheres: along bonds, in triangles and in tetrahedra; compiled by numba."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from zoo._compiled import njit
from zoo.features.kernels.polyhedron import Polyhedron, dual_of_hull
from zoo.features.kernels.statistics import summarize

_inner = njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
_without_branches = njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
QUARTER = 0.25 * math.pi


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
    # no tuple and no part of an array in the loop over triangles: each would count a reference
    n, room, planes_at = len(radius), len(cell.height), cell.planes_at
    table = np.zeros((n, 9))
    areas, volumes, radius_at = np.empty(room), np.empty(room), np.empty((room, 3))
    opposite, adjacent, angle = np.empty(6 * room), np.empty(6 * room), np.empty(6 * room)
    for i in range(n):
        first = start[i] - 6
        n_triangles = dual_of_hull(vector[start[i] : start[i + 1]], start[i + 1] - start[i], cell)
        for t in range(n_triangles):
            a, b, c = np.int64(planes_at[t, 0]), np.int64(planes_at[t, 1]), np.int64(planes_at[t, 2])
            if min(a, b, c) < 6:
                n_triangles = 0  # one side is open: the closed triangles alone would say nothing about the shell
                break
            a, b, c = a + first, b + first, c + first
            radius_at[t, 0], radius_at[t, 1], radius_at[t, 2] = radius[index[a]], radius[index[b]], radius[index[c]]
            _angles_of_triangle(
                (vector[a, 0], vector[a, 1], vector[a, 2]),
                (vector[b, 0], vector[b, 1], vector[b, 2]),
                (vector[c, 0], vector[c, 1], vector[c, 2]),
                6 * t,
                opposite,
                adjacent,
            )
        # all angles in one loop, which the processor does several at a time
        _arctan2(6 * n_triangles, opposite, adjacent, angle)
        whole = filled = 0.0
        for t in range(n_triangles):
            at = 6 * t
            ra, rb, rc = radius_at[t, 0], radius_at[t, 1], radius_at[t, 2]
            alpha, beta, twice_area, six_volumes = angle[at], angle[at + 1], opposite[at], opposite[at + 2]
            sectors = alpha * ra * ra + beta * rb * rb + (math.pi - alpha - beta) * rc * rc
            cones = radius[i] ** 3 * angle[at + 2] + ra**3 * angle[at + 3] + rb**3 * angle[at + 4]
            # the empty part is negative where spheres overlap enough, which the sum over the hull is to know
            empty = 1.0 - 4.0 * (cones + rc**3 * angle[at + 5]) / six_volumes
            areas[t], volumes[t] = max(1.0 - sectors / twice_area, 0.0), max(empty, 0.0)
            whole += six_volumes
            filled += (1.0 - empty) * six_volumes
        summarize(areas, n_triangles, table[i, :4])
        summarize(volumes, n_triangles, table[i, 4:8])
        table[i, 8] = filled / whole if n_triangles else 0.0
    return table


@_inner
def _angles_of_triangle(a, b, c, at, opposite, adjacent):
    """Two angles of the triangle between three neighbours, and half the solid angles of the tetrahedron with the atom.

    The latter at the atom and at the three neighbours; each as the two sides of a right triangle, from place ``at`` on.
    The first side opposite is twice the area of the triangle, the third six times the volume of the tetrahedron.

    References
    ----------
    Van Oosterom & Strackee, IEEE Trans. Biomed. Eng. 30, 125 (1983).
    """
    ab, ac, bc = _minus(b, a), _minus(c, a), _minus(c, b)
    from_a, from_b, from_c = _dot(ab, ac), -_dot(ab, bc), _dot(ac, bc)
    a_ab, b_ab, a_ac, c_ac, b_bc, c_bc = _dot(a, ab), _dot(b, ab), _dot(a, ac), _dot(c, ac), _dot(b, bc), _dot(c, bc)
    la, lb, lc, lab, lac, lbc = _length(a), _length(b), _length(c), _length(ab), _length(ac), _length(bc)
    opposite[at] = opposite[at + 1] = _length(_cross(ab, ac))
    opposite[at + 2] = opposite[at + 3] = opposite[at + 4] = opposite[at + 5] = abs(_dot(a, _cross(b, c)))
    adjacent[at] = from_a
    adjacent[at + 1] = from_b
    adjacent[at + 2] = la * lb * lc + _dot(a, b) * lc + _dot(a, c) * lb + _dot(b, c) * la
    adjacent[at + 3] = la * lab * lac - a_ab * lac - a_ac * lab + from_a * la
    adjacent[at + 4] = lb * lab * lbc + b_ab * lbc - b_bc * lab + from_b * lb
    adjacent[at + 5] = lc * lac * lbc + c_ac * lbc + c_bc * lac + from_c * lc


@_without_branches
def _arctan2(n, opposite, adjacent, angle):
    """``atan2`` of ``n`` numbers, the first none of them negative, to 5e-16; several at a time, unlike that of libm.

    References
    ----------
    Moshier, Methods and Programs for Mathematical Functions, Ellis Horwood (1989): coefficients of Cephes.
    """
    for q in range(n):
        y, x = opposite[q], abs(adjacent[q])
        low, high = min(x, y), max(x, y)
        large = low > 0.66 * high
        t = (low - high if large else low) / (low + high if large else high)
        z = t * t
        p = (-0.875060860003190412 * z - 16.1575371873336508) * z - 75.0085579231470467
        p = (p * z - 122.886668449013617) * z - 64.8502190494202537
        d = ((z + 24.8584649014230630) * z + 165.027009831698854) * z + 432.881060491290267
        d = (d * z + 485.390399635913696) * z + 194.550657148261396
        found = (QUARTER if large else 0.0) + (t + t * z * p / d)
        found = 2 * QUARTER - found if y > x else found
        angle[q] = math.pi - found if adjacent[q] < 0.0 else found


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
