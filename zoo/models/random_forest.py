"""Random forest."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families


def build(kind: TaskKind, seed: int) -> Any:
    """100 trees on bootstrap samples; a third of the columns at each node for values, the square root for classes."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    if kind == "classification":
        return RandomForestClassifier(n_jobs=1, random_state=seed)
    return RandomForestRegressor(max_features=1 / 3, n_jobs=1, random_state=seed)


model_families.register(
    ModelFamily(
        name="random-forest",
        title="Random forest",
        citation="Breiman, Mach. Learn. 45, 5 (2001); scikit-learn",
        build=build,
    )
)
