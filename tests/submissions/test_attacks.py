"""Hostile submissions: each is refused, by the kernel first, and says why."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from toy import perturbed_crystal
from toy_descriptor import CARD, write_descriptor

from zoo.errors import DeclarationError, SandboxError, SubmissionError, ZooError
from zoo.features.compute import what_it_sees
from zoo.glass import Glass
from zoo.submissions import sandbox as sandboxes
from zoo.submissions.card import read_submission
from zoo.submissions.confine import REQUIRED
from zoo.submissions.contribution import _checked_columns, contributed
from zoo.submissions.sandbox import Limits, sandboxed
from zoo.submissions.system_calls import ARCHITECTURES, CLONE, CLONE3, NEWEST, REFUSED


def _confines() -> bool:
    try:
        with sandboxed({"d.py": b""}, "d.py", unsafe=True, kernels=False) as sandbox:
            return set(REQUIRED) <= set(sandbox.layers)
    except SandboxError:
        return False


confined = pytest.mark.skipif(not _confines(), reason="this system cannot confine a process")


PUPPET = b"""
from zoo.features.declaration import Column, FeatureSet, feature_sets
feature_sets.register(FeatureSet("puppet", "p", "c", 1, lambda kinds: exec(kinds[0], {}) or (), lambda glass, kinds: 0))
"""


@pytest.fixture(scope="module")
def attack():
    """What the sandbox answers to a piece of code, one process for all of them."""
    limits = Limits(scratch=8 * 2**20, file=2**20, memory=3 * 2**30)
    with sandboxed({"d.py": PUPPET}, "d.py", limits=limits, kernels=False) as puppet:

        def say(code: str) -> str:
            with pytest.raises(SandboxError) as caught:
                puppet.columns(0, (code,))
            return str(caught.value)

        yield say


def from_c(call: str) -> str:
    """Code that says ``got RESULT ERRNO`` of a call of the C library ``c``."""
    return f"import ctypes; c = ctypes.CDLL(None, use_errno=True); f = {call}" + (
        "; raise RuntimeError(f'got {f} {ctypes.get_errno()}')"
    )


def open_to_all(folder: Path) -> None:
    """So that it is not the rights of the folder that refuse."""
    for parent in folder.parents:
        if parent.name.startswith("pytest"):
            parent.chmod(0o777)


def run(folder: Path, limits: Limits | None = None):
    """Columns of a toy glass from the submission in ``folder``, and what it was refused."""
    glass = perturbed_crystal(0)
    with contributed(read_submission(folder), limits=limits) as contribution:
        matrix = contribution.entry.compute(what_it_sees(contribution.entry, glass), glass.kinds)
        return matrix, contribution.sandbox.noted


@confined
def test_an_honest_descriptor_gets_through_and_tried_nothing(tmp_path):
    matrix, noted = run(write_descriptor(tmp_path / "s"))
    assert matrix.shape == (108, 1)
    assert np.isfinite(matrix).all()
    assert noted == []


@confined
def test_labels_are_not_in_the_process_even_if_their_name_is_asked_for(tmp_path):
    folder = write_descriptor(tmp_path / "s", body="assert not glass.fields and not glass.metadata, 'labels'")
    run(folder)


@confined
def test_label_files_cannot_be_read(attack, root):
    target = root / "datasets" / "toy" / "g0.npz"
    assert "must not read" in attack(f"open({str(target)!r}, 'rb').read()")


@confined
@pytest.mark.parametrize("what", ["read", "write"])
def test_files_cannot_be_reached_from_c_either(attack, tmp_path, root, what):
    """Past the audit hook, the kernel refuses (13: permission denied, 30: read-only)."""
    target = root / "datasets" / "toy" / "g0.npz" if what == "read" else tmp_path / "made"
    open_to_all(tmp_path)
    flags = os.O_RDONLY if what == "read" else os.O_WRONLY | os.O_CREAT
    refused = {"read": "got -1 13", "write": "got -1 30"}[what]
    assert refused in attack(from_c(f"c.open({str(target).encode()!r}, {flags}, 0o600)"))
    assert not (tmp_path / "made").exists()


@confined
def test_the_memory_of_the_process_that_holds_the_labels_cannot_be_read(attack):
    code = f"import ctypes; raise RuntimeError(f'got {{ctypes.CDLL(None).open(b\"/proc/{os.getpid()}/mem\", 0)}}')"
    assert "got -1" in attack(code)


@confined
def test_writing_outside_of_its_folder_is_refused(attack, tmp_path):
    made = tmp_path / "made"
    assert "must not write to" in attack(f"open({str(made)!r}, 'w')")
    assert "must not write to" in attack("open('../made', 'w')")
    assert not made.exists()


@confined
@pytest.mark.parametrize(
    ("python", "c"),
    [
        ("chmod(path, 0o777)", "chmod(path, 0o777)"),
        ("utime(path, (1, 1))", "utimes(path, None)"),
        ("setxattr(path, 'user.a', b'b')", "setxattr(path, b'user.a', b'b', 1, 0)"),
        ("removexattr(path, 'user.a')", "removexattr(path, b'user.a')"),
        ("chown(path, -1, -1)", "chown(path, -1, -1)"),
        ("truncate(path, 0)", "truncate(path, 0)"),
    ],
)
def test_modes_times_and_attributes_outside_stay(attack, tmp_path, python, c):
    """Landlock has no right for most of them; the read-only mount refuses (30: read-only)."""
    target = tmp_path / "target"
    target.write_text("kept")
    open_to_all(tmp_path)
    before = target.stat()
    assert "must not change" in attack(f"import os; path = {str(target)!r}; os.{python}")
    said = attack(from_c("c." + c.replace("path", repr(str(target).encode()))))
    assert "got -1 30" in said
    after = target.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_mode,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )


@confined
def test_what_was_tried_is_not_forgotten_when_the_code_forgets_it():
    forget = "import gc; [x.clear() for x in gc.get_objects() if x == ['read /srv/x']]"
    with sandboxed({"d.py": PUPPET}, "d.py", kernels=False) as puppet:
        for code in ("open('/srv/x')", forget):
            with contextlib.suppress(SandboxError):
                puppet.columns(0, (code,))
        assert puppet.noted == ["read /srv/x"]


@confined
def test_its_own_folder_is_its_own(attack):
    code = "import os; open('own', 'w').write('x'); os.chmod('own', 0o600); os.utime('own', (1, 1)); os.remove('own')"
    assert "the end" in attack(f"{code}; raise RuntimeError('the end')")


@confined
def test_a_link_made_inside_leads_nowhere(attack, root):
    target = root / "datasets" / "toy" / "card.toml"
    assert "PermissionError" in attack(f"import os; os.symlink({str(target)!r}, 'link'); open('link').read()")


@confined
@pytest.mark.parametrize("way", ["python", "c"])
def test_there_is_no_network(attack, way):
    """A server of this test is not reached: neither through Python nor through C."""
    reached = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(1)
        port = server.getsockname()[1]

        def accept() -> None:
            with contextlib.suppress(OSError):
                server.accept()
                reached.set()

        thread = threading.Thread(target=accept)
        thread.start()
        code, words = f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)", "must not use the network"
        if way == "c":
            address = struct.pack("<H", 2) + struct.pack(">H", port) + bytes([127, 0, 0, 1]) + bytes(8)
            code = f"import ctypes; c = ctypes.CDLL(None); f = c.connect(c.socket(2, 1, 0), {address!r}, 16)"
            code, words = code + "; raise RuntimeError(f'got {f}')", "got -1"
        assert words in attack(code)
        thread.join()
    assert not reached.is_set()


@confined
def test_nothing_is_sent_without_a_connection_either(attack):
    """UDP from C: only the network namespace stops it."""
    address = struct.pack("<H", 2) + struct.pack(">H", 9) + bytes([127, 0, 0, 1]) + bytes(8)
    code = f"import ctypes; c = ctypes.CDLL(None); f = c.connect(c.socket(2, 2, 0), {address!r}, 16)"
    assert "got -1" in attack(code + "; raise RuntimeError(f'got {f}')")


@confined
@pytest.mark.parametrize("way", ["python", "c"])
def test_a_socket_on_disk_is_not_reached(attack, tmp_path, way):
    """It belongs to no network, and Landlock does not count it as a file."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o777)
        open_to_all(tmp_path)
        server.listen(1)
        server.settimeout(0.2)
        code, words = f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})", "must not use the network"
        if way == "c":
            address = struct.pack("<H", 1) + str(path).encode() + bytes(1)
            code, words = from_c(f"c.connect(c.socket(1, 1, 0), {address!r}, {len(address)})"), "got -1"
        assert words in attack(code)
        with pytest.raises(TimeoutError):
            server.accept()


