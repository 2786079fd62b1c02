"""Gradient boosting on histograms, scikit-learn's."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families


def build(kind: TaskKind, seed: int) -> Any:
    """Default settings without early stopping, whose validation rows would be drawn at random from all glasses."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    boosting = HistGradientBoostingClassifier if kind == "classification" else HistGradientBoostingRegressor
    return boosting(early_stopping=False, random_state=seed)


model_families.register(
    ModelFamily(
        name="hist-gradient-boosting",
        title="Histogram gradient boosting",
        citation="Friedman, Ann. Stat. 29, 1189 (2001); scikit-learn",
        build=build,
    )
)
