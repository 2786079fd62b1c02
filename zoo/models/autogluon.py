"""AutoGluon's own models in its weighted ensemble, bagged over folds of whole glasses."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families

MODELS = ("GBM", "CAT", "XGB", "RF", "XT", "LR")
"""Its names for LightGBM, CatBoost, XGBoost, forests, extra trees and linear models; each with its defaults."""


def build(kind: TaskKind, seed: int, stack_levels: int = 0) -> Any:
    """Without a time limit, so that the same data give the same ensemble; see there what is switched off and why."""
    from zoo.models._autogluon import Ensemble

    return Ensemble(kind, seed, {name: {} for name in MODELS}, stack_levels)


model_families.register(
    ModelFamily(
        name="autogluon",
        title="AutoGluon ensemble",
        citation="Erickson et al., arXiv:2003.06505 (2020)",
        build=build,
        folded=True,
    )
)
