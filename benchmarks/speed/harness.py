"""Where the time of the workers of `zoo run` goes: fits, imports, the start of a run and its tail.

    python benchmarks/speed/harness.py                    # 200 cells of five CPU seconds on average
    python benchmarks/speed/harness.py --rows 1000        # smaller fits, where overhead weighs more
    python benchmarks/speed/harness.py --families logistic catboost

Features are in the cache before the clock starts. A fit here is all that the rules ask of a cell: fitting, predicting
the test rows, and the second fit that chooses a threshold. The figures need a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from zoo._machine import usable_cores
from zoo.benchmark.cell import features_of_glasses, task_rows
from zoo.benchmark.runner import run_suite
from zoo.benchmark.store import Store
from zoo.benchmark.suite import Entry, Suite

TASK = "shear-2pct"
FEATURES = ["radial-coarse", "voronoi-radical", "voronoi", "interstice-shell", "bond-order"]
FAMILIES = [
    "logistic",
    "linear-svm",
    "extra-trees",
    "random-forest",
    "gradient-boosting",
    "hist-gradient-boosting",
    "lightgbm",
    "xgboost",
    "catboost",
    "mlp",
]


@dataclass
class Clock:
    """When the cells of a run were begun and finished, s."""

    begun: float = 0.0
    finished: list[float] = field(default_factory=list)

    def start(self, stage: str, total: int) -> None:
        """A stage begins; cells are the last."""
        self.begun, self.finished = time.perf_counter(), []

    def finish(self, state: str) -> None:
        """A job is done."""
        self.finished.append(time.perf_counter())

    def tail(self, workers: int) -> float:
        """Seconds of all workers that found nothing left to do."""
        return sum(self.finished[-1] - time for time in self.finished[-workers:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000, help="training rows of a fit")
    parser.add_argument("--workers", type=int, default=usable_cores())
    parser.add_argument("--families", nargs="+", default=FAMILIES, metavar="FAMILY")
    options = parser.parse_args()
    entry = Entry(TASK, FEATURES, options.families)
    suite = Suite("harness", "Efficiency", [entry], max_train_rows=options.rows, random_split=False)
    for features in FEATURES:
        features_of_glasses(task_rows(TASK), features)
    clock, started = Clock(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = run_suite(suite, Path(folder), options.workers, on_start=clock.start, on_finish=clock.finish)
        wall = time.perf_counter() - started
        results = list(Store(Path(folder)))
    offered = options.workers * wall
    shares = {
        "fits": sum(result.fit_seconds + result.predict_seconds + result.threshold_seconds for result in results),
        "imports and first fits": sum(result.warm_up_seconds for result in results),
        "before the first cell (start, features found)": options.workers * (clock.begun - started),
        "idle in the tail": clock.tail(options.workers),
    }
    shares["the rest (loading, scores, files, waiting for a core)"] = offered - sum(shares.values())
    out = Console(highlight=False)
    out.print(f"{len(results)} cells: {dict(report.states)}; {wall:.1f} s on {options.workers} workers")
    for name, seconds in shares.items():
        out.print(f"{seconds / offered:6.1%}  {name}, {seconds:.1f} s")


if __name__ == "__main__":
    main()
