"""LightGBM."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families


def build(kind: TaskKind, seed: int) -> Any:
    """Default settings, one thread, reproducible."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    boosting = LGBMClassifier if kind == "classification" else LGBMRegressor
    return boosting(n_jobs=1, random_state=seed, deterministic=True, force_row_wise=True, verbosity=-1)


model_families.register(
    ModelFamily(
        name="lightgbm",
        title="LightGBM",
        citation="Ke et al., NIPS, 3149 (2017)",
        build=build,
    )
)
