"""Published protocols: the split is the paper's own, ours keeps glasses apart, and the page says which is which."""

from __future__ import annotations

import dataclasses
import importlib
import json
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from toy import write_task

from zoo.benchmark.cell import folds_of, task_rows
from zoo.benchmark.jobs import run_jobs
from zoo.cli import main
from zoo.datasets.reliability import Reliability
from zoo.errors import DeclarationError, MissingSoftwareError, PaperError, UnknownNameError
from zoo.explain import published as rankings
from zoo.papers import limits
from zoo.papers.declaration import arms_of, paper_names, published_of, published_text, read_paper
from zoo.papers.figures import beeswarm, distance
from zoo.papers.figures.distance import decay_length
from zoo.papers.index import read_entries, write_index
from zoo.papers.outcome import read_outcome
from zoo.papers.page import write_files
from zoo.papers.protocol import matrix, ways_of
from zoo.papers.study import Study, run_study, sentences
from zoo.transfer.scores import ceiling


def study_of(name, folder, **options):
    """A study whose fits are done in this process."""
    study = Study(read_paper(name), folder, **options)
    run_jobs(study.runs, folder / "papers", workers=0)
    return study


def steps(study, way):
    return list(next(run for run in study.runs if run.way == way).steps())


def test_every_paper_reads_and_its_figures_exist():
    assert len(paper_names()) >= 9
    for name in paper_names():
        paper = read_paper(name)
        assert paper.name == name
        for card in paper.figures:
            assert callable(importlib.import_module(f"zoo.papers.figures.{card.kind}").draw)
        quoted = {entry for arm in arms_of(paper) for entry in map(repr, published_of(paper, arm))}
        assert quoted == {repr(entry) for entry in paper.published}  # none belongs to no row
        assert arms_of(paper, quick=True)


def test_a_random_split_shares_glasses_and_ours_does_not(root, tmp_path, write_paper):
    study = Study(read_paper(write_paper()), tmp_path)
    rows = task_rows("toy-class")
    for way in ways_of(study.paper.protocol):
        for step in steps(study, way):
            shared = np.intersect1d(rows.glass[step.train], rows.glass[step.test])
            assert (len(shared) > 0) == (way == "published")
            assert not len(np.intersect1d(step.train, step.test))


def test_the_middle_column_changes_the_split_alone(root, tmp_path, write_paper):
    study = Study(read_paper(write_paper()), tmp_path)
    rows = task_rows("toy-class")
    for repeat in range(2):
        theirs, ours = (
            np.sort(np.concatenate([step.test for step in steps(study, way) if step.repeat == repeat]))
            for way in ("published", "same-rows")
        )
        np.testing.assert_array_equal(theirs, ours)
        assert rows.target[theirs].mean() == 0.5  # equal classes
    first, second = ([s.test for s in steps(study, "published") if s.repeat == k] for k in range(2))
    assert not np.array_equal(np.sort(np.concatenate(first)), np.sort(np.concatenate(second)))


def test_our_protocol_tests_every_atom_in_its_natural_balance(root, tmp_path, write_paper):
    study = Study(read_paper(write_paper()), tmp_path)
    rows, ours = task_rows("toy-class"), steps(study, "by-glass")
    np.testing.assert_array_equal(np.sort(np.concatenate([step.test for step in ours])), np.arange(len(rows)))
    for step in ours:
        assert rows.target[step.train].mean() == 0.5
        assert rows.target[step.test].mean() < 0.25


def test_in_sample_scores_the_rows_learnt_from(root, tmp_path, write_paper):
    protocol = {"split": "in-sample", "metric": "roc_auc", "text": "none"}
    study = study_of(
        write_paper(
            protocol=protocol, arms=[{"tasks": ["toy-class"], "features": ["random"], "families": ["decision-tree"]}]
        ),
        tmp_path,
    )
    (arm,) = study.arms
    assert study.score(arm, "published").value > 0.9  # learnt by heart
    assert abs(study.score(arm, "by-glass").value - 0.5) < 0.1
    assert abs(study.score(arm, "same-rows").value - 0.5) < 0.1
    assert "changes the ROC AUC by -0." in sentences(study)[0]


def test_a_model_of_one_task_is_asked_about_another_on_other_glasses(root, tmp_path, write_paper):
    write_task(root, "toy-copy")
    arms = [
        {"tasks": ["toy-copy"], "features": ["random"], "families": ["decision-tree"], "learn": "toy-class"},
    ]
    study = study_of(write_paper(arms=arms, protocol=protocol_of("natural")), tmp_path)
    (arm,) = study.arms
    assert study.score(arm, "published").value > 0.9  # the same atoms
    assert abs(study.score(arm, "by-glass").value - 0.5) < 0.1


def protocol_of(balance):
    return {"split": "random", "folds": 3, "balance": balance, "metric": "roc_auc", "text": "none"}


