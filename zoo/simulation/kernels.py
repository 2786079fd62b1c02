"""Energy, forces and virial of an embedded-atom potential, compiled by numba."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator, unused-ignore]
def embedded_atom_forces(  # type: ignore[no-untyped-def]
    positions, kind, offset, start, index, image, cutoff, pair, embedding, dr, drho, forces, energies, virial, scratch
):
    """Total energy (eV) of a half list of pairs; forces, atomic energies and virial are written in place.

    Parameters
    ----------
    positions : (n, 3) float64, Å, wrapped into the cell; kind : (n,) int32; offset : (27, 3) float64, Å, shift of each
    image code; start : (n + 1,) int64, index : (m,) int32, image : (m,) uint8, a half neighbour list;
    cutoff (k, k), pair (k, k, n_r, 12), embedding (k, n_rho, 4), dr, drho : see ``EmbeddedAtomTables``;
    forces : (n, 3) eV/Å; energies : (n,) eV; virial : (6,) eV, Voigt order, sum over pairs of r f;
    scratch : (m, 8) float64.

    References
    ----------
    Daw & Baskes, Phys. Rev. B 29, 6443 (1984); Finnis & Sinclair, Phil. Mag. A 50, 45 (1984).
    """
    n = positions.shape[0]
    per_dr = 1.0 / dr
    density = np.zeros(n)
    slope = np.empty(n)
    total = 0.0
    for i in range(n):
        forces[i, 0] = 0.0
        forces[i, 1] = 0.0
        forces[i, 2] = 0.0
        energies[i] = 0.0
    for i in range(n):
        a = kind[i]
        x = positions[i, 0]
        y = positions[i, 1]
        z = positions[i, 2]
        own_density = 0.0
        own_energy = 0.0
        for q in range(start[i], start[i + 1]):
            j = index[q]
            s = offset[image[q]]
            dx = positions[j, 0] + s[0] - x
            dy = positions[j, 1] + s[1] - y
            dz = positions[j, 2] + s[2] - z
            squared = dx * dx + dy * dy + dz * dz
            b = kind[j]
            limit = cutoff[a, b]
            if squared >= limit * limit:
                scratch[q, 3] = 0.0
                continue
            r = np.sqrt(squared)
            inverse = 1.0 / r
            p = r * per_dr
            k = int(p)
            p -= k
            c = pair[a, b, k]
            own_density += ((c[3] * p + c[2]) * p + c[1]) * p + c[0]
            density[j] += ((c[7] * p + c[6]) * p + c[5]) * p + c[4]
            energy = ((c[11] * p + c[10]) * p + c[9]) * p + c[8]
            total += energy
            own_energy += 0.5 * energy
            energies[j] += 0.5 * energy
            scratch[q, 0] = dx * inverse
            scratch[q, 1] = dy * inverse
            scratch[q, 2] = dz * inverse
            scratch[q, 3] = r
            scratch[q, 4] = ((3 * c[3] * p + 2 * c[2]) * p + c[1]) * per_dr
            scratch[q, 5] = ((3 * c[7] * p + 2 * c[6]) * p + c[5]) * per_dr
            scratch[q, 6] = ((3 * c[11] * p + 2 * c[10]) * p + c[9]) * per_dr
        density[i] += own_density
        energies[i] += own_energy
    last = embedding.shape[1] - 2
    for i in range(n):
        p = density[i] / drho
        k = max(0, min(int(p), last))
        p -= k
        c = embedding[kind[i], k]
        energy = ((c[3] * p + c[2]) * p + c[1]) * p + c[0]
        slope[i] = ((3 * c[3] * p + 2 * c[2]) * p + c[1]) / drho
        energies[i] += energy
        total += energy
    xx = yy = zz = yz = xz = xy = 0.0
    for i in range(n):
        fx = fy = fz = 0.0
        for q in range(start[i], start[i + 1]):
            r = scratch[q, 3]
            if r == 0.0:
                continue
            j = index[q]
            pull = slope[i] * scratch[q, 4] + slope[j] * scratch[q, 5] + scratch[q, 6]
            ux = scratch[q, 0]
            uy = scratch[q, 1]
            uz = scratch[q, 2]
            gx = pull * ux
            gy = pull * uy
            gz = pull * uz
            fx += gx
            fy += gy
            fz += gz
            forces[j, 0] -= gx
            forces[j, 1] -= gy
            forces[j, 2] -= gz
            xx -= r * ux * gx
            yy -= r * uy * gy
            zz -= r * uz * gz
            yz -= r * uy * gz
            xz -= r * ux * gz
            xy -= r * ux * gy
        forces[i, 0] += fx
        forces[i, 1] += fy
        forces[i, 2] += fz
    virial[0] = xx
    virial[1] = yy
    virial[2] = zz
    virial[3] = yz
    virial[4] = xz
    virial[5] = xy
    return total
