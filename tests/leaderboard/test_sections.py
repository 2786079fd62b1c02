"""Papers, transfer and submissions on the site: what is stored is shown, what is missing is said, states are marked."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from msgspec.structs import replace

from zoo.benchmark.store import Store
from zoo.benchmark.suite import read_suite
from zoo.explain.fold import explain_fold
from zoo.explain.request import Request, fold_of_glass
from zoo.features.declaration import feature_sets
from zoo.leaderboard.board import make_board
from zoo.leaderboard.site.gather import Site, gather
from zoo.leaderboard.site.glass_view import view_of
from zoo.leaderboard.site.kept import code_of, kept
from zoo.leaderboard.site.paper_pages import paper_pages
from zoo.leaderboard.site.submission_pages import Submitted, submission_pages
from zoo.leaderboard.site.tables import Column, Row, Table, number_cell, text_cell
from zoo.leaderboard.site.transfer_pages import transfer_pages
from zoo.submissions.entries import read_entries


def text_of(path: Path) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", path.read_text()))


def test_a_repeated_paper_shows_both_protocols_and_its_figure(site):
    table = pd.read_csv(site / "tables/paper-told.csv")
    assert table["published"].tolist() == [0.75, 0.75]
    assert table["same_rows"].tolist() == [0.625, 0.625]
    assert table["by_glass"].tolist() == [0.5, 0.5]
    assert table["reported"].tolist()[1] == "0.912 ± 0.010"
    page = (site / "papers/told.html").read_text()
    assert 'src="../figures/told-1.svg"' in page
    assert (site / "figures/told-1.svg").is_file()
    assert "zoo paper told" in page


def test_the_board_stands_beside_the_paper(site, store):
    board = make_board(store, read_suite("toy"))[0]
    row = next(row for row in board.rows if (row.features, row.family) == ("sro", "logistic"))
    table = pd.read_csv(site / "tables/paper-untold.csv").set_index("features")
    assert table.loc["sro", "board"] == pytest.approx(row.scores["roc_auc"])


def test_a_paper_of_other_data_or_none_says_so(site):
    assert "of other data or code, so no score of it is shown" in text_of(site / "papers/old.html")
    assert "not run in these results" in text_of(site / "papers/untold.html")
    assert not (site / "figures/old-1.svg").exists()
    papers = pd.read_csv(site / "tables/papers.csv").set_index("paper")
    assert papers["state"].to_dict() == {"told": "repeated", "old": "out of date", "untold": "not run"}
    assert papers["glasses_apart"].dropna().to_dict() == {"told": 0.5}


def test_a_matrix_shows_drops_and_ceilings(site):
    (matrix,) = (path for path in (site / "transfer").iterdir() if path.name != "index.html")
    table = pd.read_csv(site / f"tables/transfer-{matrix.stem}.csv")
    assert sorted(table["drop"].dropna()) == [-0.1, -0.1]
    assert set(table["ceiling"]) == {0.9}
    page = matrix.read_text()
    assert page.count('class="heat lost"') == 2
    assert "−0.10" in page
    assert "labels_as_predictions" not in table  # nowhere known
    assert "from older data" not in page
    listed = pd.read_csv(site / "tables/transfer.csv").iloc[0]
    assert (listed["in_domain"], listed["elsewhere"], listed["drop"]) == pytest.approx((0.7, 0.6, -0.1))


def test_submissions_carry_their_state(site):
    listed = pd.read_csv(site / "tables/submissions.csv").set_index("submission")
    assert listed.loc["bold-idea", "state"] == "verified"
    assert listed.loc["own-model", "state"] == "unverified"
    assert listed.loc["<img src=x onerror=alert(3)>", "state"] == "broken"
    assert listed.loc["bold-idea", "fresh_lead"] == pytest.approx(0.05)
    page = text_of(site / "submissions/bold-idea.html")
    assert "run again by a maintainer" in page
    assert "lead, new glasses" in page
    assert "its author" in text_of(site / "submissions/own-model.html")
    assert "Exempt from smoothness" in page
    assert pd.read_csv(site / "tables/submission-bold-idea-trials.csv")["outcome"].tolist() == ["not applicable"]


def test_submitted_rows_stand_on_the_board_at_their_score(site):
    board = pd.read_csv(site / "tables/toy-class.csv")
    own = board[board["checked"].isin(["verified", "unverified"])].set_index("descriptor")
    assert own["checked"].to_dict() == {"bold-idea": "verified", "own-model": "unverified"}
    assert own.loc["bold-idea", "fresh_lead"] == pytest.approx(0.05)
    assert own["rank"].isna().all()  # ranks are of rows that were run here
    measured = ["columns", "microseconds_per_atom", "fit_seconds", "predict_seconds", "glasses"]
    assert own.loc["bold-idea", measured].tolist() == [3, 4.5, 0.25, 0.125, 6]  # of the record, not of the claim
    assert own.loc["bold-idea", "average_precision_high"] < 0.9  # not as claimed
    assert own.loc["own-model"].isna()["average_precision"]  # nothing to sort an unverified row by
    assert board["descriptor"].tolist().index("own-model") > board["average_precision"].last_valid_index()
    scores = board["average_precision"].dropna().tolist()
    assert scores == sorted(scores, reverse=True)
    assert re.search(r'class="badge[^"]*">submitted, verified<', (site / "tasks/toy-class.html").read_text())


def test_a_lead_on_new_glasses_is_of_one_task(store):
    (entry,) = (entry for entry in read_entries() if entry.name == "bold-idea")
    here, elsewhere = (replace(entry.claims[0], task=task) for task in ("toy-class", "toy-value"))
    assert Submitted(entry, here, entry.outcomes[0]).fresh is not None
    assert Submitted(entry, elsewhere, entry.outcomes[0]).fresh is None


def test_contributions_colour_the_glass_where_they_were_kept(store):
    entry = gather(store, [read_suite("toy")]).entries[0]
    row = next(row for row in entry.comparison.rows if not row.null_control)

    def shown() -> list[str]:
        view = view_of(entry, store)
        assert view is not None
        return [channel["name"] for channel in view.data["channels"]]

    assert not any(": " in name for name in shown())
    request = Request("toy-class", row.features, (row.family,), glass="g0")
    explain_fold(request, row.family, fold_of_glass(request, "g0"), None)
    added = [name for name in shown() if ": " in name]
    families = {column.family for column in feature_sets[row.features].columns(("Cu", "Zr"))}
    assert added
    assert {name.partition(": ")[2] for name in added} <= families
    assert all(name.startswith(f"{row.features}/{row.family}: ") for name in added)


def test_sections_without_pages_do_not_appear(root, tmp_path, site):
    nothing = Site(Store(tmp_path), [], "2026-01-01")
    assert [paper_pages(nothing), transfer_pages(nothing), submission_pages(nothing)] == [[], [], []]
    navigation = (site / "index.html").read_text().partition("<nav")[2].partition("</nav>")[0]
    assert all(title in navigation for title in ("Papers", "Transfer", "Submissions"))


def test_no_empty_table_is_offered_or_shown(site):
    for path in (site / "tables").glob("*.csv"):
        assert len(pd.read_csv(path)), path.name
    for path in site.rglob("*.html"):
        assert "<tbody>\n</tbody>" not in path.read_text(), path
    assert "Not scored yet. It is in no suite" in text_of(site / "features/interstice.html")


def test_the_filter_names_what_is_in_its_table():
    columns = [Column("a", "a"), Column("b", "b"), Column("n", "n", True)]
    rows = [Row([text_cell(f"a{k}"), text_cell("same"), number_cell(k)]) for k in range(9)]
    table = Table("t", "t", columns, rows)
    assert table.hint == "a0"
    bare = Table("t", "t", columns, [Row([text_cell(""), *rows[0].cells[1:]])])
    assert [column.key for column in bare.pruned().columns] == ["b", "n"]


def test_what_is_kept_is_made_once_and_again_when_anything_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    made = []

    def make() -> str:
        made.append(1)
        return f"text {len(made)}"

    assert [kept("sheet", ["data", 1], make) for _ in range(2)] == ["text 1", "text 1"]
    assert kept("sheet", ["data", 2], make) == "text 2"
    assert code_of("sheets") != code_of("sheets", "checks")
    next((tmp_path / "site").glob("*")).write_bytes(b"\xff\xfe")
    assert {kept("sheet", ["data", k], make) for k in (1, 2)} & {"text 3"}
