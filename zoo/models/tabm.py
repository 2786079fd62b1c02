"""TabM."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families

SIZE = {"tabm_k": 16, "d_block": 128}
"""Networks and width of their layers; pytabkit's 32 and 512 take ten times as long on 4,000 rows and are no better."""


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """On one thread of the processor; stopped by the glasses of one inner fold, classes by their ROC AUC.

    pytabkit stops by the class error, which among rare classes is least for a network that has learnt nothing: AP of
    hops was 0.05, which is chance, and 0.15 with this.
    """
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    from zoo.models._early_stopping import StopsByGlass

    chosen = {**SIZE, "device": "cpu", "random_state": seed, "n_threads": 1, "verbosity": 0, **settings}
    if kind == "regression":
        return StopsByGlass(TabM_D_Regressor(**chosen))
    return StopsByGlass(TabM_D_Classifier(**{"val_metric_name": "1-auc_ovr", **chosen}))


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Learning rate, weight decay, dropout, depth."""
    return {
        "lr": trial.suggest_float("lr", 1e-4, 5e-3, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-4, 1e-1, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "n_blocks": trial.suggest_int("n_blocks", 1, 4),
    }


model_families.register(
    ModelFamily(
        name="tabm",
        title="TabM",
        citation="Gorishniy, Kotelnikov & Babenko, ICLR (2025); pytabkit",
        build=build,
        space=space,
        version=3,
        early_stopping=True,
        requires=(("pytabkit", "glass-zoo[deep]"),),
    )
)
