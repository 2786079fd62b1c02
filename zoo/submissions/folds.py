"""Locked folds of a task, for models outside of this project: rows to predict, without their labels."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write, storage_error
from zoo.benchmark.cell import folds_of, task_rows
from zoo.benchmark.metrics import Scores, evaluate_finite, metric_names
from zoo.benchmark.splits import Split
from zoo.benchmark.store import Result
from zoo.benchmark.task import TaskRows
from zoo.errors import SubmissionError
from zoo.leaderboard.board import row_interval

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5


def lock_of(task: str) -> str:
    """Hash of the rows of a task, their folds and the data: predictions for other folds are not scored."""
    rows = task_rows(task)
    digest = hashlib.sha256(f"{rows.task.name} {rows.task.version} {rows.dataset.card.content_hash}".encode())
    for split in _splits(task):
        digest.update(b"|" + split.test.astype("<i8").tobytes())
    return digest.hexdigest()


def rows_to_predict(task: str) -> pd.DataFrame:
    """Every test row of every fold, without its label.

    Returns
    -------
    DataFrame with fold (int32), row (int32), glass (str), atom (int32)
        ``atom`` counts from 0 inside of a glass; in a table of pairs it counts rows of the table.
    """
    import pandas as pd

    rows = task_rows(task)
    atom = _atom(rows)
    names = np.array(rows.glass_names)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "fold": np.int32(fold),
                    "row": split.test.astype(np.int32),
                    "glass": names[rows.glass[split.test]],
                    "atom": atom[split.test].astype(np.int32),
                }
            )
            for fold, split in enumerate(_splits(task))
        ],
        ignore_index=True,
    )


def write_folds(task: str, folder: Path) -> Path:
    """Write ``predict.parquet``, and for each fold the rows that may be learnt from, with their labels.

    Raises
    ------
    StoreError
        The folder cannot be written to.
    """
    import pandas as pd

    rows = task_rows(task)
    atom, names = _atom(rows), np.array(rows.glass_names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        rows_to_predict(task).to_parquet(folder / "predict.parquet", index=False)
        for fold, split in enumerate(_splits(task)):
            train = split.train
            table = {"row": train, "glass": names[rows.glass[train]], "atom": atom[train], "target": rows.target[train]}
            pd.DataFrame(table).to_parquet(folder / f"train-{fold}.parquet", index=False)
        about = {
            "task": task,
            "version": rows.task.version,
            "dataset": rows.task.dataset,
            "data_hash": rows.dataset.card.content_hash,
            "folds": lock_of(task),
            "kind": rows.task.kind,
        }
        with atomic_write(folder / "folds.json") as stream:
            stream.write(json.dumps(about, indent=1).encode())
    except OSError as error:
        raise storage_error(f"folder {folder}", error, "--output") from None
    return folder


def _splits(task: str) -> list[Split]:
    return [split for split in folds_of(task, "glass") if isinstance(split, Split)]


def read_table(path: Path, task: str) -> pd.DataFrame:
    """Read a table of predictions and refuse what is not exactly one finite score for every row.

    Parameters
    ----------
    path : Path
        ``.parquet`` or ``.csv`` with the columns ``row`` and ``score``, and ``fold`` where it was kept.
    task : str

    Returns
    -------
    DataFrame with fold, row (int32), score (float32), in the order of :func:`rows_to_predict`

    Raises
    ------
    SubmissionError
        The table cannot be read; a row is missing, twice, unknown, or of another fold; a score is not finite.
    """
    import pandas as pd

    if path.suffix not in (".parquet", ".csv"):
        raise SubmissionError(f"a table of predictions must be .parquet or .csv, got {path.name}")
    try:
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except Exception as error:  # whatever the reader makes of a damaged file
        raise SubmissionError(f"{path} is no readable table ({str(error)[:200]})") from None
    return checked_table(table, task, str(path))


def checked_table(table: pd.DataFrame, task: str, where: str) -> pd.DataFrame:
    """The table with one finite score for every row of a task; see :func:`read_table`."""
    for name in ("row", "score"):
        if name not in table:
            raise SubmissionError(
                f"{where} must have the columns row and score, it has {', '.join(map(str, table))[:200]}"
            )
        if table[name].dtype.kind not in "iuf":
            raise SubmissionError(f"{where}: {name} must be numbers, got {table[name].dtype}")
    wanted = rows_to_predict(task)
    score = table["score"].to_numpy(np.float64)
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~np.isfinite(score.astype(np.float32)))
    if len(bad):
        raise SubmissionError(
            f"{where}: scores must be finite float32 numbers, but row {table['row'].iloc[bad[0]]:g} "
            f"has {score[bad[0]]:g} ({len(bad):,} in all): predict every row"
        )
    row = table["row"].to_numpy(np.float64)
    known = np.isin(row, wanted["row"])
    if not known.all():
        raise SubmissionError(
            f"{where}: row {row[~known][0]:g} is no row of task {task}: take those of predict.parquet"
        )
    values, counts = np.unique(row, return_counts=True)
    if (counts > 1).any():
        raise SubmissionError(
            f"{where}: every row must be there once, but row {values[counts > 1][0]:g} is there twice"
        )
    missing = np.setdiff1d(wanted["row"], row)
    if len(missing):
        some = ", ".join(map(str, missing[:SHOWN]))
        raise SubmissionError(f"{where}: {len(missing):,} of {len(wanted):,} rows are missing, such as {some}")
    table = table.assign(row=row.astype(np.int32)).set_index("row").loc[wanted["row"]]
    if "fold" in table and not np.array_equal(table["fold"].to_numpy(), wanted["fold"].to_numpy()):
        raise SubmissionError(f"{where}: a row is in another fold than in predict.parquet: write the folds anew")
    return wanted[["fold", "row"]].assign(score=table["score"].to_numpy(np.float32))


def results_of(task: str, table: pd.DataFrame) -> list[Result]:
    """Scores of each fold, by this project's metrics; those that need a threshold are left out.

    Parameters
    ----------
    task : str
    table : DataFrame
        As :func:`checked_table` returns it.
    """
    rows = task_rows(task)
    results = []
    for fold, split in enumerate(_splits(task)):
        score = table.loc[table["fold"] == fold].set_index("row").loc[split.test, "score"].to_numpy(np.float64)
        results.append(_result(rows, fold, split, score))
    return results


def _result(rows: TaskRows, fold: int, split: Split, score: NDArray[np.float64]) -> Result:
    kind, y, glass = rows.task.kind, rows.target[split.test], rows.glass[split.test]
    return Result(
        key="",
        task=rows.task.name,
        task_version=rows.task.version,
        features="",
        features_version=0,
        family="",
        family_version=0,
        mode="default",
        split="glass",
        fold=fold,
        seed=0,
        max_train_rows=0,
        state="ok",
        scores=evaluate_finite(kind, y, score),
        scores_by_glass={
            rows.glass_names[g]: evaluate_finite(kind, y[glass == g], score[glass == g]) for g in np.unique(glass)
        },
        n_test=len(split.test),
    )


@dataclass(frozen=True)
class TableScores:
    """Scores as on the board: means over glasses, or over folds, as the task says.

    Attributes
    ----------
    scores : dict of float
    interval : (float, float) or None
        95 % of the headline score over glasses.
    n_glasses : int
    """

    scores: Scores
    interval: tuple[float, float] | None
    n_glasses: int


def scores_of(task: str, table: pd.DataFrame) -> TableScores:
    """Scores of a table as :func:`checked_table` returns it, with their interval."""
    import pandas as pd

    rows = task_rows(task)
    results = results_of(task, table)
    row, names = table["row"].to_numpy(), np.array(rows.glass_names)
    known = pd.DataFrame({"glass": names[rows.glass[row]], "target": rows.target[row], "score": table["score"]})
    folds = [part for _, part in known.groupby(table["fold"])]
    n_glasses = sum(len(result.scores_by_glass) for result in results)
    return TableScores(_means(rows, results), row_interval(rows.task, results, folds), n_glasses)


def mean_scores(task: str, table: pd.DataFrame) -> Scores:
    """Scores of a table as :func:`checked_table` returns it."""
    return _means(task_rows(task), results_of(task, table))


def _means(rows: TaskRows, results: list[Result]) -> Scores:
    parts = [result.scores for result in results]
    if rows.task.score_by == "glass":
        parts = [scores for result in results for scores in result.scores_by_glass.values()]
    names = metric_names(rows.task.kind)
    return {name: float(np.mean([part[name] for part in parts])) for name in names if all(name in p for p in parts)}


def _atom(rows: TaskRows) -> NDArray[np.int64]:
    """Number of each row's atom inside of its glass."""
    if rows.dataset.card.kind == "pairs":
        return rows.source
    sizes = [len(rows.dataset.glasses[name]) for name in rows.glass_names]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.asarray(rows.source - first[rows.glass])
