"""Parts of pages that take seconds and rest on data alone: made once, kept in the cache by a hash of all they use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from zoo._files import atomic_write, storage_error
from zoo.paths import cache_dir

PACKAGE = Path(__file__).resolve().parents[2]


def kept(name: str, uses: Sequence[object], make: Callable[[], str]) -> str:
    """A text from the cache, or made now and kept there.

    Parameters
    ----------
    name : str
        Beginning of the name of its file.
    uses : sequence
        Everything that the text depends on, as JSON writes it.
    make : callable

    Raises
    ------
    StoreError
        The cache cannot be written to.
    """
    key = hashlib.sha256(json.dumps([name, *uses], sort_keys=True).encode()).hexdigest()[:32]
    path = cache_dir() / "site" / f"{name}-{key}.txt"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = make()
    try:
        with atomic_write(path) as stream:
            stream.write(text.encode())
    except OSError as error:
        raise storage_error(f"cache folder {path.parent}", error, "ZOO_CACHE") from None
    return text


@lru_cache
def code_of(*rooms: str) -> str:
    """Hash of modules and templates of this package, such as ``sheets`` or ``benchmark/task.py``: what they make may
    change."""
    below = [path for room in rooms for path in sorted([PACKAGE / room, *(PACKAGE / room).rglob("*")])]
    found = [path for path in below if path.suffix in (".py", ".j2")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in found)).hexdigest()
