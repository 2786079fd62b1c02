"""Scores that come with the project are shown where nothing was run, and never in place of one's own."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
from msgspec.structs import replace
from toy import CACHED, forgetting

from zoo.benchmark.store import Store, latest_results
from zoo.benchmark.suite import read_suite
from zoo.cli import main
from zoo.errors import StoreError
from zoo.leaderboard.board import make_board
from zoo.leaderboard.compare import compare
from zoo.leaderboard.published import publish, published_path, published_results, with_published
from zoo.leaderboard.thresholds import threshold_sensitivity


@pytest.fixture
def project(scored, tmp_path, monkeypatch):
    """A copy of the small project whose scores are published, and an empty results folder."""
    content, results = scored
    shutil.copytree(content, tmp_path / "root")
    with forgetting(*CACHED):
        monkeypatch.setenv("ZOO_ROOT", str(tmp_path / "root"))
        publish(results, read_suite("toy"))
        yield results, Store(tmp_path / "empty")


def test_a_board_of_published_scores_is_that_of_the_results(project):
    results, empty = project
    suite = read_suite("toy")
    own, shown = make_board(results, suite), make_board(empty, suite, published_results(suite))
    for one, other in zip(own, shown, strict=True):
        names = [[(r.features, r.family, r.state) for r in board.rows] for board in (one, other)]
        assert names[0] == names[1]
        assert [r.scores for r in one.rows] == [r.scores for r in other.rows]
        assert [r.interval for r in one.rows] == [r.interval for r in other.rows]


def test_what_needs_predictions_is_left_out(project):
    _, empty = project
    suite = read_suite("toy")
    board = make_board(empty, suite, published_results(suite))[0]
    assert threshold_sensitivity(compare(board), empty) is None
    assert all(row.optimism is None for row in board.rows)


def test_own_results_come_first(project):
    published = published_results(read_suite("toy"))
    own = replace(published[0], fit_seconds=123.0)
    merged = with_published([own], published)
    assert len(merged) == len(published)
    assert [r.fit_seconds for r in merged if r.key == own.key] == [123.0]


def test_scores_of_another_version_are_not_shown(project):
    suite = read_suite("toy")
    assert published_results(suite)
    assert published_results(replace(suite, seed=1)) == []


def test_publishing_part_of_a_suite_keeps_the_rest(project, tmp_path):
    results, _ = project
    suite = read_suite("toy")
    before = published_path(suite).read_bytes()
    one = latest_results(results, suite)[0]
    part = Store(tmp_path / "part")
    part.add(one, None if one.state != "ok" else results.predictions(one.key))
    publish(part, suite)
    assert published_path(suite).read_bytes() == before


def test_a_damaged_file_is_named(project):
    path = published_path(read_suite("toy"))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(StoreError, match=r"toy\.jsonl holds a line that is no result"):
        published_results(read_suite("toy"))


def test_the_command_says_whose_scores_these_are(project, capsys):
    _, empty = project
    main(["board", "toy", "--results", str(empty.folder)])
    assert "scores that come with the project" in capsys.readouterr().out
    main(["compare", "toy", "--results", str(empty.folder)])
    assert "decision-tree" in capsys.readouterr().out


def test_nothing_to_publish_is_a_sentence(project, tmp_path):
    published_path(read_suite("toy")).unlink()
    with pytest.raises(StoreError, match="there are no results of toy"):
        publish(Store(tmp_path / "none"), read_suite("toy"))


def test_a_site_of_published_scores_says_whose_they_are(project, tmp_path, capsys):
    _, empty = project
    main(["site", "build", "toy", "--results", str(empty.folder), "--output", str(tmp_path / "site")])
    said = capsys.readouterr()
    assert "toy-class: comparing 9 rows" in said.err  # progress where stderr is no terminal
    assert "pages" in said.out
    page = (tmp_path / "site" / "tasks" / "toy-class.html").read_text()
    machine, day = (getattr(published_results(read_suite("toy"))[0], name) for name in ("hardware", "finished"))
    assert f"<b>9 of 9 rows</b>: scores that come with the project ({day[:10]}, {machine}" in page
    assert "predictions are not at hand" in page
    board = pd.read_csv(tmp_path / "site" / "tables" / "toy-class.csv")
    assert set(board["checked"]) >= {"by the project"}
    assert "run here" not in set(board["checked"])
