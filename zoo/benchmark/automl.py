"""Choosing feature sets, family and settings together, and joining the best in one ensemble.

The glasses of one fold are never shown to the search or to the ensemble: they score what comes out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from zoo._machine import usable_cores
from zoo.benchmark.cell import feature_matrix, features_decline, folds_of, task_rows
from zoo.benchmark.metrics import best_threshold, evaluate_finite
from zoo.benchmark.pool import worker_pool
from zoo.benchmark.splits import Split
from zoo.benchmark.task import TaskRows
from zoo.benchmark.training import Training, predict_scores
from zoo.benchmark.tuning import complete_trials, fold_scores, open_study, pruned_mean
from zoo.errors import TuningError, ZooError
from zoo.features.declaration import FloatArray, feature_sets
from zoo.models.declaration import Member, Trial, model_families

if TYPE_CHECKING:
    import optuna

FAMILIES = (
    "lightgbm", "logistic", "ridge", "extra-trees", "xgboost", "hist-gradient-boosting", "random-forest", "linear-svm",
    "catboost", "mlp",
)  # fmt: skip
"""Searched by default, those with the quickest first look first."""
MEMBERS = 8
"""Of the ensemble at the end, at most."""
ALIKE = 2
"""Of these, of one family on one feature set, at most."""
SEARCH = 0.6
"""Share of the budget that the search may spend; the rest is for the ensemble."""


@dataclass(frozen=True)
class Search:
    """What is searched, on which rows, for how long.

    Attributes
    ----------
    features, families : tuple of str
        What to choose from; the first of each is tried with all of the others.
    fold : int
        Its test glasses are left for the score at the end.
    seconds : float
        Wall time of search and ensemble together.
    trials : int
        After so many the search ends, even if there is time; 0: no limit.
    max_rows : int
        Training rows of a trial; the ensemble may take more, as far as time allows.
    """

    task: str
    features: tuple[str, ...]
    families: tuple[str, ...]
    seconds: float
    trials: int = 0
    max_rows: int = 10_000
    fold: int = 0
    seed: int = 0

    @property
    def split(self) -> Split:
        """Training and test rows."""
        split = folds_of(self.task, "glass")[self.fold]
        assert isinstance(split, Split)
        return split

    def training(self, features: str, n_rows: int) -> Training:
        """At most ``n_rows`` of the training rows, the same for every feature set."""
        train = self.split.train
        if len(train) > n_rows:
            train = np.sort(np.random.default_rng([self.seed, 7]).choice(train, n_rows, replace=False))
        return self._training(feature_matrix(self.task, features).matrix[train], train, feature_sets[features].image)

    def joined(self, features: Sequence[str], n_rows: int) -> Training:
        """The same with the columns of several feature sets beside one another."""
        parts = [self.training(name, n_rows) for name in features]
        first = parts[0]
        return Training(first.kind, np.hstack([part.x for part in parts]), first.y, first.group, first.seed)

    def _training(self, x: FloatArray, train: Any, image: tuple[int, ...]) -> Training:
        rows = task_rows(self.task)
        return Training(rows.task.kind, x, rows.target[train], self.split.glass[train], self.seed, image)


@dataclass(frozen=True)
class Candidate:
    """A feature set with a family and its settings, as the search has scored it.

    Attributes
    ----------
    score : float
        Headline metric, mean over the inner folds.
    seconds : float
        Wall time of all inner folds.
    """

    features: str
    family: str
    settings: dict[str, Any]
    score: float
    seconds: float


@dataclass(frozen=True)
class Found:
    """What a search has ended with.

    Attributes
    ----------
    candidates : tuple of Candidate
        Members of the ensemble, the best alone first.
    weights : tuple of float
        Of each in the ensemble.
    ensemble : object
        Fitted; reads the columns of ``features`` beside one another.
    scores : dict of float
        On the test glasses.
    single_scores : dict of float
        Those of the best candidate alone, fitted to the same rows.
    calibration : (float, float) or None
        Slope and offset that make probabilities of the log odds of the ensemble (Platt), fitted to training glasses
        held out; None for values.
    threshold : float
        Probability of largest MCC on training glasses held out; NaN for values.
    """

    features: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    weights: tuple[float, ...]
    ensemble: Any
    n_trials: int
    n_train: int
    scores: dict[str, float]
    single_scores: dict[str, float]
    calibration: tuple[float, float] | None
    threshold: float
    test_glasses: tuple[str, ...] = field(default=())


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
    on_progress: Callable[[str, float, int, float], None] = lambda stage, fraction, n_trials, best: None,
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
        No candidate could be scored.
    """
    for name in plan.features:
        feature_matrix(plan.task, name)  # into the cache, before workers ask for it; what fails, fails here
    folder.mkdir(parents=True, exist_ok=True)
    storage = f"sqlite:///{folder / 'studies.db'}"
    study = open_study(plan.seed, storage, _name(plan))
    _enqueue(study, plan)
    spent = sum((trial.duration.total_seconds() for trial in study.trials if trial.duration), 0.0)
    n_workers = workers or usable_cores()
    left = SEARCH * plan.seconds - spent / n_workers
    if left > 0 and not _enough(plan, study):
        _run_trials(plan, storage, n_workers, left, study, on_progress)
    candidates = _best(study)
    on_progress("ensemble", 0.0, len(study.trials), candidates[0].score)
    return _join(plan, candidates, len(study.trials), folder)


def _name(plan: Search) -> str:
    return f"{plan.task} fold {plan.fold} seed {plan.seed} rows {plan.max_rows}"


