"""Where the project's content, the caches and the results live."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


@cache
def content_root() -> Path:
    """Folder that holds ``datasets/`` and ``benchmarks/``: ``ZOO_ROOT``, the checkout, or the installed copy."""
    if root := os.environ.get("ZOO_ROOT"):
        return Path(root).resolve()
    package = Path(__file__).resolve().parent
    checkout = package.parent
    return checkout if (checkout / "datasets").is_dir() else package / "content"


def cache_dir() -> Path:
    """Folder of things that can be made again (features, downloads, builds); ``ZOO_CACHE`` moves it."""
    if folder := os.environ.get("ZOO_CACHE"):
        return Path(folder).resolve()
    from platformdirs import user_cache_path

    return user_cache_path("glass-zoo")


def portable(text: str) -> str:
    """A sentence with no folder of this machine, to be shown elsewhere: it names ``ZOO_CACHE`` instead."""
    return text.replace(str(cache_dir()), "ZOO_CACHE")


def default_results_dir() -> Path:
    """Results folder used when none is given: ``ZOO_RESULTS``, else in the checkout, else below the working folder."""
    if folder := os.environ.get("ZOO_RESULTS"):
        return Path(folder).resolve()
    root = content_root()
    return (root if root.name != "content" else Path.cwd()) / "leaderboard" / "results"


def mirror_dir() -> Path | None:
    """Folder laid out like the web (``host/path``) that is read instead of the network: ``ZOO_MIRROR``."""
    folder = os.environ.get("ZOO_MIRROR")
    return Path(folder).resolve() if folder else None
