"""Pickles of plain numpy arrays, read without running anything that they ask for.

A pickle is a program: an ordinary reader calls whatever the file names. Here every instruction is looked
at first, and the few names that an array needs (``_reconstruct``, ``ndarray``, ``dtype``, ``scalar`` of numpy) lead to
stand-ins of this module. They do no more than keep what the file says until it has been checked; memory is taken only
for bytes that are in the file.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import FileFormatError

LARGEST = 2**31
"""Bytes of the largest file that is read."""

DEEPEST = 20
"""Containers within containers."""

NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): "array",
    ("numpy._core.multiarray", "_reconstruct"): "array",
    ("numpy.core.multiarray", "scalar"): "scalar",
    ("numpy._core.multiarray", "scalar"): "scalar",
    ("numpy", "dtype"): "dtype",
    ("numpy", "ndarray"): "ndarray",
}
"""Every name that a file may use, and the stand-in for it."""

HARMLESS = """
PROTO FRAME STOP MARK POP POP_MARK DUP MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET
NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING
UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8
EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT SETITEM SETITEMS
EMPTY_SET ADDITEMS FROZENSET GLOBAL STACK_GLOBAL REDUCE BUILD
"""
"""Instructions of the pickle machine that build plain values, look up a name or call a stand-in."""

PLAIN_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|c(8|16)|[SU]\d{1,4}")
LEAVES = (str, bytes, int, float, bool, type(None), np.generic, np.ndarray)


class _Refused(Exception):
    """What the file does wrong."""


class _StandIn:
    """What a name of the file leads to; nothing about it can be changed by the file."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise _Refused("it changes something that is no array")


class _DtypeState(_StandIn):
    """A dtype as the file spells it: ``f8`` and, later, its byte order."""

    __slots__ = ("dtype",)

    def __init__(self, spelled: object) -> None:
        if not isinstance(spelled, str) or not PLAIN_DTYPE.fullmatch(spelled):
            raise _Refused(f"arrays must hold numbers, truth values or words, got dtype {str(spelled)[:40]!r}")
        self.dtype = np.dtype(spelled)

    def __setstate__(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 4 else None
        if order not in ("<", ">", "|", "=") or not isinstance(state, tuple) or state[2:5] != (None, None, None):
            raise _Refused("arrays must be plain, got a dtype with fields")
        self.dtype = self.dtype.newbyteorder(order)


class _ArrayState(_StandIn):
    """An array whose content has not been met yet."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: np.ndarray[Any, Any] | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[1], tuple):
            raise _Refused("an array is not described as numpy does")
        _, shape, dtype, by_columns, content = state
        if not all(isinstance(length, int) and length >= 0 for length in shape) or len(shape) > 8:
            raise _Refused(f"an array has the impossible shape {str(shape)[:60]}")
        values = _values(dtype, content, math.prod(shape))
        self.array = values.reshape(shape, order="F" if by_columns is True else "C")


class _Reconstruct(_StandIn):
    """Stands for ``numpy._core.multiarray._reconstruct``: an empty array, filled afterwards."""

    __slots__ = ()

    def __call__(self, kind: object, shape: object, letter: object) -> _ArrayState:
        if not isinstance(kind, _Ndarray):
            raise _Refused("an array must be a plain numpy.ndarray")
        return _ArrayState()


class _Scalar(_StandIn):
    """Stands for ``numpy._core.multiarray.scalar``."""

    __slots__ = ()

    def __call__(self, dtype: object, content: object) -> object:
        return _values(dtype, content, 1)[0]


class _Dtype(_StandIn):
    """Stands for ``numpy.dtype``."""

    __slots__ = ()

    def __call__(self, spelled: object, align: object = False, copy: object = True) -> _DtypeState:
        return _DtypeState(spelled)


class _Ndarray(_StandIn):
    """Stands for the class ``numpy.ndarray``, which a file may name but not call."""

    __slots__ = ()


class _Reader(pickle.Unpickler):
    """Knows the names of :data:`NAMES` and no other."""

    def find_class(self, module: str, name: str) -> Any:
        stand_in = {"array": _Reconstruct, "scalar": _Scalar, "dtype": _Dtype, "ndarray": _Ndarray}
        if (module, name) not in NAMES:
            raise _Refused(f"it asks for {module}.{name}, which no array needs")
        return stand_in[NAMES[module, name]]()

    def persistent_load(self, pid: object) -> Any:
        raise _Refused("it refers to something outside the file")


def read_numpy_pickle(path: Path) -> Any:
    """Content of a pickle of numpy arrays in lists, tuples, dicts and sets; nothing in it is ever run.

    Parameters
    ----------
    path : Path
        Written by Python 3 with protocol 0 to 4.

    Returns
    -------
    object
        Plain Python values and read-only numpy arrays of numbers, truth values or words.

    Raises
    ------
    FileFormatError
        The file is missing, truncated or too large, asks for anything but arrays, or holds arrays of objects.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise _Refused(f"it has more than {LARGEST // 2**30} GiB")
        content = path.read_bytes()
        _require_harmless(content)
        return _plain(_Reader(io.BytesIO(content)).load(), {}, 0)
    except FileNotFoundError:
        raise FileFormatError(f"{path} does not exist") from None
    except Exception as error:  # a broken pickle fails in its own ways
        reason = error if isinstance(error, _Refused) else f"it is damaged or no pickle ({type(error).__name__})"
        raise FileFormatError(
            f"{path} must be a pickle of plain numpy arrays, but {reason}: nothing of it was run; use it only if you "
            "trust its origin, and save it as npz instead"
        ) from None


def _require_harmless(content: bytes) -> None:
    """Look at every instruction before any is followed.

    The compiled reader makes room for the largest number in a PUT before it finds it absurd, hence the bound on it.
    """
    harmless = set(HARMLESS.split())
    for number, (operation, argument, _) in enumerate(pickletools.genops(content)):
        if operation.name not in harmless:
            raise _Refused(f"it uses the instruction {operation.name}, which no array needs")
        if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > number:
            raise _Refused("it numbers its parts wrongly")


def _values(dtype: object, content: object, count: int) -> np.ndarray[Any, Any]:
    """``count`` values of the bytes of an array, read-only."""
    if not isinstance(dtype, _DtypeState):
        raise _Refused("an array has no dtype")
    if not isinstance(content, bytes):
        raise _Refused(f"an array holds {type(content).__name__} instead of bytes")
    if len(content) != count * dtype.dtype.itemsize:
        raise _Refused(f"an array of {count} values of {dtype.dtype} is said to have {len(content)} bytes")
    return np.frombuffer(content, dtype.dtype, count) if count else np.empty(0, dtype.dtype)


def _plain(value: Any, done: dict[int, Any], depth: int) -> Any:
    """``value`` with arrays in place of their stand-ins; each part is looked at once."""
    if depth > DEEPEST:
        raise _Refused(f"it has more than {DEEPEST} containers within containers")
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, _ArrayState) and value.array is not None:
        found: Any = value.array
    elif isinstance(value, dict):
        if not all(isinstance(key, str | bytes | int) for key in value):
            raise _Refused("the keys of a dict must be words or numbers")
        found = {key: _plain(entry, done, depth + 1) for key, entry in value.items()}
    elif isinstance(value, list | tuple | set | frozenset):
        found = type(value)(_plain(entry, done, depth + 1) for entry in value)
    elif isinstance(value, LEAVES):
        found = value
    else:
        raise _Refused("it holds something that is no array and no plain value")
    done[id(value)] = found
    return found
