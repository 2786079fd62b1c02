"""The sheet of a data set: one file that needs nothing else, for every kind of data set, whatever its card says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from samples import clean_glasses, clean_pairs, write_glasses, write_pairs

from zoo._files import read_toml
from zoo.cli import main
from zoo.datasets.card import read_card
from zoo.glass import Glass
from zoo.paths import content_root
from zoo.sheets.plots import colour_scale, slice_of
from zoo.sheets.sheet import TaskLine, bibtex_of, make_sheet, write_page

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)> $\\frac{a'


class Page(HTMLParser):
    """Tags, addresses that a browser would load by itself, and the text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for key, value in attrs:
            if key in ("src", "srcset", "poster", "data") or (key.endswith("href") and tag != "a"):
                self.loaded.append(value or "")
            if key.startswith("on"):
                self.handlers.append(key)

    def handle_data(self, data: str) -> None:
        self.text += data


def is_within(address: str) -> bool:
    return address.startswith(("data:", "#"))


def assert_self_contained(path: Path) -> Page:
    page = Page(path)
    assert [address for address in page.loaded if not is_within(address)] == []
    assert not {"script", "iframe", "object", "embed"} & set(page.tags)
    assert page.handlers == []
    assert not re.search(r"@import|url\(\s*['\"]?http", path.read_text())
    return page


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "datasets").mkdir()
    monkeypatch.setenv("ZOO_ROOT", str(tmp_path))
    content_root.cache_clear()
    yield tmp_path
    content_root.cache_clear()


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_page_of_glasses_holds_its_figures(dimension: int, content: Path) -> None:
    searched = np.arange(600) % 2 == 0
    glasses = {
        name: glass.with_fields(barrier=(np.where(searched, glass.fields["slip"].values, np.nan), "eV"))
        for name, glass in clean_glasses(dimension).items()
    }
    write_glasses(content, glasses)
    task = TaskLine("slips", "Which atoms slip?", "largest 10 % of each glass; 10.0 % of class 1", ["barrier"])
    sheet = make_sheet("clean", [task])
    write_page(sheet, content / "page.html")
    page = assert_self_contained(content / "page.html")
    assert page.tags.count("svg") == 2  # labels and g(r)
    assert [address[:22] for address in page.loaded if address.startswith("data:image")] == ["data:image/png;base64,"]
    for words in (
        "3,600 atoms in 6 glasses", "10.0 % of class 1", "CC0-1.0", "@misc{clean,", "Cu-Zr", "slip: reliability 0.8",
        "no finite value in 1,800 rows", "50.0 %", "300 atoms without" if dimension == 2 else "atoms of a slice",
    ):  # fmt: skip
        assert words in page.text, words


def test_a_page_of_pairs_holds_balance_and_graph(content: Path) -> None:
    write_pairs(content, clean_pairs())
    write_page(make_sheet("pairs", []), content / "page.html")
    page = assert_self_contained(content / "page.html")
    assert page.tags.count("svg") == 3
    share = 100 * clean_pairs()["is_dw"].mean()
    for words in ("480 pairs in 12 glasses", f"1: {share:.1f} %", "of class 1", "Pairs that a state is in", "reach"):
        assert words in page.text, words


def test_names_in_a_card_cannot_become_markup(content: Path) -> None:
    glasses = {
        HOSTILE + str(k): Glass(g.positions, g.species, g.cell, True, {HOSTILE: (g.fields["slip"].values, HOSTILE)})
        for k, g in enumerate(clean_glasses().values())
    }
    texts = ("title", "description", "license", "citation", "version", "created")
    dataset = write_glasses(content, glasses, made={HOSTILE: HOSTILE}, notes=[HOSTILE], **dict.fromkeys(texts, HOSTILE))
    sheet = make_sheet(str(dataset.folder), [TaskLine(HOSTILE, HOSTILE, HOSTILE, [HOSTILE])])
    write_page(sheet, content / "page.html")
    page = assert_self_contained(content / "page.html")
    assert page.tags.count("img") == 1  # the slice
    assert page.text.count("<script>alert(1)</script>") > 10


def test_external_data_that_were_not_fetched_have_a_page_of_their_card(content: Path, monkeypatch) -> None:
    dataset = write_pairs(content, clean_pairs())
    card = (dataset.folder / "card.toml").read_text()
    assert 'path = "pairs.parquet"' in card
    (dataset.folder / "card.toml").write_text(card.replace('path = "', 'url = "https://example.org/'))
    sheet = make_sheet("pairs", [])
    assert sheet.dataset is None
    write_page(sheet, content / "page.html")
    page = assert_self_contained(content / "page.html")
    assert "not fetched: run zoo data fetch pairs" in page.text
    assert "zoo data fetch pairs (1 file, 0.0 MB, from example.org)" in page.text


def test_the_card_names_its_own_bibtex_entry(content: Path) -> None:
    dataset = write_glasses(content, clean_glasses(), title="Cu & Zr {50 %}_1", description="-")
    entry = bibtex_of(read_card(dataset.folder))
    assert entry.startswith("@misc{clean,\n")
    assert r"title = {Cu \& Zr 50 \%\_1}" in entry
    assert entry.count("{") == entry.count("}")
    own = write_glasses(content, clean_glasses(), "own", bibtex="@article{own, year = {1990}}\n")
    assert bibtex_of(read_card(own.folder)) == "@article{own, year = {1990}}"


def test_show_and_page_from_the_command_line(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    main(["data", "show", "toy"])
    text = " ".join(capsys.readouterr().out.split())
    for words in (
        "648 atoms in 6 glasses (hard 3, soft 3)", "toy-class: largest 20 % of each glass; 648 rows of 6 glasses",
        "not known: nothing was measured twice", "licence CC0-1.0", "D502 no citation", "zoo data page toy",
    ):  # fmt: skip
        assert words in text, words
    main(["data", "show", "toy", "--bibtex"])
    assert capsys.readouterr().out.startswith("@misc{toy,")
    main(["data", "page", "toy", "--output", str(root / "toy.html")])
    assert_self_contained(root / "toy.html")
    assert read_toml(root / "datasets" / "toy" / "card.toml")["title"] in Page(root / "toy.html").text


def test_a_slice_is_a_slice() -> None:
    glass = clean_glasses()["g0"]
    chosen, thickness = slice_of(glass)
    height = glass.positions[chosen, 2]
    assert np.ptp(height) <= thickness
    assert len(chosen) == pytest.approx(len(glass) * thickness / glass.cell[2, 2], rel=0.2)
    flat, _ = slice_of(clean_glasses(2)["g0"])
    assert len(flat) == 600


def test_colours_are_logarithmic_where_values_span_decades() -> None:
    assert colour_scale(np.geomspace(1e-4, 1, 50))[1]
    assert not colour_scale(np.linspace(-1, 1, 50))[1]
    assert not colour_scale(np.linspace(1, 2, 50))[1]
    assert not colour_scale(np.full(5, np.nan))[1]
