"""Joining candidates in one ensemble within a given time, and scoring it on the glasses left for that."""

from __future__ import annotations

import pickle
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from zoo._files import atomic_write
from zoo.benchmark.candidates import Candidate, OnProgress, Search
from zoo.benchmark.cell import feature_matrix, task_rows
from zoo.benchmark.metrics import best_threshold, evaluate_finite
from zoo.benchmark.task import TaskRows
from zoo.benchmark.training import Training, predict_scores
from zoo.errors import TuningError
from zoo.features.declaration import feature_sets
from zoo.models.declaration import Member, model_families

MARGIN = 30.0
"""Seconds after the end of the budget when fits are stopped."""
OVERHEAD = 10.0
"""Seconds that AutoGluon takes beside the fits."""
PLACES = "predictor-alone", "predictor-joined"
"""Folders of both fits until one is chosen."""
FOUND = "found.pickle"
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
    """Candidates to join, and on how many rows."""

    candidates: tuple[Candidate, ...]
    n_rows: int


def join(
    plan: Search,
    candidates: tuple[Candidate, ...],
    n_trials: int,
    folder: Path,
    pool: Any,
    seconds: float,
    on_progress: OnProgress,
) -> Found:
    """Fit one candidate alone and then the ensemble, in a worker process; the first stays if the second is late.

    What is fitted replaces what there was in ``predictor`` of the folder.

    Raises
    ------
    TuningError
        Neither could be fitted in ``seconds`` and ``MARGIN``.
    """
    places = [folder / name for name in PLACES]
    for place in places:
        shutil.rmtree(place, ignore_errors=True)
    future = pool.schedule(_fit_in_turn, args=[plan, steps(plan, candidates, seconds), n_trials, places])
    end = time.monotonic() + seconds + MARGIN
    while not future.done() and (left := end - time.monotonic()) > 0:
        on_progress("ensemble", 1 - left / (seconds + MARGIN), n_trials, candidates[0].score)
        wait([future], min(left, 2.0))
    reason = "stopped, as its time was up"
    if future.done():
        reason = f"{type(error).__name__}: {error}" if (error := future.exception()) else ""
    fitted = [place for place in places if (place / FOUND).exists()]
    if not fitted:
        raise TuningError(
            f"no ensemble was fitted within {plan.seconds:.0f} s and {MARGIN:.0f} s more ({reason}): give more time "
            "(--budget), or fewer rows (--max-rows)"
        )
    found: Found = pickle.loads((fitted[-1] / FOUND).read_bytes())
    (fitted[-1] / FOUND).unlink()
    shutil.rmtree(folder / "predictor", ignore_errors=True)
    fitted[-1].rename(folder / "predictor")
    return replace(found, cut=reason)


def steps(plan: Search, candidates: Sequence[Candidate], seconds: float) -> tuple[Step, ...]:
    """What to fit: one quick candidate; all that can be fitted in time, on as many rows as can be.

    The seconds that each has taken in the search, on ``max_rows`` rows, are the measure.
    """
    usable = SAFETY * max(seconds - OVERHEAD, seconds / 2)
    n_train = len(plan.split.train)
    n_rows = min(plan.max_rows, n_train)
    quick = next((c for c in candidates if c.seconds <= usable / 4), min(candidates, key=lambda c: c.seconds))
    joined, cost = [candidates[0]], quick.seconds + 1.5 * candidates[0].seconds  # it is also fitted without bags
    for candidate in candidates[1:]:
        if cost + candidate.seconds <= usable:
            joined.append(candidate)
            cost += candidate.seconds
    alone = Step((quick,), min(_affordable(n_rows, usable, quick.seconds), n_rows))
    both = Step(tuple(joined), min(_affordable(n_rows, usable, cost), n_train))
    return (alone,) if alone == both else (alone, both)


def _affordable(n_rows: int, usable: float, cost: float) -> int:
    """Rows that can be fitted in the usable seconds, if ``n_rows`` cost so many."""
    return max(int(n_rows * usable / max(cost, 1e-3)), min(n_rows, 100))


def _fit_in_turn(plan: Search, both: Sequence[Step], n_trials: int, places: Sequence[Path]) -> None:
    """Work of one process: what has been fitted is kept beside the fit, in case that the next is stopped."""
    for step, place in zip(both, places, strict=False):
        found = _fit(plan, step, n_trials, place)
        with atomic_write(place / FOUND) as stream:
            stream.write(pickle.dumps(found))


def _fit(plan: Search, step: Step, n_trials: int, folder: Path) -> Found:
    """Fit into a folder, calibrate and score."""
    from zoo.models._autogluon import Ensemble

    candidates, n_rows = step.candidates, step.n_rows
    features = tuple(dict.fromkeys(candidate.features for candidate in candidates))
    parts = [plan.training(name, n_rows) for name in features]
    first = parts[0]
    training = Training(first.kind, np.hstack([part.x for part in parts]), first.y, first.group, first.seed)
    ends = np.cumsum([0] + [part.x.shape[1] for part in parts]).tolist()
    columns = {name: (ends[k], ends[k + 1]) for k, name in enumerate(features)}
    members = [Member(c.family, c.settings, feature_sets[c.features].image, columns[c.features]) for c in candidates]
    ensemble = Ensemble(training.kind, plan.seed, members, folder=folder)
    ensemble.fit(training.x, training.y, training.folds())
    test, rows = plan.split.test, task_rows(plan.task)
    x = np.hstack([feature_matrix(plan.task, name).matrix[test] for name in features])
    calibration, threshold = None, float("nan")
    if training.kind == "classification":
        calibration = _calibration(training.y, ensemble.held_out_)
        threshold = best_threshold(training.y, calibrated(calibration, ensemble.held_out_))
    joint = calibrated(calibration, predict_scores(ensemble, x, training.kind))
    scores = single_scores = _scores(rows, test, joint, threshold)
    if len(candidates) > 1:
        best = candidates[0]
        alone = plan.training(best.features, n_rows).fit(model_families[best.family], best.settings)
        single = predict_scores(alone, feature_matrix(plan.task, best.features).matrix[test], training.kind)
        single_scores = _scores(rows, test, single, float("nan"))
    return Found(
        features=features,
        candidates=candidates,
        weights=tuple(ensemble.weights_.get(name, 0.0) for name in ensemble.member_names_),
        n_trials=n_trials,
        n_train=len(training.y),
        scores=scores,
        single_scores=single_scores,
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
