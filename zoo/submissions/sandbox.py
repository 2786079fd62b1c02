"""Contributed code in a process of its own, which sees positions, species, cell and the fields it declares.

See ``docs/submitting.md`` for what is enforced on which system, and :mod:`zoo.submissions.confine` for how.
"""

from __future__ import annotations

import io
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo._machine import ONE_THREAD
from zoo.errors import SandboxError
from zoo.glass import Glass
from zoo.submissions.confine import REQUIRED

START = "import sys; sys.path.insert(0, sys.argv[1]); from zoo.submissions.worker import main; del sys.path[0]; main()"
SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/dev/urandom", "/usr/share/zoneinfo")
"""What an interpreter needs beside its own folders; none of it belongs to a user."""
HEADER = 1_000_000
"""Bytes of the longest answer that is no matrix."""
CPU_CLOCK = 2
"""Kind of clock in the number by which Linux knows the clocks of a process."""


@dataclass(frozen=True)
class Limits:
    """What contributed code may take.

    Attributes
    ----------
    seconds : int
        Wall time of one question: loading the code, or the columns of one glass.
    cpu : int, s
        CPU time of the process with all its threads, all questions together.
    memory, file, scratch, answer : int, bytes
        Address space; the longest file; the scratch folder; the longest answer.
    processes, files : int
        Threads; open files.
    """

    seconds: int = 120
    cpu: int = 1800
    memory: int = 8 * 2**30
    file: int = 128 * 2**20
    scratch: int = 256 * 2**20
    answer: int = 2**30
    processes: int = 32
    files: int = 256


