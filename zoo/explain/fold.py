"""One family on one fold: fitted as the benchmark does, explained on held-out rows, kept in the cache."""

from __future__ import annotations

import io
import zipfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo._files import atomic_write, storage_error
from zoo.benchmark.cell import feature_matrix, folds_of, key_of, task_rows, training_of
from zoo.benchmark.fitting import choose
from zoo.benchmark.metrics import HEADLINE, evaluate
from zoo.benchmark.tuning import Budget
from zoo.errors import ExplainError, ZooError
from zoo.explain.explainers import Explainer, explainer_of
from zoo.explain.request import (
    Request,
    atoms_of_glass,
    choose_background,
    choose_rows,
    fold_of_glass,
    share_of,
)
from zoo.models.declaration import model_families
from zoo.paths import cache_dir

Floats = NDArray[np.float64]

EXACT = 1e-6
"""Largest error of additivity of exact values, in standard deviations of the output."""


@dataclass(frozen=True)
class FoldValues:
    """Values of held-out rows of one fold.

    Attributes
    ----------
    rows : ndarray of shape (n_rows,), int64
        Of the task.
    drawn : ndarray of shape (n_rows,), bool
        Which of them are of the random sample; the others were asked for.
    values : ndarray of shape (n_rows, n_columns)
        In the unit of the output.
    error : ndarray of the same shape, or of shape (0, 0) where values are exact
        Standard errors.
    output : ndarray of shape (n_rows,)
    base : float
        Mean output over the background; with it the values add up to the output.
    scale : float
        Standard deviation of the output over held-out rows, 1 for a constant; values divided by it are on the common
        scale.
    score : float
        Headline metric of the output on the rows that the scale is taken over; NaN where it is not defined.
    additivity, disagreement : float
        Largest error of the sum, and largest difference between output and the estimator's own score; both in standard
        deviations.
    glass_values, glass_output : ndarrays of shape (n_atoms, n_columns) and (n_atoms,)
        Of all atoms of the request's glass, if it is held out here and values are exact; else empty.
    """

    rows: NDArray[np.int64]
    drawn: NDArray[np.bool_]
    values: Floats
    error: Floats
    output: Floats
    base: float
    scale: float
    space: str
    method: str
    exact: bool
    score: float
    additivity: float
    disagreement: float
    glass_values: NDArray[np.float32]
    glass_output: Floats


def part_path(request: Request, family: str, fold: int) -> Path:
    """Where the values of a fold are kept."""
    return cache_dir() / "explanations" / f"{request.key(family, fold)}.npz"


def explain_fold(request: Request, family: str, fold: int, studies: str | None) -> Path:
    """Fit and explain one fold, unless that is done; the file with its values.

    Raises
    ------
    ExplainError
        The fit fails, or exact values do not add up.
    ModelError
        A member of a saved model is missing.
    StoreError
        The cache cannot be written to.
    """
    path = part_path(request, family, fold)
    if read_part(path) is None:
        buffer = io.BytesIO()
        np.savez(buffer, **asdict(_explained(request, family, fold, studies)))
        try:
            with atomic_write(path) as stream:
                stream.write(buffer.getvalue())
        except OSError as error:
            raise storage_error(f"cache folder {path.parent}", error, "ZOO_CACHE") from None
    return path


def read_part(path: Path) -> FoldValues | None:
    """Values of a fold from the cache; None if they are not there or cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            found: dict[str, Any] = {of.name: stored[of.name] for of in fields(FoldValues)}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None
    return FoldValues(**{name: value.item() if value.ndim == 0 else value for name, value in found.items()})


def _explained(request: Request, name: str, fold: int, studies: str | None) -> FoldValues:
    cell, family, kind = request.cell(name, fold), model_families[name], task_rows(request.task).task.kind
    x = feature_matrix(request.task, request.features).matrix
    split = folds_of(request.task, "glass")[fold]
    training = training_of(cell, x, task_rows(request.task).target, split, kind)
    try:
        if request.model:
            from zoo.models._autogluon import load_ensemble

            estimator = load_ensemble(Path(request.model) / "predictor", kind)
        else:
            budget = Budget(cell.trials, cell.tune_seconds)
            estimator = choose(family, cell.mode, training, budget, studies, key_of(cell)).fit(training)
    except ZooError:
        raise
    except Exception as error:  # a family may fail in any way; the report shows how
        raise ExplainError(f"{name} has failed in fold {fold}: {type(error).__name__}: {error}") from error
    chosen = choose_rows(request, fold)
    spread = np.ascontiguousarray(x[chosen.spread])
    explainer = explainer_of(estimator, family, kind, spread, request.permutations, request.seed)
    drawn = chosen.drawn if explainer.exact else chosen.drawn[: share_of(request, request.sampled_rows, fold)]
    rows = np.concatenate([drawn, chosen.chosen])
    background = choose_background(request, fold, training.x)
    spread_output = explainer.output(spread)
    constant = bool(np.ptp(spread_output) <= 1e-9 * np.abs(spread_output).max())
    scale = 1.0 if constant else float(spread_output.std())
    score = evaluate(kind, task_rows(request.task).target[chosen.spread], spread_output)[HEADLINE[kind]]
    base, output = float(explainer.output(background).mean()), explainer.output(np.ascontiguousarray(x[rows]))
    values, standard_error = explainer.values(np.ascontiguousarray(x[rows]), background)
    if constant:
        values, standard_error = np.zeros_like(values), None if standard_error is None else np.zeros_like(values)
        base, output = float(spread_output.mean()), np.full(len(rows), spread_output.mean())
    additivity = float(np.abs(base + values.sum(axis=1) - output).max(initial=0.0)) / scale
    if not additivity < EXACT:
        raise ExplainError(
            f"values must add up to the output to {EXACT:g} of its spread, those of {name} in fold {fold} are off by "
            f"{additivity:.2g}"
        )
    of_glass, glass_output = _of_glass(request, fold, explainer, background)
    return FoldValues(
        rows,
        np.arange(len(rows)) < len(drawn),
        values,
        np.empty((0, 0)) if standard_error is None else standard_error,
        output,
        base,
        scale,
        explainer.space,
        explainer.method,
        explainer.exact,
        score,
        additivity,
        explainer.disagreement,
        of_glass,
        glass_output,
    )


def _of_glass(request: Request, fold: int, explainer: Explainer, background: Any) -> tuple[Any, Floats]:
    if not request.glass or not explainer.exact or fold_of_glass(request, request.glass) != fold:
        return np.empty((0, 0), np.float32), np.empty(0)
    x = np.ascontiguousarray(atoms_of_glass(request, request.glass))
    return explainer.values(x, background)[0].astype(np.float32), explainer.output(x)
