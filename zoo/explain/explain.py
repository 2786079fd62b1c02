"""Explaining families on a task: every fold, in worker processes, under one contract."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo._machine import usable_cores
from zoo.benchmark.cell import cell_declines, feature_matrix, features_of_glasses, task_rows
from zoo.benchmark.cell import study_address as address_of
from zoo.benchmark.pool import quiet_fits, worker_pool
from zoo.errors import ExplainError, ZooError
from zoo.explain.fold import FoldValues, explain_fold, part_path, read_part
from zoo.explain.request import Request, checked, columns_of
from zoo.features.declaration import Column, FloatArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Explanation:
    """Values of one family over all folds, on rows that its models have not seen.

    Attributes
    ----------
    family : str
    space : str
        What the output is: log-odds, probability, margin or value.
    method : str
        How the values were found.
    exact : bool
    rows : ndarray of shape (n_rows,), int64
        Of the task.
    fold : ndarray of shape (n_rows,), int64
    drawn : ndarray of shape (n_rows,), bool
        Rows of the random sample; the others were asked for and count in no mean.
    raw : ndarray of shape (n_rows, n_columns), float64
        Values in the unit of the output.
    raw_error : ndarray of the same shape, or None
        Standard errors of sampled values.
    output, base, scale : ndarrays of shape (n_rows,), float64
        The output of a row's model, its mean over the background, its standard deviation over held-out rows.
    score : float
        Headline metric of the explained output, mean over folds.
    additivity, disagreement : float
        See :class:`~zoo.explain.fold.FoldValues`; the largest of all folds.
    glass_values : ndarray of shape (n_atoms, n_columns) or None
        Of all atoms of the request's glass, divided by the scale.
    glass_output : ndarray of shape (n_atoms,) or None
    """

    family: str
    space: str
    method: str
    exact: bool
    rows: NDArray[np.int64]
    fold: NDArray[np.int64]
    drawn: NDArray[np.bool_]
    raw: Floats
    raw_error: Floats | None
    output: Floats
    base: Floats
    scale: Floats
    score: float
    additivity: float
    disagreement: float
    glass_values: Floats | None = None
    glass_output: Floats | None = None

    @property
    def values(self) -> Floats:
        """Values on the common scale: standard deviations of the output."""
        return self.raw / self.scale[:, None]

    @property
    def error(self) -> Floats | None:
        """Their standard errors on the same scale."""
        return None if self.raw_error is None else self.raw_error / self.scale[:, None]


@dataclass(frozen=True)
class Study:
    """Explanations of several families on the same rows.

    Attributes
    ----------
    request : Request
    columns : tuple of Column
    x : ndarray of shape (n_task_rows, n_columns), float32
        Features of all rows of the task.
    explanations : list of Explanation
        In the order of the request.
    left_out : dict of str to str
        Families that decline or have failed, with the reason.
    notes : list of str
        What was done differently from what was asked.
    """

    request: Request
    columns: tuple[Column, ...]
    x: FloatArray
    explanations: list[Explanation]
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def explain(
    request: Request,
    workers: int | None = None,
    studies: Path | None = None,
    on_start: Callable[[int], None] = lambda total: None,
    on_finish: Callable[[], None] = lambda: None,
) -> Study:
    """Fit and explain every family of a request on every fold; what is in the cache is not done again.

    Parameters
    ----------
    request : Request
    workers : int, optional
        Processes; as many as there are cores by default.
    studies : Path, optional
        Results folder whose searches for settings are continued, for the modes tuned and ensembled.
    on_start, on_finish : callables
        Called with the number of folds before the first, and after each of them.

    Raises
    ------
    ZooError
        Bad input; or no family is left, as all decline or have failed.
    """
    request, notes = checked(request)
    rows = task_rows(request.task)
    if rows.dataset.card.kind == "glasses":
        features_of_glasses(rows, request.features)  # once, not in every worker
    left_out = {name: reason for name in request.families if (reason := cell_declines(request.cell(name, 0)))}
    names = [name for name in request.families if name not in left_out]
    jobs = [(name, fold) for name in names for fold in request.explained_folds]
    todo = [job for job in jobs if read_part(part_path(request, *job)) is None]
    on_start(len(todo))
    failed = _explain_folds(request, todo, workers, address_of(studies) if studies else None, on_finish)
    left_out |= failed
    parts = {
        name: [_part(request, name, fold) for fold in request.explained_folds] for name in names if name not in failed
    }
    if not parts:
        raise ExplainError(next(iter(left_out.values())))
    found = [_joined(name, of_folds, request.explained_folds) for name, of_folds in parts.items()]
    x = feature_matrix(request.task, request.features).matrix
    return Study(request, columns_of(request), x, found, left_out, notes)


def _explain_folds(
    request: Request, jobs: list[tuple[str, int]], workers: int | None, studies: str | None, done: Callable[[], None]
) -> dict[str, str]:
    """Do the jobs; families that have failed, with the reason."""
    failed: dict[str, str] = {}
    n_workers = min(workers or usable_cores(), len(jobs))
    if n_workers < 2:  # here, without the start of a process
        for name, fold in jobs:
            try:
                if name not in failed:
                    with quiet_fits():
                        explain_fold(request, name, fold, studies)
            except ZooError as reason:
                failed[name] = str(reason)
            done()
        return failed
    with worker_pool(n_workers) as pool:
        try:
            waiting = {pool.schedule(explain_fold, args=[request, *job, studies]): job[0] for job in jobs}
            for future in as_completed(waiting):
                error = future.exception()
                if error is not None:
                    failed[waiting[future]] = str(error) if isinstance(error, ZooError) else _died(error)
                done()
        finally:
            pool.stop()
            pool.join()
    return failed


def _died(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'the process has died'}"


def _part(request: Request, family: str, fold: int) -> FoldValues:
    found = read_part(part_path(request, family, fold))
    if found is None:
        raise ExplainError(f"the values of {family} in fold {fold} have gone from the cache: run the command again")
    return found


def _joined(family: str, parts: list[FoldValues], folds: tuple[int, ...]) -> Explanation:
    sizes = [len(part.rows) for part in parts]

    def of_rows(values: list[float]) -> Floats:
        return np.repeat(np.asarray(values, float), sizes)

    def joined(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    whole = next((part for part in parts if len(part.glass_output)), None)
    methods = list(dict.fromkeys(part.method for part in parts))
    exact = all(part.exact for part in parts)
    errors: list[Floats] = [part.error if part.error.size else 0.0 * part.values for part in parts]
    return Explanation(
        family,
        parts[0].space,
        "; ".join(methods),
        exact,
        joined("rows"),
        np.repeat(folds, sizes),
        joined("drawn"),
        joined("values"),
        None if exact else np.concatenate(errors),
        joined("output"),
        of_rows([part.base for part in parts]),
        of_rows([part.scale for part in parts]),
        float(np.mean([part.score for part in parts])),
        max(part.additivity for part in parts),
        max(part.disagreement for part in parts),
        None if whole is None else whole.glass_values.astype(np.float64) / whole.scale,
        None if whole is None else whole.glass_output,
    )
