"""``njit`` of numba, for every kernel of this package.

numba keeps what it has compiled in ``__pycache__`` until the file of that function changes; functions of other files
that were compiled into it may change unnoticed, and a class of theirs that is gone makes it fail. So when any source of
kernels is not what it was, all of them are compiled again.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from numba import njit

from zoo._files import atomic_write

__all__ = ["drop_stale_kernels", "njit"]


def drop_stale_kernels(package: Path = Path(__file__).parent) -> None:
    """Delete compiled kernels below a folder unless their sources are those of the last time; takes 8 ms."""
    sources = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        text = path.read_bytes()
        if b"njit" in text:
            sources.update(text)
    noted = package / "__pycache__" / "kernels.sha256"
    with contextlib.suppress(OSError):  # a package that only its owner can write: installed in whole
        if noted.exists() and noted.read_text() == sources.hexdigest():
            return
        for compiled in package.rglob("__pycache__/*.nb[ic]"):
            compiled.unlink(missing_ok=True)
        with atomic_write(noted) as file:
            file.write(sources.hexdigest().encode())


drop_stale_kernels()
