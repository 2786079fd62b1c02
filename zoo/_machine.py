"""What numbers and costs depend on: processor, versions, threads, memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import platform
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
"""Environment of worker processes: spinning threads of several fits were measured 3 to 10 times slower."""


def one_thread_each() -> None:
    """Let processes started from now on use one thread, unless the user said otherwise."""
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)


def usable_cores() -> int:
    """Cores that this process may run on: those of the machine, or the share that SLURM or ``taskset`` leaves it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def hardware() -> str:
    """Processor model and number of cores."""
    info = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} cores"


@cache
def versions(*names: str) -> dict[str, str]:
    """Versions of Python and of those of the named distributions that are installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def reset_peak_memory() -> float:
    """Let the kernel count the peak anew; return the resident memory now, MB (Linux only; elsewhere 0).

    What earlier work has freed goes back to the system first, as it would hide what later work takes.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0.0
    return _status("VmRSS") or 0.0


def peak_memory_mb() -> float:
    """Largest resident memory of this process since :func:`reset_peak_memory`, MB."""
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / (1024 if platform.system() == "Linux" else 1024**2)


@contextlib.contextmanager
def memory_limit(mb: float | None) -> Iterator[None]:
    """Let allocations fail that would add more than ``mb`` to the data of this process (Linux; elsewhere nothing)."""
    used = _status("VmData")
    if used is None or mb is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (int((used + mb) * 2**20), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def memory_mb() -> float:
    """Memory of the machine, or the share of it that a container or SLURM leaves this process, MB."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
    return min([whole, *memory_shares(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))])


def memory_shares(groups: Path, mount: Path) -> Iterator[float]:
    """Limits of the control groups of a process and of those above them, MB; both versions of control groups.

    Parameters
    ----------
    groups : Path
        File that lists the groups of the process.
    mount : Path
        Folder of all groups.
    """
    for line in groups.read_text().splitlines() if groups.exists() else []:
        _, controllers, name = line.split(":", 2)
        top, limit = (mount / "memory", "memory.limit_in_bytes") if controllers else (mount, "memory.max")
        if controllers and "memory" not in controllers.split(","):
            continue
        group = top / name.lstrip("/")
        for folder in (folder for folder in (group, *group.parents) if folder.is_relative_to(top)):
            with contextlib.suppress(OSError, ValueError):  # no limit of its own, or "max"
                yield int((folder / limit).read_text()) / 2**20


def _status(name: str) -> float | None:
    """A memory figure of this process from the kernel, MB."""
    status = Path("/proc/self/status")
    found = re.search(rf"{name}:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found.group(1)) / 1024 if found else None
