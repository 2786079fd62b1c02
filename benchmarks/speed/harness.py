"""How much of the machine's time `zoo run` spends on fits: CPU seconds of the fits over cores times wall time.

    python benchmarks/speed/harness.py              # 192 cells of a few seconds
    python benchmarks/speed/harness.py --rows 2000  # smaller fits, where overhead weighs more

Features are in the cache before the clock starts; the start of the workers, imports and the writing of results count as
overhead. A fit here is all that the rules ask of a cell: fitting, predicting the test rows, and for classes the second
fit that chooses a threshold. The figure needs a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from rich.console import Console

from zoo.benchmark.cell import features_of_glasses, task_rows
from zoo.benchmark.runner import run_suite
from zoo.benchmark.store import Store
from zoo.benchmark.suite import Entry, Suite, cells_of

TASK = "shear-2pct"
FEATURES = ["radial-coarse", "voronoi-radical", "voronoi"]
FAMILIES = [
    "logistic",
    "linear-svm",
    "decision-tree",
    "extra-trees",
    "random-forest",
    "hist-gradient-boosting",
    "lightgbm",
    "xgboost",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000, help="training rows of a fit")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    suite = Suite("harness", "Efficiency", [Entry(TASK, FEATURES, FAMILIES)], max_train_rows=options.rows)
    for features in FEATURES:
        features_of_glasses(task_rows(TASK), features)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        report = run_suite(suite, Path(folder), options.workers)
        wall = time.perf_counter() - started
        results = list(Store(Path(folder)))
    fits = sum(result.fit_seconds + result.predict_seconds + result.threshold_seconds for result in results)
    warm_up = sum(result.warm_up_seconds for result in results)
    out = Console(highlight=False)
    out.print(f"{len(cells_of(suite))} cells: {dict(report.states)}; {wall:.1f} s on {options.workers} workers")
    out.print(f"fits {fits:.1f} CPU s, imports and first fits {warm_up:.1f} CPU s")
    offered = options.workers * wall
    out.print(f"efficiency {fits / offered:.1%}, with imports {(fits + warm_up) / offered:.1%}")


if __name__ == "__main__":
    main()
