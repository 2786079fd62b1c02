"""What a check is, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from zoo.datasets.load import Dataset
from zoo.errors import RegistrationError
from zoo.glass import Glass

Level = Literal["error", "warning", "info"]
LEVELS: dict[Level, str] = {
    "error": "scores from this data set are wrong, or cannot be made at all",
    "warning": "scores mislead unless the data set is used with care",
    "info": "good to know before planning a split or a paper",
}
State = Literal["clean", "found", "not-applicable", "failed"]


class NotApplicable(Exception):
    """Raised by a check that has nothing to look at in this data set; the message says why."""


def glasses_of(dataset: Dataset) -> dict[str, Glass]:
    """Every glass; a table of pairs may hold them too.

    Raises
    ------
    NotApplicable
        There are none.
    """
    if not dataset.card.glasses:
        raise NotApplicable("the data set holds no glasses")
    return dataset.glasses


@dataclass(frozen=True)
class Check:
    """A question that every data set is asked.

    Attributes
    ----------
    code : str
        ``D`` and three digits; never given to another check.
    title : str
        What is wrong where it fires.
    level : str
        One of ``LEVELS``.
    kinds : frozenset of str
        Kinds of data set that it applies to: ``glasses``, ``pairs``.
    why, mend : str
        Why it matters, and what to do about it.
    find : callable
        ``Dataset -> list of str``: each finding is one sentence with its numbers; none if all is well.
    """

    code: str
    title: str
    level: Level
    kinds: frozenset[str]
    why: str
    mend: str
    find: Callable[[Dataset], list[str]] = field(repr=False)

    def __post_init__(self) -> None:
        well_formed = len(self.code) == 4 and self.code[0] == "D" and self.code[1:].isdigit()
        if not (well_formed and self.title and self.why and self.mend and self.kinds <= BOTH and self.level in LEVELS):
            raise RegistrationError(
                f"a check must state a code such as D101, a title, a level, kinds, why and mend, got {self!r}"
            )


BOTH = frozenset({"glasses", "pairs"})
PAIRS = frozenset({"pairs"})


@dataclass(frozen=True)
class Outcome:
    """What one check has found in one data set; ``reason`` says why it does not apply, or how it failed."""

    check: Check
    state: State
    findings: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """All outcomes for one data set; ``skipped`` says why it was not looked at."""

    dataset: str
    version: str
    outcomes: tuple[Outcome, ...] = ()
    skipped: str = ""
    known_flaws: tuple[str, ...] = ()

    def found(self, *levels: Level) -> list[Outcome]:
        """Outcomes with findings, of some levels or of all; errors first."""
        wanted = levels or tuple(LEVELS)
        return [o for level in wanted for o in self.outcomes if o.state == "found" and o.check.level == level]

    @property
    def summary(self) -> str:
        """One line: how many findings of each level."""
        if self.skipped:
            return f"skipped: {self.skipped}"
        counts = {level: sum(len(outcome.findings) for outcome in self.found(level)) for level in LEVELS}
        words = [f"{count} {level}{'s' * (count > 1 and level != 'info')}" for level, count in counts.items() if count]
        asked = [outcome for outcome in self.outcomes if outcome.state in ("clean", "found")]
        clean = sum(outcome.state == "clean" for outcome in asked)
        failed = [outcome.check.code for outcome in self.outcomes if outcome.state == "failed"]
        words += [f"could not run {', '.join(failed)}"] if failed else []
        return f"{', '.join(words) or 'nothing found'}; {clean} of {len(asked)} checks clean"
