"""GlassMLP: a network with a bottleneck of two, for physics-inspired descriptors."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Layers of 2, 10 and 10 (ELU); squared error and squared error of the variance for values, log loss for classes.

    The published loss also asks for the spatial correlations of the target, which rows without positions do not have.
    """
    from zoo.models._networks import NetworkClassifier, NetworkRegressor, bottleneck

    network = NetworkClassifier if kind == "classification" else NetworkRegressor
    defaults = {"epochs": 100, "batch": 500, "learning_rate": 3e-3, "penalty": 1e-2, "variance": 1.0}
    return network(bottleneck, seed=seed, **(defaults | settings))


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Steps, penalty."""
    return {
        "epochs": trial.suggest_int("epochs", 20, 300, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 3e-2, log=True),
        "penalty": trial.suggest_float("penalty", 1e-4, 1e0, log=True),
    }


model_families.register(
    ModelFamily(
        name="glass-mlp",
        title="GlassMLP (2-10-10)",
        citation="Jung, Biroli & Berthier, Phys. Rev. Lett. 130, 238202 (2023)",
        build=build,
        space=space,
        requires=(("torch", "glass-zoo[deep]"),),
    )
)
