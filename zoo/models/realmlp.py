"""RealMLP, tuned defaults."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Its tuned defaults, on one thread of the processor."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    network = RealMLP_TD_Classifier if kind == "classification" else RealMLP_TD_Regressor
    return network(device="cpu", random_state=seed, n_threads=1, verbosity=0, **settings)


model_families.register(
    ModelFamily(
        name="realmlp",
        title="RealMLP, tuned defaults",
        citation="Holzmüller, Grinsztajn & Steinwart, NeurIPS (2024); pytabkit",
        build=build,
        requires=(("pytabkit", "glass-zoo[deep]"),),
    )
)
