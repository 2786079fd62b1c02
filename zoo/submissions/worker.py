"""What runs inside the sandbox: contributed code, asked over a pipe for its declaration and for columns.

Frames are eight bytes of length and so many bytes. Questions come as JSON, glasses as npz, columns go back as npy.
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

LONGEST = 300
"""Characters of an error that are passed on."""


def send(stream: BinaryIO, content: bytes) -> None:
    """Write one frame."""
    stream.write(struct.pack("<Q", len(content)) + content)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """Read one frame; the end of the stream ends the process."""
    head = stream.read(8)
    if len(head) < 8:
        os._exit(0)
    return stream.read(struct.unpack("<Q", head)[0])


def main() -> None:
    """Confine the process, then answer until the stream ends."""
    answers = os.fdopen(os.dup(1), "wb")
    questions = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    begin = json.loads(receive(questions))
    from zoo.submissions.confine import confine, watch

    compiled = _compiled_kernels(Path(begin["package"])) if begin["kernels"] else {}
    layers = confine(begin["limits"], begin["readable"], begin["scratch"])
    scratch = Path(begin["scratch"])
    os.chdir(scratch)
    _put_kernels(compiled, scratch / "kernels")
    sys.path[:] = [path for path in sys.path if any(Path(path).is_relative_to(folder) for folder in begin["readable"])]
    noted: list[str] = []
    watch(begin["readable"], begin["scratch"], noted)
    send(answers, json.dumps({"layers": [*layers, "audit hook"]}).encode())
    if json.loads(receive(questions)).get("go_on") is not True:
        os._exit(0)
    _serve(questions, answers, scratch, noted)


def _compiled_kernels(package: Path) -> dict[str, bytes]:
    """This project's compiled kernels, by the name that numba gives them in a cache folder."""
    import hashlib

    found = {}
    for path in package.rglob("__pycache__/*.nb[ci]"):
        folder = path.parent.parent
        digest = hashlib.sha1(str(folder).encode(), usedforsecurity=False).hexdigest()
        found[f"{folder.name}_{digest}/{path.name}"] = path.read_bytes()
    return found


def _put_kernels(compiled: dict[str, bytes], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in compiled.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def _serve(questions: BinaryIO, answers: BinaryIO, scratch: Path, noted: list[str]) -> None:
    """Answer ``load``, ``columns``, ``declines`` and ``compute`` with a header, and for columns a matrix after it."""
    entries: list[Any] = []

    def load(question: dict[str, Any], glass: bytes) -> tuple[Any, bytes]:
        entries[:] = _load(question["files"], question["main"], scratch)
        return [_declared(entry) for entry in entries], b""

    def columns(question: dict[str, Any], glass: bytes) -> tuple[Any, bytes]:
        entry = entries[question["entry"]]
        return [
            [column.name, column.unit, column.family, column.length]
            for column in entry.columns(tuple(question["kinds"]))
        ], b""

    def declines(question: dict[str, Any], glass: bytes) -> tuple[Any, bytes]:
        return entries[question["entry"]].declines(_glass(glass)), b""

    def compute(question: dict[str, Any], glass: bytes) -> tuple[Any, bytes]:
        import numpy as np

        matrix = entries[question["entry"]].compute(_glass(glass), tuple(question["kinds"]))
        if not isinstance(matrix, np.ndarray):
            raise TypeError(f"compute must return a numpy array, got {type(matrix).__name__}")
        buffer = io.BytesIO()
        np.save(buffer, matrix, allow_pickle=False)
        return None, buffer.getvalue()

    known: dict[str, Callable[[dict[str, Any], bytes], tuple[Any, bytes]]] = {
        "load": load,
        "columns": columns,
        "declines": declines,
        "compute": compute,
    }
    while True:
        question = json.loads(receive(questions))
        glass = receive(questions)
        try:
            answer, matrix = known[question["what"]](question, glass)
            header = {"answer": answer, "noted": noted}
            content = json.dumps(header).encode()
        except MemoryError:
            content, matrix = json.dumps({"error": "it takes more memory than it may", "noted": noted}).encode(), b""
        except BaseException as error:  # contributed code may fail in any way, SystemExit among them
            content = json.dumps({"error": _sentence(error), "noted": noted}).encode()
            matrix = b""
        send(answers, content)
        send(answers, matrix)


def _sentence(error: BaseException) -> str:
    import traceback

    where = [frame for frame in traceback.extract_tb(error.__traceback__) if "submission" in frame.filename]
    place = f" ({Path(where[-1].filename).name}, line {where[-1].lineno})" if where else ""
    return f"{type(error).__name__}: {error}"[:LONGEST] + place


def _load(files: dict[str, str], main: str, scratch: Path) -> list[Any]:
    """Write the files of a submission into the scratch folder and run its module; the sets that it registers."""
    import runpy

    from zoo.features.declaration import feature_sets

    folder = scratch / "submission"
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes.fromhex(content))
    before = set(feature_sets.names())
    sys.path.insert(0, str(folder))
    runpy.run_path(str(folder / main))
    return [entry for entry in feature_sets if entry.name not in before]


def _declared(entry: Any) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "citation": entry.citation,
        "version": entry.version,
        "needs": sorted(entry.needs),
        "fields": list(entry.fields),
        "rows": entry.rows,
        "smooth": entry.smooth,
        "exempt": dict(entry.exempt),
        "image": list(entry.image),
    }


def _glass(content: bytes) -> Any:
    """The glass of an npz: plain arrays, species by number."""
    import numpy as np

    from zoo.glass import Field, Glass

    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        units: dict[str, str] = json.loads(str(stored["units"]))
        return Glass(
            stored["positions"],
            stored["species"],
            stored["cell"],
            stored["periodic"],
            {name: Field(stored[f"field.{name}"], unit) for name, unit in units.items()},
        )
