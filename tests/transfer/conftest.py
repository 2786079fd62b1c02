"""Caches that remember the small project of another test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from toy import forgetting

from zoo.papers import protocol
from zoo.transfer import align, fits, groups

CACHED = (
    groups.rows_of_targets,
    align._matrix_by_size,
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
