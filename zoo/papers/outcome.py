"""What a repeated paper has given, as ``zoo paper`` keeps it in ``paper.json`` beside its figures."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct, field

from zoo._files import atomic_write
from zoo.benchmark.task import read_task
from zoo.datasets.card import read_card
from zoo.datasets.registry import dataset_folder
from zoo.errors import PaperError
from zoo.features.declaration import feature_sets
from zoo.models.declaration import model_families
from zoo.papers.declaration import Arm, Paper
from zoo.papers.limits import Limit
from zoo.papers.protocol import VERSION, Way

FILE = "paper.json"


class WayScore(Struct, frozen=True):
    """Of a row under one way of splitting; see :class:`zoo.papers.study.Score`."""

    value: float | None
    error: float | None
    interval: tuple[float, float] | None
    n_train: int
    reason: str


class OutcomeRow(Struct, frozen=True):
    """A row of the table. ``stamp`` says what its scores hold for; the ``headline`` row stands for the paper."""

    task: str
    features: str
    column: str
    family: str
    learn: str
    metric: str
    reported: str
    scores: dict[Way, WayScore]
    stamp: list[str | int] = field(default_factory=list)
    headline: bool = False
    ceiling: float | None = None
    recipe: str = ""

    def belongs_to(self, arm: Arm) -> bool:
        """Whether it is about that arm, on data and code as they are now."""
        mine = self.task, self.features, self.column, self.family, self.learn
        theirs = arm.task, arm.features, arm.column, arm.family, arm.learn
        return mine == theirs and self.stamp == stamp_of(arm)


class Outcome(Struct, frozen=True):
    """Every number of the page of a paper."""

    paper: str
    citation: str
    quick: bool
    rows: list[OutcomeRow]
    sentences: list[str]
    made: str = ""
    title: str = ""
    cpu_seconds: float = 0.0
    limits: list[Limit] = field(default_factory=list)


def stamp_of(arm: Arm) -> list[str | int]:
    """What the scores of an arm hold for: versions of protocols, task, features and family, and the data."""
    tasks = [read_task(name) for name in filter(None, (arm.task, arm.learn))]
    of_tasks = [part for task in tasks for part in (task.version, read_card(dataset_folder(task.dataset)).content_hash)]
    return [VERSION, feature_sets[arm.features].version, model_families[arm.family].version, *of_tasks]


def pages_of(results: Path) -> Path:
    """Where ``zoo paper`` keeps the pages of all papers."""
    return results / "papers" / "pages"


def folder_of(paper: Paper, results: Path) -> Path:
    """Where it keeps page, figures and numbers of one."""
    return pages_of(results) / paper.name


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Write ``paper.json``."""
    with atomic_write(folder / FILE) as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(outcome), indent=1))


def read_outcome(paper: Paper, results: Path) -> Outcome | None:
    """What is kept of a paper in a results folder; None if it was not repeated there.

    Raises
    ------
    PaperError
        The file cannot be read.
    """
    path = folder_of(paper, results) / FILE
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Outcome)
    except msgspec.DecodeError as error:
        raise PaperError(f"{path} cannot be read ({error}): run zoo paper {paper.name} again") from None
