"""XGBoost."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families


def build(kind: TaskKind, seed: int) -> Any:
    """Default settings, histogram trees, one thread."""
    from xgboost import XGBClassifier, XGBRegressor

    boosting = XGBClassifier if kind == "classification" else XGBRegressor
    return boosting(tree_method="hist", n_jobs=1, random_state=seed)


model_families.register(
    ModelFamily(
        name="xgboost",
        title="XGBoost",
        citation="Chen & Guestrin, KDD, 785 (2016)",
        build=build,
    )
)
