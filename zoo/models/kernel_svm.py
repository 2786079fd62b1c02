"""Support vector machine with a Gaussian kernel."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families

EXACT = 6000
"""Rows up to which the machine is exact; its time grows with their square."""
LANDMARKS = 1000
"""Rows that a larger set is compared with."""


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Scaled columns; exact up to 6,000 rows, with more a linear machine on 1,000 Nyström features of the kernel."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from zoo.models._kernel_svm import KernelClassifier, KernelRegressor

    machine = KernelClassifier if kind == "classification" else KernelRegressor
    return make_pipeline(StandardScaler(), machine(seed=seed, **({"exact": EXACT, "landmarks": LANDMARKS} | settings)))


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Price of a wrong row, and width of the kernel (times the default, one over columns and variance)."""
    return {
        "C": trial.suggest_float("C", 1e-2, 1e2, log=True),
        "width": trial.suggest_float("width", 1e-2, 1e1, log=True),
    }


model_families.register(
    ModelFamily(
        name="rbf-svm",
        title="Support vector machine, Gaussian kernel",
        citation="Boser, Guyon & Vapnik, COLT, 144 (1992); Nyström: Williams & Seeger, NIPS, 682 (2000); scikit-learn",
        build=build,
        space=space,
    )
)
