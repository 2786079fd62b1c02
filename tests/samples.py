"""Small clean data sets, written to disk, that tests spoil in one way each."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomli_w
from scipy.spatial import cKDTree

from zoo._files import sha256_of
from zoo.datasets.load import Dataset, load_dataset
from zoo.formats.npz import write_npz
from zoo.glass import Glass


@functools.cache
def amorphous(seed: int, dimension: int = 3, n_atoms: int = 600) -> Glass:
    """Large and small spheres pushed apart from random places until they hardly overlap: a glass without a potential.

    The label ``slip`` has two noisy halves of reliability 0.8 and the same distribution in every glass.
    """
    random = np.random.default_rng(seed)
    size = np.where(np.arange(n_atoms) % 2, 2.6, 3.2)
    filling = np.pi / 4 * (size**2).sum() / 0.82 if dimension == 2 else np.pi / 6 * (size**3).sum() / 0.62
    edge = float(filling ** (1 / dimension))
    positions = random.random((n_atoms, dimension)) * edge
    for _ in range(120):
        first, second = cKDTree(positions, boxsize=edge).query_pairs(3.2, output_type="ndarray").T
        apart = positions[second] - positions[first]
        apart -= edge * np.round(apart / edge)
        length = np.linalg.norm(apart, axis=1)
        overlap = np.maximum(0.0, 0.5 * (size[first] + size[second]) - length)
        push = 0.3 * (overlap / np.maximum(length, 1e-9))[:, None] * apart
        np.add.at(positions, second, push)
        np.add.at(positions, first, -push)
        positions %= edge
        positions[positions >= edge] = 0.0
    truth = random.normal(0, 1, n_atoms)
    halves = [np.exp(0.3 * (truth + random.normal(0, 0.5, n_atoms))) for _ in range(2)]
    glass = Glass(positions, np.where(size > 3, "Zr", "Cu"), [edge] * dimension)
    return glass.with_fields(
        slip=(np.mean(halves, axis=0), "Å²"), slip_even=(halves[0], "Å²"), slip_odd=(halves[1], "Å²")
    )


@functools.cache
def clean_glasses(dimension: int = 3) -> dict[str, Glass]:
    return {f"g{seed}": amorphous(seed, dimension) for seed in range(6)}


def clean_pairs() -> pd.DataFrame:
    """Double wells among pairs of states that no other pair shares, in 12 glasses."""
    random = np.random.default_rng(0)
    n = 480
    chance = random.normal(0, 1, n)
    return pd.DataFrame(
        {
            "reach": chance + random.normal(0, 1, n),
            "energy": random.normal(0, 1, n),
            "is_dw": (chance + random.normal(0, 1, n) > 0).astype(float),
            "depth_even": chance + random.normal(0, 0.3, n),
            "depth_odd": chance + random.normal(0, 0.3, n),
            "conf": np.arange(n) // 40,
            "i": -1.0 - random.random(n),
            "j": -2.0 - random.random(n),
            "rank": random.permutation(n),
        }
    )


ROLES = {"conf": "group", "i": "state", "j": "state", "rank": "identity", "is_dw": "target", "depth": "target"}


def write_glasses(root: Path, glasses: dict[str, Glass], name: str = "clean", **changes: Any) -> Dataset:
    """A data set of glasses in ``root/datasets``; ``changes`` replace keys of the card."""
    folder = root / "datasets" / name
    first = next(iter(glasses.values()))
    files, entries = [], []
    for key, glass in glasses.items():
        path = folder / f"{len(entries)}.npz"
        write_npz(path, glass, np.float32)
        files.append({"path": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size})
        entries.append({"id": key, "file": path.name, "stratum": "Cu50Zr50", "n_atoms": len(glass)})
    columns = [
        {"name": key, "unit": entry.unit, "role": "target", "description": "made up"}
        for key, entry in first.fields.items()
    ]
    card = {"kind": "glasses", "files": files, "columns": columns, "glasses": entries}
    return _write(folder, card, changes)


def write_pairs(
    root: Path, table: pd.DataFrame, name: str = "pairs", roles: dict[str, str] = ROLES, **changes: Any
) -> Dataset:
    """A table of pairs in ``root/datasets``; a column without a role is a feature."""
    folder = root / "datasets" / name
    folder.mkdir(parents=True)
    table.to_parquet(folder / "pairs.parquet")
    path = folder / "pairs.parquet"
    columns = [
        {
            "name": key,
            "unit": "1",
            "role": roles.get(key.split("_even")[0].split("_odd")[0], "feature"),
            "description": "-",
        }
        for key in table
    ]
    files = [{"path": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size}]
    return _write(folder, {"kind": "pairs", "files": files, "columns": columns}, changes)


def _write(folder: Path, card: dict[str, Any], changes: dict[str, Any]) -> Dataset:
    text = {
        "name": folder.name,
        "version": "1",
        "title": "A small data set",
        "description": "Made up.",
        "license": "CC0-1.0",
        "citation": "Nobody, J. Nothing 1, 1 (2026)",
        "created": "2026-01-01",
        "made": {"by": "the tests"},
    }
    (folder / "card.toml").write_text(tomli_w.dumps({**text, **card, **changes}))
    return load_dataset(str(folder))
