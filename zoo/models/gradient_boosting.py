"""Gradient boosting with exact splits (GBDT), scikit-learn's: the family of quench-in softness."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Default settings: 100 trees of depth 3. Slow: every value of every column is a candidate for a split."""
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    boosting = GradientBoostingClassifier if kind == "classification" else GradientBoostingRegressor
    return boosting(random_state=seed, **settings)


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Learning rate, number and size of the trees, rows and columns of a tree."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
        "n_estimators": trial.suggest_int("n_estimators", 50, 300, log=True),
        "max_depth": trial.suggest_int("max_depth", 2, 8),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 100, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "max_features": trial.suggest_float("max_features", 0.02, 1.0, log=True),
    }


model_families.register(
    ModelFamily(
        name="gradient-boosting",
        title="Gradient boosting, exact splits (GBDT)",
        citation="Friedman, Ann. Stat. 29, 1189 (2001); on glasses: Wang & Jain, Nat. Commun. 10, 5537 (2019)",
        build=build,
        space=space,
        explained_by="trees",
    )
)
