"""Time and memory of large glasses: every set of structure of 108,000 atoms, two of 10^6 written as tables.

    python benchmarks/speed/large.py                           # a quarter of an hour
    python benchmarks/speed/large.py --atoms 4000 --stream 32000  # that it works

Each set is computed in a process of its own that is kept on one core, which also compiles it before, on a small glass.
Memory is the peak of that process less what it had before the glass was described. A set is streamed as ``zoo
features`` does it: read the glass, compute the columns, write a parquet table part by part. The table is written to
``large.csv`` beside this file.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from descriptors import HERE, glass_of, stay_on
from rich.console import Console
from rich.table import Table

from zoo._machine import peak_memory_mb, reset_peak_memory
from zoo.describe import describe, write_description
from zoo.features.compute import compute_features

SETS = [
    "radial",
    "radial-coarse",
    "angular",
    "voronoi",
    "voronoi-radical",
    "sro",
    "sro-mro",
    "interstice-shell",
    "interstice",
    "bond-order",
    "entropy",
    "coordination",
    "acsf",
    "soap",
    "bispectrum",
    "all-structural",
]
STREAMED = ["radial", "interstice"]


def described(name: str, n_atoms: int) -> dict[str, object]:
    """One row: seconds of wall and processor time, and memory (GB), of a set."""
    stay_on(0)
    compute_features(name, glass_of(4000))
    glass = glass_of(n_atoms)
    before = reset_peak_memory()
    wall, cpu = time.perf_counter(), time.process_time()
    compute_features(name, glass)
    return _row(name, "computed", len(glass), wall, cpu, before)


def streamed(name: str, n_atoms: int) -> dict[str, object]:
    """One row, the table written too; memory holds the glass and the columns."""
    stay_on(0)
    compute_features(name, glass_of(4000))
    before = reset_peak_memory()
    glass = glass_of(n_atoms)
    wall, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        write_description(describe(glass, name), Path(folder) / "table.parquet")
    return _row(name, "written", len(glass), wall, cpu, before)


def _row(name: str, what: str, n_atoms: int, wall: float, cpu: float, before: float) -> dict[str, object]:
    return {
        "set": name,
        "what": what,
        "atoms": n_atoms,
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "gigabytes": round((peak_memory_mb() - before) / 1024, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atoms", type=int, default=108_000)
    parser.add_argument("--stream", type=int, default=1_000_000)
    parser.add_argument("--sets", nargs="+", default=SETS)
    options = parser.parse_args()
    out, rows = Console(width=100), []
    table = Table(header_style="bold", box=None)
    for title in ("set", "what", "atoms", "seconds", "cpu_seconds", "gigabytes"):
        table.add_column(title, justify="left" if title in ("set", "what") else "right")
    work = [(described, name, options.atoms) for name in options.sets]
    work += [(streamed, name, options.stream) for name in STREAMED if name in options.sets]
    for measure, name, n_atoms in work:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            rows.append(pool.submit(measure, name, n_atoms).result())
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in rows[-1].values()))
        out.print(rows[-1], highlight=False)
    pd.DataFrame(rows).to_csv(HERE / "large.csv", index=False)
    out.print(table)


if __name__ == "__main__":
    main()
