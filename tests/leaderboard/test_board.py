"""The board says what the store holds, with intervals, states and optimism."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace
from rich.console import Console
from sklearn.metrics import average_precision_score
from toy import write_suite

from zoo.benchmark.runner import run_suite
from zoo.benchmark.store import Store
from zoo.benchmark.suite import read_suite
from zoo.datasets.card import read_card
from zoo.leaderboard.board import _interval_over_glasses, _weighted_average_precision, _weighted_pearson, make_board
from zoo.leaderboard.page import write_page
from zoo.leaderboard.terminal import print_board
from zoo.paths import content_root


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Where the toy suite is scored once for all tests."""
    return tmp_path_factory.mktemp("finished") / "results"


@pytest.fixture
def results(root, tmp_path, finished):
    """Store of the toy suite, all cells done."""
    if not finished.exists():
        run_suite(read_suite("toy"), finished, workers=2)
    shutil.copytree(finished, tmp_path / "results")
    return Store(tmp_path / "results")


def test_rows_are_sorted_and_lie_within_their_intervals(results):
    board, values = make_board(results, read_suite("toy"))
    scored = [row for row in board.rows if row.state == "ok"]
    headline = [row.scores["average_precision"] for row in scored]
    assert headline == sorted(headline, reverse=True)
    for row in scored:
        low, high = row.interval
        assert low <= row.scores["average_precision"] <= high
        assert row.n_glasses == 6
        assert row.optimism is not None
    assert (scored[0].features, board.headline, values.headline) == ("coordination", "average_precision", "pearson")


def test_the_score_is_the_mean_over_glasses(results):
    suite = read_suite("toy")
    row = make_board(results, suite)[0].rows[0]
    of_glasses = []
    for result in results:
        cell = (result.task, result.features, result.family, result.split)
        if cell == ("toy-class", row.features, row.family, "glass"):
            for _, rows in results.predictions(result.key).groupby("glass", observed=True):
                of_glasses.append(average_precision_score(rows["target"], rows["score"]))
    assert row.scores["average_precision"] == pytest.approx(np.mean(of_glasses), abs=1e-6)


def test_twins_of_one_origin_do_not_narrow_the_interval():
    random = np.random.default_rng(1)
    single = {f"g{k}": value for k, value in enumerate(random.normal(size=6))}
    twins = {f"{name}{part}": value for name, value in single.items() for part in "abc"}
    origins = {name: name[:2] for name in twins}
    assert _interval_over_glasses(twins, origins) == pytest.approx(_interval_over_glasses(single, {}))
    low, high = _interval_over_glasses(twins, {})
    assert high - low < 0.7 * np.diff(_interval_over_glasses(single, {}))[0]
    assert _interval_over_glasses(twins, dict.fromkeys(twins, "one")) is None


def test_a_declined_family_and_a_missing_fold_are_shown_not_scored(results):
    gone = next(r for r in results if (r.task, r.features, r.family, r.split) == TREE and r.fold == 0)
    (results.folder / "results" / f"{gone.key}.json").unlink()
    board, values = make_board(results, read_suite("toy"))
    tree = next(row for row in board.rows if (row.features, row.family) == TREE[1:3])
    assert (tree.state, tree.reason, tree.scores) == ("incomplete", "2 of 3 folds done", {})
    declined = [row for row in values.rows if row.state == "declined"]
    assert {row.family for row in declined} == {"logistic"}
    assert all("ridge" in row.reason for row in declined)


TREE = ("toy-class", "coordination", "decision-tree", "glass")


def test_null_controls_are_marked(results):
    board = make_board(results, read_suite("toy"))[0]
    for row in board.rows:
        assert row.null_control == (row.features in ("species", "coordination") or row.family == "prior")


def test_results_of_another_suite_or_version_are_not_mixed_in(results):
    suite = replace(read_suite("toy"), max_train_rows=50)
    assert {row.state for row in make_board(results, suite)[0].rows} == {"incomplete"}


def test_results_on_other_data_or_of_unknown_sets_stay_out(results):
    suite = read_suite("toy")
    before = make_board(results, suite)
    some = next(result for result in results if result.state == "ok")
    results.add(replace(some, key="old-data", data_hash="old", scores_by_glass={"g0": {"average_precision": 9.0}}))
    results.add(replace(some, key="stranger", features="somebody-elses", family="unheard-of"))
    after = make_board(results, suite)
    assert [board.rows for board in after] == [board.rows for board in before]
    path = content_root() / "datasets" / "toy" / "card.toml"
    path.write_text(path.read_text().replace(read_card(path.parent).files[0].sha256, "0" * 64))
    assert {row.state for row in make_board(results, suite)[0].rows} == {"incomplete"}


def test_optimism_compares_whole_glasses_under_both_splits(results):
    suite = read_suite("toy")
    row = next(row for row in make_board(results, suite)[0].rows if (row.features, row.family) == TREE[1:3])
    scores = {}
    for split in ("glass", "random"):
        mine = [r for r in results if (r.task, r.features, r.family, r.split) == (*TREE[:3], split)]
        rows = pd.concat([results.predictions(result.key) for result in mine])
        assert rows["row"].is_unique
        scores[split] = [
            average_precision_score(part["target"], part["score"])
            for _, part in rows.groupby(rows["glass"].astype(str))
        ]
    assert row.optimism == pytest.approx(np.mean(scores["random"]) - np.mean(scores["glass"]), abs=1e-6)
    assert list(row.random_by_unit.values()) == pytest.approx(scores["random"], abs=1e-6)


def test_the_terminal_shows_every_state(results):
    console = Console(width=170, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    print_board(make_board(results, read_suite("toy")), console, top=2)
    text = console.export_text()
    assert "4 more rows" in text
    assert "declined: logistic" in text
    assert "ROC AUC" in text


class Page(HTMLParser):
    """Collects what a page would load, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href", "xlink:href") and value]


def test_the_page_is_self_contained_and_escapes_names(results, root, tmp_path):
    write_suite(root, "toy", ["species", "coordination"], ["prior", "logistic"], title="<script>alert(1)</script>")
    suite = read_suite("toy")
    write_page(make_board(results, suite), suite, tmp_path / "board.html")
    text = (tmp_path / "board.html").read_text()
    page = Page()
    page.feed(text)
    assert page.tags.count("script") == 1
    assert page.tags.count("table") == 2
    assert all(link.startswith(("#", "data:")) for link in page.loads)
    assert len(text) < 1_500_000


def test_weighted_metrics_equal_those_of_repeated_rows():
    random = np.random.default_rng(1)
    glass = np.repeat(np.arange(4), 25)
    target, score = (random.random(100) < 0.3).astype(float), random.integers(0, 20, 100).astype(float)
    counts = np.array([[1, 1, 1, 1], [2, 0, 1, 1], [0, 3, 1, 0]])
    for metric, peer in (
        (_weighted_average_precision, average_precision_score),
        (_weighted_pearson, lambda a, b: np.corrcoef(a, b)[0, 1]),
    ):
        found = metric(target, score, counts, glass)
        for value, weight in zip(found, counts, strict=True):
            rows = np.repeat(np.arange(100), weight[glass])
            assert value == pytest.approx(peer(target[rows], score[rows]))
