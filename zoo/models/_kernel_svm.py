"""Estimators behind ``rbf-svm``: exact for few rows, on Nyström features for many."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR


class _Kernel(BaseEstimator):  # type: ignore[misc, unused-ignore]
    def __init__(
        self, C: float = 1.0, width: float = 1.0, seed: int = 0, exact: int = 6000, landmarks: int = 1000
    ) -> None:
        self.C, self.width, self.seed, self.exact, self.landmarks = C, width, seed, exact, landmarks

    def fit(self, x: Any, y: Any) -> Any:
        x = np.asarray(x, np.float64)
        gamma = self.width / (x.shape[1] * max(x.var(), 1e-12))
        if len(x) <= self.exact:
            self.machine_ = self._exact(gamma)
        else:
            features = Nystroem(gamma=gamma, n_components=min(self.landmarks, len(x)), random_state=self.seed)
            self.machine_ = make_pipeline(features, self._linear())
        self.machine_.fit(x, y)
        return self


class KernelClassifier(ClassifierMixin, _Kernel):  # type: ignore[misc, unused-ignore]
    """Offers ``decision_function``."""

    def _exact(self, gamma: float) -> Any:
        return SVC(C=self.C, gamma=gamma, cache_size=500)

    def _linear(self) -> Any:
        return LinearSVC(C=self.C, dual=False, random_state=self.seed)

    def fit(self, x: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return super().fit(x, y)

    def decision_function(self, x: Any) -> Any:
        return self.machine_.decision_function(x)

    def predict(self, x: Any) -> Any:
        return self.machine_.predict(x)


class KernelRegressor(RegressorMixin, _Kernel):  # type: ignore[misc, unused-ignore]
    """The target is scaled too: ε = 0.1 of its standard deviation costs nothing."""

    def _exact(self, gamma: float) -> Any:
        return SVR(C=self.C, gamma=gamma, epsilon=0.1, cache_size=500)

    def _linear(self) -> Any:
        return LinearSVR(C=self.C, epsilon=0.1, dual=False, loss="squared_epsilon_insensitive", random_state=self.seed)

    def fit(self, x: Any, y: Any) -> Any:
        y = np.asarray(y, float)
        self.mean_, self.scale_ = y.mean(), y.std() or 1.0
        return super().fit(x, (y - self.mean_) / self.scale_)

    def predict(self, x: Any) -> Any:
        return self.machine_.predict(x) * self.scale_ + self.mean_
