"""A contributed descriptor as a feature set of this project: declared here, computed in the sandbox."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta, Struct

from zoo._files import parse_declaration
from zoo.errors import SubmissionError
from zoo.features.declaration import Column, FeatureSet, FloatArray, Need, feature_sets
from zoo.glass import Glass
from zoo.submissions.card import MAIN, Submission
from zoo.submissions.sandbox import Limits, Sandbox, packed, plain, sandboxed

MOST_COLUMNS = 5_000
LONGEST = 1e6
"""Å, of a column."""
PLAIN = re.compile(r"[^\s<>&\"'][^<>&\"'\n]{0,79}")
Short = Annotated[str, Meta(min_length=1, max_length=500)]


class Declared(Struct, frozen=True, forbid_unknown_fields=True):
    """What the code states about its feature set."""

    name: Short
    title: Short
    citation: Short
    version: int
    needs: list[Need]
    fields: list[Short]
    rows: str
    smooth: bool
    exempt: dict[Short, Short]
    image: list[int]


@dataclass
class Contribution:
    """A descriptor that answers from its sandbox.

    Attributes
    ----------
    submission : Submission
    sandbox : Sandbox
    entry : FeatureSet
        Registered under a name that holds the hash of the code, so that nothing of other code is reused.
    timed : list of (int, float)
        Atoms and seconds of every glass described so far, the first, which compiles, left out. What the code does
        beside, such as in ``declines``, counts for the next glass.
    """

    submission: Submission
    sandbox: Sandbox
    entry: FeatureSet
    timed: list[tuple[int, float]] = field(default_factory=list)

    @property
    def microseconds_per_atom(self) -> float:
        """CPU time as the kernel counts it outside of the sandbox; NaN before two glasses were described."""
        atoms = sum(count for count, _ in self.timed)
        return sum(seconds for _, seconds in self.timed) / atoms * 1e6 if atoms else float("nan")


@contextmanager
def contributed(
    submission: Submission, unsafe: bool = False, limits: Limits | None = None, run: str = ""
) -> Iterator[Contribution]:
    """Start a sandbox with the code of a submission and register its feature set.

    Parameters
    ----------
    submission : Submission
        Of kind *descriptor*.
    unsafe : bool
        Go on where the system offers less than is required.
    limits : Limits, optional
    run : str
        Sets this computation apart from earlier ones of the same code, whose columns are then not reused.

    Raises
    ------
    SandboxError
        The code cannot be confined, does not run, or breaks a limit.
    SubmissionError
        It does not register one set of atoms that agrees with the card.
    """
    if submission.card.kind != "descriptor":
        raise SubmissionError(f"{submission.card.name} holds predictions, there is no code to run")
    with sandboxed(submission.files, MAIN, unsafe=unsafe, limits=limits) as sandbox:
        declared = _agreed(submission, sandbox)
        contribution = Contribution(submission, sandbox, None)  # type: ignore[arg-type]
        name = ".".join(part for part in (submission.card.name, submission.digest[:12], run) if part)
        contribution.entry = feature_sets.register(_feature_set(contribution, declared, name))
        try:
            yield contribution
        finally:
            feature_sets.remove(name)


def _agreed(submission: Submission, sandbox: Sandbox) -> Declared:
    """The one declaration, if it says what the card says."""
    found, card = sandbox.declared, submission.card
    if not isinstance(found, list) or len(found) != 1:
        count = len(found) if isinstance(found, list) else 0
        raise SubmissionError(f"{MAIN} must register one feature set, it registers {count}")
    declared = parse_declaration(found[0], Declared, f"the feature set of {MAIN}")
    if declared.rows != "atoms" or declared.image:
        raise SubmissionError("a submission must describe atoms by columns, not pairs or images")
    for key, of_card in (("name", card.name), ("version", card.version)):
        if getattr(declared, key) != of_card:
            raise SubmissionError(
                f"{key} must be the same in {MAIN} and on the card, "
                f"got {getattr(declared, key)!r} and {of_card!r}: change one of them"
            )
    for key, of_code, on_card in (
        ("needs", declared.needs, card.needs or ["positions"]),
        ("fields", declared.fields, card.fields),
    ):
        if sorted(of_code) != sorted(on_card):
            raise SubmissionError(
                f"{key} must be the same in {MAIN} and on the card, got {sorted(of_code)} and {sorted(on_card)}"
            )
    if card.name in feature_sets.names():
        raise SubmissionError(f"a feature set of this project is called {card.name!r}: choose another name")
    return declared


def _feature_set(contribution: Contribution, declared: Declared, name: str) -> FeatureSet:
    sandbox = contribution.sandbox
    known: dict[tuple[str, ...], tuple[Column, ...]] = {}
    reasons: dict[bytes, str | None] = {}
    described, counted = 0, sandbox.seconds()

    def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
        if kinds not in known:
            known[kinds] = _checked_columns(sandbox.columns(0, kinds))
        return known[kinds]

    def declines(glass: Glass) -> str | None:
        key = hashlib.sha256(packed(glass)).digest()  # asked of every glass by every cell, but paid for once
        if key not in reasons:
            reasons[key] = sandbox.declines(0, glass)
        return reasons[key]

    def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
        nonlocal described, counted
        began = sandbox.seconds()
        matrix = sandbox.compute(0, glass, kinds)
        now = sandbox.seconds()
        described += 1
        if described == 1:
            counted += now - began
        else:
            contribution.timed.append((len(glass), now - counted))
            counted = now
        return matrix

    return FeatureSet(
        name=name,
        title=plain(declared.title),
        citation=plain(declared.citation),
        version=declared.version,
        columns=columns,
        compute=compute,
        needs=frozenset(declared.needs),
        fields=tuple(declared.fields),
        declines=declines,
        smooth=declared.smooth,
        exempt={plain(trial): plain(reason) for trial, reason in declared.exempt.items()},
    )


def _checked_columns(found: list[Any]) -> tuple[Column, ...]:
    if not 1 <= len(found) <= MOST_COLUMNS:
        raise SubmissionError(f"a descriptor may have 1 to {MOST_COLUMNS:,} columns, this one has {len(found):,}")
    columns = []
    for item in found:
        name, unit, family, length = item if isinstance(item, list) and len(item) == 4 else ("", "", "", None)
        if not all(isinstance(text, str) and PLAIN.fullmatch(text) for text in (name, unit, family)):
            raise SubmissionError(
                "a column must state name, unit and family in at most 80 plain characters, "
                f"got {plain(str(item))[:100]}"
            )
        if length and not (isinstance(length, int | float) and 0 < length < LONGEST):
            raise SubmissionError(f"the length of a column must be in Å, got {plain(str(length))[:100]}")
        columns.append(Column(plain(name), plain(unit), plain(family), float(length) if length else None))
    return tuple(columns)