def _machine() -> int:
    return ARCHITECTURES[os.uname().machine][0]


@confined
def test_system_calls_that_lead_out_are_refused(attack):
    """By their numbers (1: not permitted), so that no library stands between; a name that is new does not exist."""
    names = {number: name for name, numbers in REFUSED.items() if (number := numbers[_machine()]) is not None}
    code = (
        "import ctypes; c = ctypes.CDLL(None, use_errno=True)\n"
        f"through = [n for n in {list(names)} if (c.syscall(n, 0, 0, 0, 0, 0), ctypes.get_errno()) != (-1, 1)]\n"
        "raise RuntimeError(f'through: {through}')"
    )
    assert "through: []" in attack(code)
    for number in (CLONE3[_machine()], NEWEST + 1, 0x40000000 + 41):
        assert "got -1 38" in attack(from_c(f"c.syscall({number}, 0, 0, 0, 0, 0)"))


@confined
def test_no_process_is_started_and_few_threads(attack):
    """So limits of one process are those of all, its clock counts everything, and a fork bomb is none."""
    assert "must not start a process" in attack("import os; os.fork()")
    assert "got -1 1" in attack(from_c("c.fork()"))
    assert "got -1 1" in attack(from_c(f"c.syscall({CLONE[_machine()]}, 17, 0, 0, 0, 0)"))
    assert "can't start new thread" in attack(BOMB)


