"""Published protocols as data: what was learnt from what, how it was scored, what was reported, which figure shows."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from zoo._files import parse_declaration, read_toml
from zoo.benchmark.metrics import TITLES, metric_names
from zoo.benchmark.task import read_task
from zoo.errors import DeclarationError, UnknownNameError
from zoo.features.declaration import feature_sets
from zoo.models.declaration import model_families
from zoo.paths import content_root

FigureKind = Literal["bars", "bins", "roc", "distributions", "distance", "ladder", "beeswarm"]


class Protocol(Struct, frozen=True, forbid_unknown_fields=True):
    """How a paper splits, balances and scores.

    ``split``: *random* deals rows to ``folds``, ``repeats`` times; *in-sample* scores the rows learnt from; *glass*
    holds out whole glasses. With ``balance`` *undersample* as many rows of class 0 are drawn as there are of class
    1, before the split. ``max_rows`` (0: no limit) caps what a fit learns from, in every protocol.
    """

    split: Literal["random", "in-sample", "glass"]
    text: str
    metric: str
    balance: Literal["undersample", "natural"] = "natural"
    folds: Annotated[int, Meta(ge=2)] = 5
    repeats: Annotated[int, Meta(ge=1)] = 1
    max_rows: Annotated[int, Meta(ge=0)] = 0


class Arms(Struct, frozen=True, forbid_unknown_fields=True):
    """Every feature set with every family on every task.

    ``columns`` keeps some columns of the set only, each entry as an arm of its own: a name, a pattern as of file names,
    or several joined by " & ". ``learn`` names another task that is learnt from; ``tasks`` are then predicted without
    having been learnt. With ``quick`` the arms are part of a quick run. ``max_rows`` takes the place of the protocol's
    where it is given.
    """

    tasks: Annotated[list[str], Meta(min_length=1)]
    features: Annotated[list[str], Meta(min_length=1)]
    families: Annotated[list[str], Meta(min_length=1)]
    columns: list[str] = []
    learn: str = ""
    settings: dict[str, float | int | str | bool] = {}
    quick: bool = True
    max_rows: Annotated[int, Meta(ge=0)] = 0


class Published(Struct, frozen=True, forbid_unknown_fields=True):
    """A number that the paper reports, and where.

    ``family``: of the rows of this one only. ``by``: who reports it, where that is not the paper.
    """

    task: str
    features: str
    value: float
    source: str
    error: float | None = None
    column: str = ""
    learn: str = ""
    metric: str = ""
    family: str = ""
    by: str = ""


class FigureCard(Struct, frozen=True, forbid_unknown_fields=True):
    """A figure of the paper to draw again. ``options`` are those of its kind."""

    kind: FigureKind
    title: str
    caption: str
    options: dict[str, Any] = {}


class Paper(Struct, frozen=True, forbid_unknown_fields=True):
    """Declaration of a paper.

    ``why``: reasons for differences that numbers alone do not tell. ``differences``: what is not done as published, for
    want of data or detail.
    """

    name: str
    title: str
    citation: str
    about: str
    protocol: Protocol
    arms: Annotated[list[Arms], Meta(min_length=1)]
    figures: Annotated[list[FigureCard], Meta(min_length=1)]
    why: str
    differences: list[str]
    published: list[Published] = field(default_factory=list)
    seed: Annotated[int, Meta(ge=0)] = 0


@dataclass(frozen=True, order=True)
class Arm:
    """One row of a paper's table."""

    task: str
    features: str
    family: str
    column: str = ""
    learn: str = ""
    settings: tuple[tuple[str, float | int | str | bool], ...] = ()
    max_rows: int = 0

    @property
    def recipe(self) -> str:
        """Settings of the family and limit of rows that are not the usual ones, in words."""
        words = [key if value is True else f"{key} {value}" for key, value in self.settings]
        return ", ".join(words + ([f"{self.max_rows:,} rows"] if self.max_rows else []))

    @property
    def family_title(self) -> str:
        """Of the family, with what is not usual about it."""
        return f"{self.family} ({self.recipe})" if self.recipe else self.family

    @property
    def title(self) -> str:
        """Of the features: set, or column of the set."""
        return f"{self.features}: {self.column}" if self.column else self.features


