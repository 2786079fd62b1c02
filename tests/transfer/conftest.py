"""Caches that remember the small project of another test, and a second alloy of the same structure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from toy import write_task

from zoo._files import read_toml, sha256_of
from zoo.formats.npz import read_npz, write_npz
from zoo.glass import Glass
from zoo.papers import protocol
from zoo.transfer import align, fits, groups

CACHED = (
    groups.rows_of_targets,
    align._matrix_by_size,
    fits.groups_of,
    fits.alignment_of,
    fits.glasses_per_fit,
    protocol._pair,
)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Nothing is remembered from test to test."""
    for cached in CACHED:
        cached.cache_clear()
    yield
    for cached in CACHED:
        cached.cache_clear()


def other_alloy(root: Path, name: str, symbols: dict[str, str], shift: float = 0.0) -> None:
    """The toy data set with other elements at the same places, and a task ``<name>-class``."""
    folder = root / "datasets" / name
    folder.mkdir()
    card = read_toml(root / "datasets" / "toy" / "card.toml") | {"name": name}
    for entry in card["files"]:
        old = read_npz(root / "datasets" / "toy" / entry["path"])
        species = np.array([symbols[str(kind)] for kind in old.species])
        path = folder / entry["path"]
        write_npz(path, Glass(old.positions + shift, species, old.cell, old.periodic, old.fields))
        entry |= {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    for entry in card["glasses"]:
        entry["stratum"] = f"{name}-{entry['stratum']}"
    (folder / "card.toml").write_text(tomli_w.dumps(card))
    write_task(root, f"{name}-class", dataset=name)