def test_a_column_alone_is_that_column(root, tmp_path, write_paper):
    arms = [
        {"tasks": ["toy-class"], "features": ["coordination"], "families": ["logistic"], "columns": ["coordination"]},
    ]
    study = study_of(write_paper(arms=arms), tmp_path)
    (arm,) = study.arms
    assert study.score(arm, "by-glass").value > 0.8
    result = study.store().get(study.runs[0].key)
    assert result.n_columns == 1
    assert arm.title == "coordination: coordination"


def test_what_declines_says_so(root, tmp_path, write_paper):
    arms = [{"tasks": ["toy-class"], "features": ["coordination", "barrier"], "families": ["logistic"]}]
    study = study_of(write_paper(arms=arms), tmp_path)
    score = study.score(study.arms[1], "by-glass")
    assert score.value is None
    assert score.reason.startswith("declined: ")
    page = write_files(study, tmp_path / "out").read_text()
    assert "no field" in page


def test_rows_whose_software_is_missing_are_left_for_later(root, tmp_path, write_paper, monkeypatch):
    arms = [{"tasks": ["toy-class"], "features": ["coordination", "species"], "families": ["logistic"]}]
    name = write_paper(arms=arms)
    lacking = lambda entry: "species needs colours: pip install colours" if entry.name == "species" else None  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr("zoo.papers.study.missing_software", lacking)
        study = Study(read_paper(name), tmp_path)
        assert run_study(study, 0).missing == ["species needs colours: pip install colours"]
        first, second = study.arms
        assert study.score(first, "by-glass").value > 0.8
        assert study.score(second, "by-glass").reason == "declined: species needs colours: pip install colours"
        assert "pip install colours" in write_files(study, tmp_path / "out").read_text()
        patch.setattr("zoo.papers.study.missing_software", lambda entry: "needs all")
        with pytest.raises(MissingSoftwareError, match="needs all"):
            run_study(study, 0)
    study = study_of(name, tmp_path)
    assert study.score(study.arms[1], "by-glass").value is not None


def test_the_page_has_every_number_and_no_markup_of_others(root, tmp_path, write_paper):
    published = [
        {"task": "toy-class", "features": "coordination", "value": 0.912, "error": 0.01, "source": "Table <9>"}
    ]
    study = study_of(write_paper(published=published), tmp_path)
    page = write_files(study, tmp_path / "out").read_text()
    assert "Toys <i>" not in page
    assert "Table &lt;9&gt;" in page
    assert "0.912 ± 0.010" in page
    record = json.loads((tmp_path / "out" / "paper.json").read_text())
    for way, score in record["rows"][0]["scores"].items():
        assert score["value"] == study.score(study.arms[0], way).value
        assert f"{score['value']:.3f}" in page
    assert (tmp_path / "out" / "figure-1.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("kind", "options"),
    [("bars", {}), ("bins", {"task": "toy-class", "features": "coordination"}), ("distance", {"task": "toy-class"})],
)
def test_figures_are_drawn(root, tmp_path, write_paper, kind, options):
    figures = [{"kind": kind, "title": kind, "caption": kind, "options": options}]
    study = study_of(write_paper(figures=figures), tmp_path)
    assert "<svg" in write_files(study, tmp_path / "out").read_text()


def test_quick_is_less(root, tmp_path, write_paper):
    arms = [
        {"tasks": ["toy-class"], "features": ["coordination"], "families": ["logistic"]},
        {"tasks": ["toy-class"], "features": ["species"], "families": ["logistic"], "quick": False},
    ]
    name = write_paper(arms=arms)
    full, quick = Study(read_paper(name), tmp_path), Study(read_paper(name), tmp_path, quick=True)
    assert (len(full.arms), len(quick.arms)) == (2, 1)
    assert {run.protocol.repeats for run in quick.runs} == {1}
    assert not {run.key for run in quick.runs} & {run.key for run in full.runs}


def test_a_row_may_have_a_limit_of_its_own(root, tmp_path, write_paper):
    arms = [{"tasks": ["toy-class"], "features": ["coordination"], "families": ["logistic"], "max_rows": 20}]
    study = Study(read_paper(write_paper(arms=arms)), tmp_path)
    assert {len(step.train) for step in steps(study, "by-glass")} == {20}
    assert study.arms[0].recipe == "20 rows"
    assert not Study(study.paper, tmp_path, quick=True).arms[0].max_rows


def test_a_number_may_be_of_one_family(root, tmp_path, write_paper):
    published = [{"task": "toy-class", "features": "coordination", "family": "ridge", "value": 0.9, "source": "x"}]
    study = study_of(write_paper(published=published), tmp_path)
    assert not published_of(study.paper, study.arms[0])
    published[0]["family"] = "logistic"
    study = study_of(write_paper(published=published), tmp_path)
    here = study.score(study.arms[0], "published").value
    said = f"reports a ROC AUC of 0.900; the paper's protocol on the glasses at hand gives {here:.3f}"
    assert said in sentences(study)[0]


