"""Files written whole or not at all, and checked against their sha256."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from zoo.errors import DeclarationError, StoreError

T = TypeVar("T")


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary neighbour of ``path``; it replaces ``path`` only if the block ends without an error.

    A killed process or a full disk leaves the old file, or none, never half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def storage_error(what: str, error: OSError, how: str) -> StoreError:
    """The sentence for a folder that is read-only or full; ``how`` names what chooses another."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"the disk of the {what} is full: free some space and run again; finished work is kept")
    return StoreError(f"the {what} must be writable ({error.strerror or error}): choose another with {how}")


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file; the error names the file and the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DeclarationError(f"{path} does not exist") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path} is not valid TOML: {error}") from None


def parse_declaration(content: dict[str, Any], schema: type[T], where: Path | str) -> T:
    """Turn parsed TOML into ``schema`` (a frozen msgspec struct); unknown and missing keys are refused."""
    import msgspec

    try:
        return msgspec.convert(content, schema)
    except msgspec.ValidationError as error:
        raise DeclarationError(f"{where} does not follow its schema: {error}") from None
