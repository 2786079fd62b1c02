"""Whatever a family, a worker, the parent or the disk does in mid-run, nothing that is finished is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_run import wait_for_results, wait_for_the_end_of_group
from toy import write_suite, write_task

from zoo.benchmark.cell import attempt
from zoo.benchmark.pool import AHEAD, Workers, interrupts
from zoo.benchmark.store import Result, Store
from zoo.benchmark.suite import Cell
from zoo.errors import StoreError, ZooError

SCRIPT = Path(__file__).parents[1] / "faulty.py"


@pytest.fixture
def results(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results folder of 12 slow cells, the suite ``slow``."""
    write_suite(root, "slow", ["coordination", "species"], ["slow"], random_split=False)
    monkeypatch.setenv("ZOO_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


def start(suite: str, *options: str, **environment: str) -> subprocess.Popen[str]:
    """``zoo run`` with the faulty families, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), "run", suite, "--no-board", "--no-track", "--workers", "2", *options],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str], code: int = 0) -> str:
    """What a run has printed."""
    output, errors = process.communicate(timeout=400)
    assert process.returncode == code, output + errors
    assert "Traceback" not in output + errors
    return output + errors


def workers_of(parent: int) -> list[int]:
    """Processes that fit."""
    found = subprocess.run(["pgrep", "-P", str(parent), "-f", "spawn_main"], capture_output=True, text=True, check=True)
    return [int(line) for line in found.stdout.split()]


def finished(folder: Path) -> dict[str, Result]:
    """Results that are there, with predictions that can be read."""
    store = Store(folder)
    found = store.finished()
    assert not [key for key, result in found.items() if result.state == "ok" and store.predictions(key).empty]
    return found


def assert_the_rest_is_done(suite: str, folder: Path, kept: dict[str, Result], total: int) -> None:
    """The same command does what is missing and touches nothing else."""
    assert f"{len(kept)} finished before" in end(start(suite, "--retry", "failed"))
    after = finished(folder)
    assert len(after) == total
    assert {result.state for result in after.values()} == {"ok"}
    assert all(after[key] == result for key, result in kept.items())


def test_a_family_may_do_anything_and_the_others_are_scored(root, results):
    bad = {
        "exits": ("failed", r"SystemExit: 3 \(faulty\.py:\d+\)"),
        "interrupts": ("failed", r"KeyboardInterrupt:  \(faulty\.py:\d+\)"),
        "dies": ("failed", r"the process died \(exit code -9, as the system does when memory runs out\)"),
        "notanumber": ("failed", r"predictions must be finite, \d+ are not"),
        "wide": ("failed", r"predictions must have shape .*, got \(\d+, 2\)"),
        "hangs": ("timed-out", "stopped after 15 s"),
        "lost": ("declined", r"model family 'lost' needs no_such_module: pip install 'glass-zoo\[lost\]'"),
    }
    write_task(root, "toy-class", folds=2)
    entry = {"task": "toy-class", "features": ["coordination"], "families": [*bad, "good"]}
    write_suite(root, "faults", [], [], entries=[entry], cell_seconds=15, random_split=False)
    output = end(start("faults"))
    assert "2 declined, 10 failed, 3 ok, 1 timed-out; 0 finished before" in output
    assert "once it is installed, run these with zoo run faults --retry declined" in output
    assert "run them again with zoo run faults --retry failed --retry timed-out" in output
    for result in finished(results).values():
        if result.state != "ok":
            state, reason = bad[result.family]
            assert (result.state, bool(re.search(reason, result.reason))) == (state, True), result.reason
        else:
            assert result.family in ("good", "hangs"), "it hangs once"
    assert "nothing to do; 16 finished before" in end(start("faults"))


def test_workers_killed_in_mid_run_cost_the_cells_they_were_busy_with(results):
    process = start("slow")
    wait_for_results(results, 2)
    for worker in workers_of(process.pid):
        os.kill(worker, signal.SIGKILL)
    end(process)
    after = finished(results)
    kept = {key: result for key, result in after.items() if result.state == "ok"}
    assert len(after) == 12
    assert 10 <= len(kept) < 12
    assert all("exit code -9" in after[key].reason for key in set(after) - set(kept))
    assert_the_rest_is_done("slow", results, kept, 12)


def test_workers_end_after_their_parent_was_killed(results):
    process = start("slow")
    wait_for_results(results, 2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for_the_end_of_group(process.pid)
    kept = finished(results)
    assert len(kept) >= 2
    assert_the_rest_is_done("slow", results, kept, 12)


def test_a_disk_that_fills_in_mid_run_ends_it_with_a_sentence(results):
    output = end(start("slow", DISK_FULL_AFTER="3"), code=2)
    assert "is full: free some space and run again; finished work is kept" in output
    kept = finished(results)
    assert len(kept) == 3
    assert not list(results.rglob("*.part"))
    assert_the_rest_is_done("slow", results, kept, 12)


def test_a_worker_that_dies_without_work_is_replaced():
    with Workers(1) as workers:
        assert list(workers.run(abs, [-1], lambda job: 60)) == [(-1, 1)]
        (victim,) = workers_of(os.getpid())
        os.kill(victim, signal.SIGKILL)
        time.sleep(1)
        assert sorted(workers.run(abs, range(5), lambda job: 60)) == [(n, n) for n in range(5)]


def test_the_longest_of_the_last_jobs_come_first():
    with Workers(1) as workers:
        done = [job for job, _ in workers.run(abs, range(30), lambda job: 60, expected=float)]
    expected = [*range(10), *range(10, 30)[::-1]]  # in their order, as long as there are many
    assert all(abs(done.index(job) - place) < AHEAD for place, job in enumerate(expected))


def test_workers_that_cannot_begin_are_said(monkeypatch):
    monkeypatch.setattr("zoo.benchmark.pool._begin", next)  # which raises
    with Workers(1) as workers, pytest.raises(ZooError, match="they die before they begin"):
        list(workers.run(abs, [0], lambda job: 60))


def test_control_c_in_the_process_of_the_user_is_the_users(root, monkeypatch):
    def press(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("zoo.benchmark.cell._fit_and_score", press)
    with pytest.raises(KeyboardInterrupt):
        attempt(Cell("toy-class", "coordination", "prior", "glass", 0, 0, 0), None, None)
    assert not interrupts(SystemExit())


def test_a_damaged_result_met_in_mid_run_is_named(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "0.json").write_text('{"key": ')
    with pytest.raises(StoreError, match=r"0\.json is no readable result"):
        Store(tmp_path).get("0")
