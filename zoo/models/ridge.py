"""Ridge regression."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Scaled, L2-regularised least squares."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), Ridge(random_state=seed, **settings))


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Strength of the penalty."""
    return {"alpha": trial.suggest_float("alpha", 1e-2, 1e6, log=True)}


def declines(kind: TaskKind) -> str | None:
    """It fits values."""
    return "ridge regression predicts values; for classes use logistic" if kind == "classification" else None


model_families.register(
    ModelFamily(
        name="ridge",
        title="Ridge regression",
        citation="Hoerl & Kennard, Technometrics 12, 55 (1970); scikit-learn",
        build=build,
        space=space,
        explained_by="coefficients",
        declines=declines,
    )
)
