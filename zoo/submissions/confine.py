"""Confining this process for good, by what Linux offers without privileges; the standard library only.

It runs in the sandbox before anything else is imported. Nothing here can be taken back by the process itself, but for
the audit hook, which explains and is relied upon for nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.submissions.system_calls import DIE_WITH_PARENT, NO_NEW_PRIVILEGES, refuse_system_calls

REQUIRED = ("namespaces", "private scratch", "read-only files", "landlock", "system calls", "limits")
"""Layers without which contributed code is not run unless a person says so."""

NEW = {"user": 0x10000000, "mount": 0x20000, "network": 0x40000000, "ipc": 0x8000000, "process": 0x20000000}
"""Flags of ``unshare(2)``."""
PRIVATE, NO_SETUID, NO_DEVICES, NO_EXECUTION = 0x40000 | 0x4000, 2, 4, 8
DUMPABLE, NOBODY = 4, 65534

READ_FILE, READ_DIR = 1 << 2, 1 << 3
READ = READ_FILE | READ_DIR
WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14
MAKE_DIR, MAKE_FILE, REMOVE = 1 << 7, 1 << 8, 1 << 4 | 1 << 5
MOVE = 1 << 13
"""Rights of Landlock, see ``linux/landlock.h``; running a program (1 << 0) is given nowhere."""
RULESET, RULE, RESTRICT, MOUNT_ATTRIBUTES = 444, 445, 446, 442
"""Numbers of system calls, the same on every architecture."""
HERE, RECURSIVE, READ_ONLY = -100, 0x8000, 1
"""For ``mount_setattr(2)``."""
MOST_FILES = 10_000
"""Files and folders that the scratch folder may hold; each takes memory of the kernel."""


def confine(limits: dict[str, int], readable: list[str], scratch: str) -> list[str]:
    """Confine this process; it returns in a child that is alone in its namespaces.

    Parameters
    ----------
    limits : dict of int
        ``cpu`` (s), ``memory``, ``file``, ``scratch`` (bytes), ``processes``, ``files``.
    readable : list of str
        Files and folders that may be read; nothing else may.
    scratch : str
        The one folder that may be written to: memory of its own, gone with the process, where namespaces are at hand.

    Returns
    -------
    list of str
        Those of :data:`REQUIRED` that hold.
    """
    layers = []
    if sys.platform == "linux":
        _leave_root(readable)
        if _unshare():
            layers.append("namespaces")
            layers += _mount(scratch, limits["scratch"])
            _become_first_process()
            _drop_capabilities()
    if _limit(limits):
        layers.append("limits")
    if sys.platform == "linux" and _landlock(readable, scratch):
        layers.append("landlock")
    if sys.platform == "linux" and refuse_system_calls(_libc()):
        layers.append("system calls")
    return layers


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _leave_root(readable: list[str]) -> None:
    """Go on as nobody if everybody can read the interpreter, else as root whose threads are counted like nobody's."""
    if os.geteuid() != 0:
        return
    if not all(_open_to_all(Path(path)) for path in readable if Path(path).exists()):
        with contextlib.suppress(OSError):
            os.setresuid(NOBODY, 0, 0)
        return
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    _libc().prctl(DUMPABLE, 1, 0, 0, 0)  # else the files of /proc/self belong to root


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _unshare() -> bool:
    """Namespaces of one's own for users, mounts, network (which has no interface), messages and processes."""
    user, group = os.geteuid(), os.getegid()
    if _libc().unshare(sum(NEW.values())) != 0:
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError:
        return False
    return True


def _mount(scratch: str, size: int) -> list[str]:
    """Memory for the scratch folder, everything else read-only: Landlock alone lets modes, times and owners change."""
    libc = _libc()
    if libc.mount(b"none", b"/", None, PRIVATE, None) != 0:
        return []
    options = f"size={size},nr_inodes={MOST_FILES},mode=0700".encode()
    if libc.mount(b"tmpfs", scratch.encode(), b"tmpfs", NO_SETUID | NO_DEVICES | NO_EXECUTION, options) != 0:
        return []

    def change(folder: bytes, flags: int, added: int, removed: int) -> bool:
        attributes = struct.pack("QQQQ", added, removed, 0, 0)
        return bool(libc.syscall(MOUNT_ATTRIBUTES, HERE, folder, flags, attributes, len(attributes)) == 0)

    held = change(b"/", RECURSIVE, READ_ONLY, 0) and change(scratch.encode(), 0, 0, READ_ONLY)
    return ["private scratch", "read-only files"] if held else ["private scratch"]


def _become_first_process() -> None:
    """Go on in the first process of the namespace; when it ends, all that it has started end with it."""
    libc = _libc()
    libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    child = os.fork()
    if child:
        os.close(0)
        os.close(1)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


