"""Embedded-atom potentials as tables that the force kernel reads.

Three kinds: Finnis-Sinclair/EAM tables in the setfl format, fetched by sha256 and never committed; the
effective-medium model for Cu-Zr and Cu-Mg, whose few published numbers are below, so that tests and quick builds need
no file at all; and a Lennard-Jones mixture, which embeds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from zoo.errors import UnknownNameError, ZooError

N_DISTANCES = 3000
"""Points of the resampled pair tables: few enough for the cache, 1e-9 eV from 10,000 points."""
SHORTEST = 1.0
"""Å; below it the pair energy is constant. No two atoms of a metal come this close."""
CLOSEST = 0.6
"""σ; the same for Lennard-Jones particles."""


@dataclass(frozen=True)
class EmbeddedAtomTables:
    """Cubic-spline coefficients of an embedded-atom potential.

    Attributes
    ----------
    name, citation, license : str
    sha256 : str
        Of the table file; of the parameters for a built-in model.
    species : tuple of str
    masses : ndarray of shape (k,), u
    pair : ndarray of shape (k, k, n_r, 12)
        For species (a, b) and distance bin: four coefficients each of the density that b gives at a, the density
        that a gives at b, and the pair energy (eV). ``value = ((c3 p + c2) p + c1) p + c0`` with p in [0, 1).
    embedding : ndarray of shape (k, n_rho, 4)
        The same for the embedding energy (eV).
    dr, drho : float
        Bin widths, Å and units of density.
    cutoffs : ndarray of shape (k, k), Å
        Beyond it the pair does not interact.
    """

    name: str
    citation: str
    license: str
    sha256: str
    species: tuple[str, ...]
    masses: NDArray[np.float64]
    pair: NDArray[np.float64] = field(repr=False)
    embedding: NDArray[np.float64] = field(repr=False)
    dr: float
    drho: float
    cutoffs: NDArray[np.float64]


@dataclass(frozen=True)
class PotentialFile:
    """A published table: where it is and what it must hash to."""

    name: str
    url: str
    sha256: str
    license: str
    citation: str


FILES = {
    entry.name: entry
    for entry in (
        PotentialFile(
            name="cu-zr-2009",
            url="https://openkim.org/files/MO_600021860456_005/Cu-Zr_2.eam.fs",
            sha256="7871ba1196a490973d8eb941aefba250a3b9db5b772628157fd937a9a5f9ba39",
            license="CDDL-1.0",
            citation="Mendelev, Kramer, Ott, Sordelet, Yagodin & Popel, Phil. Mag. 89, 967 (2009)",
        ),
        PotentialFile(
            name="ni-nb-2016",
            url="https://openkim.org/files/MO_047308317761_000/Ni-Nb_1.eam.fs",
            sha256="69dd67ecb9b222af3b3fb9fe8617bedc481673b8020753718889cf783dc827c8",
            license="public domain",
            citation="Zhang, Ashcraft, Mendelev, Wang & Kelton, J. Chem. Phys. 145, 204505 (2016)",
        ),
        PotentialFile(
            name="al-sm-2015",
            url="https://openkim.org/files/MO_338600200739_000/Al90Sm10_MendelevM_2014.eam.fs",
            sha256="5e7ab7d86af93f62cb2e90df303d3b10c30828ded6c22da1154ccf3bbd5998d5",
            license="public domain",
            citation="Mendelev, Zhang, Ye, Sun, Nguyen, Wilson, Wang & Ho, Modell. Simul. Mater. Sci. Eng. 23, 045013 "
            "(2015)",
        ),
        PotentialFile(
            name="fe-p-2004",
            url="https://openkim.org/files/MO_884343146310_005/Fe-P.eam.fs",
            sha256="3839f36405cebeaffe93d10102e15bd68dc0d38a421c3ecb341bb7645a53cdb4",
            license="CDDL-1.0",
            citation="Ackland, Mendelev, Srolovitz, Han & Barashev, J. Phys.: Condens. Matter 16, S2629 (2004)",
        ),
    )
}


@dataclass(frozen=True)
class EffectiveMediumElement:
    """Effective-medium parameters of one element.

    ``E0`` eV, ``s0`` Å, ``V0`` eV, ``eta2`` 1/Å, ``kappa`` 1/Å, ``lam`` 1/Å, ``n0`` 1/Å³, ``mass`` u.
    """

    E0: float
    s0: float
    V0: float
    eta2: float
    kappa: float
    lam: float
    n0: float
    mass: float


METALLIC_GLASS_EMT = {
    "Cu": EffectiveMediumElement(-3.51, 1.412906, 1.993953, 3.039871, 4.943848, 3.693666, 0.063738, 63.546),
    "Zr": EffectiveMediumElement(-6.30, 1.785939, 2.320809, 2.282059, 3.911040, 2.247348, 0.031831, 91.224),
    "Mg": EffectiveMediumElement(-1.487, 1.766399, 2.229870, 2.541137, 4.435425, 3.292725, 0.035544, 24.305),
}
"""``EMT_CITATION``; Mg: Bailey, Schiøtz & Jacobsen, Phys. Rev. B 69, 144205 (2004)."""


@dataclass(frozen=True)
class LennardJonesMixture:
    """Binary mixture in reduced units: ε and σ of the pairs LL, SS and LS (of ``species``); all masses are 1.

    Beyond ``inner`` σ of the pair a polynomial takes the energy to zero at ``outer`` σ, twice continuously
    differentiable at both ends; nearer, the energy is shifted by a constant.
    """

    epsilon: tuple[float, float, float]
    sigma: tuple[float, float, float]
    inner: float
    outer: float
    citation: str
    species: tuple[str, str] = field(default=("L", "S"), repr=False)
    """Names, in the order of the pairs; no part of the hash of the potential."""


MIXTURES = {
    "lj-disks": LennardJonesMixture(
        epsilon=(0.5, 0.5, 1.0),
        sigma=(2 * np.sin(np.pi / 5), 2 * np.sin(np.pi / 10), 1.0),
        inner=2.0,
        outer=2.5,
        citation="Lançon & Billard, J. Phys. France 49, 249 (1988); Falk & Langer, Phys. Rev. E 57, 7192 (1998); cut "
        "off as in Barbot, Lerbinger, Hernandez-Garcia, García-García, Falk, Vandembroucq & Patinet, Phys. Rev. E 97, "
        "033001 (2018)",
    ),
    "kob-andersen": LennardJonesMixture(
        epsilon=(1.0, 0.5, 1.5),
        sigma=(1.0, 0.88, 0.8),
        inner=2.3,
        outer=2.5,
        citation="Kob & Andersen, Phys. Rev. E 51, 4626 (1995); taken to zero smoothly from 2.3 to 2.5 σ of the pair",
        species=("A", "B"),
    ),
}

EMT_CITATION = "Păduraru, Kenoufi, Bailey & Schiøtz, Adv. Eng. Mater. 9, 505 (2007)"
BUILT_IN = {"emt-cu-zr": ("Cu", "Zr"), "emt-cu-mg": ("Cu", "Mg")}


SOFT_SPHERES = "soft-spheres"
"""Polydisperse soft spheres: every pair has a length of its own, so their forces have no tables but a kernel."""


def potential_names() -> list[str]:
    """Names that :func:`load_potential` knows."""
    return sorted([*FILES, *BUILT_IN, *MIXTURES, SOFT_SPHERES])


def load_potential(name: str) -> EmbeddedAtomTables:
    """Tables of a potential by name; a published file is fetched at first use and checked by its sha256."""
    if name in BUILT_IN:
        return effective_medium_tables(name, {kind: METALLIC_GLASS_EMT[kind] for kind in BUILT_IN[name]}, taper=True)
    if name in MIXTURES:
        return lennard_jones_tables(name, MIXTURES[name])
    if name == SOFT_SPHERES:
        return _no_tables(name)
    if name not in FILES:
        raise UnknownNameError("potential", name, potential_names())
    from zoo.datasets.fetch import fetch_file

    entry = FILES[name]
    return read_setfl(fetch_file(entry.url, entry.sha256), entry)


def read_setfl(path: Path, entry: PotentialFile) -> EmbeddedAtomTables:
    """Read an ``eam.fs`` or ``eam.alloy`` table through ASE's parser and respline it for the kernel."""
    from ase.calculators.eam import EAM

    try:
        table = EAM(potential=str(path))
    except (ValueError, IndexError, KeyError) as error:
        raise ZooError(f"{path} is not a setfl table: {error}") from error
    n = table.Nelements
    # in eam.fs a column of its own for each (source, target) pair; in eam.alloy one per source
    density = np.asarray(table.density_data).reshape(n, -1, table.nr)
    given_by = [[density[b, a if density.shape[1] == n else 0] for b in range(n)] for a in range(n)]
    distance = np.asarray(table.r)
    rphi = [[table.rphi_data[min(a, b), max(a, b)] for b in range(n)] for a in range(n)]  # ASE fills one triangle
    cutoffs = np.array(
        [[_last_nonzero(distance, given_by[a][b], given_by[b][a], rphi[a][b]) for b in range(n)] for a in range(n)]
    )
    grid = np.linspace(0.0, cutoffs.max(), N_DISTANCES)
    inner = np.maximum(grid, SHORTEST)
    return EmbeddedAtomTables(
        name=entry.name,
        citation=entry.citation,
        license=entry.license,
        sha256=entry.sha256,
        species=tuple(table.elements),
        masses=np.asarray(table.mass, dtype=float),
        pair=_pair_coefficients(
            grid,
            [[CubicSpline(distance, given_by[a][b])(grid) for b in range(n)] for a in range(n)],
            [[CubicSpline(distance, rphi[a][b])(inner) / inner for b in range(n)] for a in range(n)],
        ),
        embedding=np.array([_coefficients(np.asarray(table.rho), f) for f in table.embedded_data]),
        dr=float(grid[1]),
        drho=float(table.rho[1] - table.rho[0]),
        cutoffs=cutoffs,
    )


