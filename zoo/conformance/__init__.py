"""What every descriptor must satisfy: trials whose right answer is known without knowing the descriptor.

``zoo check-descriptor FILE`` holds them for a set that is not part of this package, ``tests/conformance`` for all that
are.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoo.conformance.glasses import prepared, repeated, trial_glasses, with_stored_fields
from zoo.conformance.trials import MEMORY, TRIALS, NotApplicable, Trial
from zoo.errors import ZooError
from zoo.features.compute import what_it_sees
from zoo.features.declaration import FeatureSet
from zoo.glass import Glass

__all__ = [
    "DECLINED",
    "MEMORY",
    "TRIALS",
    "State",
    "Trial",
    "Verdict",
    "examine",
    "microseconds_per_atom",
    "prepared",
    "repeated",
    "summary",
    "trial_glasses",
    "with_stored_fields",
]

MAY_BE_EXEMPT = ("rotation", "relabelling", "smoothness")
"""Trials that a set may be spared with a reason: it has a direction, knows elements, or jumps; a null control, more."""
DECLINED = "the set declines: "
"""How the reason of a trial begins that could not be held."""
NEVER_EXEMPT = ("contract", "determinism", "memory")
"""Trials that not even a null control is spared."""
State = Literal["passed", "failed", "not applicable", "exempt"]
PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Verdict:
    """Outcome of one trial; exempt is what a set has asked to be spared and may be."""

    trial: Trial
    state: State
    reason: str = ""


def examine(entry: FeatureSet, glasses: list[Glass], trials: tuple[Trial, ...] = ()) -> Iterator[Verdict]:
    """Hold all trials, or those given.

    Parameters
    ----------
    entry : FeatureSet
        Of atoms.
    glasses : list of Glass
        The first is turned, moved and repeated. The others, three or more of one recipe, are to be told apart.

    Yields
    ------
    Verdict
        A set that declines the first glass is not applicable to anything; a trial that crashes has failed. After a
        broken contract no other trial is held.
    """
    broken = False
    for trial in trials or TRIALS:
        verdict = Verdict(trial, "not applicable", "the contract failed") if broken else _hold(trial, entry, glasses)
        broken |= trial.name == "contract" and verdict.state == "failed"
        yield verdict


def microseconds_per_atom(entry: FeatureSet, glass: Glass) -> float:
    """CPU time of describing a glass once more, warm."""
    started = time.process_time()
    entry.compute(what_it_sees(entry, glass), glass.kinds)
    return (time.process_time() - started) / len(glass) * 1e6


def summary(verdicts: Iterable[Verdict]) -> str:
    """How many trials had which outcome: ``passed 9, failed 1, not applicable 1, exempt 1``."""
    counts = Counter(verdict.state for verdict in verdicts)
    shown: tuple[State, ...] = ("passed", "failed", "not applicable", "exempt")
    return ", ".join(f"{state} {counts[state]}" for state in shown if counts[state] or state != "failed")


def _hold(trial: Trial, entry: FeatureSet, glasses: list[Glass]) -> Verdict:
    try:
        entry.require_software()
        if reason := entry.declines(glasses[0]):
            return Verdict(trial, "not applicable", f"{DECLINED}{reason}")
        if trial.name in entry.exempt and trial.name not in NEVER_EXEMPT:
            if trial.name in MAY_BE_EXEMPT or entry.null_control:
                return Verdict(trial, "exempt", entry.exempt[trial.name])
            return Verdict(
                trial, "failed", f"no set is exempt from this ({entry.exempt[trial.name]}): remove it from exempt"
            )
        wrong = trial.run(entry, glasses)
    except NotApplicable as reason:
        return Verdict(trial, "not applicable", str(reason))
    except ZooError as error:
        return Verdict(trial, "failed", f"{error}{_where(error)}")
    except (Exception, SystemExit) as error:  # a contributed descriptor may fail in any way
        return Verdict(trial, "failed", f"{type(error).__name__}: {error}{_where(error)}")
    return Verdict(trial, "failed", wrong) if wrong else Verdict(trial, "passed")


def _where(error: BaseException) -> str:
    """The last line of a file of one's own that an error went through, if any."""
    frames = traceback.extract_tb(error.__traceback__)
    libraries = (*(f"{folder}{os.sep}" for folder in (PACKAGE, sys.prefix, sys.base_prefix)), "<")
    own = [frame for frame in frames if not frame.filename.startswith(libraries)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