def test_numbers_of_different_questions_are_not_averaged(root, tmp_path, write_paper):
    write_task(root, "toy-more", label={"rule": "top-fraction", "fraction": 0.3})
    arms = [{"tasks": ["toy-class", "toy-more"], "features": ["coordination"], "families": ["logistic"]}]
    published = [
        {"task": "toy-class", "features": "coordination", "value": 0.9, "source": "x", "by": "a benchmark"},
        {"task": "toy-more", "features": "coordination", "value": 0.8, "source": "x"},
    ]
    study = study_of(write_paper(arms=arms, published=published), tmp_path)
    first, second = sentences(study)[:2]
    assert first.startswith("For toy-class, a benchmark reports a ROC AUC of 0.900;")
    assert second.startswith("For toy-more, the paper reports a ROC AUC of 0.800;")
    assert published_text(study.paper, study.arms[0]) == "0.900 (a benchmark's number)"


def test_several_columns_are_one_row(root, tmp_path, write_paper):
    columns = ["voronoi.n? & voronoi.coordination & species.*"]
    arms = [
        {"tasks": ["toy-class"], "features": ["voronoi+species"], "families": ["logistic"], "columns": columns},
    ]
    study = Study(read_paper(write_paper(arms=arms)), tmp_path)
    (arm,) = study.arms
    assert matrix("toy-class", arm).shape[1] == 7  # four kinds of faces, their number, two species
    with pytest.raises(DeclarationError, match=r"no column 'voronoi\.m\?'"):
        read_paper(write_paper(arms=[arms[0] | {"columns": ["voronoi.n3 & voronoi.m?"]}]))


def test_the_beeswarm_is_that_of_zoo_explain_and_the_published_ranking_stands_below(
    root, tmp_path, write_paper, monkeypatch
):
    known = rankings.Ranking("coordination", ("coordination",), ("neighbours",), "Nobody (2026)", "toys")
    monkeypatch.setattr(rankings, "RANKINGS", (known,))
    monkeypatch.setattr("zoo.explain.explain.usable_cores", lambda: 1)  # in this process
    options = {"task": "toy-class", "features": "coordination", "family": "decision-tree"}
    arms = [{"tasks": ["toy-class"], "features": ["coordination"], "families": ["decision-tree"]}]
    figures = [{"kind": "beeswarm", "title": "SHAP", "caption": "SHAP", "options": options}]
    study = study_of(write_paper(arms=arms, figures=figures), tmp_path)
    page = write_files(study, tmp_path / "out").read_text()
    assert "data:image/png;base64" in page
    assert "Nobody (2026)" in page
    assert "Nobody (2026)" in json.loads((tmp_path / "out" / "paper.json").read_text())["sentences"][-1]
    (found,) = beeswarm.explained(study, options).explanations
    assert set(found.fold) == set(range(len(folds_of("toy-class", "glass"))))


def test_a_source_that_was_not_checked_is_said_to_be_so():
    for name in ("lu-indicators", "xu-sar", "yang-igd", "wu-softness"):
        assert "full reference not verified" in read_paper(name).citation


def test_the_index_has_the_row_that_stands_for_a_paper(root, tmp_path, write_paper):
    arms = [{"tasks": ["toy-class"], "features": ["species", "coordination"], "families": ["logistic"]}]
    published = [{"task": "toy-class", "features": "coordination", "value": 0.912, "source": "x"}]
    study = study_of(write_paper(arms=arms, published=published), tmp_path)
    write_files(study, tmp_path / "pages" / "toy-paper")
    (tmp_path / "pages" / "older").mkdir()
    (tmp_path / "pages" / "older" / "paper.json").write_text('{"rows": [{}]}')  # of another version
    (entry,) = read_entries(tmp_path / "pages")
    assert entry.question == "toy-class, coordination, logistic"
    text = write_index(tmp_path / "pages").read_text()
    ours = study.score(study.arms[1], "by-glass").value
    assert "Toys &lt;i&gt;" in text
    assert "0.912" in text
    assert f"{ours:.3f}" in text
    assert 'href="toy-paper/index.html"' in text
    with pytest.raises(PaperError, match="zoo paper NAME"):
        write_index(tmp_path / "nothing")


