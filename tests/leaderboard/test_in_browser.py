"""Pages in a browser: nothing complains, nothing leaves, tables sort by mouse and keyboard, text can be read."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from browser import Browser

KINDS = ["index", "tasks/toy-class", "data/toy", "papers/told", "submissions/bold-idea", "features/sro", "methods"]
HERE = Path(__file__).parent
PAINTED = """new Promise(done => {
  new PerformanceObserver(list => list.getEntriesByName("first-contentful-paint").forEach(e => done(e.startTime)))
    .observe({ type: "paint", buffered: true });
  setTimeout(() => done(9999), 9999);
})"""
"""Time from the start of loading to the first text or figure, in ms."""


@pytest.fixture(scope="module")
def opened(browser: Browser, site: Path) -> list[dict[str, object]]:
    """What every page says of itself on a phone."""
    found = []
    for number, path in enumerate(sorted(site.rglob("*.html"))):
        browser.open(path, 390, 800)
        painted = browser.run(PAINTED) if number % 5 == 0 else None  # waits for a frame
        wide = browser.run("document.documentElement.scrollWidth")
        complaints, requests = list(browser.complaints), list(browser.requests)
        found.append({"path": path, "painted": painted, "wide": wide, "complaints": complaints, "requests": requests})
    return found


def test_every_page_opens_without_a_complaint(opened):
    assert len(opened) > 50
    assert [entry for entry in opened if entry["complaints"]] == []


def test_no_request_leaves(opened, site):
    asked = {address for entry in opened for address in entry["requests"]}
    assert len(asked) > 50
    assert all(address.startswith((site.as_uri(), "data:")) for address in asked)


def test_pages_are_painted_within_a_second(opened):
    painted = [entry["painted"] for entry in opened if entry["painted"] is not None]
    assert len(painted) > 10
    assert np.median(painted) < 1000  # ms; the median, as others may use the machine


def test_no_page_scrolls_sideways_on_a_phone(opened):
    assert [(entry["path"].name, entry["wide"]) for entry in opened if entry["wide"] > 390] == []


def test_tables_sort_and_filter_and_a_glass_is_drawn(browser, site):
    browser.open(site / "tasks/toy-class.html")
    said = browser.run((HERE / "sorts.js").read_text())
    assert browser.complaints == []
    assert said["down"] == sorted(said["down"], reverse=True)
    assert said["up"] == sorted(said["up"])
    assert len(set(said["down"])) > 2
    assert said["sorted"] == "descending"
    shown = said["shown"]
    assert any(name.startswith("voronoi") for name, _ in shown)
    assert all(name.startswith("voronoi") or kind == "null" for name, kind in shown)  # null controls stay
    assert any(kind == "null" for _, kind in shown)
    assert said["painted"] == "108"
    assert re.match(r"Difference [+−]0\.\d{3,4} \(", said["pair"])
    assert said["theme"] in ("dark", "light")


def test_tables_sort_by_keyboard(browser, site):
    browser.open(site / "tasks/index.html")
    heads = "[...document.querySelectorAll('[data-table] th button')]"
    reached = []
    for _ in range(60):
        browser.press("Tab")
        here = browser.run(f"{heads}.indexOf(document.activeElement)")
        if here >= 0:
            reached.append(here)
    assert reached[: browser.run(f"{heads}.length")] == list(range(browser.run(f"{heads}.length")))
    browser.run(f"{heads}[0].focus()")
    before = browser.run("document.activeElement.parentElement.getAttribute('aria-sort')")
    browser.press("Enter")
    after = browser.run("document.activeElement.parentElement.getAttribute('aria-sort')")
    assert (before, after) == ("none", "ascending")
    outline = browser.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"  # one sees where one is


def test_the_viewer_lets_the_page_scroll_and_has_a_colour_key(browser, site):
    browser.open(site / "tasks/toy-class.html", 390, 800)
    assert browser.run("getComputedStyle(document.querySelector('canvas')).touchAction") == "pan-y"
    wheel = "!document.querySelector('canvas').dispatchEvent(new WheelEvent('wheel', %s))"
    assert browser.run(wheel % "{ deltaY: 9, cancelable: true }") is False
    assert browser.run(wheel % "{ deltaY: 9, cancelable: true, ctrlKey: true }") is True
    key = "document.querySelector('[data-key]').textContent"
    assert browser.run(key) == "leastlargest"
    said = browser.run(
        "(() => { const s = document.querySelector('[data-channel]'); s.selectedIndex = s.options.length - 1;"
        f" s.dispatchEvent(new Event('input')); return {key}; }})()"
    )
    assert said == "CuZr"
    picture = "document.querySelector('canvas').toDataURL()"
    before = browser.run(picture)
    browser.run("document.querySelector('[data-do=\"+\"]').click()")
    assert browser.run(f"new Promise(done => requestAnimationFrame(() => setTimeout(() => done({picture}))))") != before


def test_marks_of_charts_are_told_by_keyboard(browser, site):
    browser.open(site / "tasks/toy-class.html")
    browser.ask("Emulation.setFocusEmulationEnabled", enabled=True)  # as if the window were in front
    browser.run("document.querySelector('.chart [data-tip]').focus()")
    told = ["document.activeElement.dataset.tip", "document.getElementById('tip').textContent"]
    first = [browser.run(text) for text in told]
    browser.press("ArrowDown")
    second = [browser.run(text) for text in told]
    assert first[0] == first[1] != second[0] == second[1]
    assert browser.run("document.getElementById('tip').hidden") is False
    in_order = (
        "[...document.querySelector('.chart').querySelectorAll('[data-tip]')].filter(m => m.tabIndex === 0).length"
    )
    assert browser.run(in_order) == 1
    regions = "[...document.querySelectorAll('.scroll.chart')].every(r => r.tabIndex === 0 && r.ariaLabel)"
    assert browser.run(regions) is True


@pytest.mark.parametrize("wide", [1280, 390])
def test_what_a_row_rests_on_stands_beside_its_score(browser, site, wide):
    browser.open(site / "tasks/toy-class.html", wide, 800)
    shown = set(
        browser.run(
            "[...document.querySelector('[data-table]').querySelectorAll('th')].filter(h => h.offsetWidth)"
            ".map(h => h.textContent.trim())"
        )
    )
    assert {"AP", "mode", "% of ceiling"} <= shown
    assert ({"glasses", "state", "checked"} <= shown) == (wide > 1100)
    badges = "[...document.querySelector('[data-table]').querySelectorAll('td .badge')].every(b => b.offsetWidth)"
    assert browser.run(badges) is True


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_what_is_behind_it(browser, site, dark):
    weak = {}
    for name in [*KINDS, f"transfer/{next(p.stem for p in (site / 'transfer').iterdir() if p.stem != 'index')}"]:
        browser.open(site / f"{name}.html", dark=dark)
        found = browser.run((HERE / "contrasts.js").read_text())
        assert len(found) > 5
        weak |= {f"{name}: {what}": round(value, 2) for what, value in found.items() if value < 4.5}
    assert weak == {}
