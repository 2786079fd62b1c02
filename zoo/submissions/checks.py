"""What a descriptor must satisfy before it is scored, and in plain words how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zoo.conformance import DECLINED, MEMORY, TRIALS, State, Verdict, examine, prepared, repeated, trial_glasses
from zoo.datasets.registry import list_cards
from zoo.errors import SubmissionError, ZooError
from zoo.features.compute import checked_matrix, what_it_sees
from zoo.features.declaration import FeatureSet, FloatArray
from zoo.glass import Glass
from zoo.submissions.contribution import Contribution

LARGE = 12_000
"""Atoms of the glass that memory is measured with."""
USUAL, MOST = "cuzr-shear", 4
"""The data set whose glasses a descriptor is tried on, and how many are to be told apart."""

ADVICE = {
    "contract": "return a numpy array of float32, one row per atom in the order of glass.positions, one column per "
    "declared Column; replace NaN and infinity by a number that says what is meant",
    "determinism": "take random numbers from np.random.default_rng(0) inside of compute, and sum in a fixed order",
    "rotation": "use distances and angles between atoms, not their coordinates",
    "translation": "use differences of positions, as find_neighbors returns them, not positions",
    "images": "take neighbours from zoo.neighbors.find_neighbors, which knows periodic cells",
    "permutation": "do not use the number of an atom or the order of neighbours; sums and sorted lists are safe",
    "supercell": "do not use the size of the cell or the number of atoms; reach at most as far as a cutoff",
    "relabelling": "look species up by glass.species_index(kinds), not by name; take radii from zoo.features.radii",
    "missing species": "make columns for every species in kinds, also for those that a glass lacks",
    "smoothness": "let weights fall to zero at the cutoff, for example (1 - (r / cutoff)²)²; a set that counts states "
    "smooth=False",
    "identity": "look for what is the same for all atoms of a glass (density, cell, mean of a column) and leave it out",
}
"""How to mend what a trial finds."""


@dataclass(frozen=True)
class Finding:
    """Outcome of one question.

    Attributes
    ----------
    title : str
    state : {"passed", "failed", "not applicable", "exempt"}
    reason : str
        What is wrong, or a measured value.
    mend : str
        What to do about it.
    """

    title: str
    state: State
    reason: str = ""
    mend: str = ""


def check(contribution: Contribution, glasses: list[Glass]) -> Iterator[Finding]:
    """Ask everything of a contributed descriptor.

    Parameters
    ----------
    contribution : Contribution
    glasses : list of Glass
        As :func:`zoo.conformance.trial_glasses` gives them.
    """
    entry = contribution.entry
    yield _peeking(entry)
    glasses = prepared(entry, glasses)
    for verdict in examine(entry, glasses, tuple(trial for trial in TRIALS if trial.name != "memory")):
        yield _finding(verdict)
    yield _hold("The same whichever glass came before", _memory_of_glasses, contribution, glasses)
    yield _hold("At most 40 kB per atom", _peak_memory, contribution, glasses)
    yield _hold("Time", _time, contribution, glasses)
    yield _tried(contribution)


def _finding(verdict: Verdict) -> Finding:
    """A trial that the set declines has not been passed: a submission could decline every one."""
    title, reason = verdict.trial.title, verdict.reason
    if reason.startswith(DECLINED):
        return Finding(title, "failed", reason, "let declines tell apart data sets only; try it on one (--dataset)")
    mend = ADVICE[verdict.trial.name] if verdict.state == "failed" else ""
    return Finding(title, verdict.state, reason, mend)


def require_passed(contribution: Contribution, datasets: Iterable[str]) -> None:
    """Refuse a descriptor that fails a trial.

    Raises
    ------
    SubmissionError
        Which names the first that failed.
    """
    for finding in check(contribution, glasses_for(contribution, datasets)):
        if finding.state == "failed":
            raise SubmissionError(
                f"a descriptor must pass every trial before it is packed, but {finding.title!r} failed: "
                f"{finding.reason}; to mend it: {finding.mend}"
            )


def glasses_for(contribution: Contribution, datasets: Iterable[str]) -> list[Glass]:
    """Trial glasses of :data:`USUAL`, or of the first of ``datasets`` that the set does not decline.

    Raises
    ------
    ZooError
        None of them is there.
    """
    known, entry = [card.name for card in list_cards() if card.glasses], contribution.entry
    names = [name for name in dict.fromkeys([USUAL, *datasets]) if name in known] or [USUAL]
    for name in names[:-1]:
        glasses = trial_glasses(name, MOST)
        if entry.declines(prepared(entry, glasses)[0]) is None:
            return glasses
    return trial_glasses(names[-1], MOST)


def _hold(
    title: str,
    question: Callable[[str, Contribution, list[Glass]], Finding],
    contribution: Contribution,
    glasses: list[Glass],
) -> Finding:
    try:
        return question(title, contribution, glasses)
    except ZooError as error:
        return Finding(title, "failed", str(error), "see the first failure above")


def _peeking(entry: FeatureSet) -> Finding:
    """Fields that are a label of some data set of this project."""
    title = "Reads no field that is a label"
    labels = {
        column.name: card.name for card in list_cards() for column in card.columns if column.role not in ("feature", "")
    }
    told = [name for name in entry.fields if name in labels]
    if not told:
        return Finding(title, "passed")
    return Finding(
        title,
        "failed",
        f"the set declares the field {told[0]!r}, which is a label of {labels[told[0]]}",
        "remove it from fields: what is to be predicted cannot be an input",
    )


def _described(contribution: Contribution, glass: Glass) -> FloatArray:
    entry = contribution.entry
    seen = what_it_sees(entry, glass)
    return checked_matrix(entry, entry.compute(seen, glass.kinds), len(glass), glass.kinds)


def _memory_of_glasses(title: str, contribution: Contribution, glasses: list[Glass]) -> Finding:
    first = _described(contribution, glasses[0])
    _described(contribution, glasses[-1])
    if np.array_equal(first, _described(contribution, glasses[0])):
        return Finding(title, "passed")
    return Finding(
        title,
        "failed",
        "a glass gets other numbers after another one was described",
        "keep nothing between two calls of compute: no global variables, no running means",
    )


def _peak_memory(title: str, contribution: Contribution, glasses: list[Glass]) -> Finding:
    _described(contribution, glasses[0])
    before = contribution.sandbox.peak_memory_mb()
    large = repeated(glasses[0], LARGE)
    _described(contribution, large)
    after = contribution.sandbox.peak_memory_mb()
    if not after:
        return Finding(title, "not applicable", "this system does not say how much a process takes")
    each = (after - before) * 2**20 / len(large)
    state: Literal["passed", "failed"] = "passed" if each <= MEMORY else "failed"
    return Finding(
        title,
        state,
        f"{each / 1000:.1f} kB per atom for {len(large):,} atoms, {after:.0f} MB with the interpreter",
        "work through the atoms in blocks of a few thousand" if state == "failed" else "",
    )


def _time(title: str, contribution: Contribution, glasses: list[Glass]) -> Finding:
    contribution.timed.clear()
    for glass in glasses[:3]:
        _described(contribution, glass)
    cost = contribution.microseconds_per_atom
    return Finding(
        title, "passed", f"{cost:.1f} µs per atom, {len(contribution.entry.columns(glasses[0].kinds))} columns"
    )


def _tried(contribution: Contribution) -> Finding:
    title = "Opens no file, no connection, no process"
    noted = contribution.sandbox.noted
    if not noted:
        return Finding(title, "passed", f"confined by: {', '.join(contribution.sandbox.layers)}")
    return Finding(
        title,
        "failed",
        f"the code tried to {noted[0]}",
        "a descriptor sees positions, species, cell and its declared fields, and nothing else; take tables that it "
        "needs into the folder of the submission and read them beside descriptor.py",
    )
