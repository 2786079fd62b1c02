"""What a model family states about itself, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from zoo.registry import Registry

TaskKind = Literal["classification", "regression"]


@dataclass(frozen=True)
class ModelFamily:
    """Declaration of a model family.

    Attributes
    ----------
    name, title, citation : str
    build : callable of (kind, seed) returning an unfitted scikit-learn estimator
        Single-threaded: the harness runs one fit per core. A classifier offers ``predict_proba`` or
        ``decision_function``. Scaling belongs inside, as a pipeline.
    version : int
        Raise it when the same data give other predictions: results of the old version are then not reused.
    declines : callable of (kind) returning None or the reason why the family cannot do such a task
    null_control : bool
        A family that must not predict anything; always on the board.
    """

    name: str
    title: str
    citation: str
    build: Callable[[TaskKind, int], Any]
    version: int = 1
    declines: Callable[[TaskKind], str | None] = lambda kind: None
    null_control: bool = False


model_families: Registry[ModelFamily] = Registry("model family", "zoo.models")
