"""Memory is what a piece of work adds, not what its process had before."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from zoo._machine import hardware, peak_memory_mb, reset_peak_memory, versions


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the peak anew")
def test_the_peak_counts_what_came_after_the_reset():
    kept = np.ones(100 * 2**17)  # 100 MB before
    before = reset_peak_memory()
    assert peak_memory_mb() - before < 20
    np.ones(64 * 2**17)  # 64 MB, freed at once
    assert 60 < peak_memory_mb() - before < 100
    assert kept[0] == 1


def test_hardware_and_versions_are_stated():
    assert "cores" in hardware()
    assert set(versions("numpy", "no-such-distribution")) == {"python", "numpy"}
