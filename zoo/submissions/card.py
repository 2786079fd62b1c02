"""The card of a submission and the files beside it: read as data, never run."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from zoo._files import parse_declaration, read_toml
from zoo.errors import SubmissionError
from zoo.features.declaration import Need

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""Of a submission: it becomes the name of a folder and part of web addresses."""
MAIN = "descriptor.py"
CARD = "card.toml"
MANIFEST = "manifest.json"
PREDICTIONS = "predictions"
SUFFIXES = (".py", ".toml", ".md", ".txt", ".csv", ".json", ".npy")
"""Of the files that a submission may bring; plain text, and arrays that are read without pickles."""
LEFT_OUT = ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".git")
"""Folders that tools leave behind; they are no part of a submission."""
LONGEST_TEXT = 500
MOST_FILES, MOST_BYTES, MOST_BYTES_CARD, MOST_BYTES_PREDICTIONS = 30, 1_000_000, 20_000, 20_000_000

Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]


class SubmissionCard(Struct, frozen=True, forbid_unknown_fields=True):
    """Declaration of a submission.

    ``kind``: *descriptor* brings code that is run again; *predictions* brings tables of a model outside of this
    project. ``needs`` and ``fields``: as the feature set states them.
    """

    name: str
    version: Annotated[int, Meta(ge=1, le=10_000)]
    title: Text
    authors: Annotated[list[Text], Meta(min_length=1, max_length=50)]
    citation: Text
    license: Text
    kind: Literal["descriptor", "predictions"] = "descriptor"
    contact: Annotated[str, Meta(max_length=LONGEST_TEXT)] = ""
    description: Annotated[str, Meta(max_length=4000)] = ""
    needs: list[Need] = []
    fields: list[str] = []


@dataclass(frozen=True)
class Submission:
    """A folder that follows the rules.

    Attributes
    ----------
    folder : Path
    card : SubmissionCard
    files : dict of str to bytes
        Content of every file by its path in the folder, but for predictions and the manifest.
    """

    folder: Path
    card: SubmissionCard
    files: dict[str, bytes]

    @property
    def hashes(self) -> dict[str, str]:
        """sha256 of each file."""
        return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(self.files.items())}

    @property
    def digest(self) -> str:
        """One sha256 of all files and their names."""
        lines = "".join(f"{value} {name}\n" for name, value in self.hashes.items())
        return hashlib.sha256(lines.encode()).hexdigest()


def read_submission(folder: Path) -> Submission:
    """Read the folder of a submission without running anything of it.

    Raises
    ------
    SubmissionError, DeclarationError
        A rule of the card or of the folder is broken: links, other kinds of files, too many or too large ones.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise SubmissionError(f"a submission must be a folder, and {folder} is none: make one with zoo submit new NAME")
    files = _read_files(folder)
    if CARD not in files:
        raise SubmissionError(f"{folder} must hold a {CARD}: zoo submit new writes one to start from")
    if len(files[CARD]) > MOST_BYTES_CARD:
        raise SubmissionError(f"{folder / CARD} may have {MOST_BYTES_CARD:,} bytes, it has {len(files[CARD]):,}")
    try:
        content = read_toml(folder / CARD)
    except RecursionError:
        raise SubmissionError(f"{folder / CARD} must be plain TOML, its brackets are nested too deep") from None
    card = parse_declaration(content, SubmissionCard, folder / CARD)
    _check_card(card, folder / CARD)
    if card.kind == "descriptor" and MAIN not in files:
        raise SubmissionError(f"a descriptor must be in {MAIN}, and {folder} has no such file")
    if card.kind == "predictions" and any(name.endswith(".py") for name in files):
        raise SubmissionError(
            'a submission of predictions brings no code: remove the .py files or set kind to "descriptor"'
        )
    return Submission(folder, card, files)


def require_name(name: str, what: str = "name") -> None:
    """Refuse a name that is no plain word.

    Raises
    ------
    SubmissionError
    """
    if not (NAME.fullmatch(name) and 3 <= len(name) <= 40):
        raise SubmissionError(
            f"{what} must be 3 to 40 lower-case letters, digits and single hyphens, beginning with a letter, "
            f"got {name[:60]!r}"
        )


def _check_card(card: SubmissionCard, path: Path) -> None:
    require_name(card.name, f"{path}: name")
    for key in ("title", "citation", "license", "contact", "description"):
        _require_text(f"{path}: {key}", str(getattr(card, key)))
    for author in card.authors:
        _require_text(f"{path}: authors", author)
    for name in card.fields:
        if not re.fullmatch(r"[\w.@-]{1,60}", name):
            raise SubmissionError(f"{path}: fields must be names of stored fields, got {name[:60]!r}")


def _require_text(what: str, text: str) -> None:
    """Plain characters: control characters, and those that turn the direction of writing, can fake what is shown."""
    bad = next((c for c in text if not (c.isprintable() or c == "\n")), None)
    if bad is not None:
        raise SubmissionError(f"{what} must be plain text, got the character {bad!a}: remove it")
    if text and not text.strip():
        raise SubmissionError(f"{what} must not be blank")


def _read_files(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    total = 0
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix()
        if name == MANIFEST or name.startswith(f"{PREDICTIONS}/"):
            continue
        if path.suffix not in SUFFIXES:
            raise SubmissionError(
                f"a submission may hold files that end in {', '.join(SUFFIXES)}, got {name[:80]!r}: remove it"
            )
        total += path.stat().st_size
        if len(found) == MOST_FILES or total > MOST_BYTES:
            raise SubmissionError(
                f"a submission may hold {MOST_FILES} files of {MOST_BYTES / 1e6:g} MB in all, {folder} holds more"
            )
        found[name] = path.read_bytes()
    return found


def _walk(folder: Path) -> list[Path]:
    """Files below a folder; links, devices and odd names are refused, not followed."""
    files: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise SubmissionError(
                f"a submission may hold plain files only, {str(path)!a} is a link or a device: remove it"
            )
        if path.name in LEFT_OUT:
            continue
        if not re.fullmatch(r"\w[\w.-]{0,80}", path.name, re.ASCII):
            raise SubmissionError(f"names of files must be letters, digits, dots and hyphens, got {path.name!a}")
        files += _walk(path) if path.is_dir() else [path]
        if len(files) > 10 * MOST_FILES:
            raise SubmissionError(
                f"a submission may hold {MOST_FILES} files, {folder} holds more than {len(files) - 1}"
            )
    return files
