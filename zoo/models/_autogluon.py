"""Ensembles by AutoGluon, bagged over given folds: the rows of one glass are never on both sides of any of them.

AutoGluon takes the folds as they are for the bags of every level of stacking. What it would hold out by itself, at
random (dynamic stacking, the out-of-bag rows of forests, a validation part), is switched off.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from autogluon.core.models import AbstractModel
from autogluon.features import IdentityFeatureGenerator
from autogluon.tabular import TabularPredictor
from numpy.typing import NDArray

from zoo.errors import ModelError
from zoo.models.declaration import Member, TaskKind, model_families

FloatArray = NDArray[np.float32]
LABEL, FOLD = "target", "fold"
METRIC = {"classification": "average_precision", "regression": "pearsonr"}
logging.getLogger("autogluon.common.utils.resource_utils").setLevel(logging.CRITICAL)  # no torch, no GPU: no news
STOPPING = {"classification": "log_loss", "regression": "root_mean_squared_error"}
"""What early stopping looks at: smooth, and counted by the libraries themselves."""


class FamilyModel(AbstractModel):  # type: ignore[misc]
    """A family of ours as AutoGluon sees a model."""

    ag_key = "ZOO"
    ag_name = "Family"

    def _set_default_params(self) -> None:
        pass

    def _part(self, table: pd.DataFrame) -> FloatArray:
        return table[_names(*self._get_model_params()["columns"])].to_numpy(np.float32)

    def _fit(self, X: pd.DataFrame, y: pd.Series, **unused: Any) -> None:
        settings = self._get_model_params()
        kind: TaskKind = "regression" if self.problem_type == "regression" else "classification"
        family = model_families[settings["family"]]
        self.model = family.estimator(kind, settings["seed"], settings["image"], settings["settings"])
        self.model.fit(self._part(X), y.to_numpy(float))

    def _predict_proba(self, X: pd.DataFrame, **unused: Any) -> NDArray[np.float64]:
        x = self._part(X)
        if self.problem_type == "regression":
            return np.asarray(self.model.predict(x))
        if hasattr(self.model, "predict_proba"):
            return np.asarray(self.model.predict_proba(x)[:, 1])
        # a margin, on a scale that can be averaged with probabilities
        return np.asarray(1 / (1 + np.exp(-self.model.decision_function(x))))


MEMBER_MODELS = [type(f"FamilyModel{number}", (FamilyModel,), {"__module__": __name__}) for number in range(16)]
"""A type for each member: of one type AutoGluon joins one model only below 1,000 rows, two below 5,000, and so on."""
globals().update({model.__name__: model for model in MEMBER_MODELS})  # where pickle looks for them


class Ensemble:
    """A greedily weighted ensemble of models that were bagged over the same folds.

    Parameters
    ----------
    kind, seed
    models : dict, or sequence of Member
        AutoGluon's own models, as its ``hyperparameters``, or families of ours.
    stack_levels : int
        Further levels, whose models also read the predictions of the level before. Their own scores flatter them, see
        decision 0011.
    folder : Path, optional
        Where the fitted models stay. By default they are kept in memory only.

    Attributes
    ----------
    held_out_ : ndarray of shape (n_rows,), float64
        Prediction for every training row, by models that have not seen its fold.
    weights_ : dict of float
        Of each model in the ensemble.
    scores_ : dict of float
        Headline metric of every model of every level on the rows held out.
    """

    def __init__(
        self,
        kind: TaskKind,
        seed: int,
        models: dict[str, Any] | Sequence[Member],
        stack_levels: int = 0,
        folder: Path | None = None,
    ) -> None:
        self.kind = kind
        self.seed = seed
        self.models = models
        self.stack_levels = stack_levels
        self.folder = folder

    def fit(self, x: FloatArray, y: NDArray[np.float64], fold: NDArray[np.integer]) -> Ensemble:
        """Fit all models; ``fold`` is the number of the fold in which each row is held out."""
        if self.folder is not None:
            self._fit(self.folder, x, y, fold)
            return self
        with tempfile.TemporaryDirectory(prefix="zoo-ensemble-") as place:
            self._fit(Path(place), x, y, fold)
            if not self.predictor_.persist("best", max_memory=None):
                raise RuntimeError("AutoGluon has not kept its models in memory")
        return self

    def _fit(self, place: Path, x: FloatArray, y: NDArray[np.float64], fold: NDArray[np.integer]) -> None:
        logging.getLogger("autogluon").setLevel(logging.ERROR)
        table = _table(x).assign(**{LABEL: y if self.kind == "regression" else y.astype(int), FOLD: fold})
        self.predictor_ = TabularPredictor(
            label=LABEL,
            problem_type="regression" if self.kind == "regression" else "binary",
            eval_metric=METRIC[self.kind],
            groups=FOLD,
            path=str(place),
            verbosity=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.predictor_.fit(
                table,
                hyperparameters=self._hyperparameters(x.shape[1]),
                num_bag_folds=len(np.unique(fold)),
                num_bag_sets=1,
                num_stack_levels=self.stack_levels,
                dynamic_stacking=False,
                calibrate_decision_threshold=False,
                feature_generator=IdentityFeatureGenerator(),
                fit_strategy="sequential",
                ag_args_ensemble={
                    "fold_fitting_strategy": "sequential_local",
                    "model_random_seed": self.seed,
                    "use_child_oof": False,
                },
                ag_args_fit={"stopping_metric": STOPPING[self.kind]},
                num_cpus=1,
                num_gpus=0,
                raise_on_model_failure=True,
            )
        self.scores_ = self.predictor_.leaderboard().set_index("model")["score_val"].to_dict()
        oof = self.predictor_.predict_oof() if self.kind == "regression" else self.predictor_.predict_proba_oof()[1]
        self.held_out_ = oof.to_numpy(float)
        self.weights_ = self._weights()

    @property
    def member_names_(self) -> list[str]:
        """Names of our members after the fit, in their order."""
        return [f"{number}-{member.family}_BAG_L1" for number, member in enumerate(self._members())]

    def _members(self) -> Sequence[Member]:
        return () if isinstance(self.models, dict) else self.models

    def _hyperparameters(self, n_columns: int) -> dict[Any, Any]:
        if isinstance(self.models, dict):
            return self.models
        return {
            model: {
                "family": member.family,
                "seed": self.seed,
                "settings": dict(member.settings),
                "image": member.image,
                "columns": member.columns or (0, n_columns),
                "ag_args": {"name": f"{number}-{member.family}", "name_suffix": ""},
            }
            for number, (model, member) in enumerate(zip(MEMBER_MODELS, self._members(), strict=False))
        }

    def _weights(self) -> dict[str, float]:
        best = self.predictor_.model_best
        children = self.predictor_.info()["model_info"][best].get("children_info", {})
        weights = [child["model_weights"] for child in children.values() if child.get("model_weights")]
        return {name: float(weight) for name, weight in weights[0].items()} if weights else {best: 1.0}

    def predict_proba(self, x: FloatArray) -> NDArray[np.float64]:
        """Probability of both classes, shape (n_rows, 2)."""
        return np.asarray(self.predictor_.predict_proba(_table(x), as_pandas=False))

    def predict(self, x: FloatArray) -> NDArray[np.float64]:
        """Value, shape (n_rows,)."""
        return np.asarray(self.predictor_.predict(_table(x), as_pandas=False))


def load_ensemble(folder: Path, kind: TaskKind) -> Ensemble:
    """An ensemble that was fitted in a folder; its settings are not known any more, only its models.

    Raises
    ------
    ModelError
        A member is missing.
    """
    ensemble = Ensemble(kind, 0, {}, folder=folder)
    ensemble.predictor_ = _loaded(folder)
    ensemble.weights_ = ensemble._weights()
    return ensemble


def load_predictor(folder: Path, kind: TaskKind) -> Callable[[FloatArray], NDArray[np.float64]]:
    """What an ensemble that was fitted in a folder predicts: probability of class 1, or the value, shape (n_rows,).

    Raises
    ------
    ModelError
        A member is missing.
    """
    predictor = _loaded(folder)

    def predict(x: FloatArray) -> NDArray[np.float64]:
        if kind == "regression":
            return np.asarray(predictor.predict(_table(x), as_pandas=False), float)
        return np.asarray(predictor.predict_proba(_table(x), as_pandas=False)[:, 1], float)

    return predict


def _loaded(folder: Path) -> TabularPredictor:
    """The predictor of a folder with all members of its ensemble in memory."""
    try:
        predictor = TabularPredictor.load(str(folder), verbosity=0)
        predictor.persist("best", max_memory=None)
    except FileNotFoundError as error:
        raise ModelError(
            f"every member of an ensemble must be there, but {error.filename} is missing: make it again with zoo automl"
        ) from error
    return predictor


def _table(x: FloatArray) -> pd.DataFrame:
    return pd.DataFrame(x, columns=_names(0, x.shape[1]))


def _names(first: int, last: int) -> list[str]:
    return [str(column) for column in range(first, last)]
