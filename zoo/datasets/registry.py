"""Data sets by name: the folders of ``datasets/``, or any folder with a card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zoo.datasets.card import Card, read_card
from zoo.errors import DatasetError, UnknownNameError
from zoo.paths import content_root


def dataset_folder(name: str) -> Path:
    """Folder of a data set: one of ``datasets/``, or a path to a folder that holds ``card.toml`` or ``recipe.toml``."""
    known = {folder.name: folder for folder in _folders()}
    if name in known:
        return known[name]
    folder = Path(name)
    if any((folder / file).is_file() for file in ("card.toml", "recipe.toml")):
        return folder.resolve()
    raise UnknownNameError("data set", name, known)


def dataset_card(name: str) -> Card:
    """Card of a data set by name or folder, without its files.

    Raises
    ------
    UnknownNameError, DeclarationError, DatasetError
        There is no such data set; its card is broken; there is a recipe only.
    """
    folder = dataset_folder(name)
    if not (folder / "card.toml").exists():
        raise DatasetError(f"{name} has a recipe but no data yet: run zoo data build {name} --install")
    return read_card(folder)


def list_cards() -> Iterator[Card]:
    """Cards of all data sets in ``datasets/``, by name."""
    for folder in _folders():
        if (folder / "card.toml").exists():
            yield read_card(folder)


def _folders() -> list[Path]:
    root = content_root() / "datasets"
    return sorted(p for p in root.iterdir() if (p / "card.toml").exists() or (p / "recipe.toml").exists())
