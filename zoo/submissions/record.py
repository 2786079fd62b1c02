"""What a maintainer keeps about a submission that was run again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from zoo._files import atomic_write
from zoo.errors import SubmissionError
from zoo.submissions.card import Submission, require_name
from zoo.submissions.checks import Finding
from zoo.submissions.manifest import Manifest
from zoo.submissions.pack import submissions_folder

State = Literal["verified", "scored", "doubtful", "differs", "refused"]


class Outcome(Struct, frozen=True):
    """One claim and what was found.

    Attributes
    ----------
    claimed, found : dict of float
        Scores as stated, and as made again or computed from the packed predictions.
    difference : float
        Of the headline score.
    largest_change : float or None
        Of a prediction; None where nothing was run again.
    identical : bool
        Every prediction is the same to the last bit.
    interval : (float, float) or None
        95 % of the headline score found.
    n_glasses : int
        Test glasses.
    n_columns : int
    microseconds_per_atom, fit_seconds, predict_seconds : float
        As measured when it was run again, means over folds; 0 where nothing was.
    """

    task: str
    family: str
    claimed: dict[str, float]
    found: dict[str, float]
    difference: float
    largest_change: float | None
    identical: bool
    interval: tuple[float, float] | None = None
    n_glasses: int = 0
    n_columns: int = 0
    microseconds_per_atom: float = 0.0
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0


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
        The drop is larger than chance and the new glasses themselves explain.
    usual : str
        Another registered set, which knows no glass by heart; empty if it could not be scored.
    usual_drop : float or None
        By how much *its* lead over the reference is smaller on the same glasses.
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
    usual: str = ""
    usual_drop: float | None = None

    @property
    def lead(self) -> float:
        """Over the reference, as published."""
        return self.public - self.public_reference

    @property
    def fresh_lead(self) -> float:
        """Over the reference, on new glasses."""
        return self.fresh - self.fresh_reference


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """What a maintainer keeps about a submission, in ``leaderboard/verified/NAME.json``.

    It holds for one digest of the files and one set of claims: a submission that changes loses it.

    Attributes
    ----------
    state : {"verified", "scored", "doubtful", "differs", "refused"}
        *verified*: run again, same scores. *scored*: predictions only, scored by this project's code. *doubtful*: same
        scores, but its lead is lost on new glasses. *differs*: the scores are not those claimed. *refused*: the code
        tried what it must not, or fails a trial of the conformance suite.
    claims : str
        Hash of all claims, the hashes of their predictions among them.
    layers : list of str
        What the sandbox enforced; empty if nothing was run.
    findings : list of Finding
        What :func:`zoo.submissions.checks.check` has found.
    exempt : dict of str
        Trials that the set does not take, with its reasons.
    microseconds_per_atom, peak_memory_mb : float
        Mean over the claims; of the process that describes their glasses.
    by : str
        Who verified; never empty in a record that is kept.
    """

    name: str
    version: int
    state: State
    reason: str
    digest: str
    claims: str
    outcomes: list[Outcome]
    tolerance: float
    by: Annotated[str, Meta(pattern=r"\S")]
    date: str
    hardware: str
    versions: dict[str, str]
    layers: list[str] = []
    tried: list[str] = []
    findings: list[Finding] = []
    exempt: dict[str, str] = {}
    microseconds_per_atom: float = 0.0
    peak_memory_mb: float = 0.0
    fresh: list[FreshScore] = []


def records_folder() -> Path:
    """``leaderboard/verified``: written by maintainers only."""
    return submissions_folder().parent / "verified"


def record_of(submission: Submission, manifest: Manifest, records: Path | None = None) -> Record | None:
    """The record that holds for a packed submission as it is now; None if there is none, or it has changed since.

    Raises
    ------
    SubmissionError
        The record cannot be read, or does not say who verified.
    """
    path = (records or records_folder()) / f"{submission.card.name}.json"
    if not path.is_file():
        return None
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except msgspec.DecodeError as error:
        raise SubmissionError(f"{path} is no readable record ({error}): verify the submission again") from None
    return record if (record.digest, record.claims) == (submission.digest, hash_of_claims(manifest)) else None


def write_record(record: Record, folder: Path | None = None) -> Path:
    """Write a record; it becomes valid by a maintainer's commit.

    Raises
    ------
    SubmissionError
        It does not say who verified.
    """
    require_name(record.name)
    if not record.by.strip():
        raise SubmissionError("a record that is kept must state who verified: add --by 'Your Name'")
    path = (folder or records_folder()) / f"{record.name}.json"
    with atomic_write(path) as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(record), indent=1))
    return path


def hash_of_claims(manifest: Manifest) -> str:
    """sha256 of everything that is claimed, predictions included by their own hash."""
    return hashlib.sha256(msgspec.json.encode(manifest.claims)).hexdigest()
