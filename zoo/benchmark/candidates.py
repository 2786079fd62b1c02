"""Candidates of a search: which are tried, in which order, and how each is scored, fold by fold in worker processes.

The study is kept by the calling process alone; workers fit one fold at a time and can be stopped at any moment.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from zoo.benchmark.cell import feature_matrix, folds_of, task_rows
from zoo.benchmark.fitting import warm_up
from zoo.benchmark.splits import Split
from zoo.benchmark.training import Training
from zoo.benchmark.tuning import complete_trials, fold_score, given_up, mean_score, open_study, tried
from zoo.errors import TuningError
from zoo.features.declaration import feature_sets
from zoo.models.declaration import Trial, model_families

if TYPE_CHECKING:
    import optuna

OnProgress = Callable[[str, float, int, float], None]

QUICK = ("logistic", "ridge", "linear-svm")
"""The first of these that may be chosen is tried on every feature set before anything else."""
BEST = 3
"""Feature sets on which the other families are tried, the best so far."""
SHARE = 0.25
"""Of the time of the search, that one candidate may take."""
SHORTEST = 20.0
"""Seconds that a candidate may take in any case: some libraries are loaded by the first that needs them."""
MEMBERS = 8
"""Candidates that an ensemble joins, at most."""
ALIKE = 2
"""Of these, of one family on one feature set, at most."""


@dataclass(frozen=True)
class Search:
    """What is searched, on which rows, for how long.

    Attributes
    ----------
    features, families : tuple of str
        What to choose from.
    fold : int
        Its test glasses are left for the score at the end.
    seconds : float
        Wall time of search and ensemble together, once the glasses are described.
    trials : int
        After so many the search ends, even if there is time; 0: no limit.
    max_rows : int
        Training rows of a trial; the ensemble may take more, or must take fewer, as time allows.
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
        rows, x = task_rows(self.task), feature_matrix(self.task, features).matrix[train]
        image = feature_sets[features].image
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


def open_search(plan: Search, folder: Path) -> optuna.Study:
    """The study of a plan in ``studies.db``, continued if it is of the same choice, declarations, versions and data."""
    rows = task_rows(plan.task)
    parts = [
        sorted((name, feature_sets[name].version) for name in plan.features),
        sorted((name, model_families[name].version) for name in plan.families),
        msgspec.to_builtins(rows.task),
        rows.dataset.card.content_hash,
    ]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
    name = f"{plan.task} fold {plan.fold} seed {plan.seed} rows {plan.max_rows} | {digest}"
    return open_study(plan.seed, f"sqlite:///{folder / 'studies.db'}", name)


def try_candidates(
    plan: Search, study: optuna.Study, pool: Any, workers: int, seconds: float, limit: float, on_progress: OnProgress
) -> None:
    """Try one candidate after the other, ``workers`` at a time, until the time is up or there are trials enough.

    Parameters
    ----------
    pool : pebble.ProcessPool
    seconds : float
        Wall time; what is still being tried then is stopped and counts for nothing.
    limit : float
        Seconds after which one candidate is stopped and has failed.
    """
    order = sorted(plan.features, key=lambda name: feature_matrix(plan.task, name).matrix.shape[1])
    end = time.monotonic() + seconds
    running: dict[Future[Any], _Attempt] = {}
    try:
        while (left := end - time.monotonic()) > 0:
            if len(running) < workers and not enough(plan, study, len(running)):
                if candidate := _next_attempt(plan, study, order):
                    running[candidate.schedule(pool, plan, limit)] = candidate
                continue
            if not running:
                break
            for future in wait(running, timeout=min(left, 2.0), return_when=FIRST_COMPLETED).done:
                attempt = running.pop(future)
                if attempt.goes_on(future, study, limit):
                    running[attempt.schedule(pool, plan, limit)] = attempt
            scores = [float(trial.value or 0) for trial in _complete(study)]
            on_progress("search", 1 - left / seconds, len(tried(study)), max(scores, default=float("nan")))
    finally:
        for future, attempt in running.items():
            future.cancel()
            _fail(study, attempt.trial)


def enough(plan: Search, study: optuna.Study, n_running: int = 0) -> bool:
    """Whether a plan has all the trials that it may have."""
    return 0 < plan.trials <= len(tried(study)) + n_running


def best_candidates(plan: Search, study: optuna.Study) -> tuple[Candidate, ...]:
    """The best candidates, but few of one family on one feature set: an ensemble lives on variety.

    Raises
    ------
    TuningError
        There is none.
    """
    late = [trial for trial in tried(study) if trial.user_attrs.get("error", "").startswith("stopped after")]
    if len(late) == len(tried(study)):
        raise TuningError(
            f"no candidate was finished in the search part of {plan.seconds:.0f} s: give more time (--budget), or "
            "fewer rows (--max-rows)"
        )
    found: list[Candidate] = []
    for trial in complete_trials(study):
        names = trial.params["features"], trial.params["family"]
        alike = [old.settings for old in found if (old.features, old.family) == names]
        settings = trial.user_attrs["settings"]
        if len(alike) < ALIKE and settings not in alike:
            found.append(Candidate(*names, settings, float(trial.value or 0), trial.user_attrs["seconds"]))
    return tuple(found[:MEMBERS])


