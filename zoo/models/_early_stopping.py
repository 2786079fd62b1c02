"""Early stopping by glasses that are held out of the training rows, never by rows of glasses that are learnt from."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if


def _is_classifier(wrapper: Any) -> bool:
    return hasattr(wrapper.estimator, "predict_proba")


class StopsByGlass(BaseEstimator):  # type: ignore[misc, unused-ignore]
    """A network of pytabkit that stops by the smallest inner fold and learns from the others."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, x: Any, y: Any, fold: NDArray[np.integer]) -> StopsByGlass:
        """Fit; ``fold`` is the inner fold of each row, whole glasses."""
        folds, rows = np.unique(fold, return_counts=True)
        with redirect_stdout(StringIO()):  # it prints what it does with few rows
            self.estimator.fit(x, y, val_idxs=np.flatnonzero(fold == folds[rows.argmin()]))
        return self

    def predict(self, x: Any) -> Any:
        return self.estimator.predict(x)

    @available_if(_is_classifier)
    def predict_proba(self, x: Any) -> Any:
        return self.estimator.predict_proba(x)


class BagsByGlass(StopsByGlass):
    """An explainable boosting machine: the mean of one fit for each inner fold, which says when to stop."""

    def fit(self, x: Any, y: Any, fold: NDArray[np.integer]) -> BagsByGlass:
        """Fit; ``fold`` is the inner fold of each row, whole glasses."""
        bags = np.where(fold[:, None] == np.unique(fold), -1, 1).astype(np.int8)
        self.estimator.set_params(outer_bags=bags.shape[1])
        self.estimator.fit(x, y, bags=bags)
        return self
