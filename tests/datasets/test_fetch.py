"""Files of other people: from the mirror, the cache or the network, and never a wrong byte."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pooch
import pytest
import tomli_w

from zoo.datasets.fetch import fetch_file, is_at_hand, local_path, mirrored_path
from zoo.datasets.load import load_dataset
from zoo.errors import ChecksumError, DatasetError

URL = "https://openkim.org/files/MO_1/Cu-Zr.eam.fs"
CONTENT = b"a potential\n" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty, without a mirror and without a network."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(pooch, "retrieve", no_network)
    return tmp_path / "cache"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder laid out like the web that holds the file; its path there is returned."""
    path = tmp_path / "mirror" / "openkim.org" / "files" / "MO_1" / "Cu-Zr.eam.fs"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.setenv("ZOO_MIRROR", str(tmp_path / "mirror"))
    return path


def no_network(url: str, **options: Any) -> str:
    raise ConnectionError("Name or service not known")


def serving(content: bytes, asked: list[str]) -> Any:
    """In place of ``pooch.retrieve``: every address gives ``content``."""

    def retrieve(url: str, known_hash: str | None, path: Path, fname: str, progressbar: bool) -> str:
        asked.append(url)
        (Path(path) / fname).write_bytes(content)
        return str(Path(path) / fname)

    return retrieve


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_of_the_mirror_needs_no_network(mirror: Path, cache: Path) -> None:
    assert is_at_hand(URL)
    path = fetch_file(URL, SHA256)
    assert path == cache / "downloads" / "openkim.org" / "files" / "MO_1" / "Cu-Zr.eam.fs"
    assert path.read_bytes() == CONTENT
    mirror.unlink()
    assert fetch_file(URL, SHA256) == path  # from the cache from now on


def test_raw_files_of_github_are_found_under_its_own_host(mirror: Path, tmp_path: Path) -> None:
    path = tmp_path / "mirror" / "github.com" / "someone" / "tables" / "0123abc" / "a.feather"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    url = "https://raw.githubusercontent.com/someone/tables/0123abc/a.feather"
    assert mirrored_path(url) == path
    assert fetch_file(url, SHA256).read_bytes() == CONTENT


def test_a_damaged_file_of_the_mirror_is_refused_and_leaves_nothing_behind(mirror: Path, cache: Path) -> None:
    mirror.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(ChecksumError, match=rf"mirror/openkim.org/.* must have sha256 {SHA256}, got .* is damaged"):
        fetch_file(URL, SHA256)
    assert not files_in(cache)


def test_a_damaged_copy_in_the_cache_is_fetched_again(mirror: Path) -> None:
    path = fetch_file(URL, SHA256)
    for damage in (b"", CONTENT[:100], CONTENT + b"!"):
        path.write_bytes(damage)
        assert fetch_file(URL, SHA256) == path
        assert path.read_bytes() == CONTENT


def test_a_good_copy_survives_a_wrong_question(mirror: Path) -> None:
    """Asked for another hash, what is there is not what is wanted, and nothing else can be had."""
    path = fetch_file(URL, SHA256)
    with pytest.raises(ChecksumError):
        fetch_file(URL, "0" * 64)
    assert fetch_file(URL, SHA256) == path


def test_without_a_mirror_the_network_is_asked_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(pooch, "retrieve", serving(CONTENT, asked))
    assert not is_at_hand(URL)
    assert fetch_file(URL, SHA256).read_bytes() == CONTENT
    assert is_at_hand(URL)
    assert fetch_file(URL, SHA256) == local_path(URL)
    assert asked == [URL]


def test_a_download_that_was_changed_is_refused_and_leaves_nothing_behind(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooch, "retrieve", serving(b"<html>not found</html>", []))
    with pytest.raises(ChecksumError, match=r"https://openkim\.org/.* got .* damaged or was changed upstream"):
        fetch_file(URL, SHA256)
    assert not files_in(cache)


def test_without_network_and_mirror_a_hint_is_given(cache: Path) -> None:
    with pytest.raises(
        DatasetError,
        match=r"Cu-Zr.eam.fs cannot be downloaded \(ConnectionError: .*\): check the network, or set ZOO_MIRROR",
    ):
        fetch_file(URL, SHA256)
    assert not files_in(cache)


@pytest.mark.parametrize(
    "url",
    [
        "https://openkim.org/../../etc/passwd",
        "https://openkim.org/a/../../../x",
        "https://../x",
        "file:///etc/passwd",
        "nonsense",
    ],
)
def test_an_address_that_leads_out_of_the_cache_is_refused(url: str, mirror: Path, cache: Path) -> None:
    with pytest.raises(DatasetError, match="must be an address of the web"):
        fetch_file(url, SHA256)


def test_a_data_set_that_was_not_fetched_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = {
        "name": "theirs",
        "version": "1",
        "title": "",
        "kind": "pairs",
        "description": "",
        "license": "MIT",
        "citation": "them",
        "created": "",
        "files": [{"url": URL, "sha256": SHA256, "bytes": len(CONTENT)}],
        "columns": [
            {"name": name, "unit": "1", "role": role, "description": ""}
            for name, role in (("g", "group"), ("i", "state"), ("j", "state"))
        ],
    }
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "card.toml").write_text(tomli_w.dumps(card))
    with pytest.raises(DatasetError, match=r"theirs is not redistributed here .* run zoo data fetch theirs"):
        load_dataset(str(folder))
    monkeypatch.setattr(pooch, "retrieve", serving(CONTENT, []))
    fetch_file(URL, SHA256)
    assert load_dataset(str(folder)).paths == {SHA256: local_path(URL)}
