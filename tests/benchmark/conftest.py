"""The toy project as a fixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from toy import write_root

from zoo.benchmark import cell
from zoo.paths import content_root

CACHED = (content_root, cell.task_rows, cell.folds_of, cell.feature_matrix)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The small project, found instead of the real one."""
    content = write_root(tmp_path / "root")
    monkeypatch.setenv("ZOO_ROOT", str(content))
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    for cached in CACHED:
        cached.cache_clear()
    yield content
    for cached in CACHED:
        cached.cache_clear()
