"""TabM."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Its tuned defaults, on one thread of the processor."""
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    network = TabM_D_Classifier if kind == "classification" else TabM_D_Regressor
    return network(device="cpu", random_state=seed, n_threads=1, verbosity=0, **settings)


model_families.register(
    ModelFamily(
        name="tabm",
        title="TabM",
        citation="Gorishniy, Kotelnikov & Babenko, ICLR (2025); pytabkit",
        build=build,
        requires=(("pytabkit", "glass-zoo[deep]"),),
    )
)
