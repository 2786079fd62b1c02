"""Choosing features, family and settings together: on glasses never seen, saved, applied, resumed."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from toy import perturbed_crystal, small_project

from zoo.benchmark import automl
from zoo.benchmark.automl import Search, calibrated, search, usable_features
from zoo.benchmark.cell import folds_of, task_rows
from zoo.benchmark.saved import read_model, save_model
from zoo.benchmark.tuning import open_study
from zoo.cli import main
from zoo.errors import ModelError, TuningError
from zoo.formats import read_glass, write_glass
from zoo.glass import Glass

FEATURES = ("species", "coordination", "interstice-shell")


def plan(trials=9, **changes) -> Search:
    """Few trials, and time enough on a busy machine."""
    chosen = {"features": FEATURES, "families": ("decision-tree", "logistic"), "seconds": 600}
    return Search("toy-class", **chosen | changes, trials=trials)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model of the toy task; its folder and what the search said on its way."""
    base = tmp_path_factory.mktemp("automl")
    with small_project(base):
        said = []
        found = search(plan(), base / "model", 2, lambda *words: said.append(words))
        save_model(plan(), found, base / "model")
        yield base / "model", found, said


def test_the_search_finds_what_tells_and_never_sees_the_test_glasses(made):
    _, found, said = made
    assert found.candidates[0].features in ("coordination", "interstice-shell")
    assert found.scores["average_precision"] > 0.3 > 0.2, "by chance 0.2"
    assert sum(found.weights) == pytest.approx(1)
    pairs = [(candidate.features, candidate.family) for candidate in found.candidates]
    assert max(pairs.count(pair) for pair in pairs) <= automl.ALIKE
    rows = task_rows("toy-class")
    test = {rows.glass_names[glass] for glass in np.unique(rows.glass[folds_of("toy-class", "glass")[0].test])}
    assert set(found.test_glasses) == test
    assert {stage for stage, *_ in said} == {"search", "ensemble"}
    assert found.n_trials > 4


def test_a_saved_model_predicts_probabilities_for_a_glass_of_ones_own(made, tmp_path, capsys):
    folder, found, _ = made
    glass = perturbed_crystal(99)
    plain = Glass(glass.positions, glass.species, glass.cell)
    write_glass(tmp_path / "mine.extxyz", plain)
    files = ["-o", str(tmp_path / "out.extxyz"), "--plot", str(tmp_path / "out.png")]
    main(["predict", str(folder), str(tmp_path / "mine.extxyz"), *files])
    assert "108 atoms" in capsys.readouterr().out
    probability = read_glass(tmp_path / "out.extxyz").fields["probability"].values
    assert ((probability > 0) & (probability < 1)).all()
    assert probability.mean() == pytest.approx(0.2, abs=0.1), "calibrated: a fifth of the atoms are of class 1"
    slip = glass.fields["slip"].values
    largest = slip >= np.quantile(slip, 0.8)
    assert probability[largest].mean() > probability[~largest].mean() + 0.03
    assert (tmp_path / "out.png").stat().st_size > 10_000
    model = read_model(folder)
    assert np.allclose(model.predict(folder, plain), probability, atol=1e-6)
    assert model.scores == found.scores
    assert sum(member.weight for member in model.members) == pytest.approx(1)


def test_calibration_keeps_every_order_and_meets_the_rate():
    random = np.random.default_rng(0)
    score = random.uniform(0.3, 0.4, 4000)
    y = (random.random(4000) < 4 * (score - 0.3)).astype(float)
    line = automl._calibration(y, score)
    probability = calibrated(line, score)
    assert np.array_equal(np.argsort(probability), np.argsort(score))
    assert probability.mean() == pytest.approx(y.mean(), abs=1e-3)
    top = score > 0.38
    assert probability[top].mean() == pytest.approx(y[top].mean(), abs=0.08)
    assert calibrated(None, score) is score


