"""Explanations of a small project: the same held-out rows, statistics that tell what is there, files, sentences."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace
from toy import write_task

from zoo.benchmark.cell import folds_of, task_rows
from zoo.cli import main
from zoo.errors import ExplainError, UnknownNameError
from zoo.explain.explain import Explanation, Study, _explain_folds, explain
from zoo.explain.fold import explain_fold, part_path, read_part
from zoo.explain.importance import (
    Group,
    clusters_of,
    direction,
    families_of,
    group_importance,
    importance,
    profiles_of,
)
from zoo.explain.plots import draw_profiles, draw_shares, draw_waterfall, most_interacting
from zoo.explain.published import compared
from zoo.explain.report import page_of, summarise
from zoo.explain.request import Request, checked, choose_rows, some_folds
from zoo.explain.stability import agreement_of, shared_training, stability_of
from zoo.features.declaration import Column
from zoo.formats import read_glass

SMALL = {"rows": 30, "sampled_rows": 6, "background": 20, "permutations": 3, "max_train_rows": 0}


def made_up(values, columns=None, x=None, **changes) -> Study:
    """A study of given values, four folds of equal size."""
    n, n_columns = values.shape
    columns = columns or tuple(Column(f"c{k}", "1", "one") for k in range(n_columns))
    ones = np.ones(n)
    found = Explanation(
        "made-up", "value", "none", changes.get("error") is None, np.arange(n), np.arange(n) % 4, ones.astype(bool),
        values, changes.get("error"), values.sum(axis=1), 0 * ones, ones, 0.5, 0.0, 0.0,
    )  # fmt: skip
    x = np.random.default_rng(0).normal(size=values.shape).astype(np.float32) if x is None else x
    return Study(Request("toy-class", changes.get("features", "toy"), ("made-up",)), columns, x, [found])


def test_every_family_explains_the_same_rows_which_its_model_has_not_seen(root: Path):
    request = Request("toy-class", "coordination+species", ("decision-tree", "logistic", "nearest-neighbors"), **SMALL)
    study = explain(request, workers=1)
    tree, logistic, neighbors = study.explanations
    assert np.array_equal(tree.rows, logistic.rows)
    assert len(tree.rows) == 30
    assert set(neighbors.rows.tolist()) < set(tree.rows.tolist())
    rows, splits = task_rows("toy-class"), folds_of("toy-class", "glass")
    for fold, split in enumerate(splits):
        assert set(tree.rows[tree.fold == fold].tolist()) <= set(split.test.tolist())
        assert (tree.fold == fold).sum() == 10
    for found in study.explanations:
        total = found.base + found.raw.sum(axis=1)
        assert np.abs(total - found.output).max() < 1e-6 * found.scale.max()
        assert found.additivity < 1e-6
    assert neighbors.error is not None
    assert tree.error is None
    assert len(rows) == 648


def test_the_model_explained_is_the_one_that_the_benchmark_scores(root: Path, tmp_path: Path):
    from zoo.benchmark.cell import run_cell
    from zoo.benchmark.store import Store

    request = Request("toy-value", "coordination+species", ("decision-tree",), **SMALL | {"max_train_rows": 100})
    found = read_part(explain_fold(request, "decision-tree", 1, None))
    assert run_cell(request.cell("decision-tree", 1), tmp_path) == "ok"
    (result,) = Store(tmp_path)
    scored = Store(tmp_path).predictions(result.key).set_index("row")["score"]
    assert np.allclose(scored.loc[found.rows], found.output, rtol=1e-5)


def test_finished_folds_are_not_done_again_and_damaged_ones_are(root: Path, monkeypatch):
    request = Request("toy-class", "coordination", ("decision-tree",), **SMALL)
    explain(request, workers=1)
    counted = []
    again = explain(request, workers=1, on_start=counted.append)
    assert counted == [0]
    part_path(request, "decision-tree", 2).write_bytes(b"damaged")
    repaired = explain(request, workers=1, on_start=counted.append)
    assert counted == [0, 1]
    assert np.array_equal(again.explanations[0].raw, repaired.explanations[0].raw)
    other = Request("toy-class", "coordination", ("decision-tree",), **SMALL | {"background": 21})
    assert part_path(other, "decision-tree", 0) != part_path(request, "decision-tree", 0)


def test_more_rows_than_there_are_means_all_of_them(root: Path):
    request, notes = checked(
        Request("toy-class", "coordination", ("prior",), **SMALL | {"rows": 5000, "background": 900})
    )
    assert request.rows == 648
    assert "5,000 rows asked for, 648 are held out" in notes[0]
    assert "900 background rows" in notes[1]
    drawn = np.concatenate([choose_rows(request, fold).drawn for fold in range(3)])
    assert sorted(drawn.tolist()) == list(range(648))


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        (
            {"families": ("ridge",)},
            ExplainError,
            "ridge on coordination declines task toy-class: ridge regression predicts",
        ),
        ({"families": ("cnn",)}, ExplainError, "reads images"),
        ({"families": ("lightgbmm",)}, UnknownNameError, "did you mean lightgbm"),
        ({"families": ("prior", "prior")}, ExplainError, "named once"),
        ({"features": "coordnation"}, UnknownNameError, "did you mean coordination"),
        ({"features": "pair"}, ExplainError, "pair describes pairs"),
        ({"atoms": (("g9", 1),)}, UnknownNameError, "no glass is called 'g9'"),
        ({"atoms": (("g1", 108),)}, ExplainError, "glass g1 has atoms 0 to 107, got 108"),
        ({"glass": "gg"}, UnknownNameError, "no glass is called 'gg'"),
        ({"rows": 2}, ExplainError, "every fold needs a row"),
        ({"task": "toy-clas"}, UnknownNameError, "did you mean toy-class"),
    ],
)
def test_bad_input_gets_a_sentence(root: Path, changes, error, sentence):
    asked = {"task": "toy-class", "features": "coordination", "families": ("prior",), **SMALL} | changes
    with pytest.raises(error, match=sentence):
        explain(Request(**asked), workers=1)


def test_atoms_without_a_label_cannot_be_told_about(root: Path):
    from toy import unlabel

    unlabel(root, "not measured")
    write_task(root, "toy-class", label={"rule": "value"}, kind="regression")
    asked = Request("toy-class", "coordination", ("prior",), **SMALL)
    with pytest.raises(ExplainError, match="g2:5 has none"):
        checked(Request("toy-class", "coordination", ("prior",), **SMALL, atoms=(("g2", 5),)))
    checked(Request("toy-class", "coordination", ("prior",), **SMALL, atoms=(("g2", 105),)))
    assert len(asked.atoms) == 0


def test_some_folds_hold_out_what_is_asked_for(root: Path):
    asked = Request("toy-class", "coordination", ("decision-tree",), **SMALL, glass="g3", atoms=(("g5", 1),))
    fold = {name: k for k, split in enumerate(folds_of("toy-class", "glass")) for name in _glasses(split.test)}
    chosen = some_folds(asked, 1)
    assert set(chosen) == {fold["g3"], fold["g5"]}
    assert len(some_folds(asked, 3)) == 3
    (found,) = explain(replace(asked, folds=chosen), workers=1).explanations
    assert set(found.fold.tolist()) == set(chosen)
    assert found.drawn.sum() == 30, "all rows, from fewer folds"
    assert found.glass_values is not None
    left = next(name for name in fold if fold[name] not in chosen) if len(chosen) < 3 else ""
    if left:
        with pytest.raises(ExplainError, match=f"glass {left} is in fold {fold[left]}"):
            explain(replace(asked, folds=chosen, glass=left), workers=1)


def _glasses(rows) -> set[str]:
    task = task_rows("toy-class")
    return {task.glass_names[number] for number in task.glass[rows]}


def test_an_ensemble_of_many_fits_is_explained_on_two_folds_unless_all_are_asked_for(root: Path, monkeypatch, tmp_path):
    asked = []

    def stop(request, *others):
        asked.append(request)
        raise ExplainError("enough")

    monkeypatch.setattr("zoo.explain.explain.explain", stop)
    for words in (["--family", "autogluon"], ["--family", "autogluon", "--folds", "3"], ["--family", "logistic"]):
        with pytest.raises(SystemExit):
            main(["explain", "toy-class", "--features", "coordination", *words, "-o", str(tmp_path)])
    assert [len(request.explained_folds) for request in asked] == [2, 3, 3]
    assert "2 of 3 folds are fitted and explained" in checked(asked[0])[1][0]


def test_a_family_that_fails_is_left_out_with_its_reason(root: Path):
    request = Request("toy-class", "species", ("decision-tree", "ridge"), **SMALL)
    study = explain(request, workers=1)
    assert [found.family for found in study.explanations] == ["decision-tree"]
    assert "ridge regression predicts values" in study.left_out["ridge"]


def test_importance_direction_and_groups_tell_what_is_there():
    random = np.random.default_rng(1)
    x = random.normal(size=(400, 3)).astype(np.float32)
    x[:, 1] = x[:, 0] + 0.1 * x[:, 1]
    values = np.column_stack([x[:, 0], -x[:, 0], 0.1 * x[:, 2]]).astype(float)
    columns = tuple(Column(name, "1", family) for name, family in (("a", "f"), ("b", "f"), ("c", "g")))
    study = made_up(values, columns, x)
    (found,) = study.explanations
    assert np.allclose(importance(found), np.abs(values).mean(axis=0))
    assert np.sign(direction(found, x)).tolist() == [1, -1, 1]
    assert [group.name for group in families_of(columns)] == ["f", "g"]
    shares = group_importance(found, families_of(columns))
    assert shares[0] < 1e-12, "what cancels within a family does not count"
    assert shares[1] > 0.05
    clusters = clusters_of(study)
    assert sorted(cluster.columns.tolist() for cluster in clusters) == [[0, 1], [2]]
    assert clusters[0].name == "a and 1 like it"
    assert isinstance(clusters[0], Group)


def test_profiles_gather_columns_by_length():
    random = np.random.default_rng(2)
    values = random.normal(size=(80, 7)) * np.array([1, 5, 1, 1, 1, 1, 1])
    columns = (
        *(Column(f"g{r}", "1", "density", r) for r in (2.0, 3.0, 4.0)),
        Column("h3", "1", "density", 3.0),
        Column("n", "1", "density"),
        Column("u", "1", "other", 6.0),
        Column("v", "1", "other", 6.0),
    )
    study = made_up(values, columns)
    (profile,) = profiles_of(study, study.explanations[0])
    assert profile.name == "density"
    assert profile.length.tolist() == [2, 3, 4]
    size = importance(study.explanations[0])
    assert np.allclose(profile.importance, [size[0], size[1] + size[3], size[2]])
    assert (profile.low <= profile.importance).all()
    assert (profile.high >= profile.importance).all()
    assert profile.empty == 0


def test_distances_without_neighbours_are_known():
    random = np.random.default_rng(9)
    x = np.abs(random.normal(size=(80, 8))).astype(np.float32) * np.array([1e-9, 1e-3, 1, 9] * 2, np.float32)
    families = ("density of Cu", "bond order")
    columns = tuple(Column(f"{family}{r}", "1", family, r) for family in families for r in (1.0, 1.5, 2.0, 2.5))
    study = made_up(random.normal(size=(80, 8)), columns, x)
    density, order = profiles_of(study, study.explanations[0])
    assert density.empty == 1.75
    assert order.empty == 0, "it counts no neighbours"
    caption = draw_profiles(study.explanations[0], [density, order]).caption
    assert "Hatched: no neighbours" in caption
    assert "Hatched" not in draw_profiles(study.explanations[0], [order]).caption


def test_an_unstable_explanation_is_called_so():
    random = np.random.default_rng(3)
    fold = np.arange(400) % 4
    stable = random.normal(size=(400, 12)) * np.arange(1, 13)
    assert stability_of(made_up(stable).explanations[0]).warnings == []
    size = random.permuted(np.tile(np.arange(1, 13), (4, 1)), axis=1)[fold]
    (warning,) = stability_of(made_up(random.normal(size=(400, 12)) * size).explanations[0]).warnings
    assert "is not stable" in warning
    (warning,) = stability_of(made_up(np.zeros((400, 12))).explanations[0]).warnings
    assert "does not depend on any column" in warning
    noisy = made_up(stable, error=np.full((400, 12), 3.0)).explanations[0]
    assert any("sampling noise" in warning for warning in stability_of(noisy).warnings)
    assert np.isnan(stability_of(made_up(stable[:, :2]).explanations[0]).mean)


def test_groups_are_advised_only_where_they_are_stable():
    random = np.random.default_rng(7)
    fold = np.arange(400) % 4
    groups = [Group(f"group {k}", np.arange(3 * k, 3 * k + 3)) for k in range(4)]
    sizes = np.array([random.permutation(3 * k + np.array([0.1, 1.0, 3.0])) for _ in range(4) for k in range(4)])
    within = random.normal(size=(400, 12)) * sizes.reshape(4, 12)[fold]
    found = made_up(random.permuted(within, axis=0)).explanations[0]
    assert stability_of(found, groups, groups[:2]).clusters == pytest.approx(1)
    assert np.isnan(stability_of(found, groups, groups[:2]).families), "of two groups nothing is said"
    size = random.permuted(np.tile(np.arange(1, 13), (4, 1)), axis=1)[fold]
    unstable = made_up(random.normal(size=(400, 12)) * size).explanations[0]
    (warning,) = stability_of(unstable, groups, [Group(f"c{k}", np.array([k])) for k in range(12)]).warnings
    stability = stability_of(unstable, groups, groups)
    assert f"clusters {stability.clusters:.2f}" in warning
    assert "nor are groups of them" in stability.warnings[0]
    assert shared_training(5) == 0.75


def test_lines_of_folds_are_no_interaction():
    random = np.random.default_rng(8)
    x = random.normal(size=(400, 4)).astype(np.float32)
    fold = np.arange(400) % 4
    x[:, 1] += fold  # a column that tells the folds apart
    values = np.zeros((400, 4))
    order = np.arange(4)
    values[:, 0] = (1 + fold) * x[:, 0] + fold
    study = made_up(values, x=x)
    assert most_interacting(study, study.explanations[0], 0, order) is None
    values[:, 0] += x[:, 0] * x[:, 2]
    study = made_up(values, x=x)
    assert most_interacting(study, study.explanations[0], 0, order) == 2
    values[:, 0] = x[:, 0] + random.normal(size=400)
    study = made_up(values, x=x)
    assert most_interacting(study, study.explanations[0], 0, order) is None, "noise that no column orders"


def test_agreement_is_that_of_the_rows_all_families_explain():
    random = np.random.default_rng(4)
    values = random.normal(size=(400, 6)) * np.arange(1, 7)
    first = made_up(values).explanations[0]
    turned = made_up(values[:, ::-1].copy()).explanations[0]
    matrix = agreement_of(Study(made_up(values).request, (), np.zeros((1, 6), np.float32), [first, turned, first]))
    assert np.allclose(matrix[0], [1, -1, 1], atol=0.1)


def test_one_column_that_is_left_is_one_column():
    study = made_up(np.random.default_rng(10).normal(size=(8, 10)))
    picture = draw_waterfall(study, study.explanations[0], 0, "g0 atom 0")
    assert b"1 other column<" in picture.content


def test_the_legend_of_families_covers_no_line(monkeypatch):
    drawn = []
    monkeypatch.setattr("zoo.explain.plots._picture", lambda figure, *_: drawn.append(figure))
    study = made_up(np.random.default_rng(3).normal(size=(40, 2)))
    several = Study(study.request, study.columns, study.x, study.explanations * 3)
    draw_shares(several, [Group("one", (0,)), Group("other", (1,))], "families", "", "")
    drawn[0].draw_without_rendering()
    (axis,), (legend,) = drawn[0].axes, drawn[0].legends
    assert not legend.get_window_extent().overlaps(axis.get_window_extent())


def test_lines_of_standard_errors_cross_no_label_of_a_waterfall(monkeypatch):
    drawn = []
    monkeypatch.setattr("zoo.explain.plots._picture", lambda figure, *_: drawn.append(figure))
    values = np.random.default_rng(4).normal(size=(8, 4))
    study = made_up(values, error=np.full_like(values, 2.0))
    draw_waterfall(study, study.explanations[0], 0, "g0 atom 0")
    drawn[0].draw_without_rendering()
    (axis,) = drawn[0].axes
    lines = [path.get_extents(axis.transData) for path in axis.containers[-1].lines[2][0].get_paths()]
    for label, line in zip(axis.texts, lines, strict=True):
        assert not label.get_window_extent().overlaps(line)
        assert axis.get_window_extent().x1 > label.get_window_extent().x1


def test_a_fit_in_this_process_is_as_quiet_as_one_in_a_worker(monkeypatch, recwarn):
    def fold(*_):
        warnings.warn_explicit("not converged", UserWarning, "there", 1, module="sklearn.neural_network")

    monkeypatch.setattr("zoo.explain.explain.explain_fold", fold)
    assert _explain_folds(Request("toy-class", "toy", ("mlp",)), [("mlp", 0)], 1, None, lambda: None) == {}
    assert not len(recwarn)


def test_a_published_ranking_is_set_beside_ours():
    names = ("Delta_E", "displacement_0", "total_displacement", "PR")
    columns = tuple(Column(name, "1", "one") for name in names)
    random = np.random.default_rng(5)
    for sizes, words in (
        ([4, 3, 2, 1], "gives the published ranking"),
        ([4, 2, 3, 1], "in another order"),
        ([1, 3, 2, 4], "Delta_E at 4"),
    ):
        study = made_up(random.normal(size=(400, 4)) * sizes, columns, features="pair")
        assert words in compared(study, study.explanations[0])
    assert compared(made_up(np.ones((8, 2))), made_up(np.ones((8, 2))).explanations[0]) == ""


def test_the_command_writes_a_folder(root: Path, tmp_path: Path, capsys):
    folder = tmp_path / "why"
    words = ["--features", "coordination+species", "--compare", "logistic,nearest-neighbors", "--atoms", "g1:7,g4:0"]
    numbers = ["--rows", "30", "--sampled-rows", "6", "--background", "20", "--permutations", "3", "--workers", "1"]
    own = (root / "benchmarks" / "tasks" / "toy-class.toml").rename(tmp_path / "own.toml")  # known by its file alone
    main(["explain", str(own), *words, *numbers, "-o", str(folder)])
    said = capsys.readouterr().out
    assert "coordination" in said
    assert "index.html, 2 tables and 1 glass for OVITO beside it" in said
    assert "any two folds share 50% of their training glasses" in said
    page = (folder / "index.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "g1 atom 7" in page
    assert 'src="data:image' in page
    assert "http://" not in page
    table = pd.read_parquet(folder / "values-logistic.parquet")
    chosen = table[~table["drawn"]]
    assert set(zip(chosen["glass"], chosen["atom"], strict=True)) == {("g1", 7), ("g4", 0)}
    assert len(table) == 32
    phi = table.filter(like="phi:")
    assert np.allclose(table["base"] + phi.sum(axis=1), table["output"])
    assert len(pd.read_parquet(folder / "values-nearest-neighbors.parquet").filter(like="se:").columns) == phi.shape[1]
    glass = read_glass(folder / "g0-logistic.extxyz")
    fields = [name for name in glass.fields if name.startswith("phi_")]
    total = np.sum([glass.fields[name].values for name in fields], axis=0)
    assert np.allclose(total, glass.fields["output"].values, atol=1e-6)
    assert np.nansum(glass.fields["held_out_target"].values) == round(0.2 * 108)
    assert {path.name for path in (folder / "figures").iterdir()} >= {
        "beeswarm-logistic.png",
        "columns.svg",
        "dependence-logistic.png",
        "slice-logistic.png",
        "waterfall-logistic-g1-atom-7.svg",
        "agreement.svg",
    }


@pytest.mark.parametrize(("features", "family"), [("species", "decision-tree"), ("coordination", "prior")])
def test_a_control_with_one_column_or_without_an_answer_is_explained_too(root: Path, tmp_path: Path, features, family):
    main(
        [
            "explain",
            "toy-value",
            "--features",
            features,
            "--family",
            family,
            "--rows",
            "30",
            "--workers",
            "1",
            "-o",
            str(tmp_path / "w"),
        ]
    )
    table = pd.read_parquet(tmp_path / "w" / f"values-{family}.parquet")
    assert np.allclose(table["base"] + table.filter(like="phi:").sum(axis=1), table["output"])
    assert "nan" not in (tmp_path / "w" / "index.html").read_text().split("<img")[0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "name what to explain"),
        (["--family", "prior", "--folds", "4"], "has 3 folds, got --folds 4"),
        (["--model", "nowhere"], "name --model alone"),
        (["--family", "prior", "--atoms", "g1"], "atoms are named GLASS:ATOM"),
        (["--family", "prior", "--color", "densty"], "no physical family of coordination is called 'densty'"),
    ],
)
def test_a_wrong_command_gets_a_sentence(root: Path, words, sentence, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["explain", "toy-class", "--features", "coordination", *words])
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err


def test_names_are_escaped(root: Path, monkeypatch):
    columns = tuple(Column(f"<b>{k}</b>", "1", "<i>f</i>") for k in range(3))
    study = made_up(np.random.default_rng(6).normal(size=(40, 3)), columns, features="coordination")
    study.left_out["<u>x</u>"] = "<s>why</s>"
    monkeypatch.setattr("zoo.explain.report.columns_of", lambda request: columns)
    page = page_of(summarise(study), "zoo <em>")
    assert "&lt;s&gt;why" in page
    for mark in ("<b>0", "<i>f", "<u>x", "<s>why", "<em>"):
        assert mark not in page
