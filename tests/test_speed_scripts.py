"""The scripts in ``benchmarks/speed`` are run by hand, for minutes; that they still fit the code is checked here."""

from __future__ import annotations

import importlib
from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks" / "speed"


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_every_script_finds_what_it_imports(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    assert callable(importlib.import_module(name).main)


def test_tables_of_explanations_in_the_docs_are_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    script = importlib.import_module("explain")
    pages = script.pages(pd.read_csv(FOLDER / "explain.csv"))
    assert {path.name for path in pages} == {"explaining.md", "speed.md"}
    for path, text in pages.items():
        assert text == path.read_text(), "python benchmarks/speed/explain.py --docs writes them"


def test_the_table_of_descriptors_in_the_docs_is_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    script = importlib.import_module("descriptors")
    page = script.page(pd.read_csv(FOLDER / "descriptors.csv"))
    assert page == script.PAGE.read_text(), "python benchmarks/speed/descriptors.py --docs writes it"
