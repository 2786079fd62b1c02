"""LightGBM."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Default settings, one thread, reproducible."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    boosting = LGBMClassifier if kind == "classification" else LGBMRegressor
    return boosting(
        n_jobs=1, random_state=seed, deterministic=True, force_row_wise=True, verbosity=-1, bagging_freq=1, **settings
    )


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Learning rate, number and size of the trees, penalty, rows and columns of a tree."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
        "n_estimators": trial.suggest_int("n_estimators", 50, 500, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 128, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 5, 200, log=True),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-3, 1e2, log=True),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.1, 1.0),
    }


model_families.register(
    ModelFamily(
        name="lightgbm",
        title="LightGBM",
        citation="Ke et al., NIPS, 3149 (2017)",
        build=build,
        space=space,
        explained_by="trees",
    )
)
