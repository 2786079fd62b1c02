"""What all tests share: glasses, and folders that are nobody's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from disorder import disordered
from hypothesis import settings
from threadpoolctl import threadpool_limits
from toy import root  # noqa: F401  (a fixture)

from zoo.glass import Glass

settings.register_profile("zoo", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("zoo")


@pytest.fixture(scope="session", autouse=True)
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty cache, no mirror and no results folder but the test's own; one thread, as in worker processes."""
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        cache = tmp_path_factory.mktemp("cache")
        patch.setenv("ZOO_CACHE", str(cache))
        patch.setenv("ZOO_RESULTS", str(tmp_path_factory.mktemp("results")))
        patch.delenv("ZOO_MIRROR", raising=False)
        patch.setenv("COLUMNS", "160")  # tables are not squeezed
        yield cache


@pytest.fixture(scope="session")
def glass() -> Glass:
    """500 atoms of Cu-Zr in a cube of 20.5 Å."""
    return disordered()


@pytest.fixture(scope="session")
def large() -> Glass:
    """864 atoms of Cu-Zr in a cube of 24.6 Å: large enough for a cutoff of 12 Å."""
    return disordered(repeat=6)


@pytest.fixture(scope="session")
def triclinic() -> Glass:
    """The same in a cell without right angles."""
    return disordered(np.array([[1.0, 0.0, 0.0], [0.25, 1.0, 0.0], [-0.2, 0.3, 1.0]]))


@pytest.fixture(scope="session")
def flat() -> Glass:
    """A 2D model glass of 400 atoms A and B on a displaced square lattice, 20 x 22 Å, sheared."""
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(np.arange(20), np.arange(20)), axis=-1).reshape(-1, 2) / 20
    cell = np.array([[20.0, 0.0], [3.0, 22.0]])
    positions = grid @ cell + rng.normal(0, 0.1, (400, 2))
    return Glass(positions, rng.choice(["A", "B"], 400), cell)
