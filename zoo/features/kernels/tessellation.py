"""Voronoi and radical tessellation of a periodic glass.

The cell of an atom starts as a cube and is cut by one plane per neighbour, nearest neighbour first. It is
complete when no farther atom can reach it: the plane of an atom at distance ``r`` is at least
``(r - slack / r) / 2`` away, with ``slack`` the largest squared radius minus the own one (0 without radii),
and that grows with ``r``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.errors import GlassError
from zoo.features.kernels.cells import build_cells
from zoo.features.kernels.faces import place_faces
from zoo.features.kernels.nearby import refuse_overlap, room_for_candidates, shared_bins
from zoo.features.kernels.polyhedron import Floats, Integers, Longs, working_space
from zoo.features.memo import once
from zoo.glass import Glass

Faces = tuple[Integers, Integers, Floats, Floats]
"""Neighbours, numbers of edges, areas and vectors, as in :class:`Tessellation`."""

SHORTEST_EDGE = 1e-6
"""Å; where more than three faces meet in one corner, rounding leaves edges far shorter than this."""

FIRST_REACH = 1.9
"""First search radius over (volume per atom)^(1/3): 5 Å in Cu-Zr. Cells of a dense glass need at most 1.82, and farther
neighbours are only sorted."""

NEXT_REACH = 1.3
"""Factor by which the search radius grows for the cells that could still be cut."""


@dataclass(frozen=True)
class Tessellation:
    """Cells and faces of all atoms, faces in compressed rows.

    Attributes
    ----------
    start : ndarray of shape (n_atoms + 1,), int64
        The faces of atom ``i`` are at ``start[i]:start[i + 1]``, nearest neighbour first.
    neighbor : ndarray of shape (n_faces,), int32
        Atom on the other side of the face; it appears twice if two of its images share a face with ``i``. In a small
        cell it may be ``i`` itself.
    n_edges : ndarray of shape (n_faces,), int32
        Edges longer than ``shortest_edge`` of :func:`tessellate`.
    area : ndarray of shape (n_faces,), float64, Å²
    vector : ndarray of shape (n_faces, 3), float64, Å
        From the atom to the neighbour.
    volume : ndarray of shape (n_atoms,), float64, Å³
        0 for an atom whose radical cell is empty; it has no faces.
    """

    start: Longs
    neighbor: Integers
    n_edges: Integers
    area: Floats
    vector: Floats
    volume: Floats

    @property
    def distance(self) -> Floats:
        """From the atom to the neighbour, shape (n_faces,), Å."""
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", self.vector, self.vector)))

    @property
    def center(self) -> Longs:
        """The atom that each face belongs to, shape (n_faces,)."""
        return np.repeat(np.arange(len(self.volume)), np.diff(self.start))


def tessellate(glass: Glass, radii: Floats | None = None, shortest_edge: float = SHORTEST_EDGE) -> Tessellation:
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
    GlassError
        The glass is 2D or has an open direction, ``radii`` does not fit, or two atoms are on top of each
        other.

    References
    ----------
    Finney, Proc. R. Soc. Lond. A 319, 479 (1970); Gellatly & Finney, J. Non-Cryst. Solids 50, 313 (1982).
    """
    _require_bulk(glass)
    weight = _squared_radii(glass, radii)
    key = ("tessellation", weight.tobytes(), shortest_edge)
    return once(glass, key, lambda: _tessellate(glass, weight, shortest_edge))


def _tessellate(glass: Glass, weight: Floats, shortest_edge: float) -> Tessellation:
    cutoff = FIRST_REACH * (glass.volume / len(glass)) ** (1 / 3)
    is_open, parts = np.ones(len(glass), bool), []
    while is_open.any():
        bins = shared_bins(glass, cutoff)
        space = working_space(room_for_candidates(bins))
        atoms, n_faces, volume, faces, n_touching = build_cells(bins, is_open, weight, cutoff, shortest_edge, space)
        refuse_overlap(glass, n_touching)
        is_open[atoms] = False
        parts.append((atoms, n_faces, volume, faces))
        cutoff *= NEXT_REACH
    return _join(parts, len(glass))


def _require_bulk(glass: Glass) -> None:
    if glass.dimension != 3:
        raise GlassError(f"a tessellation needs a 3D glass, got {glass.dimension}D: choose a descriptor for 2D")
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
            "give an array in the order of the atoms, such as radii_of(glass)"
        )
    bad = np.flatnonzero(~(np.isfinite(radii) & (radii >= 0)))
    if len(bad):
        raise GlassError(
            f"radii must be finite and not negative, but atom {bad[0]} (counted from 0) has "
            f"{radii[bad[0]]} Å: check where they come from"
        )
    return radii**2


def _join(parts: list[tuple[Integers, Longs, Floats, Faces]], n_atoms: int) -> Tessellation:
    """Cells of some atoms and those of others as one tessellation, in the order of the atoms."""
    start, volume = np.zeros(n_atoms + 1, np.int64), np.empty(n_atoms)
    for atoms, n_faces, volumes, _ in parts:
        start[atoms + 1], volume[atoms] = n_faces, volumes
    np.cumsum(start, out=start)
    n = start[-1]
    faces = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n), np.empty((n, 3))
    while parts:
        atoms, _, _, some = parts.pop()
        place_faces(start, atoms, *some, *faces)
    return Tessellation(start, *faces, volume)
