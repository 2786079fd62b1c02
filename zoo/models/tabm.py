"""TabM."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families

SIZE = {"tabm_k": 16, "d_block": 128}
"""Networks and width of their layers; pytabkit's 32 and 512 take ten times as long on 4,000 rows and are no better."""


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """On one thread of the processor; classes with early stopping by ROC AUC.

    pytabkit stops by the class error, which among rare classes is least for a network that has learnt nothing: AP of
    hops was 0.05, which is chance, and 0.15 with this.
    """
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    chosen = {**SIZE, "device": "cpu", "random_state": seed, "n_threads": 1, "verbosity": 0, **settings}
    if kind == "regression":
        return TabM_D_Regressor(**chosen)
    return TabM_D_Classifier(**{"val_metric_name": "1-auc_ovr", **chosen})


model_families.register(
    ModelFamily(
        name="tabm",
        title="TabM",
        citation="Gorishniy, Kotelnikov & Babenko, ICLR (2025); pytabkit",
        build=build,
        version=2,
        requires=(("pytabkit", "glass-zoo[deep]"),),
    )
)
