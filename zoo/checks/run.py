"""Running the checks on a data set, and their documentation."""

from __future__ import annotations

from collections.abc import Callable

from zoo.checks import cards, content, labels, leaks, structure
from zoo.checks.declaration import LEVELS, Check, NotApplicable, Outcome, Report
from zoo.datasets.card import read_card
from zoo.datasets.fetch import is_at_hand
from zoo.datasets.load import Dataset, load_dataset
from zoo.datasets.registry import dataset_folder
from zoo.errors import DatasetError, RegistrationError, UnknownNameError


def all_checks() -> dict[str, Check]:
    """Every check by its code, in the order of the codes.

    Raises
    ------
    RegistrationError
        Two checks have one code.
    """
    checks = [check for module in (leaks, content, labels, structure, cards) for check in module.CHECKS]
    codes = [check.code for check in checks]
    if len(set(codes)) < len(codes):
        raise RegistrationError(f"two checks have one code among {sorted(codes)}")
    return {check.code: check for check in sorted(checks, key=lambda check: check.code)}


def check_dataset(name: str, progress: Callable[[str], None] = lambda text: None) -> Report:
    """Run every check on a data set, by name or folder.

    Parameters
    ----------
    name : str
    progress : callable
        Is told what is being done.

    Returns
    -------
    Report
        External data that were not fetched are skipped; a data set that cannot be loaded has the finding D001 only.

    Raises
    ------
    UnknownNameError, DeclarationError
        There is no such data set, or its card is broken.
    """
    folder = dataset_folder(name)
    if not (folder / "card.toml").exists():
        return Report(folder.name, "", skipped=f"a recipe without data: run zoo data build {name}")
    card = read_card(folder)
    flaws = tuple(card.known_flaws)
    if not all(is_at_hand(entry.url) for entry in card.files if entry.url):
        return Report(
            card.name, card.version, skipped=f"not fetched: run zoo data fetch {card.name}", known_flaws=flaws
        )
    progress(f"{card.name}: reading")
    checks = all_checks()
    try:
        dataset = load_dataset(name)
    except DatasetError as error:
        outcomes = [Outcome(checks["D001"], "found", (str(error),))]
    else:
        outcomes = _outcomes(dataset, checks, progress)
    return Report(card.name, card.version, tuple(outcomes), known_flaws=flaws)


def _outcomes(dataset: Dataset, checks: dict[str, Check], progress: Callable[[str], None]) -> list[Outcome]:
    outcomes = []
    for check in checks.values():
        progress(f"{dataset.card.name}: {check.code} {check.title.lower()}")
        outcomes.append(run_check(check, dataset))
        if check.code == "D001" and outcomes[-1].state != "clean":
            break
    return outcomes


def run_check(check: Check, dataset: Dataset) -> Outcome:
    """One check of one data set; a check that fails says so instead of stopping the others."""
    if dataset.card.kind not in check.kinds:
        return Outcome(check, "not-applicable", reason=f"it is for {' and '.join(sorted(check.kinds))}")
    try:
        findings = tuple(check.find(dataset))
    except NotApplicable as reason:
        return Outcome(check, "not-applicable", reason=str(reason))
    except Exception as error:
        return Outcome(check, "failed", reason=f"{type(error).__name__}: {error}")
    return Outcome(check, "found" if findings else "clean", findings)


def documentation(check: Check) -> str:
    """Markdown text of a check."""
    kinds = " and ".join(sorted(check.kinds))
    return (
        f"## {check.code} {check.title}\n\n*{check.level}; {kinds}*\n\n"
        f"**Why it matters.** {check.why}\n\n**How to mend it.** {check.mend}\n"
    )


def explain_check(code: str) -> str:
    """Documentation of one check, or of all of them for ``all``.

    Raises
    ------
    UnknownNameError
    """
    checks = all_checks()
    if code.lower() == "all":
        return all_documentation()
    if code.upper() not in checks:
        raise UnknownNameError("check", code, checks)
    return documentation(checks[code.upper()])


def all_documentation() -> str:
    """Text of ``docs/checks.md``."""
    checks = all_checks().values()
    head = (
        "# Checks of data sets\n\n`zoo data check [NAME...]` runs them, `zoo data check --explain D101` prints one of "
        "them, `--json` is for scripts.\nThe exit status is 1 if a check of level *error* has found something; "
        "data sets that are here because of their flaws count only if they are named.\n"
        "A check that has nothing to look at is *not applicable*; one that crashes has *failed*; neither counts as "
        "clean.\n"
    )
    levels = "\n".join(f"- *{level}*: {text}" for level, text in LEVELS.items())
    index = "\n".join(f"| {c.code} | {c.level} | {', '.join(sorted(c.kinds))} | {c.title} |" for c in checks)
    table = f"| code | level | for | fires where |\n|---|---|---|---|\n{index}\n"
    tail = "\nThis page is `zoo data check --explain all`.\n"
    return "\n".join([head, levels, "", table, *map(documentation, checks)]).rstrip() + "\n" + tail
