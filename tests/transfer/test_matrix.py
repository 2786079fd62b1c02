"""The matrix: nothing leaks, nothing is done twice, everything is written."""

from __future__ import annotations

import csv
import pickle
import re
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from alloys import other_alloy
from toy import write_task

from zoo.benchmark.jobs import run_jobs
from zoo.benchmark.tracking import IDENTITY
from zoo.cli import main
from zoo.errors import TrackingError, TransferError
from zoo.models.declaration import ModelFamily, model_families
from zoo.transfer import shift, track
from zoo.transfer.align import matrix_of
from zoo.transfer.compare import clearly_apart, difference, settings_apart
from zoo.transfer.figures import _annotate, text_colour
from zoo.transfer.fits import Plan, fits_of, groups_of, with_models
from zoo.transfer.matrix import OTHERS, make_matrix, models_of, read_matrix
from zoo.transfer.page import stored_matrices, write_files
from zoo.transfer.shift import composition_distance, shift_tests
from zoo.transfer.track import PARENT, find_matrix, track_matrix


def run(plan, folder):
    """Fits and tests in this process."""
    fits = with_models(fits_of(plan), models_of(folder))
    report = run_jobs([*fits, *shift_tests(plan)], folder / "transfer", workers=0)
    return report, make_matrix(plan, folder)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Two-sample tests in a fraction of their time."""
    monkeypatch.setattr(shift, "NULLS", 1)


@pytest.fixture
def plan():
    return Plan(("toy-class",), "stratum", "coordination", "logistic")


def test_a_matrix_scores_every_pair_of_groups(root, tmp_path, plan):
    report, matrix = run(plan, tmp_path)
    assert report.states == {"ok": 7}
    assert len(matrix.cells) == 4
    own = {cell.target: cell.score for cell in matrix.cells if cell.source == cell.target}
    for cell in matrix.cells:
        assert 0.7 < cell.score < 1  # coordination explains the toy labels
        if cell.source != cell.target:
            assert cell.drop == pytest.approx(cell.score - own[cell.target])
            back = matrix.cell(cell.target, cell.source)
            assert cell.asymmetry == pytest.approx(-back.asymmetry)
            assert cell.asymmetry_interval == pytest.approx(tuple(-end for end in back.asymmetry_interval[::-1]))
            assert cell.asymmetry_interval[0] < cell.asymmetry < cell.asymmetry_interval[1]
            assert cell.n_test_glasses == 3
            assert (cell.n_train_glasses, cell.n_train_rows) == (2, 216)


def test_what_is_finished_is_found_again_and_what_has_failed_is_tried_again(root, tmp_path, plan, monkeypatch):
    def broken(kind, seed, **settings):
        raise RuntimeError("no such thing")

    family = ModelFamily("broken", "broken", "none", broken)
    monkeypatch.setitem(model_families._entries, "broken", family)
    bad = Plan(plan.tasks, plan.by, plan.features, "broken")
    report, matrix = run(bad, tmp_path)
    assert report.states["failed"] == 6
    assert "no such thing" in matrix.cells[0].reason
    assert matrix.cells[0].score is None
    again, _ = run(bad, tmp_path)
    assert (again.found, again.states["failed"]) == (1, 6)
    run(plan, tmp_path)
    again, _ = run(plan, tmp_path)
    assert (again.found, sum(again.states.values())) == (7, 0)


def test_a_memory_of_atoms_is_worth_nothing_where_tasks_share_glasses(root, tmp_path):
    """One neighbour in random columns knows every atom it has seen: a leak would score 1."""
    write_task(root, "toy-copy")
    memory = Plan(("toy-class", "toy-copy"), "task", "random", "decision-tree")
    _, matrix = run(memory, tmp_path)
    for cell in matrix.cells:
        assert abs(cell.score - 0.5) < 0.1
    assert matrix.cell("toy-class", "toy-copy").oracle == pytest.approx(1.0)


def test_the_oracle_reads_the_values_behind_the_labels(root, tmp_path):
    write_task(root, "toy-low", label={"rule": "bottom-fraction", "fraction": 0.2})
    _, matrix = run(Plan(("toy-class", "toy-low"), "task", "coordination", "logistic"), tmp_path)
    # the smallest values are the worst guess of the largest ones
    assert matrix.cell("toy-low", "toy-class").oracle == pytest.approx(0.0)
    assert matrix.cell("toy-low", "toy-class").score < 0.5


def test_all_others_predict_a_group(root, tmp_path):
    other_alloy(root, "nickel", {"Cu": "Ni", "Zr": "Nb"}, shift=1.0)
    three = Plan(
        ("toy-class", "nickel-class"), "stratum", "coordination", "logistic", only=("hard", "soft", "nickel-hard")
    )
    _, matrix = run(three, tmp_path)
    cell = matrix.cell(OTHERS, "soft")
    assert (cell.n_train_glasses, cell.score > 0.7) == (4, True)
    assert {rung.rung for rung in matrix.ladder} == {"same", "composition", "system"} - {
        rung for rung in ("composition",) if not any(cell.rung == rung for cell in matrix.cells)
    }


def test_every_fit_learns_from_as_many_rows_whatever_its_groups_hold(root):
    write_task(root, "toy-copper", species=["Cu"])
    other_alloy(root, "nickel", {"Cu": "Ni", "Zr": "Nb"}, shift=1.0)
    plan = Plan(("toy-copper", "nickel-class"), "stratum", "voronoi", "logistic", max_train_rows=0)
    fits = fits_of(plan)
    assert {len(fit.sources) for fit in fits} == {1, 3}
    (n_rows,) = {len(fit.training().y) for fit in fits}
    for fit in fits:  # and from as many of each group
        shares = [np.isin(fit.training().group, fit.learnt(source)).sum() for source in fit.sources]
        assert max(shares) - min(shares) <= 1
    assert n_rows == min(len(fit.training().y) for fit in fits if len(fit.sources) == 1)
    assert 0 < n_rows < 216


def test_what_two_matrices_differ_in_is_said(root, tmp_path, plan):
    _, matrix = run(plan, tmp_path)
    other = msgspec.structs.replace(matrix, metric="pearson", name="other")
    with pytest.raises(TransferError, match=r"one metric, but .* has ROC AUC and other has Pearson"):
        difference(matrix, other)
    other = msgspec.structs.replace(matrix, family="ridge", seed=1, data={"toy": "x"})
    lines = settings_apart(matrix, other)
    assert lines[:2] == ["family: logistic | ridge", "seed: 0 | 1"]
    assert lines[2].startswith("toy: ")
    assert settings_apart(matrix, matrix) == []
    cell = matrix.cell("soft", "hard")
    low, high = cell.interval
    far = msgspec.structs.replace(cell, score=high + 0.1, interval=(high + 0.05, high + 0.2))
    near = msgspec.structs.replace(cell, score=high + 0.01, interval=(low, high + 0.2))
    assert (clearly_apart(cell, far), clearly_apart(far, cell), clearly_apart(cell, near)) == (True, True, False)
    other = msgspec.structs.replace(matrix, cells=[msgspec.structs.replace(cell, source="x") for cell in matrix.cells])
    with pytest.raises(TransferError, match="share a group"):
        difference(matrix, other)


def test_numbers_can_be_read_on_their_colours():
    assert text_colour((0.97, 0.97, 0.97, 1.0)) == "0.1"
    assert text_colour((0.75, 0.85, 0.93, 1.0)) == "0.1"  # pale blue
    assert text_colour((0.40, 0.00, 0.12, 1.0)) == "w"
    assert text_colour((0.27, 0.00, 0.33, 1.0)) == "w"


def test_a_drop_that_rounds_to_nothing_has_no_sign():
    from matplotlib.figure import Figure

    axis = Figure().add_subplot()
    values = np.array([[-0.004, 0.004, -0.02]])
    _annotate(axis, values, "{:+.2f}", axis.imshow(values))
    assert [text.get_text() for text in axis.texts] == ["0.00", "0.00", "-0.02"]


@pytest.mark.parametrize(("sizes", "n"), [((3, 3), 9), ((2, 3), 9), ((5, 4), 20)])
def test_glasses_are_dealt_otherwise_and_never_twice_alike(sizes, n):
    real = np.repeat([True, False], sizes)
    found = shift.other_deals(real, 20, np.random.default_rng(0))
    assert {int(dealt.sum()) for dealt in found} == {sizes[0]}
    parts = {frozenset([tuple(dealt), tuple(~dealt)]) for dealt in [real, *found]}
    assert len(found) == n
    assert len(parts) == n + 1


def test_a_shift_of_features_is_seen_and_none_is_not(root, monkeypatch):
    monkeypatch.setattr(shift, "ROWS", 300)
    other_alloy(root, "nickel", {"Cu": "Ni", "Zr": "Nb"}, shift=1.0)
    plan = Plan(("toy-class", "nickel-class"), "task", "coordination", "logistic")
    (test,) = shift_tests(plan)
    assert test.run()[0].scores["roc_auc"] == pytest.approx(0.5, abs=0.1)  # the same atoms under other names
    first, second = groups_of(plan)
    assert composition_distance(first, second) == pytest.approx(1.0)
    same = shift.matrix_of
    moved = lambda group, alignment: same(group, alignment) + 3 * (group == second)  # noqa: E731
    monkeypatch.setattr(shift, "matrix_of", moved)
    scores = test.run()[0].scores
    assert scores["roc_auc"] > 0.95
    assert scores["p_value"] == pytest.approx(1 / (1 + scores["n_null"]))


def test_every_file_is_written_and_names_are_escaped(root, tmp_path, plan):
    card = root / "datasets" / "toy" / "card.toml"
    card.write_text(card.read_text().replace('"soft"', '"<b>soft</b>"'))
    _, matrix = run(plan, tmp_path)
    files = write_files(matrix, tmp_path / "out")
    assert sorted(path.name for path in files) == [
        "index.html",
        "matrix.csv",
        "matrix.json",
        "matrix.png",
        "matrix.svg",
    ]
    page = (tmp_path / "out" / "index.html").read_text()
    assert "<b>soft" not in page
    assert "&lt;b&gt;soft" in page
    assert read_matrix(tmp_path / "out" / "matrix.json") == matrix
    rows = list(csv.DictReader((tmp_path / "out" / "matrix.csv").open()))
    assert [float(row["roc_auc"]) for row in rows] == pytest.approx([cell.score for cell in matrix.cells], rel=1e-5)


def test_the_matrix_is_a_run_and_its_cells_are_runs_within(root, tmp_path, plan, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    _, matrix = run(plan, tmp_path)
    files = write_files(matrix, tmp_path / "out")
    from zoo.benchmark.tracking import experiment_id, tracking_client

    client = tracking_client(tmp_path)
    experiment = experiment_id(client, "transfer", tmp_path)
    with monkeypatch.context() as patch:  # stopped within the first cell
        patch.setattr(track, "write_cell_figure", lambda *arguments: 1 / 0)
        with pytest.raises(TrackingError, match="writes the runs later"):
            track_matrix(matrix, files, tmp_path)
    half = next(run.info.run_id for run in client.search_runs([experiment]) if PARENT not in run.data.tags)
    with pytest.raises(TransferError, match=r"one finished MLflow run.*0 begin so"):
        find_matrix(half, tmp_path)
    parent = track_matrix(matrix, files, tmp_path)
    assert track_matrix(matrix, files, tmp_path) == parent  # once
    runs = client.search_runs([experiment])  # the half-written ones are gone
    children = {run.info.run_name: run for run in runs if run.data.tags.get(PARENT) == parent}
    assert len(runs) == 5
    assert len(children) == 4
    cell = matrix.cell("soft", "hard")
    found = children["soft -> hard"].data
    assert found.metrics["roc_auc"] == pytest.approx(cell.score)
    assert found.metrics["drop"] == pytest.approx(cell.drop)
    assert found.params["target"] == "hard"
    inputs = {entry.dataset.name: entry.tags[0].value for entry in children["soft -> hard"].inputs.dataset_inputs}
    assert inputs == {"toy: soft": "training", "toy: hard": "testing"}
    place = Path(client.download_artifacts(children["hard -> hard"].info.run_id, "", str(tmp_path / "hard")))
    assert {path.name for path in place.iterdir()} == {"figure.png", "model.pkl", "predictions.parquet"}
    model = pickle.loads((place / "model.pkl").read_bytes())
    table = pd.read_parquet(place / "predictions.parquet")
    first = table[table["fit"] == matrix.cell("hard", "hard").fits[0]]
    x = matrix_of(groups_of(plan).groups[0], "names")[first["row"].to_numpy()]
    np.testing.assert_allclose(model.predict_proba(x)[:, 1], first["score"], atol=1e-6)
    assert found.tags["model"] == "in the run soft -> soft"
    assert find_matrix(parent[:8], tmp_path) == matrix
    client.delete_run(parent)
    bare = client.create_run(experiment, tags={IDENTITY: "x"}).info.run_id
    client.set_terminated(bare, "FINISHED")
    with pytest.raises(TransferError, match=r"must hold a matrix\.json"):
        find_matrix(bare, tmp_path)
    assert set(difference(matrix, find_matrix(str(tmp_path / "out"), tmp_path)).values()) == {0.0}


def test_what_another_run_has_ended_meanwhile_is_not_missing(root, tmp_path, plan, monkeypatch):
    from zoo.benchmark import jobs

    at_once = jobs.attempt
    monkeypatch.setattr(jobs, "attempt", lambda job, folder: at_once(job, folder) and "elsewhere")
    report, matrix = run(plan, tmp_path)
    assert report.states["elsewhere"] == 0
    assert report.found == 7
    assert len(matrix.cells) == 4
    monkeypatch.setattr(jobs, "attempt", lambda job, folder: "elsewhere")
    report = run_jobs(fits_of(plan), tmp_path / "other", workers=0)
    assert report.states["elsewhere"] == len(fits_of(plan))


def test_the_command(root, tmp_path, monkeypatch, capsys):
    arguments = ["transfer", "toy-class", "--features", "coordination", "--family", "logistic", "--no-track"]
    arguments += ["--results", str(tmp_path), "--workers", "1", "-o", str(tmp_path / "out")]
    main(arguments)
    text = capsys.readouterr().out
    (stored,) = stored_matrices(tmp_path)  # what the site shows, wherever else files were asked for
    assert difference(stored, find_matrix(str(tmp_path / "out"), tmp_path))
    assert re.search(r"hard\s+0\.\d{3}\s+0\.\d{3}", text)
    main(["transfer", "--compare", str(tmp_path / "out"), str(tmp_path / "out"), "--results", str(tmp_path)])
    assert "+0.000" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["transfer", "toy-class", "--by", "composition", "--results", str(tmp_path)])
    assert "holds one" in capsys.readouterr().err
