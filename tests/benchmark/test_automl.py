"""Choosing features, family and settings together: on glasses never seen, saved, applied, resumed."""

from __future__ import annotations

import dataclasses
import pickle
from concurrent.futures import Future

import msgspec
import numpy as np
import pytest
import tomli_w
from toy import perturbed_crystal, small_project, write_task

from zoo._files import read_toml
from zoo.benchmark import automl, candidates, joining
from zoo.benchmark.automl import search, usable_features
from zoo.benchmark.candidates import Candidate, Search, open_search
from zoo.benchmark.cell import folds_of, task_rows
from zoo.benchmark.joining import Found, Step, calibrated, join, steps
from zoo.benchmark.saved import read_model, save_model
from zoo.benchmark.tuning import open_study, tried
from zoo.cli import main
from zoo.errors import ModelError, TuningError
from zoo.formats import read_glass, write_glass
from zoo.glass import Glass
from zoo.models.declaration import model_families

FEATURES = ("species", "coordination", "interstice-shell")


def plan(trials=9, **changes) -> Search:
    """Few trials, and time enough on a busy machine."""
    chosen = {"features": FEATURES, "families": ("decision-tree", "logistic"), "seconds": 6000}
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
    assert max(pairs.count(pair) for pair in pairs) <= candidates.ALIKE
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


