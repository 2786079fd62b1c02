"""Estimators behind ``k-means``."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.cluster import KMeans


class _Clusters(BaseEstimator):  # type: ignore[misc, unused-ignore]
    """Means of the target over clusters, each drawn to the mean of all rows as if it had one more row of that."""

    def __init__(self, n_clusters: int = 64, seed: int = 0) -> None:
        self.n_clusters, self.seed = n_clusters, seed

    def fit(self, x: Any, y: Any) -> Any:
        y = np.asarray(y, float)
        n_clusters = min(self.n_clusters, len(y))
        self.clusters_ = KMeans(n_clusters, n_init=1, random_state=self.seed).fit(x)
        counts = np.bincount(self.clusters_.labels_, minlength=n_clusters)
        sums = np.bincount(self.clusters_.labels_, y, minlength=n_clusters)
        self.means_ = (sums + y.mean()) / (counts + 1)
        return self

    def _mean(self, x: Any) -> Any:
        return self.means_[self.clusters_.predict(x)]


class ClusterClassifier(ClassifierMixin, _Clusters):  # type: ignore[misc, unused-ignore]
    """Probability of class 1: its share in the cluster."""

    def fit(self, x: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return super().fit(x, y)

    def predict_proba(self, x: Any) -> Any:
        share = self._mean(x)
        return np.column_stack([1 - share, share])

    def predict(self, x: Any) -> Any:
        return (self._mean(x) > 0.5).astype(float)


class ClusterRegressor(RegressorMixin, _Clusters):  # type: ignore[misc, unused-ignore]
    """Mean of the cluster."""

    def predict(self, x: Any) -> Any:
        return self._mean(x)
