"""``zoo check-descriptor``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli import console

if TYPE_CHECKING:
    from zoo.conformance import Verdict
    from zoo.features.declaration import FeatureSet
    from zoo.glass import Glass


@click.command(
    "check-descriptor",
    epilog="Example: zoo check-descriptor my.py; the file registers a FeatureSet as those of zoo/features do.",
)
@click.argument("target", metavar="FILE|NAME")
@click.option("--dataset", default="cuzr-shear", show_default=True, help="Whose glasses it is tried on.")
@click.option("--most", default=4, show_default=True, type=click.IntRange(3), help="Glasses to tell apart.")
def command(target: str, dataset: str, most: int) -> None:
    """Hold every trial of the conformance suite for a descriptor: FILE, which is run, or the NAME of a registered set.

    The exit status is 1 if a trial fails, or none applies.
    """
    from zoo.conformance import trial_glasses
    from zoo.errors import RegistrationError
    from zoo.features.declaration import feature_sets

    found = load_descriptors(Path(target)) if target.endswith(".py") else [feature_sets[target]]
    if pairs := [entry.name for entry in found if entry.rows != "atoms"]:
        raise RegistrationError(f"trials are for descriptors of atoms, {pairs[0]} is one of pairs")
    glasses = trial_glasses(dataset, most)
    out = console(highlight=False)
    verdicts = [verdict for entry in found for verdict in _examined(entry, glasses, out)]
    states = {verdict.state for verdict in verdicts}
    sys.exit(1 if "failed" in states or "passed" not in states else 0)


def _examined(entry: FeatureSet, glasses: list[Glass], out: Any) -> list[Verdict]:
    """Every verdict, printed as it comes."""
    from zoo.conformance import TRIALS, examine, microseconds_per_atom, prepared, summary

    out.print(f"[bold]{entry.name}[/], version {entry.version}: {entry.title}", soft_wrap=True)
    colours = {"passed": "green", "failed": "red", "not applicable": "dim", "exempt": "yellow"}
    verdicts: list[Verdict] = []
    glasses = prepared(entry, glasses)
    with out.status("") if out.is_terminal else nullcontext() as status:
        coming = examine(entry, glasses)
        for trial in TRIALS:
            if status is not None:
                status.update(f"{len(verdicts) + 1} of {len(TRIALS)}: {trial.title}")
            verdict = next(coming)
            reason = f": {verdict.reason}" if verdict.reason else ""
            if trial.name == "contract" and verdict.state == "passed":
                reason = f": {microseconds_per_atom(entry, glasses[0]):.3g} µs per atom"
            out.print(f"  [{colours[verdict.state]}]{verdict.state:14}[/] {trial.title}{reason}", soft_wrap=True)
            if verdict.state == "failed":
                out.print(f"  {'':14} [dim]why it matters: {trial.why}[/]", soft_wrap=True)
            verdicts.append(verdict)
    out.print(f"  {summary(verdicts)}")
    return verdicts


def load_descriptors(path: Path) -> list[FeatureSet]:
    """Run a file; the feature sets that it registers.

    Raises
    ------
    RegistrationError
        The file is missing, does not run, or registers nothing.
    """
    import runpy

    from zoo.errors import RegistrationError
    from zoo.features.declaration import feature_sets

    before = set(feature_sets.names())
    if not path.is_file():
        raise RegistrationError(f"{path} does not exist or is no file")
    try:
        sys.path.insert(0, str(path.resolve().parent))  # as if the file were run
        runpy.run_path(str(path))
    except RegistrationError:
        raise
    except (Exception, SystemExit) as error:
        raise RegistrationError(f"{path} must run on its own, got {type(error).__name__}: {error}") from error
    new = [entry for entry in feature_sets if entry.name not in before]
    if not new:
        raise RegistrationError(
            f"{path} must register a feature set: from zoo.features.declaration import feature_sets, FeatureSet; "
            "feature_sets.register(FeatureSet(...))"
        )
    return new
