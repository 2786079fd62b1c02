"""Running a submission again, with this project's code for all but the columns, and keeping a record of it."""

from __future__ import annotations

import datetime
import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from zoo._machine import hardware, versions
from zoo.benchmark.cell import RECORDED
from zoo.benchmark.store import latest_results
from zoo.benchmark.suite import Cell, Entry, Suite
from zoo.benchmark.task import read_task
from zoo.errors import SubmissionError
from zoo.leaderboard.board import make_board
from zoo.paths import cache_dir
from zoo.submissions.checks import check, glasses_for
from zoo.submissions.contribution import Contribution, contributed
from zoo.submissions.folds import TableScores, checked_table, scores_of
from zoo.submissions.manifest import Claim, Manifest
from zoo.submissions.pack import predictions_of
from zoo.submissions.packed import compared, packed_predictions, read_packed, rescored
from zoo.submissions.record import FreshScore, Outcome, Record, State, hash_of_claims
from zoo.submissions.sandbox import Limits
from zoo.submissions.score import own_suite, score

TOLERANCE = 0.005
"""Largest difference of a headline score: another processor moves single atoms across the splits of a tree."""


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
    record = Record(
        name=submission.card.name,
        version=submission.card.version,
        state="scored",
        reason="",
        digest=submission.digest,
        claims=hash_of_claims(manifest),
        outcomes=[],
        tolerance=tolerance,
        by=by,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        hardware=hardware(),
        versions=versions(*RECORDED),
    )
    if submission.card.kind == "predictions":
        return _judged(replace(record, outcomes=[rescored(folder, claim) for claim in manifest.claims]), "scored")
    with contributed(submission, unsafe, limits, f"verify{secrets.token_hex(4)}") as contribution:
        try:
            record = _run_all(record, folder, manifest, contribution, advance)
            found = list(check(contribution, glasses_for(contribution, datasets_of(manifest))))
            fresh_found = fresh(contribution, manifest) if fresh else []
        finally:
            name = f"{contribution.entry.name}-v{contribution.entry.version}"
            shutil.rmtree(cache_dir() / "features" / name, ignore_errors=True)
        record = replace(
            record,
            layers=contribution.sandbox.layers,
            tried=contribution.sandbox.noted,
            findings=found,
            exempt=dict(contribution.entry.exempt),
            fresh=fresh_found,
        )
    return _judged(record, "verified")


def datasets_of(manifest: Manifest) -> list[str]:
    """Data sets that the claims are about."""
    return [read_task(claim.task).dataset for claim in manifest.claims]


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


def _run_all(
    record: Record,
    folder: Path,
    manifest: Manifest,
    contribution: Contribution,
    advance: Callable[[Cell, str], None],
) -> Record:
    with tempfile.TemporaryDirectory(prefix="zoo-verify-") as results:
        outcomes = [_run_again(folder, claim, contribution, Path(results), advance) for claim in manifest.claims]
    return replace(
        record,
        outcomes=outcomes,
        microseconds_per_atom=round(float(np.mean([of.microseconds_per_atom for of in outcomes])), 3),
        peak_memory_mb=round(contribution.sandbox.peak_memory_mb(), 1),
    )


def _run_again(
    folder: Path, claim: Claim, contribution: Contribution, results: Path, advance: Callable[[Cell, str], None]
) -> Outcome:
    claimed = packed_predictions(folder, claim)
    reference = suite_of(claim)
    suite = own_suite(reference, contribution.entry.name)
    store = score(contribution, reference, results, advance)
    row = make_board(store, suite)[0].rows[0]
    if row.state != "ok":
        raise SubmissionError(f"{claim.family} on {claim.task} must have a score, but it is {row.state}: {row.reason}")
    found = checked_table(predictions_of(store, latest_results(store, suite)), claim.task, claim.task)
    change = np.abs(claimed["score"].to_numpy(float) - found["score"].to_numpy(float))
    again = TableScores(row.scores, row.interval, row.n_glasses)
    return replace(
        compared(claim, scores_of(claim.task, claimed), again),
        largest_change=float(change.max()),
        identical=bool((change == 0).all()),
        n_columns=row.n_columns,
        microseconds_per_atom=round(row.microseconds_per_atom, 3),
        fit_seconds=round(row.fit_seconds, 4),
        predict_seconds=round(row.predict_seconds, 4),
    )


def _judged(record: Record, best: State) -> Record:
    """The record with the worst that was found as its state, ``best`` if nothing was."""
    failed = next((finding for finding in record.findings if finding.state == "failed"), None)
    off = next((outcome for outcome in record.outcomes if not outcome.difference <= record.tolerance), None)
    lost = next((score for score in record.fresh if score.suspicious), None)
    state: State = best
    reason = ""
    if record.tried:
        state, reason = "refused", f"the code tried to {record.tried[0]}"
    elif failed:
        state, reason = "refused", f"a trial failed: {failed.title}: {failed.reason}"
    elif off:
        what = f"{off.family or 'the model'} on {off.task}"
        state, reason = "differs", f"{what}: off by {off.difference:.4f}, allowed {record.tolerance:g}"
    elif lost:
        leads = f"{lost.lead:+.3f} as published, {lost.fresh_lead:+.3f} on new glasses"
        state, reason = "doubtful", f"{lost.family} on {lost.task}: lead over {lost.reference} {leads}"
    return replace(record, state=state, reason=reason)