def test_the_limit_follows_from_directions_that_disagree(root, tmp_path, monkeypatch):
    """One direction of loading: what the others score, and less than the mean over all could reach."""
    rows = task_rows("toy-class")
    random = np.random.default_rng(0)
    truth = random.normal(size=rows.target.size)
    names = ("push_xy_0.020", "push_xz_0.020")
    values = dict(zip(names, truth + random.normal(size=(2, len(truth))), strict=True))
    edges = np.cumsum([0, *(len(rows.dataset.glasses[name]) for name in rows.glass_names)])
    glasses = {
        name: rows.dataset.glasses[name].with_fields(
            **{key: (value[edges[k] : edges[k + 1]], "1") for key, value in values.items()}
        )
        for k, name in enumerate(rows.glass_names)
    }
    first = values[names[0]]
    target = (first >= np.quantile(first, 0.9)).astype(float)
    dataset = SimpleNamespace(glasses=glasses, card=rows.dataset.card)
    task = msgspec.structs.replace(rows.task, target=[names[0]])
    known = Reliability("push_0.020", names, "2 directions of shear", 0.5, (0.5, 0.5))
    monkeypatch.setattr(limits, "label_reliability", lambda dataset, species: [known])
    changed = dataclasses.replace(rows, task=task, dataset=dataset, target=target)
    monkeypatch.setattr(limits, "task_rows", lambda name: changed)
    found = limits.limit_of.__wrapped__("toy-class")
    assert found.value == pytest.approx(ceiling("classification", 0.5, rows.task.label.fraction))
    assert "correlate by 0.50" in found.note
    other = float(found.note.split("scores xz ")[1].removesuffix("."))
    assert 0.7 < other < 0.9
    assert found.of_metric("roc_auc") == found.value
    assert found.of_metric("mcc") is None


def test_a_wrong_paper_is_a_sentence(root, tmp_path, write_paper):
    arms = [{"tasks": ["toy-class"], "features": ["coordination"], "families": ["logistic"], "columns": ["n9"]}]
    with pytest.raises(DeclarationError, match="no column 'n9'"):
        read_paper(write_paper(arms=arms))
    with pytest.raises(DeclarationError, match="only classes can be undersampled"):
        read_paper(write_paper(arms=[{"tasks": ["toy-value"], "features": ["species"], "families": ["ridge"]}]))
    with pytest.raises(UnknownNameError, match="toy-paper"):
        read_paper("toy-papr")
    figures = [{"kind": "bins", "title": "x", "caption": "x", "options": {"task": "toy-none"}}]
    study = study_of(write_paper(figures=figures), tmp_path)
    assert "no row of toy-paper is task toy-none" in write_files(study, tmp_path / "out").read_text()
    figures = [{"kind": "distributions", "title": "x", "caption": "x", "options": {"task": "toy-class"}}]
    study = study_of(write_paper(figures=figures), tmp_path)
    with pytest.raises(PaperError, match="needs the option 'fields'"):
        write_files(study, tmp_path / "out")


def test_softness_of_a_glass_without_correlations_has_no_excess(root, tmp_path):
    """Shells of a crystal are at sharp distances: softness that follows the shells alone must not show."""
    rows = task_rows("toy-class")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distance, "REACH", 5.0)
        patch.setattr(distance, "FEWEST", 10)
        r, flat = distance.softness_around("toy-class", np.ones(len(rows)))
        assert len(r) > 2
        np.testing.assert_allclose(flat, 0.0, atol=1e-12)
        _, own = distance.softness_around("toy-class", rows.target)
        assert np.isfinite(own).all()
        assert np.abs(own).max() > 0


def test_a_decay_length_is_found():
    r = np.arange(1.0, 12.0, 0.5)
    mean = 0.4 * np.exp(-(r - 1.0) / 2.2)
    assert decay_length(r, mean) == pytest.approx((2.2, 0.4), rel=1e-4)
    assert np.isnan(decay_length(r, np.full(len(r), 0.2))).all()  # nothing decays
    assert np.isnan(decay_length(r, -mean)).all()


def test_the_command(root, tmp_path, write_paper, capsys):
    write_paper()
    main(["paper", "--list"])
    assert "toy-paper" in capsys.readouterr().out
    main(["paper", "toy-paper", "--results", str(tmp_path), "--workers", "1", "-o", str(tmp_path / "out")])
    assert "as published" in capsys.readouterr().out
    assert (tmp_path / "out" / "toy-paper" / "index.html").exists()
    paper = read_paper("toy-paper")
    outcome = read_outcome(paper, tmp_path)  # what the site shows, wherever else files were asked for
    assert outcome is not None
    (arm,), (row,) = arms_of(paper), outcome.rows
    assert row.belongs_to(arm)
    assert set(row.scores) == set(ways_of(paper.protocol))
    card = root / "datasets" / "toy" / "card.toml"
    card.write_text(card.read_text().replace('stratum = "hard"', 'stratum = "hard"\norigin = "a quench"'))
    assert not row.belongs_to(arm)  # of other data
    with pytest.raises(SystemExit):
        main(["paper"])
    assert "name a paper, or all: toy-paper" in capsys.readouterr().err
