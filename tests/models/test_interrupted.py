"""Ctrl-C during a fit ends it, in this process too."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

from zoo.models.mlp import build


@pytest.mark.parametrize(("kind", "network"), [("classification", MLPClassifier), ("regression", MLPRegressor)])
def test_a_network_cut_short_is_no_model(kind, network, monkeypatch):
    x = np.random.default_rng(0).normal(size=(40, 3))
    target = (x[:, 0] > 0).astype(int)
    whole = build(kind, 0, max_iter=300).fit(x, target)
    assert np.array_equal(pickle.loads(pickle.dumps(whole)).predict(x), whole.predict(x))

    def ctrl_c(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(network, "_backprop", ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        build(kind, 0).fit(x, target)