def effective_medium_tables(name: str, elements: dict[str, EffectiveMediumElement], taper: bool) -> EmbeddedAtomTables:
    """Effective-medium theory written as an embedded-atom potential.

    Parameters
    ----------
    name : str
    elements : dict of EffectiveMediumElement
    taper : bool
        Let the last 4 % before the cutoff go smoothly to zero; without it energies step by 1e-3 there.

    References
    ----------
    Jacobsen, Stoltze & Nørskov, Surf. Sci. 366, 394 (1996), eqs. 20-35.
    """
    import hashlib

    beta = 1.809
    kinds = list(elements.values())
    largest = max(e.s0 for e in kinds)
    rc = 0.5 * largest * beta * (np.sqrt(3) + 2)
    slope = np.log(9999.0) / (rc * 4 / (np.sqrt(3) + 2) - rc)
    cutoff = rc * 1.04500185048
    r = np.linspace(0.0, cutoff, N_DISTANCES)
    weight = 1 / (1 + np.exp(slope * (r - rc)))
    if taper:
        t = np.clip((r / cutoff - 0.96) / 0.04, 0, 1)
        weight = weight * (1 - t**3 * (10 - 15 * t + 6 * t * t))

    def shells(e: EffectiveMediumElement, decay: float, scale: float) -> float:
        """Sum over the first three fcc shells, relative to 12 nearest neighbours."""
        d = np.sqrt([1, 2, 3]) * beta * e.s0
        in_range = np.array([12, 6, 24]) / (1 + np.exp(slope * (d - rc)))
        return float((in_range * np.exp(-decay * (d / scale - beta / scale * e.s0))).sum() / 12)

    gamma1 = [shells(e, e.eta2, 1.0) for e in kinds]
    gamma2 = [shells(e, e.kappa, beta) for e in kinds]

    def density(a: int, b: int) -> NDArray[np.float64]:
        """What an atom b at r gives to sigma1 of an atom a, in units where fcc has 12."""
        e = kinds[b]
        return np.asarray(np.exp(-e.eta2 * (r - beta * e.s0)) * e.n0 / kinds[a].n0 * weight / gamma1[a])

    def half_pair(a: int, b: int) -> NDArray[np.float64]:
        e = kinds[b]
        ratio = e.n0 / kinds[a].n0
        return np.asarray(-0.5 * kinds[a].V0 * np.exp(-e.kappa * (r / beta - e.s0)) * ratio / gamma2[a] * weight)

    n = len(kinds)
    rho = np.linspace(0.0, 60.0, 10001)
    embedding = []
    for e in kinds:
        ds = -np.log(np.maximum(rho, 1e-3 * rho[1]) / 12) / (beta * e.eta2)
        x = e.lam * ds
        embedding.append(e.E0 * ((1 + x) * np.exp(-x) - 1) + 6 * e.V0 * np.exp(-e.kappa * ds))
    return EmbeddedAtomTables(
        name=name,
        citation=EMT_CITATION,
        license="MIT (this project)",
        sha256=hashlib.sha256(repr(sorted(elements.items())).encode()).hexdigest(),
        species=tuple(elements),
        masses=np.array([e.mass for e in kinds]),
        pair=_pair_coefficients(
            r,
            [[density(a, b) for b in range(n)] for a in range(n)],
            [[half_pair(a, b) + half_pair(b, a) for b in range(n)] for a in range(n)],
        ),
        embedding=np.array([_coefficients(rho, f) for f in embedding]),
        dr=float(r[1]),
        drho=float(rho[1]),
        cutoffs=np.full((n, n), cutoff),
    )


