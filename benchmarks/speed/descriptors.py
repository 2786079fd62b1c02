"""Time of our descriptors and of the packages that a user would take today, in one process on the same glass.

    python benchmarks/speed/descriptors.py                # 4,000 atoms, a few minutes
    python benchmarks/speed/descriptors.py --atoms 4000 32000 108000 --cores 1 2

A peer that is not installed is left out; ``pip install -e ".[peers]"`` installs all of them. Every figure is the least
wall time of several warm calls in a process that is kept on one core. With two cores, as many processes describe one
glass each, and their time is divided by the atoms of both. The figures replace those of ``descriptors.csv`` that were
measured before (``--only``: of some descriptors), and all are drawn to ``descriptors.svg`` beside this file; ``--docs``
draws it again and makes the table of ``docs/speed.md`` of it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from zoo.datasets.load import load_dataset
from zoo.features.compute import compute_features
from zoo.features.interstice import describe_shell
from zoo.features.kernels.tessellation import tessellate
from zoo.features.radii import radii_of
from zoo.features.shell import shell_of
from zoo.glass import Glass

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "speed.md"
FIRST, LAST = "<!-- from benchmarks/speed/descriptors.csv -->", "<!-- to here -->"
SAMPLE = {"matminer": 40, "dscribe": 1000}
"""Atoms that a slow peer describes, then twice as many: the difference is its time per atom, without what it does once
for a glass. Only DScribe's quick ``acsf`` describes all atoms."""
PATIENCE, CALLS = 10.0, 30
"""Seconds after which no further call is made, and the most calls: on a shared machine few of them are undisturbed."""
Call = Callable[[Glass, int], object]


def glass_of(n_atoms: int) -> Glass:
    """A Cu-Zr glass written side by side until it has about ``n_atoms``."""
    glass = next(iter(load_dataset("cuzr-shear").glasses.values()))
    times = max(1, round((n_atoms / len(glass)) ** (1 / 3)))
    turns = np.stack(np.meshgrid(*[np.arange(times)] * 3, indexing="ij"), -1).reshape(-1, 3)
    positions = (glass.positions + (turns @ glass.cell)[:, None]).reshape(-1, 3)
    return Glass(positions, np.tile(glass.species, len(turns)), glass.cell * times)


def ours(name: str) -> Call:
    return lambda glass, n: compute_features(name, glass)


def dscribe_radial(first: float, last: float, spacing: float, sigma: float) -> Call:
    def call(glass: Glass, n: int) -> object:
        from dscribe.descriptors import ACSF

        centers = np.arange(round((last - first) / spacing)) * spacing + first
        peer = ACSF(
            species=list(glass.kinds),
            r_cut=last + 6 * sigma,
            g2_params=[(1 / (2 * sigma**2), center) for center in centers],
            periodic=True,
        )
        return peer.create(glass.to_ase(), centers=list(range(n)))

    return call


def dscribe_angular(glass: Glass, n: int) -> object:
    from dscribe.descriptors import ACSF

    from zoo.features.angular import CUTOFF, PARAMETERS, UNIT

    functions = [((xi * UNIT) ** -2, zeta, lam) for xi, lam, zeta in PARAMETERS]
    peer = ACSF(species=list(glass.kinds), r_cut=CUTOFF, g4_params=functions, periodic=True)
    return peer.create(glass.to_ase(), centers=list(range(n)))


def dscribe_own(name: str) -> Call:
    """What ``soap`` and ``acsf`` call, in one call and without the columns in our order."""

    def call(glass: Glass, n: int) -> object:
        from zoo.features import dscribe_sets

        peer = {"soap": dscribe_sets._soap, "acsf": dscribe_sets._acsf}[name](glass.kinds, True)
        return peer.create(glass.to_ase(), centers=list(range(n)))

    return call


def freud_system(glass: Glass) -> tuple[object, np.ndarray]:
    import freud

    box = freud.box.Box.from_matrix(glass.cell.T)
    return box, box.wrap(glass.positions)


def freud_voronoi(glass: Glass, n: int) -> object:
    import freud

    return freud.locality.Voronoi().compute(freud_system(glass))


def freud_bond_order(glass: Glass, n: int) -> object:
    """q and averaged q for l = 2 ... 12 and w for the even ones, with the neighbours of its own tessellation."""
    import freud

    system = freud_system(glass)
    bonds = freud.locality.Voronoi().compute(system).nlist
    found = []
    for average in (False, True):
        for degree in range(2, 13):
            peer = freud.order.Steinhardt(degree, weighted=True, average=average, wl=degree % 2 == 0)
            found.append(peer.compute(system, neighbors=bonds).particle_order)
    return found


def matminer_interstice(glass: Glass, n: int) -> object:
    from matminer.featurizers.site import IntersticeDistribution
    from pymatgen.core import Structure

    structure = Structure(glass.cell, list(glass.species), glass.positions, coords_are_cartesian=True)
    peer = IntersticeDistribution()
    return [peer.featurize(structure, atom) for atom in range(n)]


