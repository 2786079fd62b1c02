"""Choosing feature sets, family and settings together, and joining the best in one ensemble.

The glasses of one fold are never shown to the search or to the ensemble: they score what comes out.
"""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path

from zoo._machine import usable_cores
from zoo.benchmark.candidates import (
    SHARE,
    SHORTEST,
    OnProgress,
    Search,
    best_candidates,
    enough,
    open_search,
    try_candidates,
)
from zoo.benchmark.cell import feature_matrix, features_decline, folds_of, task_rows
from zoo.benchmark.joining import PLACES, Found, join
from zoo.benchmark.pool import worker_pool
from zoo.benchmark.tuning import seconds_of, tried
from zoo.errors import ZooError
from zoo.features.declaration import feature_sets

FAMILIES = (
    "lightgbm", "logistic", "ridge", "extra-trees", "xgboost", "hist-gradient-boosting", "random-forest", "linear-svm",
    "catboost", "mlp",
)  # fmt: skip
"""Searched by default; the others are tried in this order once a quick one has looked at every feature set."""
SEARCH = 0.6
"""Share of the budget that the search may spend; the rest is for the ensemble."""


def usable_features(task: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Feature sets to choose from by default, and why others are left out.

    Those that need positions and radii alone: a model made of them can be applied to any glass of the same species.
    They are computed here, if they are not in the cache.
    """
    usable, left_out = [], {}
    for entry in feature_sets:
        if entry.null_control or entry.rows != "atoms" or entry.name == "all-structural":
            continue
        if (
            not {*entry.fields} <= {"radius"}
            or entry.image
            or entry.requires
            or not entry.needs <= {"positions", "radii"}
        ):
            left_out[entry.name] = "needs more than positions and radii, or further software: name it to include it"
        elif reason := features_decline(entry.name, task_rows(task)):
            left_out[entry.name] = reason
        else:
            try:
                feature_matrix(task, entry.name)
                usable.append(entry.name)
            except ZooError as error:  # a cutoff that does not fit the cell, a radius that is not known
                left_out[entry.name] = str(error)
    return tuple(usable), left_out


def search(
    plan: Search,
    folder: Path,
    workers: int | None = None,
    on_progress: OnProgress = lambda stage, fraction, n_trials, best: None,
) -> Found:
    """Search until the budget is spent, then fit and score the ensemble.

    Parameters
    ----------
    plan : Search
    folder : Path
        Keeps the trials (``studies.db``) and the fitted ensemble (``predictor``); the same plan there is continued.
    workers : int, optional
        Processes that try candidates; one per core by default.
    on_progress : callable of (stage, fraction of its time, number of trials, best score so far)

    Raises
    ------
    TuningError
        No candidate could be scored, or no ensemble fitted, in time.
    """
    for name in plan.features:
        feature_matrix(plan.task, name)  # into the cache, before workers ask for it; what fails, fails here
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    study = open_search(plan, folder)
    n_workers = workers or usable_cores()
    for_search = SEARCH * plan.seconds
    spent = min(seconds_of(tried(study)) / n_workers, for_search)
    limit = max(SHARE * for_search, SHORTEST)
    with worker_pool(n_workers, partial(_prepare, plan)) as pool:
        try:
            if not enough(plan, study):
                left = for_search - spent - (time.monotonic() - started)
                try_candidates(plan, study, pool, n_workers, left, limit, on_progress)
            candidates = best_candidates(plan, study)
            n_trials = len(tried(study))
            on_progress("ensemble", 0.0, n_trials, candidates[0].score)
            left = plan.seconds - spent - (time.monotonic() - started)
            return join(plan, candidates, n_trials, folder, pool, left, on_progress)
        finally:
            pool.stop()
            pool.join()
            for name in PLACES:
                shutil.rmtree(folder / name, ignore_errors=True)


def _prepare(plan: Search) -> None:
    """What every worker needs: libraries, which take seconds to load, and the rows."""
    import zoo.models._autogluon  # noqa: F401

    folds_of(plan.task, "glass")