def _drop_capabilities() -> None:
    """A new user namespace gives all of them inside of it; none is needed."""
    header = struct.pack("Ii", 0x20080522, 0)
    _libc().capset(header, struct.pack("6I", *[0] * 6))


def _limit(limits: dict[str, int]) -> bool:
    """Limits of a process, which are those of the whole sandbox where it cannot start a second one."""
    import resource

    wanted = {
        "RLIMIT_CPU": limits["cpu"],
        "RLIMIT_AS": limits["memory"],
        "RLIMIT_FSIZE": limits["file"],
        "RLIMIT_NPROC": limits["processes"],
        "RLIMIT_NOFILE": limits["files"],
        "RLIMIT_CORE": 0,
    }
    try:
        for name, value in wanted.items():
            resource.setrlimit(getattr(resource, name), (value, value))
    except (ValueError, OSError, AttributeError):
        return False
    return os.getuid() != 0  # the system does not count what root starts


def _landlock(readable: list[str], scratch: str) -> bool:
    """Nothing but ``readable`` can be read, nothing but ``scratch`` be written, no program be started."""
    libc = _libc()
    libc.syscall.restype = ctypes.c_long
    version = libc.syscall(RULESET, None, 0, 1)
    if version < 1:
        return False
    known = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    handled = (1 << known) - 1
    network, scopes = (0b11 if version >= 4 else 0), (0b11 if version >= 6 else 0)
    attribute = struct.pack("QQQ", handled, network, scopes)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(RULESET, attribute, len(attribute), 0)
    if ruleset < 0:
        return False
    writable = READ | WRITE_FILE | TRUNCATE | MAKE_DIR | MAKE_FILE | REMOVE | MOVE
    rules = [(path, READ) for path in readable] + [(scratch, writable), ("/dev/null", READ | WRITE_FILE)]
    for path, rights in rules:
        with contextlib.suppress(FileNotFoundError, PermissionError), _opened(path) as descriptor:
            rights = rights if Path(path).is_dir() else rights & (READ_FILE | WRITE_FILE)
            rule = struct.pack("=Qi", rights & handled, descriptor)
            if libc.syscall(RULE, ruleset, 1, rule, 0) != 0:
                return False
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    held = libc.syscall(RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return bool(held)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


FORBIDDEN = {
    "socket.": "use the network",
    "subprocess.": "start a program",
    "os.system": "start a program",
    "os.exec": "start a program",
    "os.posix_spawn": "start a program",
    "os.spawn": "start a program",
    "os.fork": "start a process",
    "pty.spawn": "start a program",
    "os.kill": "send a signal",
    "signal.pthread_kill": "send a signal",
    "sys.settrace": "watch other code",
    "sys.setprofile": "watch other code",
}
"""Audit events that begin so, and what they are in words."""
MOVES = ("os.rename", "os.link", "os.symlink")
"""Events whose first two arguments are paths; of the others it is the first."""
ATTRIBUTES = ("os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr")
CHANGES = (*MOVES, *ATTRIBUTES, "os.remove", "os.rmdir", "os.mkdir", "os.truncate")
LISTS = ("os.listdir", "os.scandir")
PROBED = ("/proc/", "/sys/", "/etc/", "/dev/", "/var/")
"""Where libraries look around; not being let in there is no offence."""


def watch(readable: list[str], scratch: str, noted: list[str]) -> None:
    """Refuse what a descriptor has no business with, as a Python audit hook; a sentence for each goes into ``noted``.

    The second line: it says what was tried, and stands where the kernel offers less. Code that calls C can pass it and
    can empty ``noted``: an empty list proves nothing.
    """
    folders = [os.path.realpath(path) for path in readable]
    home = os.path.realpath(scratch)

    def inside(path: str, allowed: list[str]) -> bool:
        return any(path == folder or path.startswith(folder + os.sep) for folder in allowed)

    def refuse(what: str, quietly: bool = False) -> None:
        if not quietly and len(noted) < 20:
            noted.append(what)
        raise PermissionError(f"a submission must not {what}")

    def text(path: Any) -> str | None:
        return os.path.realpath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else None

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, flags = text(arguments[0]), arguments[2]
            if path is None or inside(path, [home]) or path == "/dev/null":
                return
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
                refuse(f"write to {path}")
            if not inside(path, folders):
                refuse(f"read {path}", quietly=path.startswith(PROBED))
        elif event in CHANGES:
            paths = map(text, arguments[: 2 if event in MOVES else 1])
            outside = [path for path in paths if path is not None and not inside(path, [home])]
            if outside:
                refuse(f"change {outside[0]}")
        elif event in LISTS:
            path = text(arguments[0] if arguments and arguments[0] is not None else ".")
            if path is not None and not inside(path, [home, *folders]):
                refuse(f"list {path}", quietly=True)
        else:
            for name, what in FORBIDDEN.items():
                if event.startswith(name):
                    refuse(what)

    sys.addaudithook(hook)
