"""XGBoost."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Default settings, histogram trees, one thread."""
    from xgboost import XGBClassifier, XGBRegressor

    boosting = XGBClassifier if kind == "classification" else XGBRegressor
    return boosting(tree_method="hist", n_jobs=1, random_state=seed, **settings)


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Learning rate, number and size of the trees, penalty, rows and columns of a tree."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
        "n_estimators": trial.suggest_int("n_estimators", 50, 500, log=True),
        "max_depth": trial.suggest_int("max_depth", 2, 10),
        "min_child_weight": trial.suggest_float("min_child_weight", 0.1, 100.0, log=True),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-2, 1e2, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.1, 1.0),
    }


model_families.register(
    ModelFamily(
        name="xgboost",
        title="XGBoost",
        citation="Chen & Guestrin, KDD, 785 (2016)",
        build=build,
        space=space,
        explained_by="trees",
    )
)
