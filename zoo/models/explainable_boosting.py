"""Explainable boosting machine: a sum of curves, one for each column."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Curves without interactions, the mean of one fit for each inner fold, whose glasses say when to stop."""
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    from zoo.models._early_stopping import BagsByGlass

    machine = ExplainableBoostingClassifier if kind == "classification" else ExplainableBoostingRegressor
    return BagsByGlass(machine(n_jobs=1, random_state=seed, **({"interactions": 0} | settings)))


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Learning rate, size of the trees, interactions."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 5e-3, 0.1, log=True),
        "max_leaves": trial.suggest_int("max_leaves", 2, 4),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 2, 50, log=True),
        "interactions": trial.suggest_int("interactions", 0, 20),
    }


model_families.register(
    ModelFamily(
        name="explainable-boosting",
        title="Explainable boosting machine",
        citation="Lou, Caruana & Gehrke, KDD, 150 (2012); InterpretML",
        build=build,
        space=space,
        version=2,
        early_stopping=True,
        requires=(("interpret", "glass-zoo[explainable]"),),
    )
)
