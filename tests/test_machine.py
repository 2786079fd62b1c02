"""Memory is what a piece of work adds, not what its process had before."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from zoo._machine import hardware, peak_memory_mb, reset_peak_memory, usable_cores, versions


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


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux tells")
def test_a_share_of_the_machine_is_not_overcrowded():
    given = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(given)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, given)
    assert usable_cores() == len(given)
