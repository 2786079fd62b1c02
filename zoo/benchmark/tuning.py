"""Choosing a family's settings by Optuna on the training glasses alone, under the same budget for every family."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.metrics import HEADLINE, evaluate
from zoo.errors import TuningError
from zoo.features.declaration import FloatArray
from zoo.models.declaration import ModelFamily, TaskKind

if TYPE_CHECKING:
    import optuna

INNER_FOLDS = 3
STARTUP = 5
"""Trials before any is given up half way."""

Scorer = Callable[[Any, FloatArray, TaskKind], NDArray[np.float64]]


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
    """

    settings: dict[str, Any]
    score: float
    default_score: float
    n_trials: int


@dataclass(frozen=True)
class Training:
    """The training rows of a cell.

    Attributes
    ----------
    x : ndarray of shape (n_rows, n_columns), float32
    y : ndarray of shape (n_rows,)
    group : ndarray of shape (n_rows,)
        Rows of one group (a glass) are never on both sides of an inner fold.
    """

    kind: TaskKind
    x: FloatArray
    y: NDArray[np.float64]
    group: NDArray[np.integer]

    def inner_folds(self, seed: int) -> list[NDArray[np.bool_]]:
        """Validation rows of each inner fold: whole groups, dealt out in random order.

        Raises
        ------
        TuningError
            There is one group only.
        """
        groups = np.random.default_rng([seed, 5]).permutation(np.unique(self.group))
        if len(groups) < 2:
            raise TuningError("tuning needs training rows of at least two glasses")
        n_folds = min(INNER_FOLDS, len(groups))
        return [np.isin(self.group, groups[fold::n_folds]) for fold in range(n_folds)]


def tune(
    family: ModelFamily,
    training: Training,
    predict: Scorer,
    budget: Budget,
    seed: int,
    image: tuple[int, ...] = (),
    storage: str | None = None,
    name: str = "study",
) -> Tuned:
    """Search the space of a family; the defaults are tried first and kept unless something does better.

    Parameters
    ----------
    family : ModelFamily
    training : Training
    predict : callable of (estimator, x, kind) returning scores
    budget : Budget
        A study that has used up its trials is not continued.
    seed, image
        Of the estimator.
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

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    started = time.monotonic()
    folds = training.inner_folds(seed)

    def scores(settings: dict[str, Any]) -> Iterator[float]:
        for validation in folds:
            estimator = family.estimator(training.kind, seed, image, settings)
            estimator.fit(training.x[~validation], training.y[~validation])
            found = predict(estimator, training.x[validation], training.kind)
            score = evaluate(training.kind, training.y[validation], found)[HEADLINE[training.kind]]
            if np.isfinite(score):
                yield score

    def objective(trial: optuna.Trial) -> float:
        settings = space(trial, training.kind)
        trial.set_user_attr("settings", settings)
        found: list[float] = []
        for step, score in enumerate(scores(settings)):
            found.append(score)
            trial.report(float(np.mean(found)), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return _mean(found)

    default = _mean(list(scores({})))
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP),
    )
    study.set_user_attr("default_score", default)
    left = budget.seconds - (time.monotonic() - started)
    missing = budget.trials - len(study.trials)
    if left > 0 and missing > 0:
        study.optimize(objective, n_trials=missing, timeout=left, catch=(Exception,))
    return _best(study, default)


def _mean(scores: list[float]) -> float:
    if not scores:
        raise TuningError("no inner fold can be scored: its validation rows are all of one class or one value")
    return float(np.mean(scores))


def _best(study: optuna.Study, default: float) -> Tuned:
    import optuna

    complete = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    best = max(complete, key=lambda trial: trial.value or -np.inf, default=None)
    if best is None and study.trials:
        failed = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.FAIL]
        if len(failed) == len(study.trials):
            raise TuningError(f"all {len(failed)} trials have failed")
    if best is None or best.value is None or best.value <= default:
        return Tuned({}, default, default, len(study.trials))
    return Tuned(best.user_attrs["settings"], best.value, default, len(study.trials))
