"""k nearest neighbours."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Scaled columns; 25 neighbours, as the probability of a rare class needs more than a few."""
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    neighbors = KNeighborsClassifier if kind == "classification" else KNeighborsRegressor
    return make_pipeline(StandardScaler(), neighbors(n_jobs=1, **({"n_neighbors": 25} | settings)))


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """How many neighbours, and whether nearer ones count more."""
    return {
        "n_neighbors": trial.suggest_int("n_neighbors", 5, 300, log=True),
        "weights": trial.suggest_categorical("weights", ["uniform", "distance"]),
    }


model_families.register(
    ModelFamily(
        name="nearest-neighbors",
        title="k nearest neighbours",
        citation="Cover & Hart, IEEE Trans. Inf. Theory 13, 21 (1967); scikit-learn",
        build=build,
        space=space,
    )
)
