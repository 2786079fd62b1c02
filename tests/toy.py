"""A content root of its own: a small data set of perturbed crystals with labels that coordination explains in part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tomli_w

from zoo._files import read_toml, sha256_of
from zoo.benchmark import cell
from zoo.benchmark.task import Label, Task, TaskRows
from zoo.formats import write_glass
from zoo.formats.npz import read_npz, write_npz
from zoo.glass import Glass
from zoo.neighbors import find_neighbors
from zoo.paths import content_root

N_GLASSES = 6


def perturbed_crystal(seed: int) -> Glass:
    """108 atoms of a binary fcc crystal, displaced by 0.3 Å, with a label that depends on coordination."""
    random = np.random.default_rng(seed)
    base = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    cells = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    positions = (cells + base).reshape(-1, 3) * 4.3 + random.normal(0, 0.3, (108, 3))
    glass = Glass(positions, np.where(random.random(108) < 0.5, "Cu", "Zr"), [12.9] * 3)
    counts = find_neighbors(glass, 3.8).counts
    label = np.exp(-0.5 * counts + random.normal(0, 0.5, 108))
    return glass.with_fields(slip=(label, "Å²"))


def write_root(root: Path) -> Path:
    """``datasets`` and ``benchmarks`` of a small project."""
    folder = root / "datasets" / "toy"
    folder.mkdir(parents=True)
    files, glasses = [], []
    for seed in range(N_GLASSES):
        path = folder / f"g{seed}.npz"
        write_glass(path, perturbed_crystal(seed))
        files.append({"path": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size})
        stratum = "soft" if seed % 2 else "hard"
        glasses.append(
            {"id": f"g{seed}", "file": path.name, "stratum": stratum, "n_atoms": 108, "seed": seed, "quench_rate": 1e12}
        )
    card = {
        "name": "toy",
        "version": "1",
        "title": "Toy",
        "kind": "glasses",
        "description": "Perturbed crystals.",
        "license": "CC0-1.0",
        "citation": "none",
        "created": "2026-01-01",
        "files": files,
        "columns": [{"name": "slip", "unit": "Å²", "role": "target", "description": "made up"}],
        "glasses": glasses,
    }
    (folder / "card.toml").write_text(tomli_w.dumps(card))
    write_task(root, "toy-class")
    write_task(root, "toy-value", kind="regression", label={"rule": "log10"})
    write_suite(root, "toy", features=["species", "coordination"], families=["prior", "logistic", "decision-tree"])
    return root


def write_task(root: Path, name: str, **changes: object) -> None:
    """A task of the toy data set."""
    task = {
        "name": name,
        "version": 1,
        "title": name,
        "kind": "classification",
        "dataset": "toy",
        "target": ["slip"],
        "label": {"rule": "top-fraction", "fraction": 0.2},
        "folds": 3,
        "score_by": "glass",
    }
    path = root / "benchmarks" / "tasks" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomli_w.dumps(task | changes))


def write_suite(root: Path, name: str, features: list[str], families: list[str], **changes: object) -> None:
    """A suite on both toy tasks."""
    entries = [{"task": task, "features": features, "families": families} for task in ("toy-class", "toy-value")]
    path = root / "benchmarks" / "suites" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomli_w.dumps({"name": name, "title": "Toy", "cell_seconds": 300, "entries": entries} | changes))


def make_rows(n_glasses: int, n_atoms: int, folds: int, strata: list[str] | None = None) -> TaskRows:
    """``n_atoms`` rows in each of ``n_glasses`` glasses, every fifth of class 1."""
    task = Task(
        name="toy",
        version=1,
        title="toy",
        kind="classification",
        dataset="toy",
        target=["slip"],
        label=Label("top-fraction", 0.2),
        folds=folds,
        score_by="glass",
    )
    return TaskRows(
        task,
        SimpleNamespace(),
        target=(np.arange(n_glasses * n_atoms) % 5 == 0).astype(float),
        glass=np.repeat(np.arange(n_glasses, dtype=np.int32), n_atoms),
        glass_names=[f"g{number}" for number in range(n_glasses)],
        stratum=strata or [""] * n_glasses,
        source=np.arange(n_glasses * n_atoms),
    )


def unlabel(root: Path, missing: str) -> None:
    """Take the label from the first 100 atoms of every glass; ``missing`` is the reason that the card gives."""
    folder = root / "datasets" / "toy"
    card = read_toml(folder / "card.toml")
    for entry in card["files"]:
        path = folder / entry["path"]
        glass = read_npz(path)
        values = glass.fields["slip"].values.copy()
        values[:100] = np.nan
        write_npz(path, glass.with_fields(slip=(values, "Å²")))
        entry |= {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    card["columns"][0]["missing"] = missing
    (folder / "card.toml").write_text(tomli_w.dumps(card))


CACHED = (content_root, cell.task_rows, cell.folds_of, cell.feature_matrix)


@contextmanager
def forgetting(*caches: Any) -> Iterator[None]:
    """What these functions remember neither comes in nor goes out."""
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@contextmanager
def small_project(base: Path) -> Iterator[Path]:
    """The small project in a new folder, found instead of the real one."""
    with pytest.MonkeyPatch.context() as patch, forgetting(*CACHED):
        content = write_root(base / "root")
        patch.setenv("ZOO_ROOT", str(content))
        patch.setenv("ZOO_CACHE", str(base / "cache"))
        yield content


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with small_project(tmp_path) as content:
        yield content
