"""What a model family states about itself, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from zoo.registry import Registry, require_modules

TaskKind = Literal["classification", "regression"]


class Trial(Protocol):
    """What a search space may ask of a trial; Optuna's is one."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...
    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...
    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


@dataclass(frozen=True)
class ModelFamily:
    """Declaration of a model family.

    Attributes
    ----------
    name, title, citation : str
    build : callable of (kind, seed, **settings) returning an unfitted scikit-learn estimator
        Single-threaded: the harness runs one fit per core. A classifier offers ``predict_proba`` or
        ``decision_function``. Scaling belongs inside, as a pipeline. Without settings it has its defaults.
    space : callable of (trial, kind) returning settings
        What there is to tune, suggested by an Optuna trial; None if there is nothing.
    explained_by : {"coefficients", "trees", "sampling"}
        How Shapley values are read from the fitted estimator.
    version : int
        Raise it when the same data give other predictions: results of the old version are then not reused.
    declines : callable of (kind) returning None or the reason why the family cannot do such a task
    null_control : bool
        A family that must not predict anything; always on the board.
    images : bool
        Whether it reads images (see ``FeatureSet.image``), whose shape ``build`` then gets as ``image``; it declines
        other features.
    folded : bool
        Whether it is an ensemble whose ``fit`` also takes the inner fold of each row.
    early_stopping : bool
        Whether its ``fit`` also takes the inner fold of each row, to stop by whole glasses held out.
    requires : tuple of (str, str)
        Modules beyond those of this package, and what ``pip install`` installs each with.
    """

    name: str
    title: str
    citation: str
    build: Callable[..., Any]
    space: Callable[[Trial, TaskKind], dict[str, Any]] | None = None
    explained_by: Literal["coefficients", "trees", "sampling"] = "sampling"
    version: int = 1
    declines: Callable[[TaskKind], str | None] = lambda kind: None
    null_control: bool = False
    images: bool = False
    folded: bool = False
    early_stopping: bool = False
    requires: tuple[tuple[str, str], ...] = ()

    def estimator(
        self, kind: TaskKind, seed: int, image: tuple[int, ...] = (), settings: Mapping[str, Any] | None = None
    ) -> Any:
        """An unfitted estimator for features whose columns are images of the shape ``image``, if they are."""
        shape = {"image": image} if self.images else {}
        return self.build(kind, seed, **shape, **(settings or {}))

    def require_software(self) -> None:
        """Refuse to go on without the modules that the family requires.

        Raises
        ------
        MissingSoftwareError
        """
        require_modules("model family", self.name, self.requires)


model_families: Registry[ModelFamily] = Registry("model family", "zoo.models")


@dataclass(frozen=True)
class Member:
    """One of our families with its settings, on some columns of the matrix.

    ``columns`` are the first and the one after the last; None takes all of them.
    """

    family: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    image: tuple[int, ...] = ()
    columns: tuple[int, int] | None = None
