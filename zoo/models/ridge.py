"""Ridge regression."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families


def build(kind: TaskKind, seed: int) -> Any:
    """Scaled, L2-regularised least squares."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), Ridge(random_state=seed))


def declines(kind: TaskKind) -> str | None:
    """It fits values."""
    return "ridge regression predicts values; for classes use logistic" if kind == "classification" else None


model_families.register(
    ModelFamily(
        name="ridge",
        title="Ridge regression",
        citation="Hoerl & Kennard, Technometrics 12, 55 (1970); scikit-learn",
        build=build,
        declines=declines,
    )
)
