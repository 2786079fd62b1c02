"""AutoGluon's ensembles: the weighted sum of their members' exact values where the ensemble is such a sum.

It is in a regression whose members are trees or linear models, and for classes where all members are averaged trees:
probabilities are averaged, and only for those are the values of a probability exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.training import predict_scores
from zoo.errors import ExplainError
from zoo.features.declaration import FloatArray
from zoo.models.declaration import TaskKind, model_families

if TYPE_CHECKING:
    import pandas as pd

    from zoo.explain.explainers import Explainer, SumExplainer

BAGGED = "_BAG_L1"
"""Ending of the names of AutoGluon's models."""
READABLE = ("LGBModel", "XGBoostModel", "CatBoostModel", "RFModel", "XTModel")
"""AutoGluon's own models whose trees can be read; its linear models transform columns in ways that are not linear."""


def is_ensemble(estimator: Any) -> bool:
    """Whether it was fitted by AutoGluon."""
    return hasattr(estimator, "predictor_") and hasattr(estimator, "weights_")


def sum_of_members(ensemble: Any, kind: TaskKind, x: FloatArray) -> SumExplainer | str:
    """The ensemble as a weighted sum of explained members; where it is no such sum, which member spoils it.

    Raises
    ------
    ExplainError
        A member is missing.
    """
    from zoo.explain.explainers import AGREEMENT, SumExplainer

    parts: list[tuple[float, Explainer, NDArray[np.int64]]] = []
    for name, weight in ensemble.weights_.items():
        if weight == 0.0:
            continue
        for share, model in _children(ensemble, name):
            part = _explained(model, kind, x)
            if part is None:
                return f"{name.removesuffix(BAGGED)} of the ensemble has no exact values in its output"
            parts.append((weight * share, *part))
    found = SumExplainer(parts, "value" if kind == "regression" else "probability", 0.0)
    score = predict_scores(ensemble, x, kind)
    found.disagreement = float(np.abs(found.output(x) - score).max() / (score.std() or 1.0))
    return found if found.disagreement < AGREEMENT else "its members do not add up to what it predicts"


def _children(ensemble: Any, name: str) -> list[tuple[float, Any]]:
    """The models of a bag, each with its share of the mean."""
    trainer = ensemble.predictor_._trainer
    try:
        model = trainer.load_model(name)
        children = [model.load_child(child) for child in model.models] if hasattr(model, "models") else [model]
    except (OSError, KeyError, AttributeError, AssertionError) as error:
        raise ExplainError(f"every member of an ensemble must be there, but {name} is missing: fit it again") from error
    if not children:
        raise ExplainError(f"every member of an ensemble must be there, but {name} is empty: fit it again")
    return [(1.0 / len(children), child) for child in children]


def _explained(model: Any, kind: TaskKind, x: FloatArray) -> tuple[Explainer, NDArray[np.int64]] | None:
    """Exact explainer of a member and the columns that it reads; None if it has none in the space of the sum."""
    from zoo.explain.explainers import linear_explainer, trees_explainer

    if hasattr(model, "_part"):  # a family of ours
        settings = model._get_model_params()
        columns = np.arange(*settings["columns"])
        explained_by = model_families[settings["family"]].explained_by
    elif type(model).__name__ in READABLE:
        found = _columns_read(model, x)
        if found is None:
            return None
        columns, explained_by = found, "trees"
    else:
        return None
    if explained_by == "sampling" or (explained_by == "coefficients" and kind == "classification"):
        return None
    if explained_by == "coefficients":
        part: Explainer = linear_explainer(model.model, kind, x[:, columns])
    else:
        part = trees_explainer(model.model, kind, x[:, columns], np.asarray(model.predict_proba(_table(x)), np.float64))
    return (part, columns) if part.space in ("value", "probability") else None


def _columns_read(model: Any, x: FloatArray) -> NDArray[np.int64] | None:
    """Columns that one of AutoGluon's models reads, unchanged and in this order; None if it changes them."""
    table = _table(x)
    names, prepared = list(table.columns), model.preprocess(table)
    columns = [names.index(name) for name in (model.features or names) if name in names]
    return np.array(columns) if np.array_equal(np.asarray(prepared, np.float32), x[:, columns]) else None


def _table(x: FloatArray) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(x, columns=[str(column) for column in range(x.shape[1])])