def lennard_jones_tables(name: str, mixture: LennardJonesMixture) -> EmbeddedAtomTables:
    """A pair potential written as an embedded-atom potential without density; lengths in σ, energies in ε."""
    import hashlib

    sigma, epsilon = (np.array([[m[0], m[2]], [m[2], m[1]]]) for m in (mixture.sigma, mixture.epsilon))
    cutoffs = mixture.outer * sigma
    grid = np.linspace(0.0, cutoffs.max(), N_DISTANCES)
    energy = [[epsilon[a, b] * _smooth_lennard_jones(grid / sigma[a, b], mixture) for b in (0, 1)] for a in (0, 1)]
    nothing = np.zeros_like(grid)
    return EmbeddedAtomTables(
        name=name,
        citation=mixture.citation,
        license="MIT (this project)",
        sha256=hashlib.sha256(repr(mixture).encode()).hexdigest(),
        species=mixture.species,
        masses=np.ones(2),
        pair=_pair_coefficients(grid, [[nothing] * 2] * 2, energy),
        embedding=np.zeros((2, 2, 4)),
        dr=float(grid[1]),
        drho=1.0,
        cutoffs=cutoffs,
    )


def _no_tables(name: str) -> EmbeddedAtomTables:
    """Name, source and hash of a model whose forces are those of :mod:`zoo.simulation.soft_kernels`."""
    import hashlib

    from zoo.simulation import soft_kernels, soft_spheres

    parameters = (
        soft_kernels.CUTOFF, soft_kernels.NON_ADDITIVITY, soft_kernels.C0, soft_kernels.C2, soft_kernels.C4,
        soft_spheres.SMALLEST, soft_spheres.LARGEST,
    )  # fmt: skip
    return EmbeddedAtomTables(
        name=name,
        citation=soft_spheres.CITATION,
        license="MIT (this project)",
        sha256=hashlib.sha256(repr(parameters).encode()).hexdigest(),
        species=(soft_spheres.SPECIES,),
        masses=np.ones(1),
        pair=np.zeros((1, 1, 0, 12)),
        embedding=np.zeros((1, 0, 4)),
        dr=1.0,
        drho=1.0,
        cutoffs=np.full((1, 1), soft_kernels.CUTOFF * soft_spheres.LARGEST),
    )