def test_predictions_are_written_here_unless_told_otherwise_and_never_over_the_glass(
    made, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    glass = perturbed_crystal(98)
    (tmp_path / "mine").mkdir()
    write_glass(tmp_path / "mine" / "glass.extxyz.gz", Glass(glass.positions, glass.species, glass.cell))
    main(["predict", str(made[0]), "mine/glass.extxyz.gz"])
    said = capsys.readouterr().out
    for name in ("glass-toy-class.extxyz", "glass-toy-class.png"):
        assert f"written {name}" in said
        assert (tmp_path / name).stat().st_size > 1000
    assert "probability" in read_glass(tmp_path / "glass-toy-class.extxyz").fields
    content = (tmp_path / "glass-toy-class.extxyz").read_bytes()
    with pytest.raises(SystemExit):
        main(["predict", str(made[0]), "mine/../glass-toy-class.extxyz", "-o", "glass-toy-class.extxyz"])
    assert "not written over the glass" in capsys.readouterr().err
    assert (tmp_path / "glass-toy-class.extxyz").read_bytes() == content


def test_calibration_keeps_every_order_and_meets_the_rate():
    random = np.random.default_rng(0)
    score = random.uniform(0.3, 0.4, 4000)
    y = (random.random(4000) < 4 * (score - 0.3)).astype(float)
    line = joining._calibration(y, score)
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


def test_another_choice_in_the_same_folder_is_another_search(root, tmp_path):
    for features in (("coordination",), ("species", "interstice-shell")):
        chosen = plan(features=features)
        study = open_search(chosen, tmp_path)
        assert candidates._next_attempt(chosen, study, features).features == features[0]
        assert len(study.trials) == 1


def test_scores_of_other_data_tasks_or_versions_are_not_taken_over(root, tmp_path, monkeypatch):
    study = open_search(plan(), tmp_path).study_name
    turned = {"features": FEATURES[::-1], "families": ("logistic", "decision-tree"), "seconds": 60, "trials": 3}
    assert open_search(plan(**turned), tmp_path).study_name == study
    assert open_search(plan(max_rows=500), tmp_path).study_name != study
    newer = {name: dataclasses.replace(model_families[name], version=9) for name in plan().families}
    monkeypatch.setattr(candidates, "model_families", newer)
    assert open_search(plan(), tmp_path).study_name != study
    monkeypatch.undo()
    rows = task_rows("toy-class")
    other = dataclasses.replace(rows, task=msgspec.structs.replace(rows.task, version=9))
    monkeypatch.setattr(candidates, "task_rows", lambda name: other)
    assert open_search(plan(), tmp_path).study_name != study


def test_a_quick_family_looks_at_every_feature_set_first_then_the_others_at_the_best(root):
    many = plan(families=("decision-tree", "extra-trees", "logistic"))
    study, order = open_study(0, None, "study"), ("species", "coordination", "interstice-shell")
    value = {"species": 0.1, "coordination": 0.5, "interstice-shell": 0.4}
    pairs = []
    for _ in range(9):
        attempt = candidates._next_attempt(many, study, order)
        pairs.append((attempt.features, attempt.family))
        assert attempt.settings == {}
        study.tell(attempt.trial, value[attempt.features])
    assert pairs[:3] == [(name, "logistic") for name in order]
    ranked = ("coordination", "interstice-shell", "species")
    assert pairs[3:] == [(name, family) for family in ("decision-tree", "extra-trees") for name in ranked]


def test_a_candidate_that_hangs_is_stopped_from_outside(root, tmp_path, monkeypatch):
    monkeypatch.setattr(automl, "SHARE", 0.0)
    monkeypatch.setattr(automl, "SHORTEST", 0.05)
    with pytest.raises(TuningError, match=r"no candidate was finished .* 6000 s: give more time"):
        search(plan(trials=2), tmp_path, 1)
    trials = tried(open_search(plan(), tmp_path))
    assert [trial.user_attrs["error"] for trial in trials] == ["stopped after 0 s"] * 2


def test_time_ends_a_search_and_what_was_being_tried_counts_for_nothing(root, tmp_path):
    with pytest.raises(TuningError, match="no candidate was finished"):
        search(plan(trials=0, seconds=0.5), tmp_path, 1)
    assert tried(open_search(plan(), tmp_path)) == []


class Promised:
    """A pool whose job has come so far when its time is up: what is fitted by then, and how it has ended."""

    def __init__(self, fitted: list[str], error: Exception | None, ended: bool) -> None:
        self.fitted, self.error, self.ended = fitted, error, ended

    def schedule(self, function, args):
        future = Future()
        for name, place in zip(self.fitted, args[-1], strict=False):
            place.mkdir()
            (place / name).touch()
            found = Found(("coordination",), (), (), 3, 100, {}, {}, None, 0.5)
            (place / joining.FOUND).write_bytes(pickle.dumps(found))
        if self.error:
            future.set_exception(self.error)
        elif self.ended:
            future.set_result(None)
        return future


@pytest.mark.parametrize(
    ("fitted", "error", "ended", "cut"),
    [
        (["alone", "joined"], None, True, ""),
        (["alone"], None, False, "its time was up"),
        (["alone"], ValueError("bad"), True, "ValueError: bad"),
        ([], ValueError("bad"), True, "more .ValueError: bad.: give more time"),
        ([], None, False, "more .stopped, as its time was up.: give more time"),
    ],
)
def test_an_ensemble_that_is_late_or_fails_gives_way_to_one_candidate(
    root, tmp_path, monkeypatch, fitted, error, ended, cut
):
    monkeypatch.setattr(joining, "MARGIN", 0.1)
    (tmp_path / "predictor").mkdir()
    (tmp_path / "predictor" / "old").touch()
    made = (Candidate("coordination", "logistic", {}, 0.5, 1.0),)

    def joined():
        return join(plan(), made, 3, tmp_path, Promised(fitted, error, ended), 0.1, lambda *words: None)

    if fitted:
        assert cut in joined().cut
    else:
        with pytest.raises(TuningError, match=cut):
            joined()
    assert [path.name for path in (tmp_path / "predictor").iterdir()] == ["old", *fitted][-1:]


def test_the_time_left_decides_on_members_and_rows(root):
    seconds = {"a": 10, "b": 200, "c": 5}
    made = tuple(Candidate("coordination", name, {}, 0.5, seconds[name]) for name in seconds)
    n_rows = min(plan().max_rows, len(plan().split.train))
    alone, joined = steps(plan(), made, 60)
    assert [member.family for member in joined.candidates] == ["a", "c"]
    assert alone == Step(made[:1], n_rows)
    assert steps(plan(), made, 700)[1].candidates == made
    assert steps(plan(max_rows=100), made, 60)[1].n_rows > 100, "time is left for more rows than in the search"
    alone, joined = steps(plan(), made, 8)
    assert [member.family for member in joined.candidates] == ["a"]
    assert joined.n_rows < n_rows
    assert alone.candidates == made[2:], "the quickest"
    assert steps(plan(), made[:1], 600) == (Step(made[:1], n_rows),), "nothing to join"


def test_trials_of_different_families_do_not_share_parameters(root, tmp_path):
    study, many = open_study(0, None, "study"), plan(families=("xgboost", "lightgbm"))
    names = set()
    for family in ("xgboost", "lightgbm", "xgboost"):
        study.enqueue_trial({"features": "coordination", "family": family, "settings": "searched"})
    study.optimize(lambda trial: len(candidates._suggested(trial, many).settings), n_trials=3)
    for trial in study.trials:
        assert all(name.startswith(trial.params["family"] + ".") for name in list(trial.params)[3:])
        names |= set(trial.params)
    assert {"xgboost.learning_rate", "lightgbm.learning_rate"} <= names
    together = study.sampler.infer_relative_search_space(study, study.trials[0])
    assert {"features", "xgboost.learning_rate", "lightgbm.learning_rate"} <= set(together), "not drawn one by one"


def test_a_search_that_scores_nothing_says_so(root, tmp_path):
    with pytest.raises(TuningError, match="trials have failed: RuntimeError: Expected 3D"):
        search(plan(trials=2, families=("cnn",)), tmp_path, 1)


def test_default_features_need_positions_alone(root):
    usable, left_out = usable_features("toy-class")
    assert {"bond-order", "interstice", "voronoi-radical"} <= set(usable)
    assert not {"species", "random", "soap", "density-grid", "vibration", "all-structural"} & set(usable)
    assert "take voronoi for one in 3D" in left_out["voronoi-2d"]
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
        (["pairs"], "is about pairs"),
    ],
)
def test_what_cannot_be_searched_is_said_at_once(root, capsys, words, answer):
    card = read_toml(root / "datasets" / "toy" / "card.toml")
    roles = {"conf": "group", "i": "state", "j": "state"}
    columns = [{"name": name, "unit": "1", "role": role, "description": "made up"} for name, role in roles.items()]
    pairs = (
        card
        | {"name": "pairs", "kind": "pairs", "glasses": [], "files": card["files"][:1]}
        | {"columns": card["columns"] + columns}
    )
    (root / "datasets" / "pairs").mkdir()
    (root / "datasets" / "pairs" / "card.toml").write_text(tomli_w.dumps(pairs))
    write_task(root, "pairs", dataset="pairs")
    with pytest.raises(SystemExit) as stop:
        main(["automl", *words])
    assert stop.value.code == 2
    said = capsys.readouterr()
    assert answer in said.err
    assert not said.out