def mdapy_entropy(glass: Glass, n: int) -> object:
    import mdapy

    system = mdapy.System(pos=glass.positions, box=np.vstack([glass.cell, np.zeros(3)]))
    return system.cal_structure_entropy(rc=6.0, sigma=0.2, average_rc=6.0)


def ovito_voronoi(radical: bool) -> Call:
    """Cells and their indices, plain or with our radii."""

    def call(glass: Glass, n: int) -> object:
        from ovito.io.ase import ase_to_ovito
        from ovito.modifiers import VoronoiAnalysisModifier
        from ovito.pipeline import Pipeline, StaticSource

        data = ase_to_ovito(glass.to_ase())
        data.particles_.create_property("Radius", data=radii_of(glass))
        pipeline = Pipeline(source=StaticSource(data=data))
        pipeline.modifiers.append(VoronoiAnalysisModifier(compute_indices=True, use_radii=radical))
        return pipeline.compute()

    return call


def with_interstices(glass: Glass, n: int) -> object:
    """Radical cells with orders, areas and volumes, and the interstices of the shells that they make."""
    radius = radii_of(glass)
    return describe_shell(shell_of(tessellate(glass, radius))[0], radius)


CONTESTS: list[tuple[str, Call, list[tuple[str, Call]]]] = [
    ("radial", ours("radial"), [("dscribe", dscribe_radial(2.0, 10.0, 0.1, 0.1))]),
    ("radial-coarse", ours("radial-coarse"), [("dscribe", dscribe_radial(1.0, 8.0, 0.2, 0.2))]),
    ("angular", ours("angular"), [("dscribe", dscribe_angular)]),
    ("tessellation", lambda glass, n: tessellate(glass), [("freud", freud_voronoi), ("ovito", ovito_voronoi(False))]),
    ("radical tessellation", lambda glass, n: tessellate(glass, radii_of(glass)), [("ovito", ovito_voronoi(True))]),
    ("radical tessellation and interstices", with_interstices, [("ovito", ovito_voronoi(True))]),
    ("interstice-shell", ours("interstice-shell"), [("matminer", matminer_interstice)]),
    ("interstice", ours("interstice"), []),
    ("sro-mro", ours("sro-mro"), []),
    ("bond-order", ours("bond-order"), [("freud", freud_bond_order)]),
    ("entropy", ours("entropy"), [("mdapy", mdapy_entropy)]),
    ("voronoi@cg", ours("voronoi@cg"), []),
    ("soap", ours("soap"), [("dscribe", dscribe_own("soap"))]),
    ("acsf", ours("acsf"), [("dscribe", dscribe_own("acsf"))]),
]
"""(what, our call, peers)."""


def seconds_per_atom(calls: dict[str, Call], glass: Glass, sample: dict[str, int] = SAMPLE) -> dict[str, float]:
    """Least wall time per atom of each package after a first call.

    The packages are called in turn, so that all of them meet the same quiet and busy moments of a shared machine.
    """
    sizes = [
        (package, n)
        for package in calls
        for n in ([sample[package], 2 * sample[package]] if package in sample else [len(glass)])
    ]
    for package, n in sizes:
        calls[package](glass, n)
    least, spent = dict.fromkeys(sizes, np.inf), dict.fromkeys(sizes, 0.0)
    for _ in range(CALLS):
        for package, n in sizes:
            if spent[package, n] < PATIENCE:
                before = time.perf_counter()
                calls[package](glass, n)
                took = time.perf_counter() - before
                least[package, n] = min(least[package, n], took)
                spent[package, n] += took
    return {package: float(_slope(least, package)) for package in calls}


def _slope(least: dict[tuple[str, int], float], package: str) -> float:
    """Seconds per atom: of a part of the glass and twice as much of it, the difference, without what both share."""
    (n, seconds), *larger = sorted((n, seconds) for (name, n), seconds in least.items() if name == package)
    return (larger[0][1] - seconds) / n if larger else seconds / n


def stay_on(cpu: int) -> None:
    """Keep this process and the threads that a peer starts on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[cpu]})


def _worker(contest: int, n_atoms: int, cpu: int) -> dict[str, float]:
    stay_on(cpu)
    what, mine, peers = CONTESTS[contest]
    installed = {package: call for package, call in peers if find_spec(package) is not None}
    return seconds_per_atom({"glass-zoo": mine, **installed}, glass_of(n_atoms), {} if what == "acsf" else SAMPLE)


def measure(sizes: list[int], cores: list[int], names: list[str]) -> Iterator[dict[str, object]]:
    """One row for each descriptor, package, size and number of cores: µs of wall time per atom."""
    for n_atoms in sizes:
        n_atoms = len(glass_of(n_atoms))
        for at, (what, _, _) in enumerate(CONTESTS):
            for n in cores if what in names else ():
                with ProcessPoolExecutor(n, mp_context=get_context("spawn")) as pool:
                    found = list(pool.map(_worker, [at] * n, [n_atoms] * n, range(n)))
                for package in found[0]:
                    each = max(seconds[package] for seconds in found) / n
                    row = {"descriptor": what, "package": package, "atoms": n_atoms, "cores": n}
                    yield {**row, "us_per_atom": round(1e6 * each, 2)}


def joined(before: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of the contests; what was measured again replaces what was there."""
    names = [what for what, _, _ in CONTESTS]
    rows = pd.concat([before, found]).drop_duplicates(["descriptor", "package", "atoms", "cores"], keep="last")
    place = rows["descriptor"].map(names.index)
    return rows.assign(place=place).sort_values(["atoms", "place", "cores"], kind="stable").drop(columns="place")


