"""The manifest of a packed submission: hashes of its files, what was scored on which data, and the scores claimed."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct

from zoo._files import sha256_of
from zoo.errors import SubmissionError
from zoo.submissions.card import MANIFEST, MOST_BYTES_PREDICTIONS, PREDICTIONS

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {"fold": np.int32, "row": np.int32, "score": np.float32}
"""Of a file of predictions."""

Count = Annotated[int, Meta(ge=0)]
Cost = Annotated[float, Meta(ge=0)]


class Claim(Struct, frozen=True, forbid_unknown_fields=True):
    """One task with one family, or with the model outside of this project.

    ``folds``: hash of the rows and folds, see :func:`zoo.submissions.folds.lock_of`. ``scores`` as on the board,
    ``fit_seconds`` and ``predict_seconds`` means over folds. All of it is its author's word: what is shown is computed
    from the predictions, or measured when it is run again.
    """

    task: str
    task_version: int
    data_hash: str
    folds: str
    family: str
    family_version: int
    seed: int
    max_train_rows: int
    n_glasses: Count
    n_columns: Count
    microseconds_per_atom: Cost
    fit_seconds: Cost
    predict_seconds: Cost
    scores: dict[str, float]
    interval: tuple[float, float] | None
    predictions: Annotated[str, Meta(pattern=r"^predictions/[a-z0-9][a-z0-9.-]{0,120}\.parquet$")]
    sha256: str


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What :func:`zoo.submissions.pack.pack` writes."""

    schema: Literal[1]
    name: str
    version: int
    kind: Literal["descriptor", "predictions"]
    digest: str
    files: dict[str, str]
    claims: Annotated[list[Claim], Meta(min_length=1, max_length=50)]
    made: str
    zoo: str
    commit: str
    hardware: str
    versions: dict[str, str]


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a packed submission.

    Raises
    ------
    SubmissionError
        It is missing, too large, or does not follow its schema; it claims something twice, or was made in the future.
    """
    path = folder / MANIFEST
    if path.is_symlink() or not path.is_file():
        raise SubmissionError(f"{folder} holds no {MANIFEST}: zoo submit pack writes it")
    if path.stat().st_size > 200_000:
        raise SubmissionError(f"{path} may have 200,000 bytes, it has {path.stat().st_size:,}")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise SubmissionError(f"{path} does not follow its schema: {error}; pack the submission again") from None
    for what in ([(c.task, c.family) for c in manifest.claims], [c.predictions for c in manifest.claims]):
        if len(set(what)) < len(what):
            raise SubmissionError(f"{path} must claim each task and family once: pack the submission again")
    _require_past(manifest.made, path)
    return manifest


def _require_past(made: str, path: Path) -> None:
    """A day is left for clocks that are wrong."""
    try:
        date = datetime.date.fromisoformat(made[:10])
    except ValueError:
        date = datetime.date.max
    if date > datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1):
        raise SubmissionError(
            f"{path}: made must be a day that has passed, got {made[:40]!r}: pack the submission again"
        )


def read_predictions(folder: Path, claim: Claim) -> pd.DataFrame:
    """Predictions of a claim, with the columns of :data:`COLUMNS`; the hash is checked before the file is opened.

    Raises
    ------
    SubmissionError
        The file is missing, a link, too large, changed, or holds other columns.
    """
    import pandas as pd
    import pyarrow
    import pyarrow.parquet

    path = folder / claim.predictions
    if path.is_symlink() or path.parent.is_symlink() or not path.is_file() or path.parent.name != PREDICTIONS:
        raise SubmissionError(f"{path} must be a plain file: pack the submission again")
    if path.stat().st_size > MOST_BYTES_PREDICTIONS:
        raise SubmissionError(f"{path} may have {MOST_BYTES_PREDICTIONS / 1e6:g} MB")
    if sha256_of(path) != claim.sha256:
        raise SubmissionError(f"{path} is not the file that the manifest states: pack the submission again")
    try:
        file = pyarrow.parquet.ParquetFile(path)
        schema, count = file.schema_arrow, file.metadata.num_rows
        plain = all(pyarrow.types.is_integer(t) or pyarrow.types.is_floating(t) for t in schema.types)
        if set(schema.names) != set(COLUMNS) or not plain or count > 5_000_000:
            raise SubmissionError(
                f"{path} must hold the numbers {', '.join(COLUMNS)}, got {', '.join(schema.names)[:200]}"
            )
        return pd.DataFrame({name: file.read([name]).column(0).to_numpy() for name in COLUMNS})
    except (OSError, pyarrow.ArrowException, ValueError) as error:
        raise SubmissionError(f"{path} is no readable parquet file ({str(error)[:200]})") from None
