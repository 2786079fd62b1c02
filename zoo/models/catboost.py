"""CatBoost."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Default settings, one thread, no files."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    boosting = CatBoostClassifier if kind == "classification" else CatBoostRegressor
    return boosting(thread_count=1, random_seed=seed, verbose=False, allow_writing_files=False, **settings)


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Learning rate, number and size of the trees, penalty, columns at a node."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
        "iterations": trial.suggest_int("iterations", 50, 1000, log=True),
        "depth": trial.suggest_int("depth", 2, 8),
        "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 1e-1, 1e2, log=True),
        "rsm": trial.suggest_float("rsm", 0.1, 1.0),
    }


model_families.register(
    ModelFamily(
        name="catboost",
        title="CatBoost",
        citation="Prokhorenkova et al., NeurIPS, 6639 (2018)",
        build=build,
        space=space,
        explained_by="trees",
    )
)
