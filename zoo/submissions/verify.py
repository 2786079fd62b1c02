"""Running a submission again, with this project's code for all but the columns, and keeping a record of it."""

from __future__ import annotations

import datetime
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from zoo._files import atomic_write
from zoo._machine import hardware, versions
from zoo.benchmark.cell import RECORDED, task_rows
from zoo.benchmark.metrics import HEADLINE
from zoo.benchmark.store import Store, latest_results
from zoo.benchmark.suite import Cell, Entry, Suite
from zoo.benchmark.task import task_names
from zoo.errors import SubmissionError
from zoo.leaderboard.board import make_board
from zoo.models.declaration import model_families
from zoo.submissions.card import PREDICTIONS, Submission, read_submission, require_name
from zoo.submissions.contribution import Contribution, contributed
from zoo.submissions.folds import checked_table, lock_of, mean_scores
from zoo.submissions.manifest import Claim, Manifest, read_manifest, read_predictions
from zoo.submissions.pack import _predictions, submissions_folder
from zoo.submissions.sandbox import Limits
from zoo.submissions.score import REFERENCE, own_suite, score

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 0.005
"""Largest difference of a headline score: another processor moves single atoms across the splits of a tree."""

State = Literal["verified", "scored", "differs", "refused"]


class Outcome(Struct, frozen=True):
    """One claim and what was found.

    Attributes
    ----------
    claimed, found : dict of float
        Scores as stated and as made again.
    difference : float
        Of the headline score.
    largest_change : float or None
        Of a prediction; None where nothing was run again.
    identical : bool
        Every prediction is the same to the last bit.
    """

    task: str
    family: str
    claimed: dict[str, float]
    found: dict[str, float]
    difference: float
    largest_change: float | None
    identical: bool


class FreshScore(Struct, frozen=True):
    """How a descriptor does on glasses that nobody has seen, beside a registered set on the same glasses.

    Attributes
    ----------
    recipe, variant : str
    seeds : list of int
    task, family, reference : str
        The registered set that it is set beside.
    public, public_reference, fresh, fresh_reference : float
        Headline scores on the data set as published, and on the new glasses.
    fresh_interval : (float, float) or None
    drop : float
        By how much its lead over the reference is smaller on new glasses.
    suspicious : bool
        The drop is larger than chance explains.
    """

    recipe: str
    variant: str
    seeds: list[int]
    task: str
    family: str
    reference: str
    public: float
    public_reference: float
    fresh: float
    fresh_reference: float
    fresh_interval: tuple[float, float] | None
    drop: float
    suspicious: bool


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """What a maintainer keeps about a submission, in ``leaderboard/verified/NAME.json``.

    It holds for one digest of the files and one set of prediction hashes: a submission that changes loses it.

    Attributes
    ----------
    state : {"verified", "scored", "differs", "refused"}
        *verified*: run again, same scores. *scored*: predictions only, scored by this project's code. *differs*: the
        scores are not those claimed. *refused*: the code tried what it must not.
    layers : list of str
        What the sandbox enforced; empty if nothing was run.
    """

    name: str
    version: int
    state: State
    reason: str
    digest: str
    predictions: dict[str, str]
    outcomes: list[Outcome]
    tolerance: float
    layers: list[str]
    tried: list[str]
    microseconds_per_atom: float
    peak_memory_mb: float
    fresh: list[FreshScore]
    by: str
    date: str
    hardware: str
    versions: dict[str, str]


def records_folder() -> Path:
    """``leaderboard/verified``: written by maintainers only."""
    return submissions_folder().parent / "verified"


def record_of(folder: Path, records: Path | None = None) -> Record | None:
    """The record that holds for a packed submission as it is now; None if there is none, or it has changed since."""
    submission, manifest = read_packed(folder)
    path = (records or records_folder()) / f"{submission.card.name}.json"
    if not path.is_file():
        return None
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except msgspec.DecodeError as error:
        raise SubmissionError(f"{path} is no readable record ({error}): verify the submission again") from None
    same = record.digest == submission.digest and record.predictions == _hashes(manifest)
    return record if same else None


def write_record(record: Record, folder: Path | None = None) -> Path:
    """Write a record; it becomes valid by a maintainer's commit."""
    require_name(record.name)
    path = (folder or records_folder()) / f"{record.name}.json"
    with atomic_write(path) as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(record), indent=1))
    return path


