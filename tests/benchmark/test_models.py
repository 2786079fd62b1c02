"""What every model family owes the harness."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from zoo.benchmark.cell import predict_scores
from zoo.models.declaration import model_families

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(240, 5)).astype(np.float32)
VALUE = X[:, 0] - 2 * X[:, 1] + 0.1 * RANDOM.normal(size=240)
TARGETS = {"classification": (VALUE > 1).astype(float), "regression": VALUE}


@pytest.mark.parametrize("kind", ["classification", "regression"])
@pytest.mark.parametrize("name", model_families.names())
def test_a_family_learns_or_says_why_not(name, kind):
    family = model_families[name]
    if reason := family.declines(kind):
        assert kind in reason or "values" in reason or "classes" in reason
        return
    scores = [predict_scores(family.build(kind, 7).fit(X[:200], TARGETS[kind][:200]), X[200:], kind) for _ in range(2)]
    assert np.array_equal(*scores), "the same seed must give the same bits"
    assert scores[0].shape == (40,)
    correlation = 0.0 if np.ptp(scores[0]) == 0 else np.corrcoef(scores[0], VALUE[200:])[0, 1]
    assert correlation == 0.0 if family.null_control else correlation > 0.5


def test_declarations_import_no_learning_library():
    code = (
        "import sys; from zoo.models.declaration import model_families as m; "
        "from zoo.features.declaration import feature_sets as f; m.names(); f.names(); "
        "heavy = {'sklearn', 'numba', 'xgboost', 'lightgbm', 'pandas', 'matplotlib', 'ase'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
