"""A packed submission: its rules, and the scores that follow from its predictions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.benchmark.cell import task_rows
from zoo.benchmark.metrics import HEADLINE, RANGES, metric_names
from zoo.benchmark.task import task_names
from zoo.errors import SubmissionError
from zoo.models.declaration import model_families
from zoo.submissions.card import PREDICTIONS, Submission, read_submission
from zoo.submissions.folds import TableScores, checked_table, lock_of, scores_of
from zoo.submissions.manifest import Claim, Manifest, read_manifest, read_predictions
from zoo.submissions.record import Outcome
from zoo.submissions.score import REFERENCE

if TYPE_CHECKING:
    import pandas as pd

ROUNDING = 1e-5
"""Scores are stated with six digits."""


def read_packed(folder: Path) -> tuple[Submission, Manifest]:
    """A packed submission whose files are those of its manifest.

    Raises
    ------
    SubmissionError
        A file was changed, added or removed after packing; folder, card and manifest have different names; a claim is
        made twice, is about a task, a family or settings that submissions are not scored with, or states a score that
        cannot be.
    """
    submission, manifest = read_submission(folder), read_manifest(folder)
    card = submission.card
    if folder.resolve().name != card.name or manifest.name != card.name:
        raise SubmissionError(
            f"folder, card and manifest must have one name, got {folder.resolve().name[:60]!r}, {card.name!r} and "
            f"{manifest.name[:60]!r}"
        )
    if (manifest.version, manifest.kind) != (card.version, card.kind):
        raise SubmissionError(f"{folder}: card and manifest state other versions or kinds: pack the submission again")
    hashes = submission.hashes
    changed = sorted(name for name in {*hashes, *manifest.files} if hashes.get(name) != manifest.files.get(name))
    if changed or manifest.digest != submission.digest:
        what = changed[0] if changed else "the digest"
        raise SubmissionError(f"{folder}: {what[:100]!a} is not what the manifest states: pack the submission again")
    beside = {path.relative_to(folder).as_posix() for path in (folder / PREDICTIONS).rglob("*") if not path.is_dir()}
    if unknown := sorted(beside - {claim.predictions for claim in manifest.claims}):
        raise SubmissionError(f"{folder}: the manifest does not state {unknown[0][:100]!a}: pack the submission again")
    for claim in manifest.claims:
        _require_known(claim, card.kind)
        _require_possible(claim)
    return submission, manifest


def _require_known(claim: Claim, kind: str) -> None:
    if claim.task not in task_names():
        raise SubmissionError(f"a claim must be about a task of this project, got {claim.task[:60]!r}")
    if kind == "descriptor" and claim.family not in REFERENCE:
        raise SubmissionError(f"descriptors are scored with {', '.join(REFERENCE)}, got {claim.family[:60]!r}")
    if kind == "predictions" and claim.family:
        raise SubmissionError(
            f"predictions of a model outside of this project name no family, got {claim.family[:60]!r}"
        )
    rows = task_rows(claim.task)
    for what, stated, now in (
        ("version of the task", claim.task_version, rows.task.version),
        ("data", claim.data_hash, rows.dataset.card.content_hash),
        ("folds", claim.folds, lock_of(claim.task)),
    ):
        if stated != now:
            raise SubmissionError(
                f"the {what} of {claim.task} has changed since the submission was packed: score and pack it again"
            )
    if kind == "descriptor" and claim.family_version != model_families[claim.family].version:
        raise SubmissionError(f"{claim.family} has changed since the submission was packed: score and pack it again")


def _require_possible(claim: Claim) -> None:
    """Scores of the task's metrics, inside of their ranges; an interval that holds the headline score."""
    kind = task_rows(claim.task).task.kind
    headline = HEADLINE[kind]
    if headline not in claim.scores:
        raise SubmissionError(f"a claim on {claim.task} must state {headline}: pack the submission again")
    for name, value in claim.scores.items():
        if name not in metric_names(kind):
            raise SubmissionError(
                f"scores on {claim.task} must be {', '.join(metric_names(kind))}, got {name[:60]!r}: "
                "pack the submission again"
            )
        low, high = RANGES[name]
        if not low - ROUNDING <= value <= high + ROUNDING or not math.isfinite(value):
            raise SubmissionError(
                f"{name} must be from {low:g} to {high:g}, {claim.task} claims {value:g}: pack the submission again"
            )
    if claim.interval is not None:
        low, high = claim.interval
        if not low - ROUNDING <= claim.scores[headline] <= high + ROUNDING:
            raise SubmissionError(
                f"the interval of a claim must hold its score, {claim.task} claims {claim.scores[headline]:g} in "
                f"{low:g} to {high:g}: pack the submission again"
            )


def rescored(folder: Path, claim: Claim) -> Outcome:
    """Scores of the packed predictions beside those claimed; nothing is run.

    Raises
    ------
    SubmissionError
        The predictions were changed, or are not one finite number for every row.
    """
    told = scores_of(claim.task, packed_predictions(folder, claim))
    return compared(claim, told, told)


def packed_predictions(folder: Path, claim: Claim) -> pd.DataFrame:
    """Predictions of a claim as :func:`zoo.submissions.folds.checked_table` returns them."""
    return checked_table(read_predictions(folder, claim), claim.task, claim.predictions)


def compared(claim: Claim, told: TableScores, found: TableScores) -> Outcome:
    """The claim must follow from its own predictions, and be what was found; the larger difference counts.

    Parameters
    ----------
    claim : Claim
    told : TableScores
        Of the packed predictions.
    found : TableScores
        Of the predictions made again, or the same.

    Raises
    ------
    SubmissionError
        The headline score is not defined for one of them.
    """
    headline = HEADLINE[task_rows(claim.task).task.kind]
    if not (headline in told.scores and headline in found.scores):
        raise SubmissionError(
            f"{headline} must be defined on every glass of {claim.task}, that of {claim.predictions} is not: "
            "predict no constant"
        )
    difference = max(abs(claim.scores[headline] - of.scores[headline]) for of in (told, found))
    return Outcome(
        task=claim.task,
        family=claim.family,
        claimed=claim.scores,
        found={name: round(value, 6) for name, value in found.scores.items()},
        difference=difference,
        largest_change=None,
        identical=False,
        interval=found.interval,
        n_glasses=found.n_glasses,
    )