def read_packed(folder: Path) -> tuple[Submission, Manifest]:
    """A packed submission whose files are those of its manifest.

    Raises
    ------
    SubmissionError
        A file was changed, added or removed after packing; folder, card and manifest have different names; the
        manifest names a task, a family or settings that submissions are not scored with.
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
        raise SubmissionError(f"{folder}: {what[:100]!r} is not what the manifest states: pack the submission again")
    beside = {path.relative_to(folder).as_posix() for path in (folder / PREDICTIONS).rglob("*") if not path.is_dir()}
    if unknown := sorted(beside - set(_hashes(manifest))):
        raise SubmissionError(f"{folder}: the manifest does not state {unknown[0][:100]!r}: pack the submission again")
    for claim in manifest.claims:
        _require_known(claim, card.kind)
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
    if HEADLINE[rows.task.kind] not in claim.scores:
        raise SubmissionError(
            f"a claim on {claim.task} must state {HEADLINE[rows.task.kind]}: pack the submission again"
        )
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


def verify(
    folder: Path,
    unsafe: bool = False,
    tolerance: float = TOLERANCE,
    by: str = "",
    limits: Limits | None = None,
    fresh: Callable[[Contribution, Manifest], list[FreshScore]] | None = None,
    advance: Callable[[Cell, str], None] = lambda cell, state: None,
) -> Record:
    """Score a packed submission again and say whether its claims hold.

    Parameters
    ----------
    folder : Path
    unsafe : bool
        Run code where the system cannot confine it.
    tolerance : float
        Largest difference of a headline score.
    by : str
        Who verifies.
    limits : Limits, optional
    fresh : callable, optional
        Scores on new glasses, see :func:`zoo.submissions.fresh.fresh_scores`.
    advance : callable of (Cell, state)

    Raises
    ------
    SubmissionError, SandboxError
        The submission breaks a rule, or its code cannot be run to its end.
    """
    submission, manifest = read_packed(folder)
    if submission.card.kind == "predictions":
        outcomes = [_rescored(folder, claim) for claim in manifest.claims]
        return _record(submission, manifest, outcomes, tolerance, by)
    run = f"verify{secrets.token_hex(4)}"
    with (
        contributed(submission, unsafe=unsafe, limits=limits, run=run) as contribution,
        tempfile.TemporaryDirectory(prefix="zoo-verify-") as results,
    ):
        outcomes = []
        for claim in manifest.claims:
            outcomes.append(_run_again(folder, claim, contribution, Path(results), advance))
        new = fresh(contribution, manifest) if fresh else []
        return _record(submission, manifest, outcomes, tolerance, by, contribution, new)


def suite_of(claim: Claim) -> Suite:
    """The cells behind a claim."""
    return Suite(
        "verify",
        "Verification",
        [Entry(claim.task, ["species"], [claim.family])],
        seed=claim.seed,
        max_train_rows=claim.max_train_rows,
        random_split=False,
    )


def _run_again(
    folder: Path, claim: Claim, contribution: Contribution, results: Path, advance: Callable[[Cell, str], None]
) -> Outcome:
    claimed = checked_table(read_predictions(folder, claim), claim.task, claim.predictions)
    reference = suite_of(claim)
    suite = own_suite(reference, contribution.entry.name)
    store: Store = score(contribution, reference, results, advance)
    row = make_board(store, suite)[0].rows[0]
    if row.state != "ok":
        raise SubmissionError(f"{claim.family} on {claim.task} must have a score, but it is {row.state}: {row.reason}")
    keys = [(result.fold, result.key) for result in latest_results(store, suite)]
    found = checked_table(_predictions(store, keys), claim.task, claim.task)
    change = np.abs(claimed["score"].to_numpy(float) - found["score"].to_numpy(float))
    return replace(
        _compared(claim, claimed, row.scores),
        largest_change=float(change.max()),
        identical=bool((change == 0).all()),
    )


def _rescored(folder: Path, claim: Claim) -> Outcome:
    table = checked_table(read_predictions(folder, claim), claim.task, claim.predictions)
    return _compared(claim, table, mean_scores(claim.task, table))


def _compared(claim: Claim, table: pd.DataFrame, found: dict[str, float]) -> Outcome:
    """The claim must follow from its own predictions, and be what was found; the larger difference counts."""
    headline = HEADLINE[task_rows(claim.task).task.kind]
    stated = claim.scores[headline]
    told = mean_scores(claim.task, table).get(headline, float("nan"))
    difference = max(abs(stated - found.get(headline, float("nan"))), abs(stated - told))
    rounded = {name: round(value, 6) for name, value in found.items()}
    return Outcome(claim.task, claim.family, claim.scores, rounded, float(difference), None, False)


def _hashes(manifest: Manifest) -> dict[str, str]:
    return {claim.predictions: claim.sha256 for claim in manifest.claims}


def _record(
    submission: Submission,
    manifest: Manifest,
    outcomes: list[Outcome],
    tolerance: float,
    by: str,
    contribution: Contribution | None = None,
    fresh: list[FreshScore] | None = None,
) -> Record:
    tried = contribution.sandbox.noted if contribution else []
    off = [outcome for outcome in outcomes if not outcome.difference <= tolerance]
    state: State = "verified" if contribution else "scored"
    reason = ""
    if tried:
        state, reason = "refused", f"the code tried to {tried[0]}"
    elif off:
        worst = off[0]
        state = "differs"
        reason = f"{worst.family or 'the model'} on {worst.task}: off by {worst.difference:.4f}, allowed {tolerance:g}"
    return Record(
        name=submission.card.name,
        version=submission.card.version,
        state=state,
        reason=reason,
        digest=submission.digest,
        predictions=_hashes(manifest),
        outcomes=outcomes,
        tolerance=tolerance,
        layers=contribution.sandbox.layers if contribution else [],
        tried=tried,
        microseconds_per_atom=_cost(contribution),
        peak_memory_mb=round(contribution.sandbox.peak_memory_mb(), 1) if contribution else 0.0,
        fresh=fresh or [],
        by=by,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        hardware=hardware(),
        versions=versions(*RECORDED),
    )


def _cost(contribution: Contribution | None) -> float:
    cost = contribution.microseconds_per_atom if contribution else 0.0
    return round(cost, 3) if np.isfinite(cost) else 0.0