@dataclass
class _Attempt:
    """A candidate that is being tried, with what its folds have given so far."""

    trial: optuna.Trial
    features: str
    family: str
    settings: dict[str, Any]
    n_folds: int
    scores: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def schedule(self, pool: Any, plan: Search, limit: float) -> Future[Any]:
        """Send the next fold to a worker, which is stopped when the candidate has had its time."""
        job = [plan, self.features, self.family, self.settings, len(self.scores)]
        future: Future[Any] = pool.schedule(_score_fold, args=job, timeout=max(limit - self.seconds, 0.01))
        return future

    def goes_on(self, future: Future[Any], study: optuna.Study, limit: float) -> bool:
        """Take the score of a fold; whether there is another fold to score."""
        import optuna
        from pebble import ProcessExpired

        try:
            score, seconds = future.result()
            self.scores.append(score)
            self.seconds += seconds
            if given_up(self.trial, self.scores, self.n_folds):
                study.tell(self.trial, state=optuna.trial.TrialState.PRUNED)
            elif len(self.scores) == self.n_folds:
                self.trial.set_user_attr("seconds", self.seconds)
                study.tell(self.trial, mean_score(self.scores))
            else:
                return True
        except TimeoutError:
            _fail(study, self.trial, f"stopped after {limit:.0f} s")
        except ProcessExpired as error:
            _fail(study, self.trial, f"the process died (exit code {error.exitcode})")
        except Exception as error:  # a family may fail in any way
            _fail(study, self.trial, f"{type(error).__name__}: {error}")
        return False


def _fail(study: optuna.Study, trial: optuna.Trial, error: str = "") -> None:
    """End a trial; without an error it was interrupted."""
    import optuna

    if error:
        trial.set_user_attr("error", error)
    study.tell(trial, state=optuna.trial.TrialState.FAIL)


def _next_attempt(plan: Search, study: optuna.Study, order: Sequence[str]) -> _Attempt | None:
    """Defaults that are still to be tried, then what the sampler suggests; None if it cannot be suggested."""
    names = next(_defaults(plan, study, order), None)
    if names is not None:
        study.enqueue_trial({"features": names[0], "family": names[1], "settings": "default"})
    trial = study.ask()
    try:
        return _suggested(trial, plan)
    except Exception as error:  # a search space may be wrong in any way
        _fail(study, trial, f"{type(error).__name__}: {error}")
        return None


def _defaults(plan: Search, study: optuna.Study, order: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Untried pairs of feature set and family: a quick family on each set, then the others on the best sets so far."""
    running = [trial for trial in study.trials if not trial.state.is_finished()]
    seen = {
        (trial.params["features"], trial.params["family"])
        for trial in running + tried(study)
        if trial.params.get("settings") == "default"
    }
    quick = next((name for name in QUICK if name in plan.families), plan.families[0])
    ranked = sorted(_complete(study), key=lambda trial: -float(trial.value or 0))
    best = list(dict.fromkeys(trial.params["features"] for trial in ranked))[:BEST] or order[:1]
    pairs = [(features, quick) for features in order]
    pairs += [(features, family) for family in plan.families for features in best]
    return (pair for pair in pairs if pair not in seen)


def _suggested(trial: optuna.Trial, plan: Search) -> _Attempt:
    features = trial.suggest_categorical("features", sorted(plan.features))
    family = model_families[trial.suggest_categorical("family", sorted(plan.families))]
    kind = task_rows(plan.task).task.kind
    settings: dict[str, Any] = {}
    if trial.suggest_categorical("settings", ("default", "searched")) == "searched" and family.space is not None:
        settings = family.space(_Named(trial, family.name), kind)
    trial.set_user_attr("settings", settings)
    n_folds = int(plan.training(features, plan.max_rows).folds().max()) + 1
    return _Attempt(trial, features, family.name, settings, n_folds)


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


def _complete(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    import optuna

    return [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]


def _score_fold(plan: Search, features: str, family: str, settings: dict[str, Any], fold: int) -> tuple[float, float]:
    """Work of one process: score on a fold, and its seconds without those of the first imports."""
    training = plan.training(features, plan.max_rows)
    warm_up(model_families[family], training.kind, training.image)
    started = time.monotonic()
    score = fold_score(model_families[family], settings, training, fold)
    return score, time.monotonic() - started
