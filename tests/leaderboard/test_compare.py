"""Rows compared from stored predictions alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace
from sklearn.metrics import average_precision_score
from toy import write_task

from zoo._files import read_toml
from zoo.benchmark.suite import read_suite
from zoo.benchmark.task import load_rows, read_task
from zoo.cli import main
from zoo.datasets.card import read_card
from zoo.datasets.registry import dataset_folder
from zoo.errors import UnknownNameError
from zoo.leaderboard.board import BoardRow, make_board
from zoo.leaderboard.compare import Comparison, compare, cpu_seconds, leaders, name_of
from zoo.leaderboard.compare_text import _table, shares_text
from zoo.leaderboard.factors import all_shares, descriptor_and_model
from zoo.leaderboard.normalisers import Normaliser, Normalisers, freeze, measure, normaliser_file, normaliser_of
from zoo.leaderboard.thresholds import threshold_sensitivity
from zoo.paths import content_root


def test_everything_of_a_comparison(store, capsys):
    classes, values = map(compare, make_board(store, read_suite("toy")))
    _scores_are_those_of_the_glasses(classes, store)
    _differences_are_paired(classes)
    _constant_predictions_order_nothing(values)
    _null_controls_stay_visible(classes)
    _thresholds(classes, store)
    _the_command(store, capsys)


def _scores_are_those_of_the_glasses(comparison, store):
    assert comparison.units == [f"g{number}" for number in range(6)]
    for number, row in enumerate(comparison.rows):
        rows = pd.concat([store.predictions(result.key) for result in row.folds]).astype({"glass": str})
        by_hand = [average_precision_score(p["target"], p["score"]) for _, p in rows.groupby("glass")]
        assert comparison.scores[number] == pytest.approx(by_hand, abs=1e-6)
        assert comparison.headline[number] == pytest.approx(np.mean(by_hand), abs=1e-6)
        assert row.resampled.mean() == pytest.approx(np.mean(by_hand), abs=0.01)
        assert row.n_train + row.n_test == 648


def _differences_are_paired(comparison):
    """The interval of a difference is that of the differences of each glass."""
    found = comparison.difference(0, 2)
    apart = comparison.scores[0] - comparison.scores[2]
    random = np.random.default_rng(7)
    draws = random.choice(apart, (4000, 6)).mean(axis=1)
    assert found.value == pytest.approx(apart.mean())
    by_hand = apart.mean() + 1.437 * (np.percentile(draws, [2.5, 97.5]) - apart.mean())  # of six glasses
    assert found.interval == pytest.approx(by_hand.tolist(), abs=0.25 * apart.std())
    assert comparison.difference(0, 0).interval == (0, 0)
    rating, span = comparison.elo
    assert ((span[:, 0] <= rating + 1) & (rating <= span[:, 1] + 1)).all()
    assert rating.mean() == pytest.approx(1000)


def _constant_predictions_order_nothing(comparison):
    prior = next(number for number, row in enumerate(comparison.rows) if row.family == "prior")
    assert comparison.scores[prior] == pytest.approx(0)
    assert comparison.difference(0, prior).value == pytest.approx(comparison.headline[0])


def _null_controls_stay_visible(comparison):
    null = [number for number, row in enumerate(comparison.rows) if row.null_control]
    assert set(leaders(comparison, 2)) & set(null)
    assert descriptor_and_model(comparison).factors["descriptor"] == ["sro", "voronoi"]
    assert cpu_seconds(comparison.rows[0]) >= comparison.rows[0].fit_seconds


def _thresholds(comparison, store):
    """At the declared cut nothing changes; at another one only the truth does."""
    found = threshold_sensitivity(comparison, store, (0.1,))
    assert found.fractions == (0.1, 0.2)
    assert found.average_precision[:, 1] == pytest.approx(comparison.headline, abs=1e-6)
    assert found.agreement[1] == pytest.approx(1)
    row = found.rows[0]
    task = replace(comparison.board.task, label=replace(comparison.board.task.label, fraction=0.1))
    truth = load_rows(task).target
    rows = pd.concat([store.predictions(result.key) for result in row.folds]).astype({"glass": str})
    by_hand = [average_precision_score(truth[p["row"]], p["score"]) for _, p in rows.groupby("glass")]
    assert found.average_precision[0, 0] == pytest.approx(np.mean(by_hand), abs=1e-6)


def _the_command(store, capsys):
    main(["compare", "toy", "--results", str(store.folder), "--freeze"])
    text = capsys.readouterr().out
    assert "voronoi/logistic" in text
    assert "Nemenyi" in text
    assert "label noise of this task was not measured" in text
    assert "variance of the score" in text
    pair = ["--task", "toy-class", "--pair", "voronoi/logistic", "voronoi/prior"]
    main(["compare", "toy", "--results", str(store.folder), *pair])
    assert "difference +" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["compare", "toy", "--results", str(store.folder), "--pair", "nobody/prior", "voronoi/prior"])
    assert "no row is called 'nobody/prior'" in capsys.readouterr().err


def test_rows_are_found_by_name(store):
    comparison = compare(make_board(store, read_suite("toy"))[0])
    assert [comparison.index(name_of(row)) for row in comparison.rows] == list(range(len(comparison.rows)))
    with pytest.raises(UnknownNameError, match="no row"):
        comparison.index("voronoi/nobody")


def test_the_split_is_a_factor_where_both_were_scored():
    """A random split that adds 0.2 to every score is a variance of 0.02 between two splits."""
    random = np.random.default_rng(0)
    units = [f"g{k}" for k in range(12)]
    scores = 0.5 + 0.01 * random.normal(size=(4, 12))
    leaky = scores + 0.2 + 0.01 * random.normal(size=(4, 12))
    pairs = [(a, b) for a in ("radial", "voronoi") for b in ("logistic", "lightgbm")]
    rows = [
        BoardRow(*pair, "default", "ok", random_by_unit=dict(zip(units, line.tolist(), strict=True)))
        for pair, line in zip(pairs, leaky, strict=True)
    ]
    found = dict(all_shares(Comparison(None, rows, units, scores)))
    assert list(found) == ["Default settings", "With a random split"]
    shares = found["With a random split"]
    assert shares.factors["split"] == ["by glass", "at random"]
    assert shares.shares["split"] > 0.95
    assert shares.intervals["split"][0] > 0.9
    assert "2 split × 12 glasses; 95 % over glasses" in shares_text(shares)
    published = [BoardRow(*pair, "default", "ok") for pair in pairs]  # without predictions
    assert list(dict(all_shares(Comparison(None, published, units, scores)))) == ["Default settings"]


def test_the_ends_of_the_scale_are_frozen(root):
    """What is in the file stays, whatever is measured later; a new version of the task gets an entry of its own."""
    assert [entry.task for entry in freeze(["toy-class", "toy-value"])] == ["toy-class", "toy-value"]
    entry = normaliser_of(read_task("toy-class"))
    assert entry.null == pytest.approx(132 / 648, abs=1e-4)  # 22 of 108 atoms in each glass
    assert (entry.ceiling, entry.percent(0.5)) == (None, None)
    before = normaliser_file().read_bytes()
    assert freeze(["toy-class", "toy-value"]) == []
    assert normaliser_file().read_bytes() == before
    write_task(root, "toy-class", version=2)
    assert normaliser_of(read_task("toy-class")) is None
    freeze(["toy-class"])
    assert [e["task_version"] for e in read_toml(normaliser_file())["tasks"]] == [1, 1, 2]


def test_percent_is_linear_between_null_and_ceiling():
    entry = Normaliser("t", 1, "", "average_precision", 0.1, "prior", 0.6)
    assert [entry.percent(score) for score in (0.1, 0.35, 0.6)] == pytest.approx([0, 50, 100])


def test_what_is_frozen_is_what_the_labels_say(monkeypatch):
    """The file of the project: a mean over planes of shear has a ceiling, a single direction of loading has none."""
    content_root.cache_clear()
    monkeypatch.setenv("ZOO_ROOT", str(Path(__file__).parents[2]))
    entry, again = normaliser_of(read_task("shear-2pct")), measure(read_task("shear-2pct"))
    content_root.cache_clear()
    assert (entry.null, entry.ceiling) == pytest.approx((again.null, again.ceiling), abs=2e-3)
    assert 0.5 < entry.ceiling < 0.8
    assert normaliser_of(read_task("disks-2pct")).ceiling is None


def test_a_percentage_of_nearly_nothing_has_no_minus(store):
    comparison = compare(make_board(store, read_suite("toy"))[0])
    null, data = float(comparison.headline[0]) + 1e-4, read_card(dataset_folder("toy")).content_hash
    known = Normalisers(1, [Normaliser("toy-class", 1, data, "average_precision", null, "prior", 1.0)])
    (percent,) = _table(comparison, known, [0]).columns[2].cells
    assert percent == "0"
