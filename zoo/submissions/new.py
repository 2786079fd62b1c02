"""The folder to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from string import Template

from zoo._files import storage_error
from zoo.errors import SubmissionError
from zoo.features.declaration import feature_sets
from zoo.submissions.card import require_name


def new_submission(name: str, folder: Path) -> list[Path]:
    """Write a working example: descriptor, card and test.

    Parameters
    ----------
    name : str
        Of the feature set.
    folder : Path
        Must not exist yet, or be empty.

    Raises
    ------
    SubmissionError
        The name is taken or no plain word; the folder holds something.
    """
    require_name(name, "the name of a descriptor")
    if name in feature_sets.names():
        raise SubmissionError(f"a feature set of this project is called {name!r}: choose another name")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SubmissionError(f"{folder} must be empty or not exist yet: choose another folder with --folder")
    title = name.replace("-", " ").capitalize()
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sorted(files("zoo.submissions").joinpath("template").iterdir(), key=lambda item: item.name):
            if source.name.endswith(".template"):
                path = folder / source.name.removesuffix(".template")
                path.write_text(Template(source.read_text(encoding="utf-8")).substitute(name=name, title=title))
                written.append(path)
    except OSError as error:
        raise storage_error(f"folder {folder}", error, "--folder") from None
    return written
