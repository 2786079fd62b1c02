"""A second alloy of the same structure as the small project's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tomli_w
from toy import write_task

from zoo._files import read_toml, sha256_of
from zoo.formats.npz import read_npz, write_npz
from zoo.glass import Glass


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
