"""Fetching over a real connection, from a server on this machine."""

from __future__ import annotations

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from zoo.datasets.fetch import fetch_file
from zoo.errors import ChecksumError, DatasetError

CONTENT = b"double wells" * 1000


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Address of a server that stops with the test."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "pairs.feather").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_download_with_a_progress_bar_arrives_and_is_kept(address: str) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    path = fetch_file(f"{address}/pairs.feather", digest, progress=True)
    assert path.read_bytes() == CONTENT
    assert fetch_file(f"{address}/pairs.feather", digest) == path


def test_a_download_of_something_else_is_refused(address: str) -> None:
    with pytest.raises(ChecksumError, match="must have sha256"):
        fetch_file(f"{address}/pairs.feather", "0" * 64)


def test_a_missing_address_says_what_to_do(address: str) -> None:
    with pytest.raises(DatasetError, match="set ZOO_MIRROR"):
        fetch_file(f"{address}/nothing.feather", "0" * 64)
