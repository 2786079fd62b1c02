"""K-means: clusters of atoms, each with the mean label of its training atoms."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Scaled columns, 64 clusters found without labels; a cluster predicts the mean of its training rows."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from zoo.models._k_means import ClusterClassifier, ClusterRegressor

    clusters = ClusterClassifier if kind == "classification" else ClusterRegressor
    return make_pipeline(StandardScaler(), clusters(seed=seed, **settings))


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """How many clusters."""
    return {"n_clusters": trial.suggest_int("n_clusters", 4, 512, log=True)}


model_families.register(
    ModelFamily(
        name="k-means",
        title="K-means clusters, labelled on training data",
        citation="Lloyd, IEEE Trans. Inf. Theory 28, 129 (1982); scikit-learn",
        build=build,
        space=space,
    )
)
