"""Pages of submissions: who sent what, what it states, and what was found when it was run again.

Their text is of strangers: templates escape it, and nothing of it becomes an address.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from zoo.benchmark.metrics import HEADLINE, TITLES
from zoo.benchmark.task import read_task
from zoo.leaderboard.site.gather import Entry, Page, Site
from zoo.leaderboard.site.tables import Column, Row, Table, number_cell, quantity_cell, text_cell
from zoo.submissions.entries import SubmissionEntry
from zoo.submissions.manifest import Claim
from zoo.submissions.verify import FreshScore, Outcome

STATES = {
    "verified": "run again by a maintainer from its code: same scores",
    "scored": "predictions only: scored by this project's code, cannot be run again",
    "unverified": "packed, not run again yet: its scores are its author's word",
    "differs": "run again, other scores",
    "refused": "its code tried what it must not",
    "broken": "files, card or manifest break a rule, or data or task have changed since",
}


@dataclass(frozen=True)
class Submitted:
    """A submission's row of a board: its claim, and the scores to show."""

    entry: SubmissionEntry
    claim: Claim
    outcome: Outcome | None

    @property
    def scores(self) -> dict[str, float]:
        """As found when it was run again, else as stated."""
        return self.outcome.found if self.outcome else self.claim.scores

    @property
    def fresh(self) -> FreshScore | None:
        return next((score for score in fresh_of(self.entry) if score.family == self.claim.family), None)


def submission_pages(site: Site) -> list[Page]:
    """A list of the submissions and a page for each; none where there are none."""
    if not site.submissions:
        return []
    table = _list(site)
    context = {"intro": INTRO, "table": table}
    first = Page("submissions/index.html", "Submissions", "list.html.j2", "submissions", context, [table])
    return [first, *(_page(site, entry) for entry in site.submissions)]


INTRO = (
    "Descriptors and predictions that others have sent. Verified: computed again from their code in a sandbox, "
    "with the same scores. Leads on new glasses are measured on glasses made after the submission."
)


def submitted_rows(site: Site, entry: Entry) -> list[Submitted]:
    """Rows of submissions that belong on a board: same task, seed and cap on rows, best first.

    A refused or broken submission has none. Predictions of a model outside of this project stand on every board of
    their task.
    """
    found = []
    for submission in site.submissions:
        if submission.state in ("refused", "broken"):
            continue
        for claim in submission.claims:
            here = (claim.max_train_rows, claim.seed) == (entry.suite.max_train_rows, entry.suite.seed)
            if claim.task == entry.board.task.name and (here or submission.kind == "predictions"):
                found.append(Submitted(submission, claim, _outcome(submission, claim)))
    headline = entry.board.headline
    return sorted(found, key=lambda row: -row.scores.get(headline, float("-inf")))


def fresh_of(entry: SubmissionEntry) -> list[FreshScore]:
    """Scores on new glasses, if its record holds any."""
    return entry.record.fresh if entry.record else []


def fresh_lead(score: FreshScore) -> float:
    """By how much it is ahead of the registered set on new glasses."""
    return score.fresh - score.fresh_reference


def _outcome(entry: SubmissionEntry, claim: Claim) -> Outcome | None:
    outcomes = entry.record.outcomes if entry.record else []
    return next((o for o in outcomes if (o.task, o.family) == (claim.task, claim.family)), None)


def _list(site: Site) -> Table:
    columns = [
        Column("submission", "submission"),
        Column("title", "what it is"),
        Column("authors", "authors"),
        Column("kind", "kind"),
        Column("state", "state"),
        Column("tasks", "tasks", True, "on which it states scores"),
        Column("fresh_lead", "fresh lead", True, "ahead of a registered set on new glasses, mean"),
        Column("packed", "packed"),
        Column("verified", "run again"),
        Column("citation", "source"),
    ]
    rows = []
    for entry in site.submissions:
        leads = [fresh_lead(score) for score in fresh_of(entry)]
        version = f"v{entry.version}" if entry.version else ""
        cells = [
            text_cell(entry.name, site.submission_paths[entry.name], badge=version),
            text_cell(entry.title),
            text_cell(", ".join(entry.card.authors) if entry.card else ""),
            text_cell(entry.kind),
            text_cell(entry.state, help=entry.reason or STATES[entry.state]),
            number_cell(len({claim.task for claim in entry.claims}) or None, 0),
            number_cell(sum(leads) / len(leads) if leads else None, 3, True),
            text_cell(entry.made),
            text_cell(entry.record.date if entry.record else ""),
            text_cell(entry.card.citation if entry.card else ""),
        ]
        rows.append(Row(cells))
    return Table("submissions", "Submissions", columns, rows).pruned()


