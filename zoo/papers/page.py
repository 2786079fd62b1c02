"""The page of a paper: what it reported, what its protocol gives here, what ours gives, and its figure drawn again."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from zoo._files import atomic_write
from zoo.benchmark.metrics import TITLES
from zoo.papers.declaration import Arm, headline_of, metric_of, published_text
from zoo.papers.figures import draw_figure
from zoo.papers.limits import Limit, limit_of
from zoo.papers.outcome import Outcome, OutcomeRow, WayScore, stamp_of, write_outcome
from zoo.papers.protocol import WAYS, Way, ways_of
from zoo.papers.study import Score, Study, sentences


@dataclass(frozen=True)
class Line:
    """A row of the table: an arm with its score under each way of splitting."""

    arm: Arm
    metric: str
    published: str
    scores: dict[Way, Score]
    ceiling: float | None

    @property
    def note(self) -> str:
        """Why it has no score."""
        return next((score.reason for score in self.scores.values() if score.reason), "")


@dataclass(frozen=True)
class Drawn:
    """A figure of the page; ``note`` says what it shows in numbers, ``reason`` why it could not be drawn."""

    title: str
    caption: str
    svg: str
    note: str
    reason: str


def lines_of(study: Study) -> list[Line]:
    """Rows of the table, by task, best first."""
    ways = ways_of(study.paper.protocol)
    lines = [
        Line(
            arm,
            TITLES[metric_of(study.paper, arm)],
            published_text(study.paper, arm),
            {way: study.score(arm, way) for way in ways},
            limit_of(arm.task).of_metric(metric_of(study.paper, arm)),
        )
        for arm in study.arms
    ]
    tasks = list(dict.fromkeys(line.arm.task for line in lines))
    lines.sort(key=lambda line: (tasks.index(line.arm.task), line.arm.learn, -(line.scores["by-glass"].value or -1.0)))
    return lines


def limits_of(study: Study) -> list[Limit]:
    """Of every task of the paper."""
    return [limit_of(task) for task in dict.fromkeys(arm.task for arm in study.arms)]


def write_files(study: Study, folder: Path) -> Path:
    """Write ``index.html``, the figures and ``paper.json``; the path of the page."""
    lines = lines_of(study)
    figures = [Drawn(card.title, card.caption, *draw_figure(study, card)) for card in study.paper.figures]
    for number, figure in enumerate(figures):
        if figure.svg:
            with atomic_write(folder / f"figure-{number + 1}.svg") as stream:
                stream.write(figure.svg.encode())
    write_outcome(_outcome(study, lines, [figure.note for figure in figures if figure.note]), folder)
    page = folder / "index.html"
    with atomic_write(page) as stream:
        stream.write(_render(study, lines, figures).encode())
    return page


def _render(study: Study, lines: list[Line], figures: list[Drawn]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zoo.papers"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    ladders = [study.matrix(card.options) for card in study.paper.figures if card.kind == "ladder"]
    return environment.get_template("paper.html.j2").render(
        paper=study.paper,
        quick=study.quick,
        lines=lines,
        ways={way: WAYS[way] for way in ways_of(study.paper.protocol)},
        figures=figures,
        sentences=sentences(study),
        limits=limits_of(study),
        ladders=[matrix for matrix in ladders if matrix.ladder],
        made=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def _outcome(study: Study, lines: list[Line], notes: list[str]) -> Outcome:
    headline = headline_of(study.paper, study.arms)
    rows = [
        OutcomeRow(
            task=line.arm.task,
            features=line.arm.features,
            column=line.arm.column,
            family=line.arm.family,
            learn=line.arm.learn,
            metric=line.metric,
            reported=line.published,
            scores={way: WayScore(s.value, s.error, s.interval, s.n_train, s.reason) for way, s in line.scores.items()},
            stamp=stamp_of(line.arm),
            headline=line.arm == headline,
            ceiling=line.ceiling,
            recipe=line.arm.recipe,
        )
        for line in lines
    ]
    return Outcome(
        paper=study.paper.name,
        title=study.paper.title,
        citation=study.paper.citation,
        quick=study.quick,
        cpu_seconds=study.cpu_seconds,
        rows=rows,
        limits=limits_of(study),
        sentences=sentences(study) + notes,
        made=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
