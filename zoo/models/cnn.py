"""Convolutional network on images of the density around an atom."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, image: tuple[int, ...], turned: bool = False, **settings: Any) -> Any:
    """Two convolutions (16 and 32 filters of 3 points), each followed by pooling, and a layer of 64; 2D or 3D.

    With ``turned`` every image is learnt from in each of the positions that shear cannot tell apart.
    """
    from functools import partial

    from zoo.models._networks import NetworkClassifier, NetworkRegressor, convolutions

    network = NetworkClassifier if kind == "classification" else NetworkRegressor
    defaults = {"epochs": 20, "batch": 64, "learning_rate": 1e-3, "penalty": 1e-2}
    settings = defaults | {"turned": image if turned else ()} | settings
    return network(partial(convolutions, image=image), seed=seed, by_column=False, **settings)


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Steps, penalty."""
    return {
        "epochs": trial.suggest_int("epochs", 5, 40, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        "penalty": trial.suggest_float("penalty", 1e-4, 1e0, log=True),
    }


model_families.register(
    ModelFamily(
        name="cnn",
        title="Convolutional network on density images",
        citation="Fan & Ma, Nat. Commun. 12, 1506 (2021)",
        build=build,
        space=space,
        images=True,
        requires=(("torch", "glass-zoo[deep]"),),
    )
)
