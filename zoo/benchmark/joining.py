"""Joining candidates in one ensemble within a given time, and scoring it on the glasses left for that."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from zoo.benchmark.candidates import Candidate, OnProgress, Search
from zoo.benchmark.cell import feature_matrix, task_rows
from zoo.benchmark.metrics import best_threshold, evaluate_finite
from zoo.benchmark.task import TaskRows
from zoo.benchmark.training import Training, predict_scores
from zoo.errors import TuningError
from zoo.features.declaration import feature_sets
from zoo.models.declaration import Member, model_families

MARGIN = 30.0
"""Seconds after the end of the budget when the fit of an ensemble is stopped."""
OVERHEAD = 10.0
"""Seconds that AutoGluon takes beside the fits."""
SAFETY = 0.8
"""Share of the time left that the fits may take by the estimate from the search."""


@dataclass(frozen=True)
class Found:
    """What a search has ended with.

    Attributes
    ----------
    candidates : tuple of Candidate
        Members of the ensemble, the best alone first.
    weights : tuple of float
        Of each in the ensemble.
    n_trials : int
        Candidates tried.
    scores : dict of float
        On the test glasses.
    single_scores : dict of float
        Those of the best candidate alone, fitted to the same rows.
    calibration : (float, float) or None
        Slope and offset that make probabilities of the log odds of the ensemble (Platt), fitted to training glasses
        held out; None for values.
    threshold : float
        Probability of largest MCC on training glasses held out; NaN for values.
    cut : str
        Why this is one candidate alone, where an ensemble could not be fitted.
    """

    features: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    weights: tuple[float, ...]
    n_trials: int
    n_train: int
    scores: dict[str, float]
    single_scores: dict[str, float]
    calibration: tuple[float, float] | None
    threshold: float
    test_glasses: tuple[str, ...] = ()
    cut: str = ""


@dataclass(frozen=True)
class Step:
    """Candidates to join, on how many rows, and after how many seconds the fit is stopped."""

    candidates: tuple[Candidate, ...]
    n_rows: int
    limit: float


def join(
    plan: Search,
    candidates: tuple[Candidate, ...],
    n_trials: int,
    folder: Path,
    pool: Any,
    seconds: float,
    on_progress: OnProgress,
) -> Found:
    """Fit the ensemble in a worker process; one candidate alone, if it fails or takes too long.

    The fitted ensemble replaces what there was in ``predictor`` of the folder.

    Raises
    ------
    TuningError
        Neither could be fitted in ``seconds`` and ``MARGIN``.
    """
    reason = ""
    for step in steps(plan, candidates, seconds):
        future: Future[Found] = pool.schedule(_fit, args=[plan, step.candidates, step.n_rows, n_trials, folder])
        end = time.monotonic() + step.limit
        while not future.done() and (left := end - time.monotonic()) > 0:
            on_progress("ensemble", 1 - left / step.limit, n_trials, candidates[0].score)
            wait([future], timeout=min(left, 2.0))
        if not future.done():
            future.cancel()
            reason = f"stopped after {step.limit:.0f} s"
        elif error := future.exception():
            reason = f"{type(error).__name__}: {error}"
        else:
            return replace(future.result(), cut=reason)
    raise TuningError(
        f"no ensemble was fitted within {plan.seconds:.0f} s and {MARGIN:.0f} s more ({reason}): give more time "
        "(--budget), or fewer rows (--max-rows)"
    )


def steps(plan: Search, candidates: Sequence[Candidate], seconds: float) -> tuple[Step, Step]:
    """What to join: all candidates that can be fitted in time on as many rows as can be; then one quick one.

    The seconds that each has taken in the search, on ``max_rows`` rows, are the measure.
    """
    usable = SAFETY * max(seconds - OVERHEAD, seconds / 2)
    joined, cost = [candidates[0]], 1.5 * candidates[0].seconds  # it is also fitted alone
    for candidate in candidates[1:]:
        if cost + candidate.seconds <= usable:
            joined.append(candidate)
            cost += candidate.seconds
    n_rows = min(plan.max_rows, len(plan.split.train))
    affordable = max(int(n_rows * usable / max(cost, 1e-3)), min(n_rows, 100))
    half = (seconds + MARGIN) / 2
    quick = next((c for c in candidates if OVERHEAD + 2 * c.seconds < half), min(candidates, key=lambda c: c.seconds))
    kept = min(OVERHEAD + 2 * quick.seconds, half)
    return (
        Step(tuple(joined), affordable, seconds + MARGIN - kept),
        Step((quick,), min(n_rows, affordable), kept),
    )


def _fit(plan: Search, candidates: tuple[Candidate, ...], n_rows: int, n_trials: int, folder: Path) -> Found:
    """Work of one process: fit, calibrate, score, and put the ensemble in its place."""
    from zoo.models._autogluon import Ensemble

    features = tuple(dict.fromkeys(candidate.features for candidate in candidates))
    parts = [plan.training(name, n_rows) for name in features]
    first = parts[0]
    training = Training(first.kind, np.hstack([part.x for part in parts]), first.y, first.group, first.seed)
    ends = np.cumsum([0] + [part.x.shape[1] for part in parts]).tolist()
    columns = {name: (ends[k], ends[k + 1]) for k, name in enumerate(features)}
    members = [Member(c.family, c.settings, feature_sets[c.features].image, columns[c.features]) for c in candidates]
    unfinished = folder / "predictor-unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    ensemble = Ensemble(training.kind, plan.seed, members, folder=unfinished)
    ensemble.fit(training.x, training.y, training.folds())
    test, rows = plan.split.test, task_rows(plan.task)
    x = np.hstack([feature_matrix(plan.task, name).matrix[test] for name in features])
    calibration, threshold = None, float("nan")
    if training.kind == "classification":
        calibration = _calibration(training.y, ensemble.held_out_)
        threshold = best_threshold(training.y, calibrated(calibration, ensemble.held_out_))
    joint = calibrated(calibration, predict_scores(ensemble, x, training.kind))
    best = candidates[0]
    alone = plan.training(best.features, n_rows).fit(model_families[best.family], best.settings)
    single = predict_scores(alone, feature_matrix(plan.task, best.features).matrix[test], training.kind)
    shutil.rmtree(folder / "predictor", ignore_errors=True)
    unfinished.rename(folder / "predictor")
    return Found(
        features=features,
        candidates=candidates,
        weights=tuple(ensemble.weights_.get(name, 0.0) for name in ensemble.member_names_),
        n_trials=n_trials,
        n_train=len(training.y),
        scores=_scores(rows, test, joint, threshold),
        single_scores=_scores(rows, test, single, float("nan")),
        calibration=calibration,
        threshold=threshold,
        test_glasses=tuple(rows.glass_names[glass] for glass in np.unique(rows.glass[test])),
    )


def calibrated(calibration: tuple[float, float] | None, score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of what an ensemble has predicted; values stay as they are."""
    if calibration is None:
        return score
    slope, offset = calibration
    return np.asarray(expit(slope * logit(np.clip(score, 1e-6, 1 - 1e-6)) + offset))


def _calibration(y: NDArray[np.float64], score: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and offset by maximum likelihood; the slope is positive, so that no order changes."""
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(C=1e6).fit(logit(np.clip(score, 1e-6, 1 - 1e-6)).reshape(-1, 1), y)
    return max(float(fit.coef_[0, 0]), 1e-3), float(fit.intercept_[0])


def _scores(rows: TaskRows, test: NDArray[np.int64], score: NDArray[np.float64], threshold: float) -> dict[str, float]:
    """Metrics of the test rows, as the task averages them."""
    kind, glass = rows.task.kind, rows.glass[test]
    if rows.task.score_by == "fold":
        return evaluate_finite(kind, rows.target[test], score, threshold)
    parts = [
        evaluate_finite(kind, rows.target[test[glass == g]], score[glass == g], threshold) for g in np.unique(glass)
    ]
    return {name: float(np.mean([part[name] for part in parts])) for name in parts[0] if all(name in p for p in parts)}
