"""System calls that contributed code is refused for good, by a filter of the kernel; the standard library only."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from typing import Any

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of the tables below, and the number by which the kernel tells a filter the architecture of a call."""

REFUSED: dict[str, tuple[int | None, int | None]] = {
    # other processes, on this machine and elsewhere; a socket on disk is no file to Landlock
    "socket": (41, 198),
    "socketpair": (53, 199),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    # programs and processes
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    # memory and messages that outlive their owner or are counted nowhere
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "vmsplice": (278, 75),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # other namespaces and file systems
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    # wide doors into the kernel
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "syslog": (103, 116),
    "personality": (135, 92),
    "modify_ldt": (154, None),
    "iopl": (172, None),
    "ioperm": (173, None),
}
"""Numbers on x86-64 and on ARM64, see ``asm/unistd.h``; each is answered with EPERM."""
CLONE, CLONE3, PRCTL = (56, 220), (435, 435), (157, 167)
NEWEST = 462
"""Calls that are newer than this list do not exist in the sandbox, nor do those of the x32 variant of x86-64."""

CLONE_THREAD, DIE_WITH_PARENT = 0x10000, 1
NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2
LOAD, EQUAL, GREATER, ANY_BIT, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Offsets in ``struct seccomp_data``."""
KILL, ALLOW, FAIL = 0x80000000, 0x7FFF0000, 0x50000
"""What a filter can return; ``FAIL`` with an errno added to it."""


def refuse_system_calls(libc: Any) -> bool:
    """Forbid this process :data:`REFUSED`, new processes (threads are let through) and outliving its parent.

    Returns
    -------
    bool
        False on an architecture whose numbers are not known here, or where the kernel has no filters.
    """
    machine = os.uname().machine
    if machine not in ARCHITECTURES or sys.maxsize < 2**32:
        return False
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _filter(*ARCHITECTURES[machine]))
    kept = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(kept))
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return bool(libc.prctl(SET_SECCOMP, FILTER, described, 0, 0) == 0)


def _filter(column: int, architecture: int) -> list[tuple[int, int, int, int]]:
    """Instructions of a classic BPF program: operation, steps to skip if true, if false, and operand."""
    refuse, unknown = (RETURN, 0, 0, FAIL | errno.EPERM), (RETURN, 0, 0, FAIL | errno.ENOSYS)
    allow = (RETURN, 0, 0, ALLOW)
    program = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (GREATER, 0, 1, NEWEST),
        unknown,
        (EQUAL, 0, 1, CLONE3[column]),  # its flags are out of reach; the C library then takes clone
        unknown,
        (EQUAL, 0, 4, CLONE[column]),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (ANY_BIT, 0, 1, CLONE_THREAD),
        allow,
        refuse,
        (EQUAL, 0, 4, PRCTL[column]),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (EQUAL, 0, 1, DIE_WITH_PARENT),
        refuse,
        allow,
    ]
    for numbers in REFUSED.values():
        if (number := numbers[column]) is not None:
            program += [(EQUAL, 0, 1, number), refuse]
    return [*program, allow]
