"""What numbers and costs depend on: processor, versions, threads, memory."""

from __future__ import annotations

import os
import platform
import re
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


def reset_peak_memory() -> None:
    """Let the kernel count the peak anew (Linux); elsewhere the peak of the whole process is reported."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_memory_mb() -> float:
    """Largest resident memory of this process since :func:`reset_peak_memory`, MB."""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found.group(1)) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if platform.system() == "Linux" else 1024**2)
