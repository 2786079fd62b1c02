"""Descriptors that others might send: an honest one, and hostile ones."""

from __future__ import annotations

from pathlib import Path

import tomli_w

CARD = {
    "name": "bold-idea",
    "version": 1,
    "title": "A bold idea",
    "authors": ["Ada"],
    "citation": "not published",
    "license": "MIT",
}
HONEST = """
import numpy as np
from zoo.features.declaration import Column, FeatureSet, feature_sets
{top}

def compute(glass, kinds):
    {body}
    # distances to all atoms of the cell, without compiled code: fast to start
    fractional = glass.positions @ np.linalg.inv(glass.cell)
    apart = fractional[:, None] - fractional
    apart = (apart - np.round(apart)) @ glass.cell
    near = np.exp(-np.linalg.norm(apart, axis=2) ** 2 / 2.0)
    return near.sum(axis=1).astype(np.float32)[:, None]


feature_sets.register(
    FeatureSet("bold-idea", "A bold idea", "none", 1, lambda kinds: (Column("crowd", "1", "density"),), compute)
)
"""


def write_descriptor(folder: Path, top: str = "", body: str = "pass", **card: object) -> Path:
    """A submission whose module runs ``top`` when it is loaded and ``body`` for each glass."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "descriptor.py").write_text(HONEST.format(top=top, body="\n    ".join(body.splitlines())))
    (folder / "card.toml").write_text(tomli_w.dumps(CARD | card))
    return folder
