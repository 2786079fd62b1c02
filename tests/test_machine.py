"""Memory is what a piece of work adds, not what its process had before."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from zoo._machine import hardware, memory_mb, memory_shares, peak_memory_mb, reset_peak_memory, usable_cores, versions


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


def test_the_share_of_a_container_or_a_job_is_all_the_memory_there_is(tmp_path):
    groups, mount = tmp_path / "cgroup", tmp_path / "mount"
    for name, limit in (("job", 2**30), ("job/step", "max"), ("memory/slurm", 2**29), ("memory/slurm/step", 2**60)):
        (mount / name).mkdir(parents=True)
        file = "memory.limit_in_bytes" if "memory" in name else "memory.max"
        (mount / name / file).write_text(f"{limit}\n")
    groups.write_text("0::/job/step\n")
    assert list(memory_shares(groups, mount)) == [1024]
    groups.write_text("9:cpu,memory:/slurm/step\n8:pids:/job\n")
    assert min(memory_shares(groups, mount)) == 512
    assert list(memory_shares(tmp_path / "nowhere", mount)) == []
    assert 0 < memory_mb() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
