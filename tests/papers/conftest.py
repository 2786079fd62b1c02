"""Caches that remember the small project of another test, and a paper about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w
from toy import forgetting

from zoo.papers import limits, protocol
from zoo.transfer import fits, groups

CACHED = (
    limits.limit_of,
    groups.rows_of_targets,
    fits.groups_of,
    fits.alignment_of,
    fits.glasses_per_fit,
    fits.rows_per_fit,
    protocol._pair,
)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Nothing is remembered from test to test."""
    with forgetting(*CACHED):
        yield


@pytest.fixture
def write_paper(root: Path):
    """Writes a paper into the small project; its name."""

    def write(**changes: object) -> str:
        paper = {
            "name": "toy-paper",
            "title": "Toys <i>rearrange</i>",
            "citation": "Nobody, J. Toys 1, 1 (2026)",
            "about": "Perturbed crystals.",
            "why": "They do not.",
            "differences": ["everything"],
            "protocol": {
                "split": "random",
                "folds": 3,
                "repeats": 2,
                "balance": "undersample",
                "metric": "roc_auc",
                "text": "random folds",
            },
            "arms": [{"tasks": ["toy-class"], "features": ["coordination"], "families": ["logistic"]}],
            "figures": [{"kind": "roc", "title": "ROC", "caption": "ROC", "options": {"task": "toy-class"}}],
        }
        folder = root / "benchmarks" / "papers"
        folder.mkdir(exist_ok=True)
        (folder / "toy-paper.toml").write_text(tomli_w.dumps(paper | changes))
        return "toy-paper"

    return write
