"""Random forest."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """100 trees on bootstrap samples; a third of the columns at each node for values, the square root for classes."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    if kind == "classification":
        return RandomForestClassifier(n_jobs=1, random_state=seed, **settings)
    return RandomForestRegressor(n_jobs=1, random_state=seed, **({"max_features": 1 / 3} | settings))


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Columns at a node and rows in a leaf."""
    return {
        "max_features": trial.suggest_float("max_features", 0.02, 1.0, log=True),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 50, log=True),
        "n_estimators": trial.suggest_int("n_estimators", 100, 400, log=True),
    }


model_families.register(
    ModelFamily(
        name="random-forest",
        title="Random forest",
        citation="Breiman, Mach. Learn. 45, 5 (2001); scikit-learn",
        build=build,
        space=space,
        explained_by="trees",
    )
)
