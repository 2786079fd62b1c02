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
from zoo.submissions.record import FreshScore, Outcome

STATES = {
    "verified": "run again by a maintainer from its code: same scores",
    "scored": "predictions only: scored by this project's code, cannot be run again",
    "unverified": "packed, not run again yet: scored from its predictions, which are its author's word",
    "doubtful": "run again, same scores, but its lead is lost on glasses that nobody had seen",
    "differs": "run again, other scores",
    "refused": "its code tried what it must not, or fails a trial",
    "broken": "files, card or manifest break a rule, or data or task have changed since",
}
RANKED = ("verified", "scored", "differs")
"""States in which a row stands among others at its score: a maintainer has found it."""


@dataclass(frozen=True)
class Submitted:
    """A submission's row of a board: its claim, and what was found: when it was run again, or in its predictions."""

    entry: SubmissionEntry
    claim: Claim
    outcome: Outcome

    @property
    def ranked(self) -> bool:
        """Whether it stands at its score; below all rows with a score otherwise."""
        return self.entry.state in RANKED

    @property
    def fresh(self) -> FreshScore | None:
        mine = (self.claim.task, self.claim.family)
        return next((score for score in fresh_of(self.entry) if (score.task, score.family) == mine), None)


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
    """Rows of submissions that belong on a board: same task, seed and cap on rows, best first, unranked ones last.

    A refused or broken submission has none. Predictions of a model outside of this project stand on every board of
    their task.
    """
    found = []
    for submission in site.submissions:
        if submission.state in ("refused", "broken"):
            continue
        for claim, outcome in zip(submission.claims, submission.outcomes, strict=True):
            here = (claim.max_train_rows, claim.seed) == (entry.suite.max_train_rows, entry.suite.seed)
            if claim.task == entry.board.task.name and (here or submission.kind == "predictions"):
                found.append(Submitted(submission, claim, outcome))
    headline = entry.board.headline
    return sorted(found, key=lambda row: (not row.ranked, -row.outcome.found[headline]))


def fresh_of(entry: SubmissionEntry) -> list[FreshScore]:
    """Scores on new glasses, if its record holds any."""
    return entry.record.fresh if entry.record else []


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
        leads = [score.fresh_lead for score in fresh_of(entry)]
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
    trials = _trials(entry, f"submission-{stem}-trials")
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
            "Exempt from": "; ".join(f"{trial}: {why}" for trial, why in record.exempt.items()) if record else "",
        },
        "claims": claims,
        "trials": trials,
        "fresh": fresh,
        "suspicious": any(score.suspicious for score in fresh_of(entry)),
    }
    return Page(path, entry.name, "submission.html.j2", "submissions", context, [claims, trials, fresh])


def _claims(site: Site, entry: SubmissionEntry, key: str) -> Table:
    found = "when it was run again" if entry.record and entry.kind == "descriptor" else "computed from its predictions"
    columns = [
        Column("task", "task"),
        Column("model", "model"),
        Column("metric", "metric"),
        Column("found", "score", True, f"{found}, with its 95 % interval over glasses"),
        Column("stated", "stated", True, "by its author"),
        Column("difference", "off by", True),
        Column("same_predictions", "predictions", help="whether every one came out the same"),
        Column("glasses", "glasses", True, "test glasses"),
        Column("columns", "columns", True, "when it was run again"),
        Column("microseconds_per_atom", "µs/atom", True, "cost of the descriptor, when it was run again"),
        Column("fit_seconds", "fit s", True, "CPU seconds of a fit, when it was run again"),
        Column("predict_seconds", "predict s", True, "CPU seconds, when it was run again"),
        Column("training_rows", "training rows", help="of a fit, at most"),
    ]
    paths = {of.board.task.name: of.path for of in reversed(site.entries)}
    rows = []
    for claim, outcome in zip(entry.claims, entry.outcomes, strict=True):
        metric = HEADLINE[read_task(claim.task).kind]
        cells = [
            text_cell(claim.task, paths.get(claim.task, "")),
            text_cell(claim.family or "its own", site.family_paths.get(claim.family, "")),
            text_cell(TITLES[metric]),
            number_cell(outcome.found[metric], 3, interval=outcome.interval),
            number_cell(claim.scores[metric]),
            number_cell(outcome.difference, 4),
            text_cell(_sameness(outcome)),
            number_cell(outcome.n_glasses, 0),
            number_cell(outcome.n_columns or None, 0),
            quantity_cell(outcome.microseconds_per_atom or None),
            quantity_cell(outcome.fit_seconds or None),
            quantity_cell(outcome.predict_seconds or None),
            text_cell(f"{claim.max_train_rows:,}" if claim.max_train_rows else "all"),
        ]
        rows.append(Row(cells))
    ends = [end for outcome in entry.outcomes for end in outcome.interval or ()]
    return Table(key, f"Scores of {entry.name}", columns, rows, (min(ends), max(ends)) if ends else None).pruned()


def _trials(entry: SubmissionEntry, key: str) -> Table:
    columns = [Column("trial", "trial"), Column("outcome", "outcome"), Column("found", "found")]
    findings = entry.record.findings if entry.record else []
    rows = [Row([text_cell(text) for text in (of.title, of.state, of.reason)]) for of in findings]
    return Table(key, f"Trials of {entry.name}", columns, rows).pruned()


def _sameness(outcome: Outcome) -> str:
    if outcome.largest_change is None:
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
        Column("drop", "drop of the lead", True, "marked where it is larger than chance and the usual drop explain"),
        Column(
            "usual_drop", "usual drop", True, "of the lead of another registered set, which knows no glass by heart"
        ),
        Column("usual", "of", help="that registered set"),
        Column("glasses", "made from", help="recipe, its variant, number of seeds"),
    ]
    rows = [
        Row(
            [
                text_cell(score.task),
                text_cell(score.family),
                text_cell(score.reference),
                number_cell(score.lead, 3, True),
                number_cell(score.fresh_lead, 3, True),
                number_cell(score.fresh, 3, interval=score.fresh_interval),
                replace(number_cell(score.drop, 3, True), badge="suspicious" if score.suspicious else ""),
                number_cell(score.usual_drop, 3, True),
                text_cell(score.usual),
                text_cell(f"{score.recipe}, {score.variant}, {len(score.seeds)} seeds"),
            ]
        )
        for score in fresh_of(entry)
    ]
    ends = [end for score in fresh_of(entry) for end in score.fresh_interval or ()]
    return Table(key, f"New glasses: {entry.name}", columns, rows, (min(ends), max(ends)) if ends else None).pruned()
