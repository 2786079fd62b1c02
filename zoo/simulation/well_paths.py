"""The minimum-energy path between two inherent structures of soft spheres, and the energy along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.labels.tunnelling import count_wells
from zoo.simulation.elastic_band import relax_band
from zoo.simulation.soft_spheres import SKIN, SoftNeighbors

if TYPE_CHECKING:
    from zoo.simulation.wells import WellSchedule

Floats = NDArray[np.float64]

BEYOND, MOST_BEYOND, MARGIN = 0.025, 200, 0.5
"""Spacing (σ) and number of points beyond the ends of a path; they go on to this energy (ε) above its highest point."""
LAST_STRETCH = 0.05
"""σ of a path, over which its direction at an end is taken: a single link would turn with the number of images."""
CLEAR_DEPTH = 2e-3
"""ε; a third minimum as deep as this does not go away when a path is relaxed from a tolerance of 1e-2 ε/σ on."""


def connect(
    first: Floats, last: Floats, diameters: Floats, edge: float, schedule: WellSchedule
) -> tuple[Floats, Floats, bool]:
    """Images (n_images, n_atoms, 3) and energies along the path between two minima, and whether it has converged.

    A path that has a clear third minimum at the tolerance ``coarse_force`` is left at that: no more than the flag will
    be read from it.
    """
    fraction = np.linspace(0.0, 1.0, schedule.images)[:, None, None]
    lists: dict[int, SoftNeighbors] = {}

    def forces(number: int, positions: Floats) -> tuple[float, Floats]:
        near = lists.get(number)
        if near is None or near.is_stale(positions):
            near = lists[number] = SoftNeighbors(positions, diameters, edge, SKIN)
        found = np.empty_like(positions)
        return near.forces(positions, found, np.empty(len(positions))), found

    line = first + fraction * (last - first)
    images, energies, converged = relax_band(line, forces, schedule.coarse_force, schedule.spring, schedule.path_steps)
    if not converged or count_wells(energies, CLEAR_DEPTH).n_minima > 2:
        return images, energies, converged
    return relax_band(images, forces, schedule.path_force, schedule.spring, schedule.path_steps)


@dataclass(frozen=True)
class Path1D:
    """Energy (ε) along a path, and beyond its ends ``coordinate = 0`` and ``coordinate = length`` (σ)."""

    coordinate: Floats
    energy: Floats
    length: float

    @property
    def inside(self) -> Floats:
        """Energies from one end to the other."""
        return self.energy[(self.coordinate >= 0.0) & (self.coordinate <= self.length)]


def energy_along(images: Floats, energies: Floats, diameters: Floats, edge: float) -> Path1D:
    """Energy over the length of the path, continued straight beyond both ends until it is ``MARGIN`` above the path.

    The direction beyond an end is that of the path's last ``LAST_STRETCH``. All masses are equal, so the mass-weighted
    length is the length in 3 N dimensions.
    """
    links = np.diff(images, axis=0)
    lengths = np.sqrt(np.einsum("iac,iac->i", links, links))
    s = np.concatenate([[0.0], np.cumsum(lengths)])
    top = energies.max() + MARGIN

    def beyond(end: Floats, inside: Floats) -> list[float]:
        outwards = (end - inside) / np.sqrt(((end - inside) ** 2).sum())
        near = SoftNeighbors(end, diameters, edge, SKIN)
        found: list[float] = []
        while len(found) < MOST_BEYOND and (not found or found[-1] < top):
            there = end + (len(found) + 1) * BEYOND * outwards
            if near.is_stale(there):
                near = SoftNeighbors(there, diameters, edge, SKIN)
            found.append(near.forces(there, np.empty_like(there), np.empty(len(there))))
        return found

    stretch = min(LAST_STRETCH, 0.5 * s[-1])
    left = beyond(images[0], _point_at(images, s, stretch))
    right = beyond(images[-1], _point_at(images, s, s[-1] - stretch))
    return Path1D(
        np.concatenate([-BEYOND * np.arange(len(left), 0, -1), s, s[-1] + BEYOND * np.arange(1, len(right) + 1)]),
        np.concatenate([left[::-1], energies, right]),
        float(s[-1]),
    )


def _point_at(images: Floats, s: Floats, where: float) -> Floats:
    """Positions (n_atoms, 3) at a length along the path, between two images."""
    k = int(np.clip(np.searchsorted(s, where) - 1, 0, len(s) - 2))
    part = (where - s[k]) / (s[k + 1] - s[k])
    return np.asarray((1.0 - part) * images[k] + part * images[k + 1])
