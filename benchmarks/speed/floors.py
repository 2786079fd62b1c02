"""How close each kernel comes to what the processor could do at best.

    python benchmarks/speed/floors.py

The floor of a kernel is the larger of two times on one core: its arithmetic at the speed of a matrix product in double
precision, and the bytes that must enter and leave it at the speed of a copy in memory; both are measured first. A sum
or product counts as one operation, a division or root as 8, an exponential, cosine or logarithm as 20. What is counted
is what the formula needs for this glass, not what the code happens to do: a search for neighbours has to look only at
those that it finds, a polyhedron only at the planes that cut it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from descriptors import glass_of, seconds_per_atom, stay_on
from rich.console import Console
from rich.table import Table

from zoo.features.combinations import coarse_grain
from zoo.features.compute import compute_features
from zoo.features.density_grid import CUTOFF as GRID_CUTOFF
from zoo.features.density_grid import HALF, SIGMA, STEP, TAILS
from zoo.features.interstice import describe_shell
from zoo.features.kernels.coarse import exponential_averages
from zoo.features.kernels.grid import smear
from zoo.features.kernels.statistics import neighbor_statistics
from zoo.features.kernels.tessellation import Tessellation, tessellate
from zoo.features.physics_inspired import LENGTHS
from zoo.features.radii import radii_of
from zoo.features.shell import shell_of
from zoo.glass import Glass
from zoo.neighbors import find_neighbors

DIVISION, FUNCTION = 8, 20
DEGREES = range(2, 13)


def peak() -> tuple[float, float]:
    """Operations and bytes per second of one core."""
    a = np.random.default_rng(0).random((1500, 1500))
    operations = max(2 * len(a) ** 3 / _seconds(lambda: a @ a) for _ in range(3))
    source = np.ones(20_000_000)
    target = np.empty_like(source)
    moved = max(2 * source.nbytes / _seconds(lambda: np.copyto(target, source)) for _ in range(3))
    return operations, moved


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


Kernel = tuple[str, Callable[..., object], float, float]
"""What it is, how it is called, operations and bytes per atom."""


def kernels_of(glass: Glass) -> list[Kernel]:
    """Every kernel, with what its formula needs for this glass."""
    cutoffs = (4.0, 5.0, 6.0, 7.2, 9.0, 10.0, 10.5)
    near = {cutoff: len(find_neighbors(glass, cutoff).index) / len(glass) for cutoff in cutoffs}
    cells = tessellate(glass)
    faces = len(cells.neighbor) / len(glass)
    corners = 2 * (faces - 2)  # Euler, three faces at each
    pairs = near[5.0] * (near[5.0] - 1) / 2 * 0.46  # of two neighbours, within the cutoff of each other
    places = sum(degree + 1 for degree in DEGREES)
    triples = sum((3 * degree**2 + 3 * degree + 2) // 2 / 6 for degree in DEGREES if degree % 2 == 0)
    distance, harmonics = 8 + DIVISION, faces * places * (7 + 4)
    voronoi = _polyhedron(faces, corners) + faces * 20
    return [
        ("neighbours, 6 Å", lambda g, n: find_neighbors(g, 6.0), near[6.0] * 8, near[6.0] * 31),
        ("radial", _set("radial"), near[10.5] / 2 * (distance + 13 * 4), 24 + 160 * 4),
        ("radial-coarse", _set("radial-coarse"), near[9.0] / 2 * (distance + 13 * 4), 24 + 70 * 4),
        ("angular", _set("angular"), pairs * (40 + 3 * FUNCTION + DIVISION + 22 * 7), 66 * 4),
        ("tessellation", lambda g, n: tessellate(g), voronoi, faces * 40),
        ("bond-order", _set("bond-order"), voronoi + harmonics + faces * places * 2 + 6 * triples * 16, 56 * 4),
        ("entropy", _set("entropy"), near[7.2] / 2 * (distance + 25 * 4) + 60 * 3 * (FUNCTION + 5), 24 + 4 * 4),
        *_kernels_of_shells(glass, cells),
        *_kernels_of_surroundings(glass, near),
    ]


def _polyhedron(faces: float, corners: float) -> float:
    """Operations that cut a polyhedron: every corner against every plane, and the places of the corners."""
    return faces * corners * 8 + corners * (15 + DIVISION)


def _kernels_of_shells(glass: Glass, cells: Tessellation) -> list[Kernel]:
    """Interstices of the hull of the neighbours, and statistics of 12 columns over them."""
    shell, radius = shell_of(cells)[0], radii_of(glass)
    own = describe_shell(shell, radius)[:, :12]
    neighbors = len(shell.neighbor) / len(glass)
    triangles = 2 * (neighbors - 2)
    # edges, 8 dot and 2 cross products, 6 lengths; 6 angles and their sides; sums and statistics
    interstice = triangles * (9 + 40 + 18 + 6 * (5 + DIVISION) + 6 * (FUNCTION + 7) + 40)
    hull = _polyhedron(neighbors, triangles) + interstice + neighbors * (8 + DIVISION)
    return [
        ("interstices of shells", lambda g, n: describe_shell(shell, radius), hull, neighbors * 28 + 13 * 8),
        (
            "statistics over neighbours",
            lambda g, n: neighbor_statistics(shell.start, shell.neighbor, own),
            neighbors * 12 * 6,
            neighbors * 4 + 12 * 8 * 5,
        ),
    ]


def _kernels_of_surroundings(glass: Glass, near: dict[float, float]) -> list[Kernel]:
    """Means within 6 Å of 13 columns, exponential averages over five lengths, images of the density."""
    values, energy = np.random.default_rng(0).random((len(glass), 13)), np.random.default_rng(1).random(len(glass))
    kind, lengths = glass.species_index(glass.kinds), np.array(LENGTHS)
    around = find_neighbors(glass, 10.0)
    spacing = (glass.volume / len(glass)) ** (1 / 3)
    in_reach = 4 / 3 * np.pi * GRID_CUTOFF**3
    points = ((2 * HALF + 1) * STEP) ** 3 * (2 * TAILS + 1) ** 3  # of all Gaussians on the grid
    smeared = in_reach * (3 * (2 * TAILS + 1) * (FUNCTION + 4) + 10) + points * 2

    def averages(g: Glass, n: int) -> object:
        lists = (around.start, around.index, around.distance)
        return exponential_averages(*lists, kind, len(glass.kinds), lengths, 10.0, energy, energy)

    def images(g: Glass, n: int) -> object:
        around = find_neighbors(g, GRID_CUTOFF * spacing)
        grid = (STEP * spacing, HALF, TAILS, SIGMA * spacing, GRID_CUTOFF * spacing, HALF)
        return smear(around.start, around.index, around.vector, kind, len(g.kinds), *grid)

    size = (2 * HALF + 1) ** 3 * len(glass.kinds) * 4
    each = 13 + len(LENGTHS) * (FUNCTION + DIVISION + 8)
    return [
        ("means within 6 Å, @cg", lambda g, n: coarse_grain(g, values, 6.0), near[6.0] * (13 + 26), 13 * 8 * 2 + 24),
        ("exponential averages", averages, near[10.0] * each, near[10.0] * 12 + 60 * 4),
        ("density grid", images, smeared, in_reach * 28 + size),
    ]


def main() -> None:
    stay_on(0)
    operations, moved = peak()
    glass = glass_of(4000)
    table = Table(header_style="bold", box=None)
    for title in ("kernel", "operations", "bytes", "floor (µs)", "measured (µs)", "share of the floor"):
        table.add_column(title, justify="left" if title == "kernel" else "right")
    for what, call, needed, size in kernels_of(glass):
        floor = 1e6 * max(needed / operations, size / moved)
        measured = 1e6 * seconds_per_atom({what: call}, glass)[what]
        row = (f"{needed:,.0f}", f"{size:,.0f}", f"{floor:.2f}", f"{measured:.1f}", f"{floor / measured:.0%}")
        table.add_row(what, *row)
    out = Console(highlight=False)
    out.print(
        f"one core: {operations / 1e9:.0f} GFLOP/s in a matrix product, {moved / 1e9:.0f} GB/s in a copy; per atom:"
    )
    out.print(table)


def _set(name: str) -> Callable[..., object]:
    return lambda glass, n: compute_features(name, glass)


if __name__ == "__main__":
    main()