def test_what_a_model_does_not_know_is_said(made, tmp_path):
    folder, _, _ = made
    glass = perturbed_crystal(1)
    other = Glass(glass.positions, np.where(glass.species == "Cu", "Ni", "Zr"), glass.cell)
    with pytest.raises(ModelError, match="has learnt from Cu, Zr and knows nothing of Ni"):
        read_model(folder).predict(folder, other)
    with pytest.raises(ModelError, match="zoo automl TASK -o FOLDER makes one"):
        read_model(tmp_path)


def test_a_damaged_or_outdated_model_is_refused(made, tmp_path):
    import shutil

    folder, _, _ = made
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    victim = next((copy / "predictor" / "models").rglob("model.pkl"))
    content = victim.read_bytes()
    victim.write_bytes(content[:-7])
    with pytest.raises(ModelError, match=r"model\.pkl is missing or not what was saved"):
        read_model(copy)
    victim.write_bytes(content)
    model = read_model(copy)
    older = msgspec.structs.replace(model, features_versions=tuple(v + 1 for v in model.features_versions))
    (copy / "model.json").write_bytes(msgspec.json.encode(older))
    with pytest.raises(ModelError, match="was made with version"):
        read_model(copy)
    (copy / "model.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        read_model(copy)


def test_a_search_continues_where_it_stopped(root, tmp_path):
    first = search(plan(trials=4), tmp_path, 1)
    again = search(plan(trials=4), tmp_path, 1)
    assert (first.n_trials, again.n_trials) == (4, 4)
    assert again.candidates == first.candidates
    assert again.scores == first.scores
    assert search(plan(trials=6), tmp_path, 1).n_trials == 6


def test_time_ends_a_search(root, tmp_path):
    found = search(plan(trials=0, seconds=20), tmp_path, 1)
    assert found.n_trials > 0
    spent = open_study(0, f"sqlite:///{tmp_path / 'studies.db'}", automl._name(plan())).trials
    assert sum(trial.duration.total_seconds() for trial in spent) < 60


def test_trials_of_different_families_do_not_share_parameters(root, tmp_path):
    study = open_study(0, None, "study")
    names = set()
    for family in ("xgboost", "lightgbm", "xgboost"):
        study.enqueue_trial({"features": "coordination", "family": family, "settings": "searched"})
    study.optimize(lambda trial: automl._objective(trial, plan(families=("xgboost", "lightgbm"))), n_trials=3)
    for trial in study.trials:
        assert all(name.startswith(trial.params["family"] + ".") for name in list(trial.params)[3:])
        names |= set(trial.params)
    assert {"xgboost.learning_rate", "lightgbm.learning_rate"} <= names


def test_a_search_that_scores_nothing_says_so(root, tmp_path):
    with pytest.raises(TuningError, match="trials have failed: RuntimeError: Expected 3D"):
        search(plan(trials=2, families=("cnn",)), tmp_path, 1)


def test_default_features_need_positions_alone(root):
    usable, left_out = usable_features("toy-class")
    assert {"bond-order", "interstice", "voronoi-radical"} <= set(usable)
    assert not {"species", "random", "soap", "density-grid", "vibration", "all-structural"} & set(usable)
    assert "half of the smallest height" in left_out["radial"]
    assert "name it to include it" in left_out["soap"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["toy-class", "--budget", "soon"], "write 90s, 30m or 2h"),
        (["toy-class", "--fold", "3"], "folds 0 to 2, got 3"),
        (["toy-class", "--features", "radial,nonsense"], "nonsense"),
        (["toy-class", "--features", "pair"], "describes pairs"),
        (["toy-class", "--families", "ridge"], "declines"),
        (["toy-class", "--families", "cnn"], "reads images"),
        (["toy-class", "--families", "autogluon"], "is an ensemble itself"),
        (["nonsense"], "nonsense"),
    ],
)
def test_what_cannot_be_searched_is_said_at_once(root, capsys, words, answer):
    with pytest.raises(SystemExit) as stop:
        main(["automl", *words])
    assert stop.value.code == 2
    assert answer in capsys.readouterr().err
