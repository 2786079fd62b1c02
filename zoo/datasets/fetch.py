"""Files of other people: downloaded at the user's wish, checked by sha256, never committed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from zoo._files import atomic_write, sha256_of
from zoo.errors import ChecksumError, DatasetError
from zoo.paths import cache_dir, mirror_dir


def local_path(url: str) -> Path:
    """Where the file behind ``url`` is kept: the cache, laid out as the web is (``host/path``).

    Raises
    ------
    DatasetError
        It is no address of the web, or climbs out of the cache.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or ".." in (parts.netloc, *parts.path.split("/")):
        raise DatasetError(f"a file to be fetched must be an address of the web without .., got {url!r}")
    return cache_dir() / "downloads" / parts.netloc / parts.path.lstrip("/")


def is_at_hand(url: str) -> bool:
    """Whether :func:`fetch_file` would need the network."""
    return local_path(url).exists() or mirrored_path(url) is not None


def mirrored_path(url: str) -> Path | None:
    """The copy of ``url`` in the folder named by ``ZOO_MIRROR``, if there is one.

    Raw addresses of GitHub files are found under the repository's own host.
    """
    mirror, parts = mirror_dir(), urlsplit(url)
    if mirror is None:
        return None
    host = "github.com" if parts.netloc == "raw.githubusercontent.com" else parts.netloc
    path = mirror / host / parts.path.lstrip("/")
    return path if path.is_file() else None


def fetch_file(url: str, sha256: str, progress: bool = False) -> Path:
    """Path of a local copy of ``url``, which is checked every time it is asked for.

    Looks in the cache, then in the folder named by ``ZOO_MIRROR``, then downloads.

    Raises
    ------
    ChecksumError
        What arrived differs from ``sha256``.
    DatasetError
        It cannot be had from anywhere.
    """
    target = local_path(url)
    if target.exists():
        if sha256_of(target) == sha256:
            return target
        target.unlink()  # a damaged copy: get it again
    source = mirrored_path(url)
    if source is not None:
        with atomic_write(target) as stream:
            stream.write(source.read_bytes())
        return _checked(target, sha256, source)
    return _checked(_download(url, target, progress), sha256, url)


def _download(url: str, target: Path, progress: bool) -> Path:
    import pooch

    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        pooch.retrieve(url, known_hash=None, path=target.parent, fname=target.name, progressbar=progress)
    except Exception as error:  # every transport has its own exceptions
        raise DatasetError(
            f"{url} cannot be downloaded ({type(error).__name__}: {error}): check the network, or set ZOO_MIRROR to "
            "a folder that holds it under host/path"
        ) from error
    return target


def _checked(path: Path, sha256: str, source: Path | str) -> Path:
    found = sha256_of(path)
    if found != sha256:
        path.unlink()
        raise ChecksumError(f"{source} must have sha256 {sha256}, got {found}: it is damaged or was changed upstream")
    return path
