"""Benchmarks of descriptors and models that predict atomic rearrangements in glasses.

The names below are imported when they are first used, so that ``import zoo`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.api import board, run_suite
    from zoo.datasets.load import load_dataset
    from zoo.errors import ZooError
    from zoo.features.compute import compute_features
    from zoo.formats import read_glass, write_glass
    from zoo.glass import Field, Glass
    from zoo.labels.nonaffine import local_deformation, nonaffine_displacement

_WHERE = {
    "Field": "zoo.glass",
    "Glass": "zoo.glass",
    "ZooError": "zoo.errors",
    "board": "zoo.api",
    "compute_features": "zoo.features.compute",
    "load_dataset": "zoo.datasets.load",
    "local_deformation": "zoo.labels.nonaffine",
    "nonaffine_displacement": "zoo.labels.nonaffine",
    "read_glass": "zoo.formats",
    "run_suite": "zoo.api",
    "write_glass": "zoo.formats",
}

__all__ = [
    "Field",
    "Glass",
    "ZooError",
    "board",
    "compute_features",
    "load_dataset",
    "local_deformation",
    "nonaffine_displacement",
    "read_glass",
    "run_suite",
    "write_glass",
]


def __getattr__(name: str) -> Any:
    try:
        module = importlib.import_module(_WHERE[name])
    except KeyError:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}") from None
    return getattr(module, name)
