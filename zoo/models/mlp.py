"""Multilayer perceptron (artificial neural network)."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Scaled columns, one hidden layer of 100 (scikit-learn's default), at most 200 epochs.

    Without early stopping, whose validation rows would be drawn at random from all glasses.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from zoo.models._interruptible import Classifier, Regressor

    network = Classifier if kind == "classification" else Regressor
    width, depth = settings.pop("width", 100), settings.pop("depth", 1)
    return make_pipeline(StandardScaler(), network(hidden_layer_sizes=(width,) * depth, random_state=seed, **settings))


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Layers, penalty, steps."""
    return {
        "depth": trial.suggest_int("depth", 1, 3),
        "width": trial.suggest_int("width", 8, 256, log=True),
        "alpha": trial.suggest_float("alpha", 1e-5, 1e1, log=True),
        "learning_rate_init": trial.suggest_float("learning_rate_init", 1e-4, 1e-2, log=True),
        "max_iter": trial.suggest_int("max_iter", 10, 200, log=True),
    }


model_families.register(
    ModelFamily(
        name="mlp",
        title="Multilayer perceptron (ANN)",
        citation="Rumelhart, Hinton & Williams, Nature 323, 533 (1986); scikit-learn",
        build=build,
        space=space,
    )
)
