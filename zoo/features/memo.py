"""What several feature sets of one call need is computed once: tessellations, and sets that others are made from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_kept: ContextVar[dict[Hashable, tuple[Any, Any]] | None] = ContextVar("kept", default=None)


@contextmanager
def keeping() -> Iterator[None]:
    """Within this block :func:`once` computes nothing twice; blocks within it share what is kept."""
    if _kept.get() is not None:
        yield
        return
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def once(subject: Any, key: Hashable, compute: Callable[[], T]) -> T:
    """The result of ``compute``, a function of ``subject`` (such as a glass) and of what ``key`` says.

    The subject is kept too: what came after it could have its identity otherwise.
    """
    kept = _kept.get()
    if kept is None:
        return compute()
    place = (id(subject), key)
    if place not in kept:
        kept[place] = (subject, compute())
    found: T = kept[place][1]
    return found