BOMB = """
import threading
end, threads = threading.Event(), []
try:
    for k in range(100):
        threads.append(threading.Thread(target=end.wait))
        threads[-1].start()
finally:
    end.set()
    [thread.join() for thread in threads[:-1]]
"""


@confined
@pytest.mark.skipif(os.geteuid() != 0, reason="root only")
def test_threads_are_few_where_nobody_can_read_the_interpreter(monkeypatch, tmp_path):
    """As root, whose processes the system does not limit."""
    readable = sandboxes.readable_paths()
    (tmp_path / "closed" / "inside").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    monkeypatch.setattr(sandboxes, "readable_paths", lambda: [*readable, str(tmp_path / "closed" / "inside")])
    with sandboxed({"d.py": PUPPET}, "d.py", kernels=False) as puppet:
        with pytest.raises(SandboxError, match="can't start new thread"):
            puppet.columns(0, (BOMB,))
        with pytest.raises(SandboxError, match="effective 0"):
            puppet.columns(0, ("import os; raise RuntimeError(f'effective {os.geteuid()}')",))


@confined
def test_programs_are_not_started(attack):
    assert "must not start a program" in attack("import subprocess; subprocess.run(['/bin/true'])")
    assert "must not start a program" in attack("import os; os.system('true')")
    code = "import ctypes; f = ctypes.CDLL(None).execv(b'/bin/true', None); raise RuntimeError(f'got {f}')"
    assert "got -1" in attack(code)


