"""What is fitted in a cell: a family with its defaults, with settings searched for, or an ensemble of several."""

from __future__ import annotations

import gc
import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.benchmark.metrics import best_threshold
from zoo.benchmark.splits import hold_out_glasses
from zoo.benchmark.suite import Mode
from zoo.benchmark.training import Training, predict_scores
from zoo.benchmark.tuning import Budget, tune
from zoo.models.declaration import Member, ModelFamily, TaskKind

MEMBERS = 4
"""Settings of one family, the best found, that mode *ensembled* joins."""

_warm: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class Choice:
    """A family and how it is fitted.

    Attributes
    ----------
    settings : dict
        Of the family; empty for its defaults.
    members : tuple of Member
        What an ensemble joins; empty if there is none.
    tuning : dict of float
        What the search has found and cost; empty in default mode.
    """

    family: ModelFamily
    settings: dict[str, Any] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
    tuning: dict[str, float] = field(default_factory=dict)

    def fit(self, training: Training) -> Any:
        """The fitted estimator."""
        if not self.members:
            return training.fit(self.family, self.settings)
        from zoo.models._autogluon import Ensemble

        training.require_contrast()
        return Ensemble(training.kind, training.seed, self.members).fit(training.x, training.y, training.folds())

    def recorded(self, estimator: Any) -> dict[str, Any]:
        """Settings as they are kept with the result, with the weight of each member."""
        if not self.members:
            return self.settings
        weights = [estimator.weights_.get(name, 0.0) for name in estimator.member_names_]
        return {"members": [dict(member.settings) for member in self.members], "weights": weights}


def choose(
    family: ModelFamily, mode: Mode, training: Training, budget: Budget, storage: str | None, name: str
) -> Choice:
    """What a mode fits: in *tuned* and *ensembled* after a search on the training rows (see `tune`)."""
    if mode == "default":
        return Choice(family)
    started = time.process_time()
    found = tune(family, training, budget, storage, name)
    tuning = {
        "score": found.score,
        "default_score": found.default_score,
        "n_trials": found.n_trials,
        "seconds": round(time.process_time() - started, 2),
    }
    if mode == "tuned":
        return Choice(family, found.settings, tuning=tuning)
    members = tuple(Member(family.name, settings, training.image) for settings in found.ranking[:MEMBERS])
    return Choice(family, members=members, tuning=tuning)


def threshold_of(choice: Choice, estimator: Any, training: Training) -> float:
    """Score of largest MCC from which on a row is called class 1, on training glasses that were held out.

    Ensembles have predicted every training row by models that had not seen its glass; other families are fitted a
    second time, without about a quarter of the glasses. NaN where a side lacks a class.
    """
    if hasattr(estimator, "held_out_"):
        return best_threshold(training.y, estimator.held_out_)
    held_out = hold_out_glasses(training.group, training.seed)
    if len(np.unique(training.y[~held_out])) < 2 or len(np.unique(training.y[held_out])) < 2:
        return float("nan")
    second = choice.fit(training.part(~held_out))
    return best_threshold(training.y[held_out], predict_scores(second, training.x[held_out], training.kind))


def warm_up(family: ModelFamily, kind: TaskKind, image: tuple[int, ...]) -> float:
    """Seconds of imports and a first tiny fit, so that they are not counted as the cost of a fit; once per process."""
    if (family.name, kind) in _warm:
        return 0.0
    _warm.add((family.name, kind))
    started = time.process_time()
    random = np.random.default_rng(0)
    x = random.normal(size=(60, math.prod(image) if family.images else 3)).astype(np.float32)
    training = Training(kind, x, (np.arange(60) % 2).astype(float), np.arange(60) // 10, 0, image)
    predict_scores(training.fit(family, {}), x, kind)
    gc.collect()
    gc.freeze()  # what has been imported stays: later collections need not look at it
    return time.process_time() - started
