"""The toy suite scored once, in this process, for all tests that only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w
from browser import CHROMIUM, Browser
from others import write_others
from toy import CACHED, forgetting, write_root, write_suite, write_task

from zoo._files import read_toml
from zoo.benchmark.cell import run_cell
from zoo.benchmark.store import Store
from zoo.benchmark.suite import cells_of, read_suite
from zoo.leaderboard.site.build import build_site


@pytest.fixture(scope="package")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store]:
    """Content root and results of a suite with null controls, descriptors, two models and a family that declines."""
    folder = tmp_path_factory.mktemp("scored")
    content = write_root(folder / "root")
    features = ["species", "sro", "voronoi"]
    _make_hostile(content)
    write_suite(content, "toy", features, ["prior", "logistic", "decision-tree"], random_split=False)
    with pytest.MonkeyPatch.context() as patch, forgetting(*CACHED):
        patch.setenv("ZOO_ROOT", str(content))
        patch.setenv("ZOO_CACHE", str(folder / "cache"))
        for cell in cells_of(read_suite("toy")):
            run_cell(cell, folder / "results")
        write_others(content, folder / "results", HOSTILE)
    return content, Store(folder / "results")


@pytest.fixture(scope="package")
def site(scored: tuple[Path, Store], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of those results."""
    content, results = scored
    folder = tmp_path_factory.mktemp("built") / "site"
    with pytest.MonkeyPatch.context() as patch, forgetting(*CACHED):
        patch.setenv("ZOO_ROOT", str(content))
        patch.setenv("ZOO_CACHE", str(content.parent / "cache"))
        build_site([read_suite("toy")], results.folder, folder)
    return folder


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for all tests that open pages."""
    if CHROMIUM is None:
        pytest.skip("needs chromium to open pages")
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture
def store(scored: tuple[Path, Store], monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Those results, with that content root in place."""
    content, results = scored
    monkeypatch.setenv("ZOO_ROOT", str(content))
    monkeypatch.setenv("ZOO_CACHE", str(content.parent / "cache"))
    with forgetting(*CACHED):
        yield results


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)> $\\frac{a'
"""Titles, descriptions and citations that would be markup if somebody forgot to escape them."""


def _make_hostile(content: Path) -> None:
    for name, label in (("toy-class", {"rule": "top-fraction", "fraction": 0.2}), ("toy-value", {"rule": "log10"})):
        kind = "classification" if name == "toy-class" else "regression"
        write_task(content, name, kind=kind, label=label, title=f"{name} {HOSTILE}", description=HOSTILE)
    path = content / "datasets" / "toy" / "card.toml"
    path.write_text(tomli_w.dumps(read_toml(path) | {"title": HOSTILE, "citation": f"=1+1 {HOSTILE}"}))
