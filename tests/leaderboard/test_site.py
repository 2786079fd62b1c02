"""The site: opens from disk, loads nothing from elsewhere, runs no markup of others, has no dead link."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

from zoo.benchmark.suite import read_suite
from zoo.cli import main
from zoo.errors import StoreError
from zoo.leaderboard.board import make_board
from zoo.leaderboard.site.build import build_site
from zoo.leaderboard.site.charts import colour, interval_chart, nice_ticks, rank_chart
from zoo.leaderboard.site.gather import file_names
from zoo.leaderboard.site.tables import Column, Row, Table, number_cell, text_cell, two_digits

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
        assert all(re.match(r"(\.\./)*static/|data:", address) for address in loaded), page.path
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
    assert seen >= 5  # tasks, their list, the data set, their list, downloads


def test_pages_can_be_read_by_ear_and_by_keyboard(pages):
    for page in pages:
        assert page.of("html")[0]["lang"] == "en"
        assert len(page.of("h1")) == 1, page.path
        assert all("alt" in attrs for attrs in page.of("img"))
        assert all(a.get("scope") == "col" for a in page.of("th") if "aria-sort" in a)
        drawn = [a for a in page.of("svg") if "viewbox" in a and "figure" not in page.text]
        assert all(a.get("aria-label") or a.get("aria-hidden") for a in drawn)
        assert page.of("a")[0]["href"] == "#main"
        labelled = {a.get("aria-label", "") for a in page.of("canvas")}
        assert "" not in labelled


def test_what_has_no_score_says_why(site):
    page = (site / "tasks/toy-value.html").read_text()
    assert re.search(r"<li>logistic on [^<]*: declined; [^<]*ridge", page)


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
    assert len(csv) == len(parquet) == len(board.rows)
    best = board.rows[0]
    assert csv.loc[0, ["descriptor", "model"]].tolist() == [best.features, best.family]
    assert csv.loc[0, "average_precision"] == pytest.approx(best.scores["average_precision"])
    assert (csv.loc[0, "average_precision_low"], csv.loc[0, "average_precision_high"]) == pytest.approx(best.interval)
    assert parquet["state"].tolist() == csv["state"].tolist()
    assert "'=1+1" in (site / "tables/data-sets.csv").read_text()  # no formula for a spreadsheet


def test_the_viewer_gets_a_glass_and_held_out_predictions(site):
    page = (site / "tasks/toy-class.html").read_text()
    data = json.loads(re.search(r"data-viewer-data>(.*?)</script>", page, re.S).group(1))
    names = [channel["name"] for channel in data["channels"]]
    assert data["n"] == 108
    assert names[:2] == ["measured", "class"]
    assert names[-1] == "species"
    assert any("/" in name for name in names)


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


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = """
const said = {};
const table = document.querySelector("table"), column = i => [...table.tBodies[0].rows].map(r => r.cells[i]);
const heads = [...table.tHead.rows[0].cells], of = name => heads.findIndex(h => h.textContent.trim() === name);
const ap = of("AP");
heads[ap].querySelector("button").click();
said.down = column(ap).map(c => c.dataset.v ?? null);
said.sorted = heads[ap].getAttribute("aria-sort");
heads[ap].querySelector("button").click();
said.up = column(ap).map(c => c.dataset.v ?? null);
const filter = document.querySelector("[data-filter]");
filter.value = "voronoi";
filter.dispatchEvent(new Event("input"));
said.shown = [...table.tBodies[0].rows].filter(r => !r.hidden).map(r => [r.cells[1].textContent.trim(), r.className]);
said.painted = document.querySelector("canvas").dataset.painted;
const second = document.querySelector("[data-second]");
second.selectedIndex = 2;
second.dispatchEvent(new Event("input"));
said.pair = document.querySelector("[data-said]").textContent;
document.querySelector("[data-theme-toggle]").click();
said.theme = document.documentElement.dataset.theme;
document.body.dataset.said = JSON.stringify(said);
"""


def dump(path: Path, profile: Path) -> tuple[str, list[str]]:
    """The page after its scripts have run, and what they have complained about."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    command += [f"--user-data-dir={profile}", "--virtual-time-budget=4000", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to open pages")
def test_in_a_browser_tables_sort_and_filter_and_a_glass_is_drawn(site, tmp_path):
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    (copy / "static" / "driver.js").write_text(DRIVER)
    page = copy / "tasks" / "toy-class.html"
    page.write_text(page.read_text().replace("</head>", '<script src="../static/driver.js" defer></script></head>'))
    text, complaints = dump(page, tmp_path / "profile")
    assert complaints == []
    said = json.loads(_attribute(text, "data-said"))
    down, up = ([float(v) for v in said[key] if v is not None] for key in ("down", "up"))
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)
    assert len(set(down)) > 2
    assert said["sorted"] == "descending"
    shown = said["shown"]
    assert any(name.startswith("voronoi") for name, _ in shown)
    assert all(name.startswith("voronoi") or kind == "null" for name, kind in shown)  # null controls stay
    assert any(kind == "null" for _, kind in shown)
    assert said["painted"] == "108"
    assert re.match(r"Difference [+−]0\.\d{3} \(", said["pair"])
    assert said["theme"] in ("dark", "light")


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to open pages")
def test_in_a_browser_every_page_opens_without_a_complaint(site, tmp_path):
    frames = "".join(f'<iframe src="{path.as_uri()}"></iframe>' for path in sorted(site.rglob("*.html")))
    (tmp_path / "all.html").write_text(f"<!doctype html><title>all</title>{frames}")
    _, complaints = dump(tmp_path / "all.html", tmp_path / "profile")
    assert complaints == []


def _attribute(text: str, name: str) -> str:
    parser = HTMLParser()
    found: list[str] = []
    parser.handle_starttag = lambda tag, attrs: found.extend(v or "" for k, v in attrs if k == name)  # type: ignore[method-assign]
    parser.feed(text)
    return found[0]
