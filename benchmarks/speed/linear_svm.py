"""Time of the linear SVM on many rows: the primal problem, as the family solves it, beside scikit-learn's defaults.

    python benchmarks/speed/linear_svm.py               # 50,000 atoms x 160 columns

The columns are ``radial`` of Cu-Zr glasses and the classes those of ``shear-2pct``. With more rows than columns the
primal Newton method of LIBLINEAR (``dual=False``) needs a handful of passes; coordinate descent in the dual, the
default, needs thousands and often stops before it has converged. The rows are divided at random, which flatters both
alike: the precision only shows that the faster way is no worse.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
from rich.console import Console
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from zoo.benchmark.cell import feature_matrix, task_rows
from zoo.models.declaration import model_families

TASK, FEATURES = "shear-2pct", "radial"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    options = parser.parse_args()
    rows = task_rows(TASK)
    x = feature_matrix(TASK, FEATURES).matrix
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[: options.rows], order[options.rows :]
    machines = {
        "linear-svm": model_families["linear-svm"].estimator("classification", 0, (), {}),
        "LinearSVC()": make_pipeline(StandardScaler(), LinearSVC(dual=True, random_state=0)),
    }
    out = Console(highlight=False)
    for name, machine in machines.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            started = time.perf_counter()
            machine.fit(x[train], rows.target[train])
            wall = time.perf_counter() - started
        quality = average_precision_score(rows.target[test], machine.decision_function(x[test]))
        note = ", has not converged" if caught else ""
        out.print(f"{name}: {wall:.1f} s on {len(train):,} x {x.shape[1]}, average precision {quality:.3f}{note}")


if __name__ == "__main__":
    main()
