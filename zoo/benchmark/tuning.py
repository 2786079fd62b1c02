"""Choosing a family's settings by Optuna on the training glasses alone, under the same budget for every family."""

from __future__ import annotations

import time
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
        Trials of the study, those of earlier runs included.
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
        A study that has used up its trials is not continued.
    storage : str, optional
        Database address (``sqlite:///studies.db``) where the study is kept and found again; memory by default.
    name : str
        Of the study there.

    Raises
    ------
    TuningError
        The family has nothing to tune, no inner fold can be scored, or every trial has failed.
    """

    space = family.space
    if space is None:
        raise TuningError(f"{family.name} has nothing to tune")

    def objective(trial: optuna.Trial) -> float:
        settings = space(trial, training.kind)
        trial.set_user_attr("settings", settings)
        return pruned_mean(trial, fold_scores(family, settings, training))

    started = time.monotonic()
    default = mean_score(list(fold_scores(family, {}, training)))
    study = open_study(training.seed, storage, name)
    study.set_user_attr("default_score", default)
    left = budget.seconds - (time.monotonic() - started)
    missing = budget.trials - len(study.trials)
    if left > 0 and missing > 0:
        study.optimize(objective, n_trials=missing, timeout=left, catch=(Exception,))
    return _found(study, default)


def open_study(seed: int, storage: str | None, name: str) -> optuna.Study:
    """A study in a database, or in memory; one of that name is continued."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a trial that fails keeps its error
    return optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP),
    )


def fold_scores(family: ModelFamily, settings: dict[str, Any], training: Training) -> Iterator[float]:
    """Headline metric of a family with these settings on each inner fold, one after the other.

    Folds where it is not defined are left out.
    """
    folds = training.folds()
    for fold in np.unique(folds):
        held_out = folds == fold
        estimator = training.part(~held_out).fit(family, settings)
        found = predict_scores(estimator, training.x[held_out], training.kind)
        score = evaluate(training.kind, training.y[held_out], found)[HEADLINE[training.kind]]
        if np.isfinite(score):
            yield score


def pruned_mean(trial: optuna.Trial, scores: Iterator[float]) -> float:
    """Mean score of a trial, which is given up half way if the folds so far are below the median of others."""
    import optuna

    found: list[float] = []
    try:
        for step, score in enumerate(scores):
            found.append(score)
            trial.report(float(np.mean(found)), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return mean_score(found)
    except optuna.TrialPruned:
        raise
    except Exception as error:
        trial.set_user_attr("error", f"{type(error).__name__}: {error}")
        raise


def mean_score(scores: list[float]) -> float:
    """Mean over the inner folds.

    Raises
    ------
    TuningError
        There is none.
    """
    if not scores:
        raise TuningError("no inner fold can be scored: its validation rows are all of one class or one value")
    return float(np.mean(scores))


def complete_trials(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that were scored on every fold, best first.

    Raises
    ------
    TuningError
        Every trial has failed.
    """
    import optuna

    failed = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.FAIL]
    if failed and len(failed) == sum(trial.state.is_finished() for trial in study.trials):
        raise TuningError(f"all {len(failed)} trials have failed: {failed[0].user_attrs.get('error', '')}")
    complete = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    return sorted(complete, key=lambda trial: -float(trial.value or 0))


def _found(study: optuna.Study, default: float) -> Tuned:
    tried: list[tuple[float, dict[str, Any]]] = [
        (default, {}),
        *((float(trial.value or 0), trial.user_attrs["settings"]) for trial in complete_trials(study)),
    ]
    tried.sort(key=lambda pair: -pair[0])  # stable: the defaults win a tie
    ranking: list[dict[str, Any]] = []
    for _, settings in tried:
        if settings not in ranking:
            ranking.append(settings)
    return Tuned(ranking[0], tried[0][0], default, len(study.trials), tuple(ranking))
