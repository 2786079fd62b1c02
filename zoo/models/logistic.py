"""Logistic regression."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Scaled, L2-regularised logistic regression (L-BFGS)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=seed, **settings))


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Strength of the penalty."""
    return {"C": trial.suggest_float("C", 1e-4, 1e2, log=True)}


def declines(kind: TaskKind) -> str | None:
    """It separates classes."""
    return "logistic regression predicts classes; for values use ridge" if kind == "regression" else None


model_families.register(
    ModelFamily(
        name="logistic",
        title="Logistic regression",
        citation="Cox, J. R. Stat. Soc. B 20, 215 (1958); scikit-learn",
        build=build,
        space=space,
        explained_by="coefficients",
        declines=declines,
    )
)