def _smooth_lennard_jones(r: NDArray[np.float64], mixture: LennardJonesMixture) -> NDArray[np.float64]:
    """Energy in ε at r in σ."""
    inner, outer = mixture.inner, mixture.outer
    slope = 4 * (-12 * inner**-13 + 6 * inner**-7)
    bend = 4 * (12 * 13 * inner**-14 - 6 * 7 * inner**-8)
    width = outer - inner
    cubic = -slope / width**2 - bend / (3 * width)
    quartic = (bend - 6 * cubic * width) / (12 * width**2)
    near = np.maximum(r, CLOSEST)
    core = 4 * (near**-12 - near**-6)
    shift = cubic * width**3 + quartic * width**4 - 4 * (inner**-12 - inner**-6)
    tail = cubic * (outer - r) ** 3 + quartic * (outer - r) ** 4
    return np.asarray(np.where(r < inner, core + shift, np.where(r < outer, tail, 0.0)))


def _coefficients(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients (n, 4), rising powers of the position inside a bin (0 to 1), of the C2 spline through (x, y).

    The last are those of its tangent at the end, for what lies beyond: the cubic would leave for infinity there.
    """
    spline = CubicSpline(x, y)
    width = x[1] - x[0]
    rising = spline.c[::-1].T * width ** np.arange(4)
    beyond = [[y[-1], float(spline(x[-1], 1)) * width, 0.0, 0.0]]
    return np.concatenate([rising, beyond])


def _pair_coefficients(
    r: NDArray[np.float64], density: list[list[NDArray[np.float64]]], energy: list[list[NDArray[np.float64]]]
) -> NDArray[np.float64]:
    n = len(density)
    return np.array(
        [
            [np.hstack([_coefficients(r, f) for f in (density[a][b], density[b][a], energy[a][b])]) for b in range(n)]
            for a in range(n)
        ]
    )


def _last_nonzero(r: NDArray[np.float64], *functions: NDArray[np.float64]) -> float:
    last = max(int(np.flatnonzero(np.abs(f) > 1e-14)[-1]) for f in functions)
    return float(r[min(last + 2, len(r) - 1)])
