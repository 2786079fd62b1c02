"""Families that stop early look at whole glasses that they do not learn from."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.benchmark.cell import cell_declines
from zoo.benchmark.suite import Cell
from zoo.benchmark.training import Training, predict_scores
from zoo.models.declaration import model_families

GLASSES = np.repeat(np.arange(5), 40)


def training(kind):
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 4)).astype(np.float32)
    y = x[:, 0] + 0.3 * random.normal(size=200)
    return Training(kind, x, (y > 0.5).astype(float) if kind == "classification" else y, GLASSES, 0)


@pytest.mark.parametrize("name", ["tabm", "realmlp"])
def test_networks_stop_by_whole_glasses(name, monkeypatch):
    pytest.importorskip("pytabkit")
    rows = training("classification")
    built = model_families[name].estimator("classification", 0)
    seen = {}
    monkeypatch.setattr(type(built.estimator), "fit", lambda self, x, y, val_idxs: seen.update(rows=val_idxs))
    built.fit(rows.x, rows.y, rows.folds())
    held_out = np.isin(np.arange(200), seen["rows"])
    assert 0 < held_out.sum() < 100
    assert not set(GLASSES[held_out]) & set(GLASSES[~held_out])


def test_bags_of_explainable_boosting_hold_out_whole_glasses(monkeypatch):
    pytest.importorskip("interpret")
    rows = training("regression")
    built = model_families["explainable-boosting"].estimator("regression", 0)
    seen = {}
    monkeypatch.setattr(type(built.estimator), "fit", lambda self, x, y, bags: seen.update(bags=bags))
    built.fit(rows.x, rows.y, rows.folds())
    assert built.estimator.outer_bags == seen["bags"].shape[1] == 3
    for bag in seen["bags"].T:
        assert not set(GLASSES[bag == 1]) & set(GLASSES[bag == -1])
    assert (seen["bags"] == -1).sum(axis=1).tolist() == [1] * 200


@pytest.mark.parametrize("kind", ["classification", "regression"])
@pytest.mark.parametrize("name", ["tabm", "realmlp", "explainable-boosting"])
def test_they_learn(name, kind):
    pytest.importorskip("pytabkit")
    pytest.importorskip("interpret")
    rows = training(kind)
    score = predict_scores(rows.fit(model_families[name], {}), rows.x, kind)
    assert np.corrcoef(score, rows.x[:, 0])[0, 1] > 0.6


def test_bags_of_an_ensemble_decline_them(root):
    cell = Cell("toy-class", "species", "explainable-boosting", "glass", 0, 0, 0, mode="ensembled", trials=1)
    assert "stops by glasses held out" in cell_declines(cell)