@confined
def test_a_process_that_wants_to_stay_ends_with_the_sandbox():
    """It leaves its session, wishes to outlive its parent and does not read on."""
    marker = f"left{os.getpid()}"
    code = (
        "import ctypes, time; c = ctypes.CDLL(None)\n"
        f"c.prctl(1, 0, 0, 0, 0); c.setsid(); c.prctl(15, b'{marker}', 0, 0, 0)\n"
        "time.sleep(60)"
    )

    def alive() -> bool:
        names = []
        for path in Path("/proc").glob("[0-9]*/comm"):
            with contextlib.suppress(OSError):
                names.append(path.read_text().strip())
        return marker in names

    with sandboxed({"d.py": PUPPET}, "d.py", kernels=False) as puppet:

        def ask() -> None:
            with contextlib.suppress(SandboxError):
                puppet.columns(0, (code,))

        threading.Thread(target=ask, daemon=True).start()
        wait_until(alive)
        puppet._process.kill()
        wait_until(lambda: not alive())


def wait_until(true) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@confined
def test_an_endless_loop_is_stopped(tmp_path):
    began = time.monotonic()
    with pytest.raises(SandboxError, match="may take 1 s"):
        run(write_descriptor(tmp_path / "s", body="while True: pass"), Limits(seconds=1))
    with pytest.raises(SandboxError, match=r"(ended|taken longer)"):
        run(write_descriptor(tmp_path / "s2", top="while True: pass"), Limits(seconds=20, cpu=2))
    assert time.monotonic() - began < 30


@confined
def test_a_process_that_does_not_read_its_questions_is_stopped(tmp_path):
    """It has answered in advance, and the question is longer than the pipe holds."""
    forged = (
        "import json, os, struct, time\n"
        "def say(x): return b''.join(struct.pack('<Q', len(y)) + y for y in (json.dumps(x).encode(), b''))\n"
        "declared = dict(name='bold-idea', title='t', citation='c', version=1, needs=['positions'], fields=[],\n"
        "    rows='atoms', smooth=True, exempt={}, image=[])\n"
        "for d in range(3, 20):\n"
        "    try: os.write(d, say({'answer': [declared]}))\n"
        "    except OSError: pass\n"
        "time.sleep(20)"
    )
    large = Glass(np.random.default_rng(0).uniform(0, 60, (10_000, 3)), np.full(10_000, "Cu"), [60.0] * 3)
    submission = read_submission(write_descriptor(tmp_path / "s", top=forged))
    with (
        pytest.raises(SandboxError, match="may take 4 s"),
        contributed(submission, limits=Limits(seconds=4)) as contribution,
    ):
        contribution.entry.declines(large)


BURN = """
import threading, time
def burn():
    end = time.thread_time() + 0.3
    while time.thread_time() < end: pass
def declines(glass):
    DECLINES
"""


@confined
@pytest.mark.parametrize("where", ["threads", "declines", "later"])
def test_all_that_a_descriptor_computes_is_counted(tmp_path, where):
    """In threads that have ended, before its columns are asked for and after they were given."""
    body = {"threads": "t = threading.Thread(target=burn); t.start(); t.join()", "later": LATER}
    top = BURN.replace("DECLINES", "burn()" if where == "declines" else "pass")
    folder = write_descriptor(tmp_path / "s", top=top, body=body.get(where, "pass"))
    code = (folder / "descriptor.py").read_text()
    (folder / "descriptor.py").write_text(code.replace(", compute)", ", compute, declines=declines)"))
    glasses = [perturbed_crystal(seed) for seed in range(2)]
    with contributed(read_submission(folder)) as contribution:
        entry = contribution.entry
        for glass in glasses * 2:
            entry.declines(what_it_sees(entry, glass))
        for glass in glasses:
            enough = contribution.sandbox.seconds() + (0.3 if where == "later" else 0)
            entry.compute(what_it_sees(entry, glass), glass.kinds)
            wait_until(lambda enough=enough: contribution.sandbox.seconds() > enough)
        entry.compute(what_it_sees(entry, glass), glass.kinds)
    spent = sum(seconds for _, seconds in contribution.timed)
    assert len(contribution.timed) == 2
    assert (0.3 if where == "later" else 0.6) <= spent < 1.1


