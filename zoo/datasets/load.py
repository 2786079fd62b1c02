"""Loading a data set: every checksum and the schema are verified, always."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from zoo._files import sha256_of
from zoo.datasets.card import Card, File, read_card
from zoo.datasets.fetch import fetch_file
from zoo.datasets.registry import dataset_folder
from zoo.errors import ChecksumError, DatasetError, UnknownNameError
from zoo.glass import Glass

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Dataset:
    """A data set whose files agree with its card.

    Attributes
    ----------
    card : Card
    folder : Path
    paths : dict of str to Path
        File of each sha256.
    """

    card: Card
    folder: Path
    paths: dict[str, Path]

    @cached_property
    def glasses(self) -> dict[str, Glass]:
        """Every glass by its id, with the fields that the card declares.

        Raises
        ------
        DatasetError
            A field is missing, or has another unit than the card.
        """
        from zoo.datasets.readers import read_foreign
        from zoo.formats.npz import read_npz

        if not self.card.glasses:
            raise DatasetError(f"{self.card.name} is a table of pairs and holds no glasses")
        glasses = {}
        for entry in self.card.glasses:
            path = self._path_of(entry.file)
            glass = read_foreign(self.card.reader, path, self.card.length_scale) if self.card.reader else read_npz(path)
            for column in self.card.columns if self.card.kind == "glasses" else ():
                if column.name not in glass.fields:
                    raise DatasetError(f"{self.card.name}: {entry.file} lacks the column {column.name!r} of the card")
                unit = glass.fields[column.name].unit
                if unit != column.unit:
                    raise DatasetError(
                        f"{self.card.name}: {column.name!r} is in {unit} in {entry.file}, the card states {column.unit}"
                    )
            if len(glass) != entry.n_atoms:
                raise DatasetError(
                    f"{self.card.name}: {entry.file} holds {len(glass)} atoms, the card states {entry.n_atoms}"
                )
            glasses[entry.id] = glass
        return glasses

    def in_angstrom(self, glass: str) -> Glass:
        """A glass as descriptors take it: lengths in Å, ``length_scale`` of the card for one σ; fields as they are."""
        found, scale = self.glasses[glass], self.card.length_scale
        if self.card.reader or scale == 1.0:  # files of other people are scaled where they are read
            return found
        cell = found.cell * scale
        return Glass(found.positions * scale, found.species, cell, found.periodic, found.fields, found.metadata)

    @cached_property
    def raw_table(self) -> pd.DataFrame:
        """The table of a data set of pairs as it was published, flaws included; :attr:`table` refuses them.

        Raises
        ------
        DatasetError
            The file is no table, is empty, or lacks a column of the card.
        """
        import pandas as pd

        if self.card.kind != "pairs":
            raise DatasetError(f"{self.card.name} holds glasses and has no table")
        (path,) = self.paths.values() if not self.card.table else (self._path_of(self.card.table),)
        try:
            table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_feather(path)
        except (ValueError, OSError) as error:
            raise DatasetError(f"{self.card.name}: {path} is no readable table: {error}") from None
        wanted = [column.name for column in self.card.columns]
        missing = [name for name in wanted if name not in table.columns]
        if missing:
            raise DatasetError(f"{self.card.name}: the table lacks the column {missing[0]!r} of the card")
        if table.empty:
            raise DatasetError(f"{self.card.name}: the table is empty")
        table = table[wanted].reset_index(drop=True)
        for name in self.card.names("feature", "target"):
            table[name] = pd.to_numeric(table[name], errors="coerce")
        return table

    @cached_property
    def table(self) -> pd.DataFrame:
        """The table of a data set of pairs, with exactly the columns of the card.

        Raises
        ------
        DatasetError
            Columns are missing, values are not finite, or two rows have the same identity.
        """
        import numpy as np

        table = self.raw_table
        for column in self.card.columns:
            if column.role not in ("feature", "target"):
                continue
            values = table[column.name].to_numpy(dtype=float)
            admitted = np.isfinite(values) | (np.isnan(values) & bool(column.missing))
            if not admitted.all():
                raise DatasetError(
                    f"{self.card.name}: values must be finite, but {column.name!r} is not in row {admitted.argmin()}"
                )
        keys = self.card.names("group", "state")
        for name in keys:
            unnamed = table[name].isna().to_numpy()
            if unnamed.any():
                raise DatasetError(
                    f"{self.card.name}: rows must name their {name}, but row {unnamed.argmax()} does not"
                )
        repeated = table.duplicated(keys)
        if repeated.any():
            raise DatasetError(
                f"{self.card.name}: rows must have their own identity ({', '.join(keys)}), "
                f"but row {int(repeated.to_numpy().argmax())} repeats an earlier one ({int(repeated.sum())} do)"
            )
        return table

    def side_table(self, name: str) -> pd.DataFrame:
        """A table beside the main content, such as the events behind per-atom barriers.

        Raises
        ------
        UnknownNameError, DatasetError
            No such table; a column of the card is missing in it.
        """
        import pandas as pd

        cards = {table.name: table for table in self.card.tables}
        if name not in cards:
            raise UnknownNameError("table", name, sorted(cards))
        table = pd.read_parquet(self._path_of(cards[name].file))
        wanted = [column.name for column in cards[name].columns]
        missing = [column for column in wanted if column not in table.columns]
        if missing:
            raise DatasetError(f"{self.card.name}: the table {name} lacks the column {missing[0]!r} of the card")
        return table[wanted]

    def _path_of(self, file: str) -> Path:
        (entry,) = (entry for entry in self.card.files if file in (entry.path, entry.url))
        return self.paths[entry.sha256]


def load_dataset(name: str) -> Dataset:
    """Load a data set by name or folder.

    Raises
    ------
    ChecksumError
        A file differs from the card.
    DatasetError
        A file is missing, or an external one has not been fetched.
    """
    folder = dataset_folder(name)
    if not (folder / "card.toml").exists():
        raise DatasetError(f"{name} has a recipe but no data yet: run zoo data build {name} --install")
    card = read_card(folder)
    return Dataset(card, folder, {entry.sha256: _verified(card, folder, entry) for entry in card.files})


def _verified(card: Card, folder: Path, entry: File) -> Path:
    if entry.url:
        from zoo.datasets.fetch import is_at_hand

        if not is_at_hand(entry.url):
            raise DatasetError(
                f"{card.name} is not redistributed here and has not been fetched: run zoo data fetch {card.name}"
            )
        return fetch_file(entry.url, entry.sha256)
    path = folder / entry.path
    if not path.is_file():
        raise DatasetError(
            f"{card.name}: {path} is missing: get the folder again, or run zoo data build {card.name} --install"
        )
    found = sha256_of(path)
    if found != entry.sha256:
        raise ChecksumError(
            f"{card.name}: {path} must have sha256 {entry.sha256[:16]}…, got {found[:16]}…: "
            "the file was changed or damaged; get it again"
        )
    return path
