"""Single decision tree."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Grown to the end, as is scikit-learn's default."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    tree = DecisionTreeClassifier if kind == "classification" else DecisionTreeRegressor
    return tree(random_state=seed, **settings)


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """How far the tree grows."""
    return {
        "max_depth": trial.suggest_int("max_depth", 2, 20),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 300, log=True),
    }


model_families.register(
    ModelFamily(
        name="decision-tree",
        title="Decision tree",
        citation="Breiman, Friedman, Olshen & Stone, Classification and Regression Trees (1984); scikit-learn",
        build=build,
        space=space,
        explained_by="trees",
    )
)
