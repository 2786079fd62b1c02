"""Pickles of strangers: arrays come out as they went in, and nothing in a file is ever run."""

from __future__ import annotations

import builtins
import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.errors import FileFormatError
from zoo.formats.pickles import read_numpy_pickle


def stored(folder: Path, content: bytes) -> Path:
    path = folder / "theirs.pickle"
    path.write_bytes(content)
    return path


CONTENT = {
    "__header__": b"made by hand",
    "box": np.array([50.0, 50.1, 50.2], np.float32),
    "positions": np.arange(12.0).reshape(4, 3),
    "by_columns": np.asfortranarray(np.arange(6, dtype=np.uint16).reshape(2, 3)),
    "big_endian": np.array([1, 2, 3], ">i4"),
    "types": np.array([1, 2, 2, 1], np.int32),
    "names": np.array(["Cu", "Zr"]),
    "flags": np.array([True, False]),
    "none": np.empty((0, 3)),
    "one": np.float64(0.5),
    "nested": [(1, "two", None), {"deep": np.zeros(2)}],
}


@pytest.mark.parametrize("protocol", [3, 4])
def test_arrays_come_out_as_they_went_in(protocol: int, tmp_path: Path) -> None:
    found = read_numpy_pickle(stored(tmp_path, pickle.dumps(CONTENT, protocol)))
    assert list(found) == list(CONTENT)
    for name, value in CONTENT.items():
        if isinstance(value, np.ndarray):
            assert found[name].dtype == value.dtype
            np.testing.assert_array_equal(found[name], value)
    assert found["one"] == 0.5
    assert found["__header__"] == b"made by hand"
    assert found["nested"][0] == (1, "two", None)
    np.testing.assert_array_equal(found["nested"][1]["deep"], [0, 0])
    with pytest.raises(ValueError, match="read-only"):
        found["box"][0] = 1


def test_the_names_of_old_numpy_are_known(tmp_path: Path) -> None:
    content = pickle.dumps(np.arange(3), 3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    np.testing.assert_array_equal(read_numpy_pickle(stored(tmp_path, content)), [0, 1, 2])


class Calls:
    """Asks its reader to call ``function`` with ``arguments``."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def names(module: str, name: str, *rest: bytes) -> bytes:
    """A program that looks up a name."""
    return b"\x80\x04c" + f"{module}\n{name}\n".encode() + b"".join(rest) + b"."


TOUCH = "touch pwned"
HOSTILE = {
    "os.system": (pickle.dumps(Calls(os.system, TOUCH)), "asks for posix.system"),
    "eval": (pickle.dumps(Calls(builtins.eval, "open('pwned', 'w')")), "asks for builtins.eval"),
    "getattr": (pickle.dumps(Calls(getattr, "", "__class__")), "asks for builtins.getattr"),
    "a class of ours": (pickle.dumps(OrderedDict(a=1)), "asks for collections.OrderedDict"),
    "numpy.save": (pickle.dumps(Calls(np.save, "pwned", np.zeros(3))), "asks for numpy.save"),
    "numpy.load": (pickle.dumps(Calls(np.load, "theirs.pickle")), "asks for numpy.load"),
    "dotted name": (names("numpy", "ndarray.tofile"), "asks for numpy.ndarray.tofile"),
    "submodule": (names("numpy.testing._private.utils", "runstring"), "asks for numpy.testing._private"),
    "bare ndarray": (names("numpy", "ndarray", b"K\x05\x85R"), "damaged or no pickle"),
    "left-over name": (names("numpy", "dtype"), "no array and no plain value"),
    "attributes of a name": (names("numpy", "dtype", b"}(\x8c\x01aK\x01ub"), "changes something that is no array"),
    "object array": (pickle.dumps(np.array([1, "a", None], dtype=object)), "dtype 'O8'"),
    "array with fields": (pickle.dumps(np.zeros(2, [("a", "f8")])), "dtype 'V8'"),
    "subclass": (pickle.dumps(np.zeros(2).view(np.matrix), 3), "asks for numpy.matrix"),
    "another module's _reconstruct": (names("copyreg", "_reconstructor"), "asks for copyreg._reconstructor"),
    "extension": (b"\x80\x04\x82\x01.", "instruction EXT1"),
    "outside": (b"\x80\x04\x8c\x01aQ.", "instruction BINPERSID"),
    "INST": (b"(S'touch pwned'\nios\nsystem\n.", "instruction INST"),
    "NEWOBJ": (b"\x80\x04cnumpy\nndarray\n)\x81.", "instruction NEWOBJ"),
    "huge bytes": (b"\x80\x04\x8e" + struct.pack("<Q", 2**50) + b"x.", "damaged or no pickle"),
    "huge number of a part": (b"\x80\x04]r\xff\xff\xff\xff.", "numbers its parts wrongly"),
    "deep": (b"\x80\x04" + b"]" * 100 + b"a" * 99 + b".", "containers within containers"),
    "deeper than the stack": (b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b".", "containers within containers"),
    "itself": (b"\x80\x04]\x94h\x00a.", "containers within containers"),
    "nothing": (b"", "damaged or no pickle"),
    "text": (b"positions 1 2 3\n", "damaged or no pickle"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_refused_and_nothing_is_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content, reason = HOSTILE[name]
    with pytest.raises(FileFormatError, match="must be a pickle of plain numpy arrays, but ") as caught:
        read_numpy_pickle(stored(tmp_path, content))
    assert reason in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.pickle"]


def test_a_small_file_cannot_ask_for_a_large_array(tmp_path: Path) -> None:
    """The shape of a stored array is raised from 3 to 2^24 values, which its bytes do not fill."""
    content = pickle.dumps(np.arange(3, dtype=np.int64), 3)
    assert content.count(b"K\x03\x85") == 1
    with pytest.raises(FileFormatError, match="array of 16777216 values of int64 is said to have 24 bytes"):
        read_numpy_pickle(stored(tmp_path, content.replace(b"K\x03\x85", b"J\x00\x00\x00\x01\x85")))


def test_a_list_that_repeats_itself_is_walked_once(tmp_path: Path) -> None:
    """Twelve lists, each of ten times the one before: 10^12 entries if they were walked one by one."""
    rows: list[Any] = []
    for _ in range(12):
        rows = [rows] * 10
    assert len(read_numpy_pickle(stored(tmp_path, pickle.dumps(rows)))) == 10


@pytest.mark.parametrize("keep", [0.2, 0.7, 0.99])
def test_a_truncated_pickle_is_refused(keep: float, tmp_path: Path) -> None:
    content = pickle.dumps(CONTENT, 4)
    with pytest.raises(FileFormatError, match="damaged or no pickle"):
        read_numpy_pickle(stored(tmp_path, content[: int(keep * len(content))]))