def _enqueue(study: optuna.Study, plan: Search) -> None:
    """First the defaults: every family on the first feature set, every feature set with the first family."""
    firsts = [(plan.features[0], family) for family in plan.families]
    firsts += [(features, plan.families[0]) for features in plan.features[1:]]
    for features, family in firsts:
        study.enqueue_trial({"features": features, "family": family, "settings": "default"}, skip_if_exists=True)


def _run_trials(
    plan: Search,
    storage: str,
    workers: int,
    seconds: float,
    study: optuna.Study,
    on_progress: Callable[[str, float, int, float], None],
) -> None:
    started = time.monotonic()
    with worker_pool(workers) as pool:
        # a trial that hangs is stopped with its worker, a while after the search should have ended
        limit = seconds + max(60.0, 0.2 * plan.seconds)
        jobs = [pool.schedule(_try_candidates, args=[plan, storage, k, seconds], timeout=limit) for k in range(workers)]
        try:
            while wait(jobs, timeout=2.0).not_done:
                done = [trial.value for trial in study.trials if trial.value is not None]
                fraction = (time.monotonic() - started) / seconds
                on_progress("search", min(fraction, 1.0), len(done), max(done, default=float("nan")))
        except KeyboardInterrupt:
            pool.stop()
            raise
    errors = [error for job in jobs if (error := job.exception()) is not None]
    if len(errors) == len(jobs) and not any(trial.value is not None for trial in study.trials):
        raise TuningError(f"no candidate could be tried: {errors[0]}")


def _try_candidates(plan: Search, storage: str, worker: int, seconds: float) -> None:
    """Work of one process: trials until the time is up."""
    study = open_study(plan.seed + worker, storage, _name(plan))

    def stop(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if _enough(plan, study):
            study.stop()

    study.optimize(lambda trial: _objective(trial, plan), timeout=seconds, catch=(Exception,), callbacks=[stop])


def _enough(plan: Search, study: optuna.Study) -> bool:
    return 0 < plan.trials <= sum(trial.state.is_finished() for trial in study.trials)


def _objective(trial: optuna.Trial, plan: Search) -> float:
    features = trial.suggest_categorical("features", plan.features)
    family = model_families[trial.suggest_categorical("family", plan.families)]
    training = plan.training(features, plan.max_rows)
    settings: dict[str, Any] = {}
    if trial.suggest_categorical("settings", ("default", "searched")) == "searched" and family.space is not None:
        settings = family.space(_Named(trial, family.name), training.kind)
    trial.set_user_attr("settings", settings)
    return pruned_mean(trial, fold_scores(family, settings, training))


class _Named:
    """A trial whose parameters carry the name of the family: two families may call different things the same."""

    def __init__(self, trial: Trial, family: str) -> None:
        self._trial, self._family = trial, family

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return self._trial.suggest_float(f"{self._family}.{name}", low, high, log=log)

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return self._trial.suggest_int(f"{self._family}.{name}", low, high, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._trial.suggest_categorical(f"{self._family}.{name}", choices)


def _best(study: optuna.Study) -> tuple[Candidate, ...]:
    """The best candidates, but few of one family on one feature set: an ensemble lives on variety."""
    found: list[Candidate] = []
    for trial in complete_trials(study):
        names = trial.params["features"], trial.params["family"]
        alike = [old.settings for old in found if (old.features, old.family) == names]
        settings = trial.user_attrs["settings"]
        if len(alike) < ALIKE and settings not in alike and trial.duration:
            found.append(Candidate(*names, settings, float(trial.value or 0), trial.duration.total_seconds()))
    if not found:
        raise TuningError("no candidate was scored within the budget: give more time, or fewer rows")
    return tuple(found[:MEMBERS])


def _join(plan: Search, candidates: tuple[Candidate, ...], n_trials: int, folder: Path) -> Found:
    from zoo.models._autogluon import Ensemble

    features = tuple(dict.fromkeys(candidate.features for candidate in candidates))
    cost = sum(candidate.seconds for candidate in candidates)  # of all inner folds, on max_rows rows
    n_rows = int(plan.max_rows * max(1.0, (1 - SEARCH) * plan.seconds / max(cost, 1e-3)))
    training = plan.joined(features, n_rows)
    widths = [plan.training(name, 1).x.shape[1] for name in features]
    last = dict(zip(features, np.cumsum(widths).tolist(), strict=True))
    first = {name: last[name] - width for name, width in zip(features, widths, strict=True)}
    members = [
        Member(c.family, c.settings, feature_sets[c.features].image, (first[c.features], last[c.features]))
        for c in candidates
    ]
    ensemble = Ensemble(training.kind, plan.seed, members, folder=folder / "predictor")
    ensemble.fit(training.x, training.y, training.folds())
    test, rows = plan.split.test, task_rows(plan.task)
    x = np.hstack([feature_matrix(plan.task, name).matrix[test] for name in features])
    calibration, threshold = None, float("nan")
    if training.kind == "classification":
        calibration = _calibration(training.y, ensemble.held_out_)
        threshold = best_threshold(training.y, calibrated(calibration, ensemble.held_out_))
    best = candidates[0]
    alone = plan.training(best.features, n_rows).fit(model_families[best.family], best.settings)
    single = predict_scores(alone, feature_matrix(plan.task, best.features).matrix[test], training.kind)
    joint = calibrated(calibration, predict_scores(ensemble, x, training.kind))
    return Found(
        features=features,
        candidates=candidates,
        weights=tuple(ensemble.weights_.get(name, 0.0) for name in ensemble.member_names_),
        ensemble=ensemble,
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
