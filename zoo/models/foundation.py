"""Networks trained beforehand on millions of made-up tables: they read a training set instead of being fitted to it.

Their weights are not part of any package and have licences of their own, so nothing is downloaded here: a family
declines until its package is installed and the user has put the weights where its reason says.
"""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families

SOURCES = {
    "tabpfn": "https://docs.priorlabs.ai/models/accessing-model-weights",
    "tabicl": "https://github.com/soda-inria/tabicl",
}
"""Where the weights are to be had."""


def weights(name: str, kind: TaskKind) -> Path:
    """Where the weights of a family are looked for."""
    from zoo.paths import cache_dir

    return cache_dir() / "weights" / f"{name}-{kind}.ckpt"


def declines(kind: TaskKind, name: str) -> str | None:
    """The package or the weights are not there."""
    if find_spec(name) is None:
        return f"{name} is not installed: pip install {name}, then put its weights at {weights(name, kind)}"
    if not weights(name, kind).is_file():
        return f"its weights are not at {weights(name, kind)}: download them once from {SOURCES[name]}"
    return None


def build_tabpfn(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """On the processor, with the weights that were put in place."""
    from tabpfn import TabPFNClassifier, TabPFNRegressor

    network = TabPFNClassifier if kind == "classification" else TabPFNRegressor
    return network(device="cpu", random_state=seed, model_path=str(weights("tabpfn", kind)), **settings)


def build_tabicl(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """On the processor, with the weights that were put in place."""
    from tabicl import TabICLClassifier, TabICLRegressor

    network = TabICLClassifier if kind == "classification" else TabICLRegressor
    path = weights("tabicl", kind)
    return network(device="cpu", random_state=seed, model_path=path, allow_auto_download=False, n_jobs=1, **settings)


model_families.register(
    ModelFamily(
        name="tabpfn",
        title="TabPFN, pretrained",
        citation="Hollmann et al., Nature 637, 319 (2025)",
        build=build_tabpfn,
        declines=partial(declines, name="tabpfn"),
    )
)
model_families.register(
    ModelFamily(
        name="tabicl",
        title="TabICL, pretrained",
        citation="Qu, Holzmüller, Varoquaux & Le Morvan, ICML (2025)",
        build=build_tabicl,
        declines=partial(declines, name="tabicl"),
    )
)
