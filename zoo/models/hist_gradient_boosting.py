"""Gradient boosting on histograms, scikit-learn's."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Default settings without early stopping, whose validation rows would be drawn at random from all glasses."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    boosting = HistGradientBoostingClassifier if kind == "classification" else HistGradientBoostingRegressor
    return boosting(early_stopping=False, random_state=seed, **settings)


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Learning rate, number and size of the trees, penalty, columns at a node."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
        "max_iter": trial.suggest_int("max_iter", 50, 500, log=True),
        "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 4, 64, log=True),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 5, 200, log=True),
        "l2_regularization": trial.suggest_float("l2_regularization", 1e-3, 1e2, log=True),
        "max_features": trial.suggest_float("max_features", 0.1, 1.0),
    }


model_families.register(
    ModelFamily(
        name="hist-gradient-boosting",
        title="Histogram gradient boosting",
        citation="Friedman, Ann. Stat. 29, 1189 (2001); scikit-learn",
        build=build,
        space=space,
        explained_by="trees",
    )
)
