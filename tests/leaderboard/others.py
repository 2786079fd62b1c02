"""What the site shows beside boards: papers, transfer matrices and submissions, written by hostile authors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tomli_w
from msgspec.structs import replace

from zoo.benchmark.metrics import TITLES
from zoo.leaderboard.board import BoardRow
from zoo.papers.declaration import arms_of, read_paper
from zoo.papers.outcome import Outcome, OutcomeRow, WayScore, folder_of, stamp_of, write_outcome
from zoo.papers.protocol import ways_of
from zoo.submissions.card import read_submission
from zoo.submissions.checks import Finding
from zoo.submissions.folds import mean_scores, rows_to_predict
from zoo.submissions.pack import _claim, _write, pack_predictions
from zoo.submissions.packed import read_packed, rescored
from zoo.submissions.record import FreshScore, Record, hash_of_claims, write_record
from zoo.transfer.matrix import CellLine, GroupLine, Matrix, ShiftLine, write_matrix

TASK = "toy-class"


def write_others(content: Path, results: Path, text: str) -> None:
    """Everything, with ``text`` wherever words are free."""
    write_papers(content, results, text)
    write_matrices(results, text)
    write_submissions(content, text)


def write_papers(content: Path, results: Path, text: str) -> None:
    """``told`` has stored scores and a figure, ``old`` those of other data, ``untold`` none."""
    (content / "benchmarks" / "papers").mkdir()
    for name in ("told", "old", "untold"):
        paper = {
            "name": name,
            "title": f"{name} {text}",
            "citation": text,
            "about": text,
            "why": text,
            "differences": [text],
            "protocol": {"split": "random", "folds": 3, "metric": "roc_auc", "text": text},
            "arms": [{"tasks": [TASK], "features": ["species", "sro"], "families": ["logistic"]}],
            "figures": [{"kind": "roc", "title": text, "caption": text, "options": {"task": TASK}}],
            "published": [{"task": TASK, "features": "sro", "value": 0.912, "error": 0.01, "source": text}],
        }
        (content / "benchmarks" / "papers" / f"{name}.toml").write_text(tomli_w.dumps(paper))
    for name in ("told", "old"):
        paper = read_paper(name)
        ways = {"published": 0.75, "same-rows": 0.625, "by-glass": 0.5}
        scores = {way: WayScore(ways[way], 0.01, (0.4, 0.6), 100, "") for way in ways_of(paper.protocol)}
        rows = [
            OutcomeRow(arm.task, arm.features, "", arm.family, "", TITLES["roc_auc"], "0.912", scores, stamp_of(arm))
            for arm in arms_of(paper)
        ]
        if name == "old":
            rows = [replace(row, stamp=[*row.stamp[:-1], "data of another day"]) for row in rows]
        write_outcome(Outcome(name, text, False, rows, [text], "2026-01-01"), folder_of(paper, results))
        figure = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 60"><circle cx="45" cy="30" r="20"/></svg>'
        (folder_of(paper, results) / "figure-1.svg").write_text(figure)


def write_matrices(results: Path, text: str) -> None:
    """Two groups, of which the second is named by a stranger; carried models lose 0.1."""
    groups = [
        GroupLine(name, TASK, ["slip"], 3, 324, 0.2, {"Cu": 0.5, "Zr": 0.5}, 1e12, 0.9, text) for name in ("soft", text)
    ]
    cells = [
        CellLine(
            source.name,
            target.name,
            0.7 if source is target else 0.6,
            (0.55, 0.75),
            0.01,
            {"roc_auc": 0.7},
            2,
            200,
            3,
            3,
            drop=None if source is target else -0.1,
            drop_interval=None if source is target else (-0.2, -0.05),
            rung="same",
        )
        for source in groups
        for target in groups
    ]
    shifts = [ShiftLine("soft", text, 0.6, 0.55, 0.0, text)]
    named = {"name": text, "tasks": [TASK], "by": "stratum", "features": "sro", "family": "logistic"}
    rest = {"kind": "classification", "metric": "roc_auc", "seed": 0, "max_train_rows": 200, "alignment": "name"}
    matrix = Matrix(**named, **rest, rule=text, groups=groups, cells=cells, shifts=shifts, ladder=[], n_glasses=2)
    write_matrix(matrix, results / "transfer" / "toy" / "matrix.json")


def write_submissions(content: Path, text: str) -> None:
    """``bold-idea`` is verified, ``own-model`` brings predictions only, a third folder is no submission."""
    folder = content / "leaderboard" / "submissions"
    card = {
        "version": 1,
        "title": text,
        "authors": [text, "Ada"],
        "citation": f"=1+1 {text}",
        "license": text,
        "contact": text,
        "description": text,
    }
    table = rows_to_predict(TASK)[["fold", "row"]]
    table["score"] = np.random.default_rng(0).random(len(table)).astype(np.float32)
    for name, kind in (("bold-idea", "descriptor"), ("own-model", "predictions")):
        draft = content / "drafts" / name
        draft.mkdir(parents=True)
        (draft / "card.toml").write_text(tomli_w.dumps(card | {"name": name, "kind": kind}))
        if kind == "descriptor":
            (draft / "descriptor.py").write_text("raise SystemExit('nobody runs this')")
            row = BoardRow(name, "logistic", "default", "ok", scores=mean_scores(TASK, table), interval=(0.0, 0.95))
            _write(read_submission(draft), [(_claim(TASK, row, 1, None), table)], folder)
        else:
            pack_predictions(read_submission(draft), {TASK: table}, folder)
    (folder / "<img src=x onerror=alert(3)>").mkdir()
    submission, manifest = read_packed(folder / "bold-idea")
    (claim,) = manifest.claims
    measured = {"n_columns": 3, "microseconds_per_atom": 4.5, "fit_seconds": 0.25, "predict_seconds": 0.125}
    found = replace(rescored(folder / "bold-idea", claim), largest_change=0.0, identical=True, **measured)
    findings = [Finding("No jump while an atom moves", "not applicable", text)]
    fresh = FreshScore("toy", "quick", [1, 2], TASK, "logistic", "sro", 0.3, 0.2, 0.5, 0.45, (0.4, 0.6), 0.05, False)
    record = Record(
        "bold-idea", 1, "verified", "", submission.digest, hash_of_claims(manifest), [found], 0.005, text,
        "2026-01-02", text, {}, ["landlock"], findings=findings, exempt={"smoothness": text}, fresh=[fresh],
    )  # fmt: skip
    write_record(record, folder.parent / "verified")
