"""Networks of scikit-learn that Ctrl-C ends: its own hand back what they have learnt so far, as if they were done."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.neural_network import MLPClassifier, MLPRegressor


class _EndsOnCtrlC:
    def fit(self, x: Any, y: Any) -> Any:
        """Fit; a training cut short is no model, and would be kept as one."""
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Training interrupted")
            try:
                return super().fit(x, y)  # type: ignore[misc]
            except UserWarning as warning:
                if "interrupted" not in str(warning):
                    raise
                raise KeyboardInterrupt from None


class Classifier(_EndsOnCtrlC, MLPClassifier):  # type: ignore[misc]
    """Network for classes."""


class Regressor(_EndsOnCtrlC, MLPRegressor):  # type: ignore[misc]
    """Network for values."""