class Sandbox:
    """A confined process that has loaded the code of one submission.

    Parameters
    ----------
    files : mapping of str to bytes
        Path inside the submission, and content; nothing else of the submission reaches the process.
    main : str
        The module among them that registers the feature set.
    limits : Limits, optional
    unsafe : bool
        Go on where a layer of :data:`zoo.submissions.confine.REQUIRED` is missing.
    kernels : bool
        Hand over this project's compiled kernels, so that they are not compiled anew.

    Attributes
    ----------
    layers : list of str
        What holds.
    declared : list of dict
        Declaration of each set that the code registers.
    noted : list of str
        What the code tried and was refused, as far as it let that be seen: an empty list proves nothing.

    Raises
    ------
    SandboxError
        A required layer is missing; the process dies, is late or answers nonsense.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        main: str,
        limits: Limits | None = None,
        unsafe: bool = False,
        kernels: bool = True,
    ) -> None:
        self.limits = limits or Limits()
        self.noted: list[str] = []
        self._asked = 0.0
        self._scratch = tempfile.mkdtemp(prefix="zoo-sandbox-")
        Path(self._scratch).chmod(0o777)  # the process may go on as nobody
        self._process = self._start()
        try:
            self.layers = self._begin(kernels)
            missing = [layer for layer in REQUIRED if layer not in self.layers]
            if missing and not unsafe:
                raise SandboxError(
                    "contributed code is run only where the system can confine it, and here it cannot "
                    f"(missing: {', '.join(missing)}): use Linux 5.13 or later on x86-64 or ARM64 with user namespaces "
                    "allowed (docs/submitting.md), or pass --unsafe if you trust this code like a program of your own"
                )
            self._send(json.dumps({"go_on": True}).encode(), time.monotonic() + self.limits.seconds)
            content = {name: data.hex() for name, data in files.items()}
            self.declared = self._ask({"what": "load", "files": content, "main": main})[0]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def columns(self, entry: int, kinds: tuple[str, ...]) -> list[Any]:
        """Name, unit, family and length of each column, as the code states them: not checked."""
        found, _ = self._ask({"what": "columns", "entry": entry, "kinds": list(kinds)})
        if not isinstance(found, list):
            raise SandboxError("the columns of a submission must be a list")
        return found

    def declines(self, entry: int, glass: Glass) -> str | None:
        """Why the set is not defined for a glass."""
        reason, _ = self._ask({"what": "declines", "entry": entry}, glass)
        return None if reason is None else str(reason)[:300]

    def compute(self, entry: int, glass: Glass, kinds: tuple[str, ...]) -> NDArray[Any]:
        """The columns of a glass, not checked but read without pickles."""
        _, content = self._ask({"what": "compute", "entry": entry, "kinds": list(kinds)}, glass)
        try:
            matrix: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
        except Exception as error:  # what was forged may fail in any way, a MemoryError among them
            raise SandboxError(f"columns must come back as a plain npy array, got something else ({error})") from None
        return matrix

    def seconds(self) -> float:
        """CPU time of the process since it began, all threads, also ended ones; the kernel lets it have no children.

        Wall time of all questions where the system does not tell.
        """
        if sys.platform != "linux":
            return self._asked
        try:
            return time.clock_gettime(~self._pid() << 3 | CPU_CLOCK)
        except OSError:
            return self._asked

    def peak_memory_mb(self) -> float:
        """Largest resident memory of the process so far, as the kernel states it; 0 where it does not."""
        try:
            status = Path(f"/proc/{self._pid()}/status").read_text()
        except OSError:
            return 0.0
        line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
        return int(line.split()[1]) / 1024

    def _pid(self) -> int:
        """Of the process that runs the code: the first of its namespace, where there is one."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else pid

    def close(self) -> None:
        """End the process and all that it has started, and remove its scratch folder."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()
        self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        import zoo._compiled  # noqa: F401  # the kernels that are handed on are those of the present sources

        package = Path(__file__).resolve().parents[2]
        environment = {
            **ONE_THREAD,
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": self._scratch,
            "TMPDIR": self._scratch,
            "NUMBA_CACHE_DIR": f"{self._scratch}/kernels",
            "JOBLIB_MULTIPROCESSING": "0",
        }
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", START, str(package)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)  # a process that does not read must not stop this one
        return process

    def _begin(self, kernels: bool) -> list[str]:
        limits = {
            name: getattr(self.limits, name) for name in ("cpu", "memory", "file", "scratch", "processes", "files")
        }
        begin = {
            "limits": limits,
            "readable": readable_paths(),
            "scratch": self._scratch,
            "package": str(Path(__file__).resolve().parents[1]),
            "kernels": kernels,
        }
        deadline = time.monotonic() + 60
        self._send(json.dumps(begin).encode(), deadline)
        layers = _parsed(self._receive(HEADER, deadline)).get("layers", [])
        return [str(layer) for layer in layers]

    def _ask(self, question: dict[str, Any], glass: Glass | None = None) -> tuple[Any, bytes]:
        began = time.monotonic()
        deadline = began + self.limits.seconds
        self._send(json.dumps(question).encode(), deadline)
        self._send(b"" if glass is None else packed(glass), deadline)
        answer = _parsed(self._receive(HEADER, deadline))
        matrix = self._receive(self.limits.answer, deadline)
        self._asked += time.monotonic() - began
        noted = answer.get("noted", [])
        told = [str(item)[:200] for item in noted[:20]] if isinstance(noted, list) else []
        self.noted = list(dict.fromkeys([*self.noted, *told]))[:20]
        if "error" in answer:
            raise SandboxError(f"the submission failed: {plain(str(answer['error']))[:400]}")
        return answer.get("answer"), matrix

    def _send(self, content: bytes, deadline: float) -> None:
        assert self._process.stdin is not None
        pipe = self._process.stdin.fileno()
        left = memoryview(struct.pack("<Q", len(content)) + content)
        while left:
            self._wait([], [pipe], deadline)
            try:
                left = left[os.write(pipe, left) :]
            except BlockingIOError:  # the other side may make the pipe smaller
                continue
            except OSError:
                raise self._died() from None

    def _receive(self, longest: int, deadline: float) -> bytes:
        length = struct.unpack("<Q", self._read(8, deadline))[0]
        if length > longest:
            raise SandboxError(f"an answer may have {longest:,} bytes, the submission sends {length:,}")
        return self._read(length, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        parts: list[bytes] = []
        while count:
            self._wait([descriptor], [], deadline)
            part = os.read(descriptor, min(count, 2**20))
            if not part:
                raise self._died()
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _wait(self, to_read: list[int], to_write: list[int], deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or not any(select.select(to_read, to_write, [], left)):
            self._process.kill()
            raise SandboxError(f"one question may take {self.limits.seconds} s, the submission has taken longer")

    def _died(self) -> SandboxError:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return SandboxError("the submission has closed its pipe instead of answering")
        code = code if code < 128 else code - 256
        perhaps = {-9: ", as the system does when CPU time or memory is used up", -24: ", as its CPU time was used up"}
        return SandboxError(f"the process of the submission ended (exit code {code}{perhaps.get(code, '')})")


def readable_paths() -> list[str]:
    """What the process may read: the interpreter, its packages, this package; no data, labels, results or caches."""
    from zoo.paths import cache_dir, content_root, default_results_dir, mirror_dir

    package = Path(__file__).resolve().parents[1]
    kept = [content_root() / name for name in ("datasets", "leaderboard")]
    kept += [cache_dir(), default_results_dir(), package / "content"]
    kept += [folder for folder in (mirror_dir(),) if folder]
    paths = sysconfig.get_paths()
    libraries = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    roots = [*libraries, *SYSTEM, str(package), f"{sys.base_prefix}/lib", f"{sys.prefix}/pyvenv.cfg"]
    found = {path for root in roots for path in _without(Path(root), kept)}
    return sorted(found)


def _without(root: Path, kept: list[Path]) -> Iterator[str]:
    """``root``, or where it holds something to be kept away, its parts without that."""
    real = root.resolve()
    if not real.exists() or real in kept:
        return
    if not any(real in path.parents for path in kept if path.exists()):
        yield str(real)
        return
    for child in real.iterdir():
        yield from _without(child, kept)


def packed(glass: Glass) -> bytes:
    """A glass as npz without metadata; the fields are those that it has been given by ``what_it_sees``."""
    buffer = io.BytesIO()
    arrays = {f"field.{name}": field.values for name, field in glass.fields.items()}
    units = np.array(json.dumps({name: field.unit for name, field in glass.fields.items()}))
    np.savez(
        buffer,
        positions=glass.positions,
        species=glass.species,
        cell=glass.cell,
        periodic=glass.periodic,
        units=units,
        **arrays,  # type: ignore[arg-type]
    )
    return buffer.getvalue()


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise SandboxError("the process of the submission has answered something that is no answer")
    return parsed


def plain(text: str) -> str:
    """One line without control characters: what comes from a submission is shown in terminals."""
    return "".join(character if character.isprintable() else " " for character in text)


@contextmanager
def sandboxed(files: Mapping[str, bytes], main: str, **options: Any) -> Iterator[Sandbox]:
    """A :class:`Sandbox` that is closed at the end."""
    sandbox = Sandbox(files, main, **options)
    try:
        yield sandbox
    finally:
        sandbox.close()