def show(rows: pd.DataFrame, console: Console) -> None:
    """Table with the ratio of every peer to ours."""
    table = Table(header_style="bold", box=None)
    for title in ("descriptor", "atoms", "cores", "package", "µs/atom", "times ours"):
        table.add_column(title, justify="left" if title in ("descriptor", "package") else "right")
    for (what, atoms, cores), part in rows.groupby(["descriptor", "atoms", "cores"], sort=False):
        mine = part.loc[part["package"] == "glass-zoo", "us_per_atom"].item()
        for _, row in part.iterrows():
            ratio = "" if row["package"] == "glass-zoo" else f"{row['us_per_atom'] / mine:.1f}"
            table.add_row(what, f"{atoms:,}", str(cores), row["package"], f"{row['us_per_atom']:.1f}", ratio)
    console.print(table)


def draw(rows: pd.DataFrame, path: Path) -> None:
    """A panel for each number of cores: µs per atom against atoms, a line for each descriptor and package."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "glass-zoo"
    import matplotlib.pyplot as plt

    cores, names = sorted(set(rows["cores"])), list(dict.fromkeys(rows["descriptor"]))
    styles = dict(zip(dict.fromkeys(rows["package"]), ("-o", "--s", ":^", "-.D", "--v", ":x"), strict=False))
    figure, axes = plt.subplots(
        1, len(cores), figsize=(4.5 * len(cores) + 2.5, 6), layout="constrained", sharey=True, squeeze=False
    )
    for axis, n in zip(axes[0], cores, strict=True):
        for (name, package), part in rows[rows["cores"] == n].groupby(["descriptor", "package"], sort=False):
            axis.plot(
                part["atoms"], part["us_per_atom"], styles[package], ms=4, lw=1.2, color=f"C{names.index(name) % 10}",
                fillstyle="full" if names.index(name) < 10 else "none", label=f"{name}, {package}",
            )  # fmt: skip
        sizes = sorted(set(rows["atoms"]))
        axis.set(xscale="log", yscale="log", xlabel="atoms", title=f"{n} core{'s' * (n > 1)}")
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
        axis.minorticks_off()
        axis.grid(color="0.92")
    axes[0][0].set_ylabel("time per atom (µs)")
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside right", frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def page(rows: pd.DataFrame) -> str:
    """``docs/speed.md`` with the table of these rows: µs per atom, and how many times ours every peer takes."""
    runs = sorted({(n, atoms) for n, atoms in zip(rows["cores"], rows["atoms"], strict=True)})
    titles = [f"{atoms:,}" + (f", {n} cores" if n > 1 else "") for n, atoms in runs]
    lines = [f"| descriptor | package | {' | '.join(titles)} | times ours |", "|---|---|" + "---:|" * (len(runs) + 1)]
    for what, of in rows.groupby("descriptor", sort=False):
        found = of.set_index(["package", "cores", "atoms"])["us_per_atom"]
        for package in dict.fromkeys(of["package"]):
            cells = [_digits(found.get((package, *run))) for run in runs]
            times = [found[package, *run] / found["glass-zoo", *run] for run in runs if (package, *run) in found]
            ratio = "" if package == "glass-zoo" else f"{_digits(min(times))} to {_digits(max(times))}"
            lines.append(f"| `{what}` | {package} | {' | '.join(cells)} | {ratio} |")
    before, _, rest = PAGE.read_text().partition(FIRST)
    return "\n".join([f"{before}{FIRST}\n", *lines, f"\n{LAST}{rest.partition(LAST)[2]}"])


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atoms", type=int, nargs="+", default=[4000])
    parser.add_argument("--cores", type=int, nargs="+", default=[1])
    names = [what for what, _, _ in CONTESTS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="DESCRIPTOR")
    parser.add_argument("--docs", action="store_true", help="measure nothing: figure and table of what was measured")
    options = parser.parse_args()
    if options.docs:
        rows = pd.read_csv(HERE / "descriptors.csv")
        draw(rows, HERE / "descriptors.svg")
        PAGE.write_text(page(rows))
        return
    console, found = Console(width=100), []
    for row in measure(options.atoms, options.cores, options.only):
        found.append(row)
        console.print(f"{row['descriptor']:18} {row['package']:10} {row['us_per_atom']:10} µs/atom", highlight=False)
    show(pd.DataFrame(found), console)
    rows = joined(pd.read_csv(HERE / "descriptors.csv"), pd.DataFrame(found))
    rows.to_csv(HERE / "descriptors.csv", index=False)
    draw(rows, HERE / "descriptors.svg")


if __name__ == "__main__":
    main()