LATER = "threading.Thread(target=burn).start()"


@confined
def test_memory_files_and_answers_are_limited(attack, tmp_path):
    assert "memory" in attack("import numpy; numpy.ones(10**9)").lower()
    assert "No space left" in attack("for k in range(100): open(f'{k}', 'wb').write(bytes(2**19))")
    clean = "import os; [os.remove(name) for name in os.listdir('.') if name.isdigit()]"
    assert "File too large" in attack(f"{clean}; open('f', 'wb').write(bytes(2**22))")
    assert "No space left" in attack("for k in range(10**5): open(f'{k}', 'wb').close()")
    assert "the end" in attack(f"{clean}; raise RuntimeError('the end')")
    with pytest.raises(SandboxError, match=r"may have 100,000 bytes"):
        run(write_descriptor(tmp_path / "d", body="return np.zeros((10**5, 1), np.float32)"), Limits(answer=100_000))


@confined
def test_pickles_do_not_come_back(tmp_path):
    with pytest.raises(SandboxError, match="ValueError: Object arrays cannot be saved"):
        run(write_descriptor(tmp_path / "s", body="return np.array([print], dtype=object)"))
    forged = (  # a frame of its own on every pipe that is open
        "import os, struct, pickle\n"
        'header = b\'{"answer": null, "noted": []}\'\n'
        "evil = pickle.dumps(print)\n"
        "for d in range(3, 20):\n"
        "    try: os.write(d, b''.join(struct.pack('<Q', len(x)) + x for x in (header, evil)))\n"
        "    except OSError: pass"
    )
    with pytest.raises(SandboxError, match="plain npy array"):
        run(write_descriptor(tmp_path / "s2", body=forged))
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d,)}\n" % 10**14
    endless = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with pytest.raises(SandboxError, match="plain npy array"):
        run(write_descriptor(tmp_path / "s3", body=forged.replace("pickle.dumps(print)", repr(endless))))


@confined
@pytest.mark.parametrize("body", ["import os; os._exit(0)", "import ctypes; ctypes.string_at(0)"])
def test_however_it_ends_there_is_one_sentence(tmp_path, body):
    with pytest.raises(SandboxError, match="ended") as caught:
        run(write_descriptor(tmp_path / "s", body=body))
    assert "\n" not in str(caught.value)


@confined
def test_an_error_cannot_paint_the_terminal(attack):
    assert attack(r"raise ValueError('\x1b[2J\nall good')").isprintable()
    assert "SystemExit" in attack("raise SystemExit")


def test_where_nothing_can_be_confined_code_is_not_run(tmp_path, monkeypatch):
    made = tmp_path / "made"
    folder = write_descriptor(tmp_path / "s", top=f"open({str(made)!r}, 'w')")
    monkeypatch.setattr(sandboxes.Sandbox, "_begin", lambda self, kernels: ["limits"])
    with pytest.raises(SandboxError, match=r"missing: namespaces.*landlock, system calls\).*--unsafe"):
        run(folder)
    assert not made.exists()


