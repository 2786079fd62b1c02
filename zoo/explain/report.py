"""The folder of an explanation: figures, tables, a glass for OVITO, and one page that holds it all."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write, storage_error
from zoo.benchmark.cell import task_rows
from zoo.benchmark.metrics import HEADLINE, TITLES
from zoo.errors import UnknownNameError
from zoo.explain import plots
from zoo.explain.explain import Explanation, Study
from zoo.explain.files import name_of, write_for_ovito, write_table
from zoo.explain.importance import (
    Group,
    clusters_of,
    direction,
    families_of,
    group_importance,
    importance,
    importance_by_fold,
    profiles_of,
)
from zoo.explain.plots import Picture
from zoo.explain.published import compared
from zoo.explain.request import SCALE_ROWS, Request, columns_of, rows_of_atoms
from zoo.explain.stability import STABLE, Stability, agreement_of, shared_training, stability_of
from zoo.features.declaration import feature_sets

LISTED = 20
"""Columns of the table of the page; the parquet has all."""

WEAK_CLASSES = 1.5
"""Average precision in units of the share of class 1 below which a model is said to predict little."""
WEAK_VALUES = 0.3
"""The same for values: correlation."""


@dataclass(frozen=True)
class Section:
    """What the page shows of one family."""

    found: Explanation
    stability: Stability
    pictures: list[Picture]
    published: str


@dataclass(frozen=True)
class ColumnRow:
    """A column with its importance in percent, least and largest over folds, for each family; and its direction."""

    name: str
    unit: str
    family: str
    shares: list[str]
    direction: str


@dataclass(frozen=True)
class Summary:
    """A study with everything that is said about it.

    Attributes
    ----------
    families, clusters : list of Group
    joint : list of Picture
        Of all explained families together.
    sections : list of Section
    warnings : list of str
    """

    study: Study
    families: list[Group]
    clusters: list[Group]
    agreement: NDArray[np.float64]
    joint: list[Picture]
    sections: list[Section]

    @property
    def warnings(self) -> list[str]:
        """What the reader must know first."""
        weak = [line for section in self.sections if (line := weakness(self.study, section.found))]
        return [*self.study.notes, *weak, *(line for section in self.sections for line in section.stability.warnings)]


def summarise(study: Study, group: str = "", on_step: Callable[[str], None] = lambda text: None) -> Summary:
    """Statistics and figures of a study.

    Parameters
    ----------
    study : Study
    group : str
        Physical family of columns that colours the slice; by default the most important one.
    on_step : callable of (what is done next)

    Raises
    ------
    UnknownNameError
        There is no such family of columns.
    """
    require_group(study.request, group)
    families, clusters = families_of(study.columns), clusters_of(study)
    on_step("figures of all families")
    agreement = agreement_of(study)
    sections = []
    for found in study.explanations:
        on_step(f"figures of {found.family}")
        stability = stability_of(found, clusters, families)
        pictures = _pictures(study, found, families, group, stability)
        sections.append(Section(found, stability, pictures, compared(study, found)))
    return Summary(study, families, clusters, agreement, _joint(study, families, clusters, agreement), sections)


def require_group(request: Request, group: str) -> None:
    """Refuse a physical family of columns that the feature set does not have.

    Raises
    ------
    UnknownNameError
    """
    names = [family.name for family in families_of(columns_of(request))]
    if group and group not in names:
        raise UnknownNameError(f"physical family of {request.features}", group, names)


def weakness(study: Study, found: Explanation) -> str:
    """A sentence on a model that hardly predicts; empty for others."""
    rows = task_rows(study.request.task)
    if rows.task.kind == "classification":
        chance = float(rows.target.mean())
        weak, beside = found.score < WEAK_CLASSES * chance, f", by chance {chance:.3f}"
    else:
        weak, beside = found.score < WEAK_VALUES, ""
    if not weak:
        return ""
    name = TITLES[HEADLINE[rows.task.kind]]
    return (
        f"{found.family} predicts little ({name} {found.score:.3f}{beside}): its values tell what it looks at, not "
        "what governs the answer"
    )


def _joint(study: Study, families: list[Group], clusters: list[Group], agreement: NDArray[np.float64]) -> list[Picture]:
    lines = "Line: from fold to fold."
    single = [Group(column.name, np.array([k])) for k, column in enumerate(study.columns)]
    pictures = []
    if len(families) > 1:
        text = f"Physical families of columns: contributions are summed within one before the mean is taken. {lines}"
        pictures.append(plots.draw_shares(study, families, "families", "Physical families", text))
    pictures.append(plots.draw_shares(study, single, "columns", "Single columns", lines))
    if 1 < len(clusters) < len(single):
        text = (
            "Columns that are correlated over the rows of the task share their contribution in ways that differ from "
            f"fit to fit; summed over a cluster that cancels. {lines}"
        )
        pictures.append(plots.draw_shares(study, clusters, "clusters", "Clusters of correlated columns", text))
    if len(study.explanations) > 1:
        names = [found.family for found in study.explanations]
        text = "Rank correlation of the importance of columns between families, on the rows that all of them explain."
        pictures.append(plots.draw_matrix(agreement, names, "agreement", "Do families agree?", text))
    return pictures


def _pictures(
    study: Study, found: Explanation, families: list[Group], group: str, stability: Stability
) -> list[Picture]:
    pictures = []
    if profiles := profiles_of(study, found):
        pictures.append(plots.draw_profiles(found, profiles))
    pictures.append(plots.draw_beeswarm(study, found))
    pictures.append(plots.draw_dependence(study, found))
    if found.glass_values is not None:
        dataset = task_rows(study.request.task).dataset
        chosen = [family for family in families if family.name == group] or [
            families[int(group_importance(found, families).argmax())]
        ]
        glass, length = dataset.glasses[study.request.glass], dataset.card.units.length
        pictures.append(plots.draw_slice(found, glass, study.request.glass, chosen[0], length))
    for row in told_rows(study):
        place = int(np.flatnonzero(found.rows == row)[0])
        pictures.append(plots.draw_waterfall(study, found, place, name_of(study, row)))
    labels = [f"fold {fold}" for fold in np.unique(found.fold)]
    text = f"Rank correlation of the importance of columns between folds; a mean below {STABLE} is called unstable."
    if len(labels) > 1:
        pictures.append(
            plots.draw_matrix(stability.correlation, labels, f"stability-{found.family}", "Is it stable?", text)
        )
    return pictures


def told_rows(study: Study) -> list[int]:
    """Rows of the waterfalls: those asked for, or the largest and the least output of the first family."""
    if study.request.atoms:
        return list(dict.fromkeys(rows_of_atoms(study.request)))
    shared = set.intersection(*(set(found.rows[found.drawn].tolist()) for found in study.explanations))
    first = study.explanations[0]
    at = np.flatnonzero(np.isin(first.rows, list(shared)))
    output = ((first.output - first.base) / first.scale)[at]
    return list(dict.fromkeys([int(first.rows[at[output.argmax()]]), int(first.rows[at[output.argmin()]])]))


def column_rows(study: Study, most: int = LISTED) -> list[ColumnRow]:
    """The most important columns in words and numbers."""
    shares, ranges = [], []
    for found in study.explanations:
        total, by_fold = importance(found), importance_by_fold(found)
        shares.append(total / (total.sum() or 1.0))
        of_folds = by_fold / np.maximum(by_fold.sum(axis=1, keepdims=True), 1e-300)
        ranges.append((of_folds.min(axis=0), of_folds.max(axis=0)))
    signs = [direction(found, study.x) for found in study.explanations]
    rows = []
    for k in np.argsort(-np.mean(shares, axis=0), kind="stable")[:most]:
        column = study.columns[k]
        texts = [
            f"{100 * share[k]:.1f} ({100 * low[k]:.1f}–{100 * high[k]:.1f})"
            for share, (low, high) in zip(shares, ranges, strict=True)
        ]
        rows.append(ColumnRow(column.name, column.unit, column.family, texts, ", ".join(f"{s[k]:+.2f}" for s in signs)))
    return rows


def write_folder(summary: Summary, folder: Path, command: str) -> list[Path]:
    """Write everything into a folder: the page, figures, tables of values, the glass for OVITO.

    Raises
    ------
    StoreError
        The folder is read-only or full.
    """
    study = summary.study
    pictures = [*summary.joint, *(picture for section in summary.sections for picture in section.pictures)]
    written = [folder / "index.html"]
    try:
        for picture in pictures:
            with atomic_write(folder / "figures" / f"{picture.name}.{picture.kind}") as stream:
                stream.write(picture.content)
        for found in study.explanations:
            written.append(folder / f"values-{found.family}.parquet")
            write_table(study, found, written[-1])
            if found.glass_values is not None:
                written.append(folder / f"{study.request.glass}-{found.family}.extxyz")
                write_for_ovito(study, found, written[-1])
        with atomic_write(written[0]) as stream:
            stream.write(page_of(summary, command).encode())
    except OSError as error:
        raise storage_error(f"folder {folder}", error, "--output") from None
    return written


def page_of(summary: Summary, command: str) -> str:
    """The page, self-contained; every name in it is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zoo.explain"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["address"] = _address
    study = summary.study
    rows = task_rows(study.request.task)
    return environment.get_template("report.html.j2").render(
        summary=summary,
        study=study,
        request=study.request,
        task=rows.task,
        dataset=rows.dataset.card,
        features=feature_sets[study.request.features],
        headline=TITLES[HEADLINE[rows.task.kind]],
        base_rate=float(rows.target.mean()) if rows.task.kind == "classification" else None,
        scale_rows=SCALE_ROWS,
        columns=column_rows(study),
        command=command,
        facts=[facts_of(section) for section in summary.sections],
        shared=shared_training(rows.task.folds),
        made=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def facts_of(section: Section) -> dict[str, str]:
    """Numbers of a family in words: rows, score, errors of the sum and against the score, agreement of its folds."""
    found, stability = section.found, section.stability
    return {
        "rows": f"{int(found.drawn.sum()):,}",
        "score": "–" if np.isnan(found.score) else f"{found.score:.3f}",
        "additivity": f"{found.additivity:.0e}",
        "disagreement": f"{found.disagreement:.0e}" if found.exact else "0",
        "error": "" if found.error is None else _error_of(found),
        "folds": "–" if np.isnan(stability.mean) else f"{stability.mean:.2f} (least {stability.least:.2f})",
        "clusters": "–" if np.isnan(stability.clusters) else f"{stability.clusters:.2f}",
        "families": "–" if np.isnan(stability.families) else f"{stability.families:.2f}",
        "top": "–" if np.isnan(stability.top) else f"{stability.top:.0%}",
    }


def _error_of(found: Explanation) -> str:
    """Typical standard error beside the typical size of a value of the ten most important columns."""
    assert found.error is not None
    top = np.argsort(-importance(found), kind="stable")[:10]
    error = float(np.sqrt((found.error[found.drawn][:, top] ** 2).mean()))
    size = float(np.abs(found.values[found.drawn][:, top]).mean())
    return f": standard error {error:.2g}, mean absolute value {size:.2g} (ten largest columns)"


def _address(picture: Picture) -> str:
    kind = "svg+xml" if picture.kind == "svg" else picture.kind
    return f"data:image/{kind};base64,{base64.b64encode(picture.content).decode()}"
