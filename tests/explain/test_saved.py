"""A model saved by ``zoo automl``, explained on the glasses that it has never seen."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy import small_project, write_task

from zoo.benchmark.automl import Search, search
from zoo.benchmark.cell import feature_matrix, task_rows
from zoo.benchmark.saved import read_model, save_model
from zoo.cli import main
from zoo.errors import ExplainError, ModelError
from zoo.explain.explain import explain
from zoo.explain.fold import explain_fold
from zoo.explain.request import Request
from zoo.formats import write_glass
from zoo.models._autogluon import load_predictor

NUMBERS = ["--rows", "20", "--sampled-rows", "6", "--background", "20", "--permutations", "3", "--workers", "1"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folder of a model of two feature sets, with the small project that it was made in."""
    base = tmp_path_factory.mktemp("saved")
    with small_project(base):
        plan = Search("toy-class", ("species", "coordination"), ("decision-tree",), 600.0, trials=2, fold=1)
        save_model(plan, search(plan, base / "model", 1), base / "model")
        yield base / "model"


def test_it_is_explained_on_glasses_it_has_never_seen(saved: Path, tmp_path: Path, capsys):
    main(["explain", "toy-class", "--model", str(saved), *NUMBERS, "-o", str(tmp_path)])
    said = capsys.readouterr().out
    assert "weighted sum of" in said, "trees of classes add up"
    assert "is explained on one fold" in said
    table = pd.read_parquet(tmp_path / "values-autogluon.parquet")
    model = read_model(saved)
    assert set(table["glass"]) <= set(model.test_glasses)
    assert set(table["fold"]) == {1}
    assert len(table) == 20
    assert np.allclose(table["base"] + table.filter(like="phi:").sum(axis=1), table["output"])
    x = np.hstack([feature_matrix("toy-class", name).matrix for name in model.features])
    predicted = load_predictor(saved / "predictor", "classification")(x[table["row"]])
    assert np.allclose(table["output"], predicted, atol=1e-5)
    assert f"saved in {saved}" in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["toy-class", "--family", "logistic"], "name --model alone"),
        (["toy-value"], "is a model of task toy-class, got toy-value"),
        (["toy-class", "--atoms", "g9:0"], "no glass is called 'g9'"),
    ],
)
def test_a_wrong_command_gets_a_sentence(saved: Path, words, sentence, capsys):
    with pytest.raises(SystemExit):
        main(["explain", *words, "--model", str(saved), *NUMBERS])
    assert sentence in capsys.readouterr().err


def test_glasses_that_it_has_learnt_from_are_refused(saved: Path, capsys):
    unseen = read_model(saved).test_glasses
    seen = next(name for name in task_rows("toy-class").glass_names if name not in unseen)
    with pytest.raises(SystemExit):
        main(["explain", "toy-class", "--model", str(saved), "--glass", seen, *NUMBERS])
    assert "by the saved model it is fold 1" in capsys.readouterr().err


def test_a_missing_member_is_named(saved: Path, tmp_path: Path, capsys):
    unfolded = read_model(saved)
    folder = tmp_path / "model"
    shutil.copytree(saved, folder)
    gone = next((folder / "predictor" / "models").glob("*_BAG_L1/S1F1"))
    shutil.rmtree(gone)
    said = (
        rf"every member of an ensemble must be there, but {gone}/model\.pkl is missing: make it again with zoo automl"
    )
    request = Request("toy-class", "species+coordination", ("autogluon",), 20, 6, 20, 3, folds=(1,), model=str(folder))
    with pytest.raises(ModelError, match=f"^{said}"):
        explain_fold(request, "autogluon", 1, None)
    with pytest.raises(ExplainError, match=f"^{said}"):
        explain(request, workers=1)
    with pytest.raises(ModelError, match=f"^{said}"):
        unfolded.apply(folder, np.zeros((1, 2), np.float32))
    glass = tmp_path / "glass.extxyz"
    write_glass(glass, task_rows("toy-class").dataset.glasses["g0"])
    for words in (["predict", str(folder), str(glass)], ["explain", "toy-class", "--model", str(folder)]):
        with pytest.raises(SystemExit):
            main(words)
        error = " ".join(capsys.readouterr().err.split())
        assert "S1F1/model.pkl is missing or not what was saved: copy or make the model again" in error


def test_other_labels_than_it_was_made_with_are_refused(saved: Path, capsys):
    import os

    write_task(Path(os.environ["ZOO_ROOT"]), "toy-class", version=2)
    task_rows.cache_clear()
    with pytest.raises(SystemExit):
        main(["explain", "toy-class", "--model", str(saved), *NUMBERS])
    assert "other data or labels" in capsys.readouterr().err
