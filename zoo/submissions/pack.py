"""What a pull request brings: card, code, predictions, and a manifest with the hash of each."""

from __future__ import annotations

import datetime
import io
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from zoo._files import atomic_write, sha256_of, storage_error
from zoo._machine import hardware, versions
from zoo.benchmark.cell import RECORDED, task_rows
from zoo.benchmark.store import Result, Store, latest_results
from zoo.benchmark.suite import Suite
from zoo.errors import SubmissionError
from zoo.leaderboard.board import BoardRow, make_board
from zoo.paths import content_root
from zoo.submissions.card import CARD, MAIN, MANIFEST, PREDICTIONS, Submission, read_submission
from zoo.submissions.contribution import Contribution
from zoo.submissions.folds import checked_table, lock_of, scores_of
from zoo.submissions.manifest import COLUMNS, Claim, Manifest
from zoo.submissions.score import own_suite

if TYPE_CHECKING:
    import pandas as pd


TEMPLATE = (
    "Your Name",
    "your paper, or: not published",
    "What it measures, in a few sentences.",
    "replace this by what your descriptor measures",
)
"""What card and code of ``zoo submit new`` hold until they are filled in; it would be published."""
ENCODING = {"fold": "DELTA_BINARY_PACKED", "row": "DELTA_BINARY_PACKED", "score": "BYTE_STREAM_SPLIT"}
"""Rows are in order, so that only scores take room."""


def submissions_folder() -> Path:
    """``leaderboard/submissions`` of the checkout, or below the working folder where the package is installed."""
    root = content_root()
    return (root if root.name != "content" else Path.cwd()) / "leaderboard" / "submissions"


def packed_folder(submission: str) -> Path:
    """Where a packed submission lies: the folder itself, or the one of that name in :func:`submissions_folder`.

    The folder that an author works in, without a manifest, often has the same name: it is not what is meant.
    """
    given, known = Path(submission), submissions_folder() / submission
    return given if (given / MANIFEST).is_file() or not known.is_dir() else known


def pack(contribution: Contribution, reference: Suite, store: Store, output: Path) -> Path:
    """Write the folder of a scored descriptor.

    Parameters
    ----------
    contribution : Contribution
    reference : Suite
        What it was scored on.
    store : Store
        Holds every cell of it.
    output : Path
        ``leaderboard/submissions``, or elsewhere; the folder of the submission is made in it, or replaced.

    Raises
    ------
    SubmissionError
        A cell has no score.
    """
    submission = contribution.submission
    suite = own_suite(reference, contribution.entry.name)
    boards = make_board(store, suite)
    results = latest_results(store, suite)
    packed: list[tuple[Claim, pd.DataFrame]] = []
    for board in boards:
        for row in board.rows:
            if row.state != "ok":
                raise SubmissionError(
                    f"every cell must have a score, but {row.family} on {board.task.name} is {row.state}: {row.reason}"
                )
            task = next(entry.task for entry in reference.entries if entry.task == board.task.name)
            own = [result for result in results if (result.task, result.family) == (task, row.family)]
            table = predictions_of(store, own)
            packed.append((_claim(task, row, own[0].family_version, reference), checked_table(table, task, task)))
    return _write(submission, packed, output)


def pack_predictions(submission: Submission, tables: dict[str, pd.DataFrame], output: Path) -> Path:
    """Write the folder of a submission of predictions; tables by task, as ``checked_table`` returns them."""
    if submission.card.kind != "predictions":
        raise SubmissionError('the card of a submission of predictions must state kind = "predictions"')
    require_filled_in(submission)
    packed = []
    for task, table in tables.items():
        of = scores_of(task, table)
        name = submission.card.name
        row = BoardRow(name, "", "default", "ok", scores=of.scores, interval=of.interval, n_glasses=of.n_glasses)
        packed.append((_claim(task, row, 0, None), table))
    return _write(submission, packed, output)


def require_filled_in(submission: Submission) -> None:
    """Refuse texts of the example that ``zoo submit new`` writes.

    Raises
    ------
    SubmissionError
        Which names all of them.
    """
    if left := still_to_fill_in(submission):
        raise SubmissionError(
            f"card and code must say who made it and what it measures, but texts of the example are left: {left}"
        )


def still_to_fill_in(submission: Submission) -> str:
    """Texts of the example that are left, and where."""
    left = [
        (name, [text for text in TEMPLATE if text.encode() in submission.files.get(name, b"")]) for name in (CARD, MAIN)
    ]
    return "; ".join(f"{', '.join(map(repr, texts))} in {name}" for name, texts in left if texts)


def predictions_of(store: Store, results: Iterable[Result]) -> pd.DataFrame:
    """Predictions of one row of a board: fold, row, score."""
    import pandas as pd

    parts = [
        store.predictions(result.key)[["row", "score"]].assign(fold=result.fold)
        for result in sorted(results, key=lambda result: result.fold)
    ]
    return pd.concat(parts, ignore_index=True)


def _claim(task: str, row: BoardRow, family_version: int, reference: Suite | None) -> Claim:
    rows = task_rows(task)
    return Claim(
        task=task,
        task_version=rows.task.version,
        data_hash=rows.dataset.card.content_hash,
        folds=lock_of(task),
        family=row.family,
        family_version=family_version,
        seed=reference.seed if reference else 0,
        max_train_rows=reference.max_train_rows if reference else 0,
        n_glasses=row.n_glasses,
        n_columns=row.n_columns,
        microseconds_per_atom=round(row.microseconds_per_atom, 3),
        fit_seconds=round(row.fit_seconds, 4),
        predict_seconds=round(row.predict_seconds, 4),
        scores={name: round(value, 6) for name, value in row.scores.items()},
        interval=row.interval,
        predictions=f"{PREDICTIONS}/{'--'.join(part for part in (task, row.family) if part)}.parquet",
        sha256="",
    )


def _write(submission: Submission, packed: list[tuple[Claim, pd.DataFrame]], output: Path) -> Path:
    """Write into a neighbour first, then take the place of what an earlier call has made."""
    folder = output / submission.card.name
    try:
        output.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{submission.card.name}.", dir=output))
        made.chmod(0o755)
        for name, content in submission.files.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(content)
        claims = []
        for claim, table in packed:
            path = made / claim.predictions
            path.parent.mkdir(exist_ok=True)
            buffer = io.BytesIO()
            table.astype(COLUMNS)[list(COLUMNS)].to_parquet(
                buffer, index=False, compression="zstd", use_dictionary=False, column_encoding=ENCODING
            )
            path.write_bytes(buffer.getvalue())
            claims.append(msgspec.structs.replace(claim, sha256=sha256_of(path)))
        _write_manifest(submission, claims, made)
        if folder.exists():
            read_submission(folder)  # only a submission is replaced
            shutil.rmtree(folder)
        made.rename(folder)
    except OSError as error:
        raise storage_error(f"folder {output}", error, "--output") from None
    return folder


def _write_manifest(submission: Submission, claims: list[Claim], folder: Path) -> None:
    from zoo.benchmark.cell import _commit

    known = versions(*RECORDED)
    manifest = Manifest(
        schema=1,
        name=submission.card.name,
        version=submission.card.version,
        kind=submission.card.kind,
        digest=submission.digest,
        files=submission.hashes,
        claims=claims,
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        zoo=known.get("glass-zoo", ""),
        commit=_commit(),
        hardware=hardware(),
        versions=known,
    )
    with atomic_write(folder / MANIFEST) as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
