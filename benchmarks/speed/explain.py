"""Speed of exact Shapley values of trees beside shap, on the same models, rows and background, with values compared.

    python benchmarks/speed/explain.py          # 10,000 atoms, 100 columns, every tree family, on one and on two cores
    python benchmarks/speed/explain.py --docs   # only the tables of the docs, from explain.csv
    python benchmarks/speed/explain.py --families lightgbm --atoms 300 --output /tmp/explain.csv

shap is called in the usual way, ``TreeExplainer(model, background, feature_perturbation="interventional")``: one
thread, which is all that it has for this, however many cores there are. It explains ``--peer-rows`` of the rows, and
its time is scaled up to all of them, as it is proportional to rows. Ours explain all rows, split over as many processes
as cores, whose start and compilation (once per checkout) are not counted. Wall times need a machine that does nothing
else; CPU times are given beside them. ``times`` is wall by wall, ``times_cpu`` CPU by CPU. Writes ``explain.csv``, of
which ``--docs`` makes the tables of ``docs/explaining.md`` and ``docs/speed.md``.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from zoo._machine import one_thread_each
from zoo.explain.trees import Trees, read_trees
from zoo.models.declaration import TaskKind, model_families

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
N_COLUMNS, N_BACKGROUND = 100, 100
FIRST, LAST = "<!-- from benchmarks/speed/explain.csv -->", "<!-- to here -->"


@dataclass(frozen=True)
class Case:
    """A fitted model, the rows to explain and what shap says of the first of them."""

    name: str
    kind: TaskKind
    trees: Trees
    rows: np.ndarray
    background: np.ndarray
    theirs: np.ndarray
    shap_s: float
    shap_cpu_s: float


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


def case_of(name: str, kind: TaskKind, options: argparse.Namespace) -> Case:
    """Fit a family and explain some rows with shap."""
    import shap

    x, value = rows_of(options.train, 0)
    y = value if kind == "regression" else (value > np.quantile(value, 0.9)).astype(float)
    model = model_families[name].estimator(kind, 0).fit(x, y)
    rows, background = rows_of(options.atoms, 1)[0], x[:N_BACKGROUND]
    theirs_of = rows[: options.peer_rows]
    explainer = shap.TreeExplainer(model, background, feature_perturbation="interventional")
    started = time.perf_counter(), time.process_time()
    theirs = np.asarray(explainer.shap_values(theirs_of, check_additivity=False))
    taken = time.perf_counter() - started[0], time.process_time() - started[1]
    more = len(rows) / len(theirs_of)
    theirs = theirs[..., 1] if theirs.ndim == 3 else theirs
    return Case(name, kind, read_trees(model), rows, background, theirs, more * taken[0], more * taken[1])


def compare(case: Case, cores: int, pool: Any) -> dict[str, Any]:
    """One row of the table."""
    trees, rows, background = case.trees, case.rows, case.background
    list(pool.map(explain, [trees] * cores, [rows[:64]] * cores, [background] * cores))
    started = time.perf_counter()
    found = list(pool.map(explain, [trees] * cores, np.array_split(rows, cores), [background] * cores))
    wall, cpu = time.perf_counter() - started, sum(seconds for _, seconds in found)
    values = np.concatenate([part for part, _ in found])
    off = np.abs(values[: len(case.theirs)] - case.theirs).max() / np.abs(case.theirs).max()
    sums = np.abs(values.sum(axis=1) + trees.predict(background).mean() - trees.predict(rows)).max()
    return {
        "family": case.name,
        "kind": case.kind,
        "trees": len(trees.trees),
        "leaves": round(float(np.mean([(tree.left < 0).sum() for tree in trees.trees])), 1),
        "rows": len(rows),
        "cores": cores,
        "ours_s": round(wall, 3),
        "shap_s": round(case.shap_s, 2),
        "times": round(case.shap_s / wall, 1),
        "ours_cpu_s": round(cpu, 3),
        "shap_cpu_s": round(case.shap_cpu_s, 2),
        "times_cpu": round(case.shap_cpu_s / cpu, 1),
        "shap_rows": len(case.theirs),
        "largest_difference": float(f"{off:.1e}"),
        "additivity": float(f"{sums / trees.predict(rows).std():.1e}"),
    }


def digits(value: float) -> str:
    """Two digits, or all before the point."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def table_of(found: pd.DataFrame) -> str:
    """What was measured, in a sentence and a table for the docs: wall seconds."""
    most = found["cores"].max()
    words = (
        f"{found['rows'].iloc[0]:,} atoms, {N_COLUMNS} columns, {N_BACKGROUND} background rows, models fitted with "
        f"default settings. Wall seconds; shap, which has one thread for this, scaled up from "
        f"{found['shap_rows'].min()} atoms. Values agree to {found['largest_difference'].max():.0e} of the largest, "
        f"sums to {found['additivity'].max():.0e} of the spread of the output."
    )
    titles = ["family", "answers", "trees x leaves", "shap", "zoo, 1 core", "times"]
    titles += [f"zoo, {most} cores", "times"] if most > 1 else []
    lines = [f"| {' | '.join(titles)} |", f"|---|---|---|{'---:|' * (len(titles) - 3)}"]
    for (family, kind), of in found.groupby(["family", "kind"], sort=False):
        size = f"{of['trees'].iloc[0]:,} x {of['leaves'].iloc[0]:,.0f}"
        cells = [family, "classes" if kind == "classification" else "values", size, digits(of["shap_s"].iloc[0])]
        for cores in (1, most)[: 2 if most > 1 else 1]:
            (row,) = of[of["cores"] == cores].itertuples()
            cells += [digits(row.ours_s), digits(row.times)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([words, "", *lines])


def with_table(text: str, table: str) -> str:
    """A page of the docs with a new table between its marks."""
    before, _, rest = text.partition(FIRST)
    return f"{before}{FIRST}\n\n{table}\n\n{LAST}{rest.partition(LAST)[2]}"


def pages(found: pd.DataFrame) -> dict[Path, str]:
    """Pages of the docs as they are to be: classes in the guide, everything among the speeds."""
    tables = {"explaining.md": table_of(found[found["kind"] == "classification"]), "speed.md": table_of(found)}
    return {DOCS / name: with_table((DOCS / name).read_text(), table) for name, table in tables.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = [family.name for family in model_families if family.explained_by == "trees"]
    parser.add_argument("--families", nargs="+", default=every)
    parser.add_argument("--kinds", nargs="+", default=["classification", "regression"])
    parser.add_argument("--atoms", type=int, default=10_000)
    parser.add_argument("--train", type=int, default=4_000)
    parser.add_argument("--peer-rows", type=int, default=300)
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--output", type=Path, default=HERE / "explain.csv")
    parser.add_argument("--docs", action="store_true", help="Write the tables of the docs; measure nothing.")
    options = parser.parse_args()
    if options.docs:
        for path, text in pages(pd.read_csv(HERE / "explain.csv")).items():
            path.write_text(text)
        return
    one_thread_each()
    console = Console(width=140, highlight=False)
    results: list[dict[str, Any]] = []
    pools = {n: ProcessPoolExecutor(n, mp_context=get_context("spawn")) for n in options.cores}
    for kind in options.kinds:
        for name in options.families:
            case = case_of(name, kind, options)
            for cores, pool in pools.items():
                results.append(compare(case, cores, pool))
                console.print(results[-1])
                pd.DataFrame(results).to_csv(options.output, index=False)
    for pool in pools.values():
        pool.shutdown()
    print(table_of(pd.DataFrame(results)))


if __name__ == "__main__":
    main()