def paper_names() -> list[str]:
    """Names of all papers in ``benchmarks/papers``."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def read_paper(name: str) -> Paper:
    """A paper by name, or from a TOML file; every name in it is looked up.

    Raises
    ------
    UnknownNameError, DeclarationError
    """
    path = Path(name) if name.endswith(".toml") else _folder() / f"{name}.toml"
    if not path.is_file():
        raise UnknownNameError("paper", name, paper_names())
    paper = parse_declaration(read_toml(path), Paper, path)
    if paper.protocol.metric not in TITLES:
        raise DeclarationError(f"{path}: metric must be one of {', '.join(TITLES)}, got {paper.protocol.metric!r}")
    for arm in arms_of(paper):
        kind = read_task(arm.task).kind
        if arm.learn:
            read_task(arm.learn)
        entry = feature_sets[arm.features]
        model_families[arm.family]
        names = [column.name for column in entry.columns(("A", "B"))]
        if unknown := [part for part in parts_of(arm.column) if not fnmatch.filter(names, part)]:
            raise DeclarationError(f"{path}: {arm.features} has no column {unknown[0]!r}")
        if paper.protocol.balance == "undersample" and kind != "classification":
            raise DeclarationError(f"{path}: only classes can be undersampled, but {arm.task} predicts values")
        metric_of(paper, arm)
    return paper


def arms_of(paper: Paper, quick: bool = False) -> list[Arm]:
    """Every arm of a paper, once; with ``quick`` those that a quick run has, none with a limit of rows of its own."""
    arms = [
        Arm(
            task,
            features,
            family,
            column,
            entry.learn,
            tuple(sorted(entry.settings.items())),
            0 if quick else entry.max_rows,
        )
        for entry in paper.arms
        if entry.quick or not quick
        for task in entry.tasks
        for features in entry.features
        for column in entry.columns or [""]
        for family in entry.families
    ]
    return list(dict.fromkeys(arms))


def parts_of(column: str) -> list[str]:
    """Names or patterns of the columns of an arm; none: it has all of its set."""
    return column.split(" & ") if column else []


def metric_of(paper: Paper, arm: Arm) -> str:
    """The paper's metric, or the first of an arm whose task is of another kind."""
    metrics = metric_names(read_task(arm.task).kind)
    return paper.protocol.metric if paper.protocol.metric in metrics else ("r2" if "r2" in metrics else "roc_auc")


def published_of(paper: Paper, arm: Arm) -> list[Published]:
    """Numbers that the paper reports for an arm."""
    wanted = arm.task, arm.features, arm.column, arm.learn
    found = [entry for entry in paper.published if (entry.task, entry.features, entry.column, entry.learn) == wanted]
    return [entry for entry in found if entry.family in ("", arm.family)]


def published_text(paper: Paper, arm: Arm) -> str:
    """The numbers that the paper reports for an arm, with whose and in what metric where that is not plain."""
    texts = []
    for entry in published_of(paper, arm):
        text = f"{entry.value:.3f}" + (f" ± {entry.error:.3f}" if entry.error else "")
        other = TITLES[entry.metric] if entry.metric and entry.metric != metric_of(paper, arm) else ""
        notes = ", ".join(filter(None, (other, f"{entry.by}'s number" if entry.by else "")))
        texts.append(text + (f" ({notes})" if notes else ""))
    return ", ".join(texts)


def headline_of(paper: Paper, arms: list[Arm]) -> Arm:
    """The row that stands for a paper: the first that it reports a number for, or the first."""
    return next((arm for arm in arms if published_of(paper, arm)), arms[0])


def _folder() -> Path:
    return content_root() / "benchmarks" / "papers"
