"""The card of a data set: what it is, who made it, under which terms, and what every file must hash to."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from zoo._files import parse_declaration, read_toml
from zoo.errors import DeclarationError

Role = Literal["feature", "target", "identity", "group", "state"]


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """A data file: ``path`` inside the folder, or ``url`` of a file that is not ours to redistribute."""

    sha256: str
    bytes: int
    path: str = ""
    url: str = ""


class ColumnCard(Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a table or a field of every glass.

    ``role``: *feature* may be learnt from; *target* may be predicted; *identity* names a row and can never be learnt
    from; *group* is the glass a row belongs to; *state* names one of the end states of a pair.
    """

    name: str
    unit: str
    role: Role
    description: str
    family: str = ""
    missing: str = ""
    """Why values may be missing (NaN), such as "atoms that were not searched"; where it is empty, none may be."""


class TableCard(Struct, frozen=True, forbid_unknown_fields=True):
    """A table beside the main content: ``file`` is parquet, ``columns`` describes every column of it."""

    name: str
    file: str
    description: str
    columns: list[ColumnCard]


class GlassCard(Struct, frozen=True, forbid_unknown_fields=True):
    """One glass: its file and how it was made.

    ``stratum`` is kept balanced between folds. Glasses of one ``origin`` (the same glass before and after a treatment,
    say) are never parted by a split; left out, the glass is of its own. ``seed`` and ``quench_rate`` (K/s) are left out
    where nobody states them.
    """

    id: str
    file: str
    stratum: str
    n_atoms: int
    seed: int | None = None
    quench_rate: float | None = None
    origin: str = ""


class Units(Struct, frozen=True, forbid_unknown_fields=True):
    """Units of positions, energies and stresses of the glasses; model glasses have reduced ones, such as σ and ε."""

    length: str = "Å"
    energy: str = "eV"
    stress: str = "GPa"
    temperature: str = "K"


class Quality(Struct, frozen=True, forbid_unknown_fields=True):
    """A measured property beside its literature value."""

    quantity: str
    unit: str
    stratum: str
    ours: float
    literature: str = ""
    source: str = ""


class Card(Struct, frozen=True, forbid_unknown_fields=True):
    """Declaration of a data set; see ``datasets/README.md`` for every key."""

    name: str
    version: str
    title: str
    kind: Literal["glasses", "pairs"]
    description: str
    license: str
    citation: str
    created: str
    files: list[File]
    columns: list[ColumnCard]
    glasses: list[GlassCard] = field(default_factory=list)
    table: str = ""
    """File of the table of pairs, where there are several files."""
    tables: list[TableCard] = field(default_factory=list)
    units: Units = field(default_factory=Units)
    quality: list[Quality] = field(default_factory=list)
    made: dict[str, str | int | float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    bibtex: str = ""
    """BibTeX entry of the source; one is made from title and citation where it is left out."""
    reader: str = ""
    """What turns a file of other people into a glass (:mod:`zoo.datasets.readers`); our own npz where left out."""
    length_scale: float = 1.0
    """Å that descriptors take one unit of length for: they have grids in Å, model glasses have lengths in σ."""
    known_flaws: list[str] = field(default_factory=list)
    """Why this data set must not be learnt from; it is kept because checks must find these flaws."""

    @property
    def content_hash(self) -> str:
        """One hash over the sha256 of all files, what reads them, and which glasses no split may part."""
        read = [f"{self.reader} {self.length_scale}"] if self.reader or self.length_scale != 1.0 else []
        origins = [f"{glass.id} {glass.origin}" for glass in self.glasses if glass.origin]
        parts = [*sorted(entry.sha256 for entry in self.files), *read, *origins]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    @property
    def potentials(self) -> list[str]:
        """Potentials that it was made with, as the card names them."""
        return [name.strip() for name in str(self.made.get("potential", "")).split(",") if name.strip()]

    def names(self, *roles: Role) -> list[str]:
        """Names of the columns with one of ``roles``, in the order of the card."""
        return [column.name for column in self.columns if column.role in roles]


def read_card(folder: Path) -> Card:
    """Read and check ``card.toml`` of a data set folder.

    Raises
    ------
    DeclarationError
        A key is missing, unknown or of the wrong type; a name appears twice; a pair table names no group or states.
    """
    path = folder / "card.toml"
    card = parse_declaration(read_toml(path), Card, path)
    names = [column.name for column in card.columns]
    for kind, values in (("column", names), ("glass", [g.id for g in card.glasses])):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise DeclarationError(f"{path} names the {kind} {twice[0]!r} twice")
    for entry in card.files:
        if bool(entry.path) == bool(entry.url):
            raise DeclarationError(f"{path}: each file needs either path or url, got {entry.path!r} and {entry.url!r}")
        if entry.path and (Path(entry.path).is_absolute() or ".." in Path(entry.path).parts):
            raise DeclarationError(f"{path}: files must lie inside the folder, got {entry.path!r}")
    if card.kind == "pairs" and (len(card.names("group")) != 1 or len(card.names("state")) not in (1, 2)):
        raise DeclarationError(
            f"{path}: a table of pairs needs one column of role group and two of role state (one, if its rows are not "
            f"pairs), got {len(card.names('group'))} and {len(card.names('state'))}"
        )
    if not card.length_scale > 0:
        raise DeclarationError(f"{path}: length_scale must be a positive number of Å, got {card.length_scale}")
    if card.kind == "pairs" and len(card.files) != 1 and not card.table:
        raise DeclarationError(f"{path}: table must say which of the {len(card.files)} files holds the pairs")
    named = {*(g.file for g in card.glasses), *(t.file for t in card.tables), *([card.table] if card.table else [])}
    missing = named - {entry.path or entry.url for entry in card.files}
    if missing:
        raise DeclarationError(f"{path}: no sha256 is stated for {sorted(missing)[0]}")
    return card
