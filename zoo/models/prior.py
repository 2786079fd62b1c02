"""Null control: always the same answer, whatever the features."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families


def build(kind: TaskKind, seed: int) -> Any:
    """Class frequency or mean of the training set."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyClassifier() if kind == "classification" else DummyRegressor()


model_families.register(
    ModelFamily(
        name="prior",
        title="Prior (null control)",
        citation="no source: the class frequency or the mean of the training set",
        build=build,
        null_control=True,
    )
)
