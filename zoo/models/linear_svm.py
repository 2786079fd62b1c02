"""Linear support vector machine: the hyperplane whose distance is called softness."""

from __future__ import annotations

from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, Trial, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Scaled linear SVM in the primal form; errors below ε = 0.1 (in units of the target) cost a regression nothing."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC, LinearSVR

    if kind == "classification":
        machine = LinearSVC(dual=False, random_state=seed, **settings)
    else:
        settings = {"epsilon": 0.1} | settings
        machine = LinearSVR(dual=False, loss="squared_epsilon_insensitive", random_state=seed, **settings)
    return make_pipeline(StandardScaler(), machine)


def space(trial: Trial, kind: TaskKind) -> dict[str, Any]:
    """Price of a wrong row, and how much of an error is free."""
    settings = {"C": trial.suggest_float("C", 1e-5, 1e1, log=True)}
    return settings | ({"epsilon": trial.suggest_float("epsilon", 0.0, 0.5)} if kind == "regression" else {})


model_families.register(
    ModelFamily(
        name="linear-svm",
        title="Linear support vector machine",
        citation="Cortes & Vapnik, Mach. Learn. 20, 273 (1995); softness: Schoenholz et al., Nat. Phys. 12, 469 (2016)",
        build=build,
        space=space,
        explained_by="coefficients",
    )
)
