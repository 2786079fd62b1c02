"""The toy suite scored once, in this process, for all tests that only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from toy import CACHED, write_root, write_suite

from zoo.benchmark.cell import run_cell
from zoo.benchmark.store import Store
from zoo.benchmark.suite import cells_of, read_suite


@pytest.fixture(scope="package")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store]:
    """Content root and results of a suite with null controls, descriptors, two models and a family that declines."""
    folder = tmp_path_factory.mktemp("scored")
    content = write_root(folder / "root")
    features = ["species", "sro", "voronoi"]
    write_suite(content, "toy", features, ["prior", "logistic", "decision-tree"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_ROOT", str(content))
        _forget()
        for cell in cells_of(read_suite("toy")):
            run_cell(cell, folder / "results")
    _forget()
    return content, Store(folder / "results")


@pytest.fixture
def store(scored: tuple[Path, Store], monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Those results, with that content root in place."""
    content, results = scored
    monkeypatch.setenv("ZOO_ROOT", str(content))
    _forget()
    yield results
    _forget()


def _forget() -> None:
    for cached in CACHED:
        cached.cache_clear()
