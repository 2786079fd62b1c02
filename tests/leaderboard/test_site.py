"""The site: opens from disk, loads nothing from elsewhere, runs no markup of others, has no dead link."""

from __future__ import annotations

import datetime
import io
import json
import re
import shutil
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
import tomli_w

from zoo._files import read_toml
from zoo.benchmark.cell import run_cell
from zoo.benchmark.suite import cells_of, read_suite
from zoo.cli import main
from zoo.errors import StoreError
from zoo.leaderboard.board import make_board
from zoo.leaderboard.compare import compare
from zoo.leaderboard.site.build import build_site
from zoo.leaderboard.site.charts import colour, interval_chart, nice_ticks, rank_chart
from zoo.leaderboard.site.gather import Site, file_names
from zoo.leaderboard.site.tables import Column, Row, Table, number_cell, text_cell, two_digits
from zoo.leaderboard.site.zoo_pages import dataset_pages

MOST_BYTES = 1_500_000


class Page(HTMLParser):
    """What a page loads, where it leads, and its tags with their attributes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.tags if name == tag]

    def addresses(self) -> list[str]:
        return [a[key] for _, a in self.tags for key in ("href", "src") if key in a]


@pytest.fixture(scope="module")
def pages(site: Path) -> list[Page]:
    return [Page(path) for path in sorted(site.rglob("*.html"))]


def test_every_kind_of_page_is_there(pages, site):
    found = {page.path.relative_to(site).as_posix() for page in pages}
    assert {"index.html", "methods.html", "downloads.html", "tasks/toy-class.html", "data/toy.html"} <= found
    assert {"papers/told.html", "transfer/index.html", "submissions/bold-idea.html"} <= found
    assert {"features/voronoi.html", "features/sro.html", "models/logistic.html", "models/tabpfn.html"} <= found


def test_no_link_is_dead(pages, site):
    ids = {page.path: {attrs["id"] for _, attrs in page.tags if "id" in attrs} for page in pages}
    for page in pages:
        for address in page.addresses():
            if address.startswith(("data:", "https:")):
                continue
            path, _, anchor = unquote(address).partition("#")
            target = (page.path.parent / path).resolve() if path else page.path
            assert target.is_file(), f"{page.path.name} leads to {address}"
            assert target.is_relative_to(site.resolve())
            assert not anchor or target.suffix != ".html" or anchor in ids[target], address


def test_nothing_is_loaded_from_elsewhere_and_pages_are_small(pages, site):
    for page in pages:
        loaded = [a["src"] for _, a in page.tags if "src" in a] + [a["href"] for a in page.of("link")]
        assert all(re.match(r"(\.\./)*(static|figures)/|data:", address) for address in loaded), page.path
        (policy,) = (a["content"] for a in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
        assert "default-src 'none'" in policy
        assert not re.search(r"https?:|\*|unsafe-eval|script-src[^;]*unsafe-inline", policy)
        assert len(page.text) < MOST_BYTES
    for path in (site / "static").iterdir():
        assert not re.search(r"https?://|@import|\bfetch\(|XMLHttpRequest|innerHTML|eval\(", path.read_text())


def test_names_and_citations_of_others_are_text(pages):
    seen = 0
    for page in pages:
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)
        assert all(a.get("src") or a.get("type") == "application/json" for a in page.of("script"))
        seen += "&lt;script&gt;alert(1)" in page.text
    assert seen >= 15  # tasks, data, papers, transfer, submissions, their lists, downloads


def test_pages_can_be_read_by_ear_and_by_keyboard(pages):
    for page in pages:
        assert page.of("html")[0]["lang"] == "en"
        assert len(page.of("h1")) == 1, page.path
        assert all(attrs.get("alt", "").strip() for attrs in page.of("img"))
        said = [a for _, a in page.tags if a.get("role") == "img" and a.get("aria-label", "").strip()]
        assert len(page.of("figure")) <= len(page.of("img")) + len(said)
        assert all(a.get("scope") == "col" for a in page.of("th") if "aria-sort" in a)
        drawn = [a for a in page.of("svg") if "viewbox" in a and "figure" not in page.text]
        assert all(a.get("aria-label") or a.get("aria-hidden") for a in drawn)
        assert page.of("a")[0]["href"] == "#main"
        labelled = {a.get("aria-label", "") for a in page.of("canvas")}
        assert "" not in labelled


def test_what_has_no_score_says_why(site):
    page = (site / "tasks/toy-value.html").read_text()
    assert re.search(r"<li>logistic on [^<]*: declined; [^<]*ridge", page)


def test_no_page_names_the_cache_of_this_machine(pages, scored):
    for page in pages:
        assert str(scored[0].parent / "cache") not in page.text, page.path


def test_every_row_has_a_cell_in_every_column(pages):
    for page in pages:
        for table in re.findall(r"<table>.*?</table>", page.text, re.S):
            if "aria-sort" in table:
                n_columns = table.count("<th ")
                assert all(row.count("<td") == n_columns for row in table.split("<tbody>")[1].split("<tr")[1:]), (
                    page.path
                )


def test_boards_are_downloaded_whole(site, store):
    board = make_board(store, read_suite("toy"))[0]
    csv, parquet = pd.read_csv(site / "tables/toy-class.csv"), pd.read_parquet(site / "tables/toy-class.parquet")
    assert len(csv) == len(parquet) == len(board.rows) + 2  # submissions
    best = board.rows[0]
    assert csv.loc[0, ["descriptor", "model"]].tolist() == [best.features, best.family]
    assert csv.loc[0, "average_precision"] == pytest.approx(best.scores["average_precision"])
    assert (csv.loc[0, "average_precision_low"], csv.loc[0, "average_precision_high"]) == pytest.approx(best.interval)
    assert parquet["state"].tolist() == csv["state"].tolist()
    assert "'=1+1" in (site / "tables/data-sets.csv").read_text()  # no formula for a spreadsheet


def test_numbers_of_charts_are_tables_to_read_and_to_download(site, store):
    page, index = (site / "tasks/toy-class.html").read_text(), (site / "index.html").read_text()
    names = ["wins", "descriptors-models", "pairs", "shares", "ranks-rows", "ranks-descriptors", "ranks-models"]
    for text, key in [*((page, f"toy-class-{name}") for name in names), (index, "overview-shares")]:
        assert f"tables/{key}.csv" in text
        assert len(pd.read_csv(site / f"tables/{key}.csv")) == len(pd.read_parquet(site / f"tables/{key}.parquet")) > 1
    comparison = compare(make_board(store, read_suite("toy"))[0])
    csv = pd.read_csv(site / "tables/toy-class.csv").dropna(subset=["elo"])
    assert csv[["elo", "elo_low", "elo_high"]].iloc[0].tolist() == pytest.approx(
        [comparison.elo[0][0], *comparison.elo[1][0]]
    )
    shares = pd.read_csv(site / "tables/toy-class-shares.csv")
    assert set(shares["source"]) >= {"descriptor", "model", "glass", "descriptor × model", "rest"}
    assert (shares["share_low"] <= shares["share"]).all()
    pairs = pd.read_csv(site / "tables/toy-class-pairs.csv")
    found = comparison.difference(0, 1)
    assert pairs.loc[0, ["difference", "difference_low"]].tolist() == pytest.approx([found.value, found.interval[0]])


def test_columns_are_explained_without_a_pointer(site):
    page = (site / "tasks/toy-class.html").read_text()
    legend = re.search(r"What the columns say</summary>(.*?)</details>", page, re.S).group(1)
    for word in ("% of ceiling", "Elo", "improvable", "Bradley-Terry", "minus best"):
        assert word in legend


def test_an_empty_text_stays_empty_and_a_formula_is_text():
    texts = ["", "x", "=1", "+1", "-1", "@a", "\t=1", "\r=1"]
    table = Table("t", "t", [Column("a", "a"), Column("b", "b")], [Row([text_cell(t), text_cell("y")]) for t in texts])
    read = pd.read_csv(io.BytesIO(table.csv()), keep_default_na=False)
    assert read["a"].tolist() == ["", "x", "'=1", "'+1", "'-1", "'@a", "'\t=1", "'\n=1"]


def test_sheets_are_drawn_of_data_that_were_scored(store):
    said = []
    pages = dataset_pages(Site(store, [], "2026-01-01"), said.append)
    assert said == []
    assert "was not drawn" in pages[1].context["problem"]
    dataset_pages(Site(store, [], "2026-01-01", all_data=True), said.append)
    assert said == ["toy: sheet"]


def test_a_suite_of_ones_own_files_has_a_site(store, tmp_path):
    """Its tasks and data have no names in the registry; no page says where they lie."""
    root = store.folder.parent / "root"
    shutil.copytree(root / "datasets" / "toy", tmp_path / "mine")
    task = read_toml(root / "benchmarks" / "tasks" / "toy-class.toml") | {"name": "mine-class", "dataset": ".."}
    (tmp_path / "mine" / "tasks").mkdir()
    (tmp_path / "mine" / "tasks" / "class.toml").write_text(tomli_w.dumps(task))
    entry = {"task": "tasks/class.toml", "features": ["sro", "species"], "families": ["logistic", "prior"]}
    suite = {"name": "mine", "title": "Mine", "random_split": False, "entries": [entry]}
    (tmp_path / "mine" / "suite.toml").write_text(tomli_w.dumps(suite))
    mine = read_suite(str(tmp_path / "mine" / "suite.toml"))
    for cell in cells_of(mine):
        run_cell(cell, tmp_path / "results")
    build_site([mine], tmp_path / "results", tmp_path / "site")
    pages = [Page(path) for path in (tmp_path / "site").rglob("*.html")]
    test_no_link_is_dead(pages, tmp_path / "site")
    assert any(page.path.name == "mine-class.html" for page in pages)
    assert not any(str(tmp_path) in page.text for page in pages)


def test_what_is_counted_and_cited_is_of_this_site(site):
    text = (site / "index.html").read_text()
    assert "3 descriptors and 3 models answer" in text
    bibtex = (site / "downloads.html").read_text()
    assert f"version {version('glass-zoo')}" in bibtex
    assert f"year = {{{datetime.datetime.now(datetime.UTC).year}}}" in bibtex


def test_the_viewer_gets_a_glass_and_held_out_predictions(site):
    page = (site / "tasks/toy-class.html").read_text()
    data = json.loads(re.search(r"data-viewer-data>(.*?)</script>", page, re.S).group(1))
    names = [channel["name"] for channel in data["channels"]]
    assert data["n"] == 108
    assert names[:2] == ["measured", "class"]
    assert names[-1] == "species"
    assert any("/" in name for name in names)
    keys = {channel["name"]: (channel["marks"], channel["ramp"]) for channel in data["channels"]}
    assert keys["measured"] == ([["least", 0], ["largest", 1]], True)
    assert keys["species"] == ([["Cu", 0], ["Zr", 1]], False)


def test_a_folder_of_something_else_is_left_alone(store, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(StoreError, match="choose another"):
        build_site([read_suite("toy")], store.folder, tmp_path / "mine")
    with pytest.raises(SystemExit):
        main(["site", "build", "--results", str(tmp_path / "none"), "--output", str(tmp_path / "site")])
    assert "no finished rows" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["site", "serve", "--output", str(tmp_path / "site")])
    assert "run zoo site build first" in capsys.readouterr().err


def test_names_that_look_alike_get_pages_of_their_own():
    paths = file_names("features", ["a+b", "a-b", "A b", "../../etc", "é"])
    assert len(set(paths.values())) == 5
    assert all(re.fullmatch(r"features/[a-z0-9-]+\.html", path) for path in paths.values())


def test_numbers_have_the_digits_that_count():
    assert [two_digits(x) for x in (0.0123, 3.44, 120.2, 1500, 0)] == ["0.012", "3.4", "120", "1,500", "0"]
    assert number_cell(-0.0001, 3, sign=True).text == "0.000"
    assert number_cell(0.0126, 3, sign=True).text == "+0.013"
    assert number_cell(float("nan")).text == ""
    assert nice_ticks(0.093, 0.171) == [0.1, 0.12, 0.14, 0.16]
    table = Table("t", "t", [Column("a", "a"), Column("b", "b", True)], [Row([text_cell("x"), number_cell(1.0)])])
    assert table.frame().to_dict("list") == {"a": ["x"], "b": [1.0]}


def test_names_of_the_front_do_not_overlap():
    from zoo.leaderboard.site.charts import CHARACTER, Mark, pareto_chart

    close = [Mark(f"descriptor-{k}/model", 0.5 + 0.001 * k, x=1 + 0.01 * k, front=True) for k in range(6)]
    chart = pareto_chart([*close, Mark("far/model", 0.3, x=0.01, front=True)], "s", "AP")
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)">([^<]*/model)<', chart)
    boxes = [(float(x) - (CHARACTER * len(n) if end == "end" else 0), float(y), n) for x, y, end, n in found]
    assert len(boxes) >= 4
    assert "far/model" in {name for *_, name in boxes}
    for k, (x, y, name) in enumerate(boxes):
        for other_x, other_y, other in boxes[k + 1 :]:
            wide = CHARACTER * len(name if x < other_x else other)
            assert abs(y - other_y) >= 13 or abs(x - other_x) >= wide, (name, other)


def test_charts_escape_and_survive_a_single_row():
    import numpy as np

    from zoo.leaderboard.site.charts import Mark

    chart = interval_chart([Mark("<b>", 0.5, tip='"><script>')], "AP")
    assert "<b>" not in chart
    assert "<script>" not in chart
    assert interval_chart([], "AP") == ""
    diagram = rank_chart(["a", "b", "c"], np.array([1.0, 1.2, 3.0]), 0.5)
    assert diagram.count('class="group"') == 1  # a and b are joined, c is not
    assert (colour(0), colour(1), colour(float("nan"))) == ("#440154", "#fde725", "#bbb")
