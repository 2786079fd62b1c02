"""How anisotropic the surroundings of an atom are, and whether the score knows it as the label does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.intervals import interval_of, widening
from zoo.glass import Glass
from zoo.scorecard.correlation import BEYOND, spacing_of, without_species
from zoo.scorecard.response import RESAMPLED, Response, drawn_glasses, response

Floats = NDArray[np.float64]

CELLS = "1 - β of the Voronoi cell"
NEIGHBOURS = "shape of the first shell"


def local_anisotropy(glass: Glass) -> tuple[Floats, str]:
    """Anisotropy of the surroundings of every atom, and which measure it is.

    In a 3D glass without surfaces, ``1 - β``: β is the ratio of the smallest to the largest eigenvalue of the Minkowski
    tensor ``Σ_faces area n n`` of the Voronoi cell (n: unit normal). Elsewhere, from the eigenvalues λ of
    ``Σ_j r_j r_j`` over neighbours within 1.5 mean spacings: ``((λ_1 - λ_2) / (λ_1 + λ_2))²`` in 2D, the relative shape
    anisotropy ``1 - 3 (λ_1 λ_2 + λ_2 λ_3 + λ_3 λ_1) / (λ_1 + λ_2 + λ_3)²`` in 3D.

    Returns
    -------
    ndarray of shape (n_atoms,), dimensionless
        0 for a sphere, up to 1; NaN for an atom without neighbours.

    References
    ----------
    Schröder-Turk et al., EPL 90, 34001 (2010): β of Voronoi cells. Theodorou & Suter, Macromolecules 18, 1206 (1985):
    relative shape anisotropy.
    """
    from zoo.features.kernels.tessellation import tessellate
    from zoo.neighbors import find_neighbors

    if glass.dimension == 3 and glass.periodic.all():
        cells = tessellate(glass)
        normal = cells.vector / cells.distance[:, None]
        values = _eigenvalues(cells.center, cells.area, normal, len(glass))
        return _safe_ratio(values[:, -1] - values[:, 0], values[:, -1]), CELLS
    near = find_neighbors(glass, BEYOND * spacing_of(glass))
    values = _eigenvalues(near.center, np.ones(len(near.index)), near.vector[:, : glass.dimension], len(glass))
    total = values.sum(axis=1)
    if glass.dimension == 2:
        return _safe_ratio((values[:, 1] - values[:, 0]) ** 2, total**2), NEIGHBOURS
    products = values[:, 0] * values[:, 1] + values[:, 1] * values[:, 2] + values[:, 2] * values[:, 0]
    return _safe_ratio(total**2 - 3 * products, total**2), NEIGHBOURS


def _eigenvalues(center: NDArray[np.int64], weight: Floats, vector: Floats, n_atoms: int) -> Floats:
    """Eigenvalues, rising, of the sum of ``weight vector vector`` of each atom, shape (n_atoms, d)."""
    dimension = vector.shape[1]
    tensor = np.empty((n_atoms, dimension, dimension))
    for a in range(dimension):
        for b in range(a, dimension):
            tensor[:, a, b] = tensor[:, b, a] = np.bincount(center, weight * vector[:, a] * vector[:, b], n_atoms)
    return np.asarray(np.linalg.eigvalsh(tensor))


def _safe_ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))


@dataclass(frozen=True)
class Link:
    """How a field goes with the anisotropy.

    ``correlation``: rank correlation within a species and a glass, mean over glasses; ``low`` and ``high``: 95 %
    interval from drawing glasses anew (NaN with fewer than three); ``curve``: mean of the field in bins of anisotropy,
    the field in standard deviations from the mean of its species in its glass.
    """

    name: str
    correlation: float
    low: float
    high: float
    curve: Response


def link_to_anisotropy(name: str, glasses: list[Glass], anisotropy: list[Floats], field: list[Floats]) -> Link:
    """Rank correlation and binned mean of a field that is known for all or some atoms (NaN: not known)."""
    from scipy.stats import spearmanr

    found, standard, relative = [], [], []
    for glass, shape, value in zip(glasses, anisotropy, field, strict=True):
        parts = []
        for kind in glass.kinds:
            used = (glass.species == kind) & np.isfinite(value) & np.isfinite(shape)
            if used.sum() > 9 and np.ptp(value[used]) and np.ptp(shape[used]):
                parts.append((int(used.sum()), float(spearmanr(shape[used], value[used])[0])))
        if parts:
            found.append(sum(n * rho for n, rho in parts) / sum(n for n, _ in parts))
        pair = without_species(glass, np.vstack([value, shape]))
        standard.append(pair[0] / (np.nanstd(pair[0]) or 1.0))
        relative.append(pair[1])
    of_glasses = np.array(found)
    low = high = float("nan")
    if len(of_glasses) > 2:
        draws = drawn_glasses(len(of_glasses), times=RESAMPLED) @ of_glasses / len(of_glasses)
        low, high = interval_of(float(of_glasses.mean()), draws, widening(len(of_glasses)))
    number = np.repeat(np.arange(len(glasses)), [len(value) for value in field])
    curve = response(np.concatenate(relative), np.concatenate(standard), number, probability=False)
    return Link(name, float(of_glasses.mean()) if len(of_glasses) else float("nan"), low, high, curve)
