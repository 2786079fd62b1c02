"""D5: what the card leaves open."""

from __future__ import annotations

from zoo._words import plural, some
from zoo.checks.declaration import BOTH, Check
from zoo.datasets.load import Dataset

UNSTATED = {"", "?", "-", "none", "unknown", "unstated", "tbd", "n/a"}
DATA_FILES = {".npz", ".npy", ".parquet", ".feather", ".csv", ".pickle", ".pkl", ".h5", ".hdf5"}


def no_licence(dataset: Dataset) -> list[str]:
    text = dataset.card.license.strip()
    if text.lower() in UNSTATED or text.lower().startswith(("none ", "not stated", "no licen", "unknown")):
        return [f"the card states no licence, got {text!r}"]
    return []


def no_citation(dataset: Dataset) -> list[str]:
    text = dataset.card.citation.strip()
    return [f"the card states no source, got {text!r}"] if text.lower() in UNSTATED else []


def no_unit(dataset: Dataset) -> list[str]:
    card = dataset.card
    columns = [*card.columns, *(column for table in card.tables for column in table.columns)]
    bare = [column.name for column in columns if column.unit.strip().lower() in UNSTATED]
    return [f"{plural(len(bare), 'column')} without a unit: {some(bare)}"] if bare else []


def stray_files(dataset: Dataset) -> list[str]:
    card = dataset.card
    listed = {entry.path for entry in card.files}
    folder = dataset.folder
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in DATA_FILES}
    unlisted = sorted(path for path in here - listed if not path.startswith("work/"))
    if not unlisted:
        return []
    return [f"{plural(len(unlisted), 'data file')} in the folder without a sha256 in the card: {some(unlisted)}"]


def no_origin(dataset: Dataset) -> list[str]:
    card = dataset.card
    if card.made.get("by") or any(entry.url for entry in card.files):
        return []
    return ["the card says neither how the data were made nor where they come from"]


CHECKS = (
    Check(
        code="D501",
        title="No licence",
        level="warning",
        kinds=BOTH,
        why="Without a licence nobody may pass the data on, and results on them are hard to reproduce.",
        mend="Ask the authors for one; until then fetch the files, never redistribute them.",
        find=no_licence,
    ),
    Check(
        code="D502",
        title="No citation",
        level="warning",
        kinds=BOTH,
        why="Whoever uses the data has to say where they are from.",
        mend="Give author, title, journal and year in the card.",
        find=no_citation,
    ),
    Check(
        code="D503",
        title="Units are missing",
        level="warning",
        kinds=BOTH,
        why="A number without a unit cannot be compared with another data set; cutoffs and thresholds lose their "
        "meaning.",
        mend='State the unit of every column; "1" for a dimensionless one, the reduced unit (ε, σ) for a model glass.',
        find=no_unit,
    ),
    Check(
        code="D504",
        title="Files that the card does not name",
        level="warning",
        kinds=BOTH,
        why="A data file that the card does not name is covered by no sha256, and nobody knows what it belongs to.",
        mend="List the file with its sha256, or remove it.",
        find=stray_files,
    ),
    Check(
        code="D505",
        title="Cannot be made again",
        level="info",
        kinds=BOTH,
        why="Data that come from nowhere cannot be checked, extended or corrected.",
        mend="State under [made] the command, the potential and the cost, or the address of the files.",
        find=no_origin,
    ),
)