def _page(site: Site, entry: SubmissionEntry) -> Page:
    path = site.submission_paths[entry.name]
    stem = path.rsplit("/", 1)[-1].removesuffix(".html")
    claims, fresh = _claims(site, entry, f"submission-{stem}"), _fresh(entry, f"submission-{stem}-fresh")
    card, record = entry.card, entry.record
    context = {
        "entry": entry,
        "facts": {
            "State": f"{entry.state}: {STATES[entry.state]}" + (f" ({entry.reason})" if entry.reason else ""),
            "Authors": ", ".join(card.authors) if card else "",
            "Source": card.citation if card else "",
            "Licence": card.license if card else "",
            "Contact": card.contact if card else "",
            "Kind": f"{card.kind}, version {card.version}" if card else "",
            "Needs": ", ".join(card.needs) if card else "",
            "Reads stored fields": ", ".join(card.fields) if card else "",
            "Packed": entry.made,
            "Run again": f"{record.date}, {record.by}, {record.hardware}" if record else "",
            "Confined by": ", ".join(record.layers) if record else "",
        },
        "claims": claims,
        "fresh": fresh,
        "suspicious": any(score.suspicious for score in fresh_of(entry)),
    }
    return Page(path, entry.name, "submission.html.j2", "submissions", context, [claims, fresh])


def _claims(site: Site, entry: SubmissionEntry, key: str) -> Table:
    columns = [
        Column("task", "task"),
        Column("model", "model"),
        Column("metric", "metric"),
        Column("stated", "stated", True, "by its author, with the 95 % interval stated"),
        Column("found", "found", True, "when it was run again"),
        Column("difference", "off by", True),
        Column("same_predictions", "predictions", help="whether every one came out the same"),
        Column("columns", "columns", True),
        Column("microseconds_per_atom", "µs/atom", True, "as stated"),
        Column("training_rows", "training rows", help="of a fit, at most"),
    ]
    paths = {of.board.task.name: of.path for of in reversed(site.entries)}
    rows = []
    for claim in entry.claims:
        metric, outcome = HEADLINE[read_task(claim.task).kind], _outcome(entry, claim)
        cells = [
            text_cell(claim.task, paths.get(claim.task, "")),
            text_cell(claim.family or "its own", site.family_paths.get(claim.family, "")),
            text_cell(TITLES[metric]),
            number_cell(claim.scores.get(metric), 3, interval=claim.interval),
            number_cell(outcome.found.get(metric) if outcome else None),
            number_cell(outcome.difference if outcome else None, 4),
            text_cell(_sameness(outcome)),
            number_cell(claim.n_columns or None, 0),
            quantity_cell(claim.microseconds_per_atom or None),
            text_cell(f"{claim.max_train_rows:,}" if claim.max_train_rows else "all"),
        ]
        rows.append(Row(cells))
    ends = [end for claim in entry.claims for end in claim.interval or ()]
    return Table(key, f"Scores of {entry.name}", columns, rows, (min(ends), max(ends)) if ends else None).pruned()


def _sameness(outcome: Outcome | None) -> str:
    if outcome is None or outcome.largest_change is None:
        return ""
    return "identical" if outcome.identical else f"off by {outcome.largest_change:.1g} at most"


def _fresh(entry: SubmissionEntry, key: str) -> Table:
    columns = [
        Column("task", "task"),
        Column("model", "model"),
        Column("reference", "beside", help="the registered set that it is compared with"),
        Column("public_lead", "lead, public glasses", True),
        Column("fresh_lead", "lead, new glasses", True),
        Column("fresh", "score, new glasses", True, "with its 95 % interval"),
        Column("drop", "drop of the lead", True, "marked where it is larger than chance explains"),
        Column("glasses", "made from", help="recipe, its variant, number of seeds"),
    ]
    rows = [
        Row(
            [
                text_cell(score.task),
                text_cell(score.family),
                text_cell(score.reference),
                number_cell(score.public - score.public_reference, 3, True),
                number_cell(fresh_lead(score), 3, True),
                number_cell(score.fresh, 3, interval=score.fresh_interval),
                replace(number_cell(score.drop, 3, True), badge="suspicious" if score.suspicious else ""),
                text_cell(f"{score.recipe}, {score.variant}, {len(score.seeds)} seeds"),
            ]
        )
        for score in fresh_of(entry)
    ]
    ends = [end for score in fresh_of(entry) for end in score.fresh_interval or ()]
    return Table(key, f"New glasses: {entry.name}", columns, rows, (min(ends), max(ends)) if ends else None).pruned()
