"""Every packed submission with its state: what the leaderboard shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ZooError
from zoo.submissions.card import SubmissionCard
from zoo.submissions.manifest import Claim
from zoo.submissions.pack import submissions_folder
from zoo.submissions.packed import read_packed, rescored
from zoo.submissions.record import Outcome, Record, record_of


@dataclass(frozen=True)
class SubmissionEntry:
    """One folder of ``leaderboard/submissions``.

    All text comes from whoever sent it: pages escape it.

    Attributes
    ----------
    name, version, kind, title : str
    state : str
        ``"verified"``, ``"scored"``, ``"doubtful"``, ``"differs"`` or ``"refused"`` as its record says;
        ``"unverified"`` without one that holds for it as it is now; ``"broken"`` if it breaks a rule.
    reason : str
    claims : tuple of Claim
        What it states: its author's word.
    outcomes : tuple of Outcome
        What is shown, one for each claim: as its record says, or computed from its predictions now.
    record : Record or None
    card : SubmissionCard or None
        None if it breaks a rule.
    made : str
        When it was packed, as it states.
    """

    name: str
    version: str
    kind: str
    title: str
    state: str
    reason: str = ""
    claims: tuple[Claim, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    record: Record | None = None
    card: SubmissionCard | None = None
    made: str = ""


def read_entries(folder: Path | None = None, records: Path | None = None) -> list[SubmissionEntry]:
    """All submissions by name; one that breaks a rule is listed with the reason, never dropped."""
    folder = folder or submissions_folder()
    if not folder.is_dir():
        return []
    return [_entry(path, records) for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "."]


def _entry(path: Path, records: Path | None) -> SubmissionEntry:
    try:
        submission, manifest = read_packed(path)
        record = record_of(submission, manifest, records)
        outcomes = record.outcomes if record else [rescored(path, claim) for claim in manifest.claims]
    except ZooError as error:
        return SubmissionEntry(path.name, "", "", "", "broken", str(error))
    card = submission.card
    return SubmissionEntry(
        card.name,
        str(card.version),
        card.kind,
        card.title,
        record.state if record else "unverified",
        record.reason if record else "",
        tuple(manifest.claims),
        tuple(outcomes),
        record,
        card,
        manifest.made[:10],
    )
