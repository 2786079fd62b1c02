"""Choosing a family's settings by Optuna on the training glasses alone, under the same budget for every family."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.benchmark.metrics import HEADLINE, evaluate
from zoo.benchmark.training import Training, predict_scores
from zoo.errors import TuningError
from zoo.models.declaration import ModelFamily

if TYPE_CHECKING:
    import optuna

STARTUP = 5
"""Trials before any is given up half way."""


@dataclass(frozen=True)
class Budget:
    """What a search may spend: trials, and seconds of wall time, whichever ends first."""

    trials: int
    seconds: float


@dataclass(frozen=True)
class Tuned:
    """What a search has found.

    Attributes
    ----------
    settings : dict
        For ``ModelFamily.build``; empty if nothing did better than the defaults.
    score, default_score : float
        Headline metric of these settings and of the defaults, mean over the inner folds.
    n_trials : int
        Trials of the study that have ended, those of earlier runs included.
    ranking : tuple of dict
        All settings tried in every inner fold, the defaults among them, best first.
    """

    settings: dict[str, Any]
    score: float
    default_score: float
    n_trials: int
    ranking: tuple[dict[str, Any], ...]


def tune(
    family: ModelFamily, training: Training, budget: Budget, storage: str | None = None, name: str = "study"
) -> Tuned:
    """Search the space of a family; the defaults are tried first and kept unless something does better.

    Parameters
    ----------
    family : ModelFamily
    training : Training
    budget : Budget
        Of the whole study: one that has used up its trials or its seconds is not continued.
    storage : str, optional
        Database address (``sqlite:///studies.db``) where the study is kept and found again; memory by default.
    name : str
        Of the study there.

    Raises
    ------
    TuningError
        The family has nothing to tune, no inner fold can be scored, or every trial has failed.
    """
    import optuna

    space = family.space
    if space is None:
        raise TuningError(f"{family.name} has nothing to tune")

    def objective(trial: optuna.Trial) -> float:
        try:
            settings = space(trial, training.kind)
            trial.set_user_attr("settings", settings)
            scores: list[float] = []
            for score in fold_scores(family, settings, training):
                scores.append(score)
                if given_up(trial, scores, n_folds):
                    raise optuna.TrialPruned
            return mean_score(scores)
        except optuna.TrialPruned:
            raise
        except Exception as error:
            trial.set_user_attr("error", f"{type(error).__name__}: {error}")
            raise

    started = time.monotonic()
    default = mean_score(list(fold_scores(family, {}, training)))
    study = open_study(training.seed, storage, name)
    study.set_user_attr("default_score", default)
    n_folds = n_inner_folds(training)
    left = budget.seconds - (time.monotonic() - started) - seconds_of(tried(study))
    missing = budget.trials - len(tried(study))
    if left > 0 and missing > 0:
        study.optimize(objective, n_trials=missing, timeout=left, catch=(Exception,))
    return _found(study, default)


def open_study(seed: int, storage: str | None, name: str) -> optuna.Study:
    """A study in a database, or in memory; one of that name is continued.

    Nobody else may be at work on it: trials that have not ended were killed with their process, and are ended here.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a trial that fails keeps its error
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP),
    )
    for trial in study.trials:
        if trial.state == optuna.trial.TrialState.RUNNING:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # settings of one family are drawn together, those of others do not hinder; a study that goes on draws anew
        study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), multivariate=True, group=True)
    return study


def tried(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that have come to their end: scored, given up half way, or failed with an error.

    Those that wait, run, or were killed with their process count for nothing.
    """
    import optuna

    failed = optuna.trial.TrialState.FAIL
    ended = [trial for trial in study.trials if trial.state.is_finished()]
    return [trial for trial in ended if trial.state != failed or "error" in trial.user_attrs]


def seconds_of(trials: list[optuna.trial.FrozenTrial]) -> float:
    """Wall time that trials have taken, one after the other."""
    return sum((trial.duration.total_seconds() for trial in trials if trial.duration), 0.0)


def n_inner_folds(training: Training) -> int:
    """Folds in which a trial is scored."""
    return int(training.folds().max()) + 1


def fold_scores(family: ModelFamily, settings: dict[str, Any], training: Training) -> Iterator[float]:
    """Headline metric of a family with these settings on each inner fold, one after the other."""
    return (fold_score(family, settings, training, fold) for fold in range(n_inner_folds(training)))


def fold_score(family: ModelFamily, settings: dict[str, Any], training: Training, fold: int) -> float:
    """Headline metric on one inner fold; NaN where it is not defined."""
    held_out = training.folds() == fold
    estimator = training.part(~held_out).fit(family, settings)
    found = predict_scores(estimator, training.x[held_out], training.kind)
    return evaluate(training.kind, training.y[held_out], found)[HEADLINE[training.kind]]


def given_up(trial: optuna.Trial, scores: list[float], n_folds: int) -> bool:
    """Report the mean score of the folds so far; whether it is below the median of others, and folds are left."""
    if np.isfinite(scores).any():
        trial.report(mean_score(scores), len(scores))
    return len(scores) < n_folds and trial.should_prune()


def mean_score(scores: list[float]) -> float:
    """Mean over the inner folds where it is defined.

    Raises
    ------
    TuningError
        There is none.
    """
    if not np.isfinite(scores).any():
        raise TuningError("no inner fold can be scored: its validation rows are all of one class or one value")
    return float(np.nanmean(scores))


def complete_trials(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that were scored on every fold, best first.

    Raises
    ------
    TuningError
        Every trial has failed.
    """
    import optuna

    trials = tried(study)
    errors = [trial.user_attrs["error"] for trial in trials if trial.state == optuna.trial.TrialState.FAIL]
    if errors and len(errors) == len(trials):
        raise TuningError(f"all {len(errors)} trials have failed: {errors[0]}")
    complete = [trial for trial in trials if trial.state == optuna.trial.TrialState.COMPLETE]
    return sorted(complete, key=lambda trial: -float(trial.value or 0))


def _found(study: optuna.Study, default: float) -> Tuned:
    ranked: list[tuple[float, dict[str, Any]]] = [
        (default, {}),
        *((float(trial.value or 0), trial.user_attrs["settings"]) for trial in complete_trials(study)),
    ]
    ranked.sort(key=lambda pair: -pair[0])  # stable: the defaults win a tie
    ranking: list[dict[str, Any]] = []
    for _, settings in ranked:
        if settings not in ranking:
            ranking.append(settings)
    return Tuned(ranking[0], ranked[0][0], default, len(tried(study)), tuple(ranking))
