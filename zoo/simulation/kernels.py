"""Energy, forces and virial of an embedded-atom potential, compiled by numba."""

from __future__ import annotations

import numpy as np

from zoo._compiled import njit


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator, unused-ignore]
def embedded_atom_forces(  # type: ignore[no-untyped-def]
    positions, kind, offset, start, index, image, cutoff, pair, embedding, dr, drho, forces, energies, virial, work
):
    """Total energy (eV) of a half list of pairs; forces, atomic energies and virial are written in place.

    The pairs within the cutoff are set aside first, atom by atom: the look-ups after that run without a branch.

    Parameters
    ----------
    positions : (n, 3) float64, Å, wrapped into the cell; kind : (n,) int32; offset : (27, 3) float64, Å, shift of each
    image code; start : (n + 1,) int64, index : (m,) int32, image : (m,) uint8, a half neighbour list;
    cutoff (k, k), pair (k, k, n_r, 12), embedding (k, n_rho, 4), dr, drho : see ``EmbeddedAtomTables``;
    forces : (n, 3) eV/Å; energies : (n,) eV; virial : (6,) eV, Voigt order, sum over pairs of r f;
    work : vector (m, 3) float64, slope (m, 3) float64, other (m,) int32, first (n + 1,) int64: memory for pairs.

    References
    ----------
    Daw & Baskes, Phys. Rev. B 29, 6443 (1984); Finnis & Sinclair, Phil. Mag. A 50, 45 (1984).
    """
    vector, slope, other, first = work
    n = positions.shape[0]
    density = np.zeros(n)
    energies[:] = 0.0
    total = 0.0
    found = 0
    for i in range(n):
        a = kind[i]
        first[i] = found
        for q in range(start[i], start[i + 1]):
            j = index[q]
            s = image[q]
            dx = positions[j, 0] + offset[s, 0] - positions[i, 0]
            dy = positions[j, 1] + offset[s, 1] - positions[i, 1]
            dz = positions[j, 2] + offset[s, 2] - positions[i, 2]
            squared = dx * dx + dy * dy + dz * dz
            vector[found, 0] = dx
            vector[found, 1] = dy
            vector[found, 2] = dz
            slope[found, 0] = squared
            other[found] = j
            found += squared < cutoff[a, kind[j]] ** 2
        own_density = 0.0
        own_energy = 0.0
        for q in range(first[i], found):
            j = other[q]
            r = np.sqrt(slope[q, 0])
            p = r / dr
            k = int(p)
            p -= k
            c = pair[a, kind[j], k]
            own_density += ((c[3] * p + c[2]) * p + c[1]) * p + c[0]
            density[j] += ((c[7] * p + c[6]) * p + c[5]) * p + c[4]
            energy = ((c[11] * p + c[10]) * p + c[9]) * p + c[8]
            own_energy += energy
            energies[j] += 0.5 * energy
            per_r = 1.0 / (dr * r)
            slope[q, 0] = ((3 * c[3] * p + 2 * c[2]) * p + c[1]) * per_r
            slope[q, 1] = ((3 * c[7] * p + 2 * c[6]) * p + c[5]) * per_r
            slope[q, 2] = ((3 * c[11] * p + 2 * c[10]) * p + c[9]) * per_r
        density[i] += own_density
        energies[i] += 0.5 * own_energy
        total += own_energy
    first[n] = found
    embedding_slope = np.empty(n)
    last = embedding.shape[1] - 1
    for i in range(n):
        p = density[i] / drho
        k = max(0, min(int(p), last))
        p -= k
        c = embedding[kind[i], k]
        energy = ((c[3] * p + c[2]) * p + c[1]) * p + c[0]
        embedding_slope[i] = ((3 * c[3] * p + 2 * c[2]) * p + c[1]) / drho
        energies[i] += energy
        total += energy
    _pull(vector, slope, other, first, embedding_slope, forces, virial)
    return total


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator, unused-ignore]
def _pull(vector, slope, other, first, embedding_slope, forces, virial):  # type: ignore[no-untyped-def]
    """Forces and virial from the slopes, divided by the distance, of the pairs that were set aside."""
    forces[:] = 0.0
    xx = yy = zz = yz = xz = xy = 0.0
    for i in range(len(forces)):
        fx = fy = fz = 0.0
        for q in range(first[i], first[i + 1]):
            j = other[q]
            pull = embedding_slope[i] * slope[q, 0] + embedding_slope[j] * slope[q, 1] + slope[q, 2]
            dx = vector[q, 0]
            dy = vector[q, 1]
            dz = vector[q, 2]
            gx = pull * dx
            gy = pull * dy
            gz = pull * dz
            fx += gx
            fy += gy
            fz += gz
            forces[j, 0] -= gx
            forces[j, 1] -= gy
            forces[j, 2] -= gz
            xx -= dx * gx
            yy -= dy * gy
            zz -= dz * gz
            yz -= dy * gz
            xz -= dx * gz
            xy -= dx * gy
        forces[i, 0] += fx
        forces[i, 1] += fy
        forces[i, 2] += fz
    virial[:] = xx, yy, zz, yz, xz, xy
