"""Single decision tree."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families


def build(kind: TaskKind, seed: int) -> Any:
    """Grown to the end, as is scikit-learn's default."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    tree = DecisionTreeClassifier if kind == "classification" else DecisionTreeRegressor
    return tree(random_state=seed)


model_families.register(
    ModelFamily(
        name="decision-tree",
        title="Decision tree",
        citation="Breiman, Friedman, Olshen & Stone, Classification and Regression Trees (1984); scikit-learn",
        build=build,
    )
)