def test_secrets_of_the_environment_are_not_handed_over(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    code = b"import os; raise ValueError(sorted(os.environ))"
    with pytest.raises(SandboxError) as caught, sandboxed({"d.py": code}, "d.py", unsafe=True, kernels=False):
        pass
    assert "SECRET" not in str(caught.value)
    assert "HOME" in str(caught.value)


def test_what_holds_labels_is_never_readable(root, monkeypatch, tmp_path):
    """Also where the package is installed with its data inside of it."""
    readable = sandboxes.readable_paths()
    kept = [root / "datasets" / "toy" / "g0.npz", Path(os.environ["ZOO_CACHE"]) / "x", Path(os.environ["ZOO_RESULTS"])]
    for path in kept:
        assert not any(path.resolve().is_relative_to(folder) for folder in readable)
    (tmp_path / "lib" / "content" / "datasets").mkdir(parents=True)
    (tmp_path / "lib" / "code").mkdir()
    found = list(sandboxes._without(tmp_path / "lib", [tmp_path / "lib" / "content"]))
    assert found == [str(tmp_path / "lib" / "code")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "<script>alert(1)</script>"}, "lower-case letters"),
        ({"name": "../../etc"}, "lower-case letters"),
        ({"name": "voronoi\u0430"}, "lower-case letters"),
        ({"title": "fine \u202e enif"}, "plain text"),
        ({"title": "\x1b[2J"}, "plain text"),
        ({"title": "x" * 501}, "does not follow its schema"),
        ({"version": "1"}, "does not follow its schema"),
        ({"surprise": 1}, "does not follow its schema"),
        ({"authors": []}, "does not follow its schema"),
        ({"fields": ["a\nb"]}, "names of stored fields"),
    ],
)
def test_crafted_cards_are_refused(tmp_path, change, words):
    folder = write_descriptor(tmp_path / "s", **change)
    with pytest.raises((SubmissionError, DeclarationError), match=words):
        read_submission(folder)


@pytest.mark.parametrize("toml", ["a = " + "[" * 5000, "name = 'x'\n" * 2, "\x00", "a" * 30_000])
def test_crafted_toml_gets_a_sentence(tmp_path, toml):
    folder = write_descriptor(tmp_path / "s")
    (folder / "card.toml").write_text(toml)
    with pytest.raises(ZooError):
        read_submission(folder)


def test_links_pickles_devices_and_floods_are_refused(tmp_path):
    def refused(number: int, words: str, spoil) -> None:
        folder = write_descriptor(tmp_path / f"s{number}")
        spoil(folder)
        with pytest.raises(SubmissionError, match=words):
            read_submission(folder)

    refused(0, "link", lambda folder: (folder / "a.py").symlink_to("/etc/passwd"))
    refused(1, "link", lambda folder: (folder / "sub").symlink_to("/etc"))
    refused(2, "end in", lambda folder: (folder / "model.pkl").write_bytes(b"x"))
    refused(3, "device", lambda folder: os.mkfifo(folder / "pipe.txt"))
    refused(4, "1 MB", lambda folder: (folder / "big.npy").write_bytes(bytes(1_000_001)))
    refused(5, "30 files", lambda folder: [(folder / f"f{k}.txt").write_text("") for k in range(40)])
    refused(6, "names of files", lambda folder: (folder / "a b.py").write_text(""))


@confined
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"bold-idea", "A', '"voronoi-like", "A', "name must be the same"),
        (", compute)", ", compute, fields=('slip',))", "fields must be the same"),
        (", compute)", ", compute, rows='pairs')", "must describe atoms"),
        ("feature_sets.register(", "(", "must register one"),
    ],
)
def test_code_that_says_otherwise_than_its_card_is_refused(tmp_path, old, new, words):
    folder = write_descriptor(tmp_path / "s")
    path = folder / "descriptor.py"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SubmissionError, match=words):
        run(folder)


@pytest.mark.parametrize("length", ["near", [1], -1, 10**400], ids=["word", "list", "negative", "endless"])
def test_columns_of_no_length_are_refused(length):
    with pytest.raises(SubmissionError, match="length of a column"):
        _checked_columns([["crowd", "1", "density", length]])


@pytest.mark.parametrize("name", ["<img src=x>", "a\nb", "", "x" * 81])
def test_columns_that_inject_html_are_refused(name):
    with pytest.raises(SubmissionError, match="plain characters"):
        _checked_columns([[name, "1", "density", None]])


def test_a_card_of_another_kind_brings_no_code(tmp_path):
    with pytest.raises(SubmissionError, match="brings no code"):
        read_submission(write_descriptor(tmp_path / "s", kind="predictions"))
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "card.toml").write_text(tomli_w.dumps(CARD))
    with pytest.raises(SubmissionError, match=r"must be in descriptor\.py"):
        read_submission(folder)
