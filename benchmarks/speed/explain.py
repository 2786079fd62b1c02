"""Speed of exact Shapley values of trees beside shap, on the same models, rows and background, with values compared.

    python benchmarks/speed/explain.py                      # 4,000 atoms, 100 columns, every tree family
    python benchmarks/speed/explain.py --families lightgbm --atoms 10000 --peer-rows 10000 --cores 2

shap is called in the usual way, ``TreeExplainer(model, background, feature_perturbation="interventional")``: one
thread, which is all that it has for this. It explains ``--peer-rows`` of the rows, and its time is scaled up to all of
them, unless they are all asked for; its time is proportional to rows. Ours are split over ``--cores`` processes, whose
start and compilation (once per checkout) are not counted. Wall times need a machine that does nothing else; CPU times
are given beside them, and ``times_cpu`` is how often ours fit into shap's on one core. Writes ``explain.csv`` and
prints the table of ``docs/speed.md``.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from zoo._machine import one_thread_each
from zoo.explain.trees import Trees, read_trees
from zoo.models.declaration import TaskKind, model_families

HERE = Path(__file__).parent
N_COLUMNS, N_BACKGROUND = 100, 100


def rows_of(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns as correlated as those of a descriptor, and a value that a few of them tell in part."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, N_COLUMNS))
    x[:, 50:] = 0.7 * x[:, :50] + 0.7 * x[:, 50:]
    return x.astype(np.float32), x[:, 0] + np.abs(x[:, 1]) + x[:, 2] * x[:, 3] + random.normal(size=n)


def explain(trees: Trees, x: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, float]:
    """Values and CPU seconds."""
    started = time.process_time()
    values = trees.shapley(x, background)
    return values, time.process_time() - started


def compare(name: str, kind: TaskKind, options: argparse.Namespace, pool: Any) -> dict[str, Any]:
    """One row of the table."""
    import shap

    x, value = rows_of(options.train, 0)
    y = value if kind == "regression" else (value > np.quantile(value, 0.9)).astype(float)
    model = model_families[name].estimator(kind, 0).fit(x, y)
    rows, background = rows_of(options.atoms, 1)[0], x[:N_BACKGROUND]
    trees = read_trees(model)
    parts = np.array_split(rows, options.cores)
    list(pool.map(explain, [trees] * options.cores, [rows[:64]] * options.cores, [background] * options.cores))
    started = time.perf_counter()
    found = list(pool.map(explain, [trees] * options.cores, parts, [background] * options.cores))
    wall = time.perf_counter() - started
    values = np.concatenate([part for part, _ in found])
    theirs_of = rows[: min(options.peer_rows, len(rows))]
    explainer = shap.TreeExplainer(model, background, feature_perturbation="interventional")
    started = time.perf_counter(), time.process_time()
    theirs = np.asarray(explainer.shap_values(theirs_of, check_additivity=False))
    more = len(rows) / len(theirs_of)
    shap_wall, shap_cpu = more * (time.perf_counter() - started[0]), more * (time.process_time() - started[1])
    cpu = sum(seconds for _, seconds in found)
    theirs = theirs[..., 1] if theirs.ndim == 3 else theirs
    off = np.abs(values[: len(theirs_of)] - theirs).max() / np.abs(theirs).max()
    sums = np.abs(values.sum(axis=1) + trees.predict(background).mean() - trees.predict(rows)).max()
    return {
        "family": name,
        "kind": kind,
        "trees": len(trees.trees),
        "leaves": round(float(np.mean([(tree.left < 0).sum() for tree in trees.trees])), 1),
        "rows": len(rows),
        "ours_s": round(wall, 3),
        "shap_s": round(shap_wall, 2),
        "times": round(shap_wall / wall, 1),
        "ours_cpu_s": round(cpu, 3),
        "shap_cpu_s": round(shap_cpu, 2),
        "times_cpu": round(shap_cpu / cpu, 1),
        "shap_rows": len(theirs_of),
        "largest_difference": float(f"{off:.1e}"),
        "additivity": float(f"{sums / trees.predict(rows).std():.1e}"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = [family.name for family in model_families if family.explained_by == "trees"]
    parser.add_argument("--families", nargs="+", default=every)
    parser.add_argument("--kinds", nargs="+", default=["classification", "regression"])
    parser.add_argument("--atoms", type=int, default=4_000)
    parser.add_argument("--train", type=int, default=4_000)
    parser.add_argument("--peer-rows", type=int, default=40)
    parser.add_argument("--cores", type=int, default=1)
    options = parser.parse_args()
    one_thread_each()
    console, table = Console(width=140, highlight=False), Table(header_style="bold", box=None)
    results: list[dict[str, Any]] = []
    with ProcessPoolExecutor(options.cores, mp_context=get_context("spawn")) as pool:
        for kind in options.kinds:
            for name in options.families:
                results.append(compare(name, kind, options, pool))
                console.print(results[-1])
                pd.DataFrame(results).to_csv(HERE / "explain.csv", index=False)
    for title in results[0]:
        table.add_column(title, justify="left" if title in ("family", "kind") else "right")
    for row in results:
        table.add_row(*(f"{value}" for value in row.values()))
    console.print(table)
    print(markdown(results))


def markdown(results: list[dict[str, Any]]) -> str:
    """The table as it stands in ``docs/speed.md``: CPU seconds."""
    lines = ["| family | answers | trees x leaves | glass-zoo | shap | times |", "|---|---|---|---:|---:|---:|"]
    for row in results:
        kind = "classes" if row["kind"] == "classification" else "values"
        size = f"{row['trees']:,} x {row['leaves']:,.0f}"
        seconds = f"{row['ours_cpu_s']:.2g} | {row['shap_cpu_s']:.3g}"
        lines.append(f"| {row['family']} | {kind} | {size} | {seconds} | {row['times_cpu']:.2g} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
