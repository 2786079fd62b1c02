"""Whether the features of two groups differ: a classifier that tells them apart, and how far compositions are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.cell import empty_result
from zoo.benchmark.store import Result, State
from zoo.benchmark.suite import Cell
from zoo.benchmark.training import Training, predict_scores
from zoo.features.declaration import FloatArray, feature_sets
from zoo.models.declaration import model_families
from zoo.transfer.align import matrix_of
from zoo.transfer.fits import VERSION, Plan, alignment_of, groups_of, identity_of
from zoo.transfer.groups import Group

if TYPE_CHECKING:
    import pandas as pd

FAMILY = "extra-trees"
"""Tells one group from another; quick, and blind to no kind of difference."""
ROWS = 800
"""Of each group, evenly over its glasses."""
FOLDS = 3
NULLS = 20
"""Other ways to deal the glasses to the two sides that are tried; all of them where there are no more."""
SETTINGS = {"n_estimators": 30, "min_samples_leaf": 5}
"""Few trees: 21 tests of three folds are made of every two groups."""


@dataclass(frozen=True)
class ShiftTest:
    """Classifier two-sample test between the features of two groups, as a permutation test over whole glasses.

    Few glasses allow few ways to deal them: with three on either side there are ten, and no p value below 0.1.

    References
    ----------
    Lopez-Paz & Oquab, ICLR 2017.
    """

    plan: Plan
    first: int
    second: int
    key: str = ""

    def run(self) -> tuple[Result, pd.DataFrame | None]:
        """ROC AUC of telling the groups apart on glasses that the classifier has not seen, and what chance gives."""
        import pandas as pd

        x, glass = self._sample()
        mine = np.isin(glass, groups_of(self.plan).identities(self.first))
        glasses, random = np.unique(glass), np.random.default_rng([self.plan.seed, 17])
        of_first = np.isin(glasses, np.unique(glass[mine]))
        real = _auc(x, glass, glasses, of_first, self.plan.seed)
        null = [_auc(x, glass, glasses, dealt, self.plan.seed) for dealt in other_deals(of_first, NULLS, random)]
        scores = {
            "roc_auc": real,
            "null_largest": float(max(null)),
            "null_mean": float(np.mean(null)),
            "n_null": float(len(null)),
            "p_value": (1 + sum(value >= real for value in null)) / (1 + len(null)),
        }
        # a finished result has predictions; those of this one are its tests
        table = pd.DataFrame({"test": ["real", *["null"] * len(null)], "roc_auc": [real, *null]})
        return msgspec.structs.replace(self._result(), scores=scores, n_test=len(x), n_columns=x.shape[1]), table

    def ended(self, state: State, reason: str) -> Result:
        """A result without scores."""
        return msgspec.structs.replace(self._result(), state=state, reason=reason)

    def _sample(self) -> tuple[FloatArray, NDArray[np.int64]]:
        groups, random = groups_of(self.plan), np.random.default_rng([self.plan.seed, 13])
        x, glass = [], []
        for number in (self.first, self.second):
            identity = groups.identity_of_rows(number)
            each = max(1, ROWS // len(np.unique(identity)))
            chosen = [random.permutation(np.flatnonzero(identity == one))[:each] for one in np.unique(identity)]
            rows = np.sort(np.concatenate(chosen))
            x.append(matrix_of(groups.groups[number], alignment_of(self.plan))[rows])
            glass.append(identity[rows])
        return np.vstack(x), np.concatenate(glass)

    def _result(self) -> Result:
        plan, group = self.plan, groups_of(self.plan).groups[self.first]
        cell = Cell(group.task, plan.features, FAMILY, "glass", 0, plan.seed, ROWS)
        return empty_result(cell, key=self.key, split="shift")


def other_deals(of_first: NDArray[np.bool_], most: int, random: np.random.Generator) -> list[NDArray[np.bool_]]:
    """Other ways to deal glasses to two sides of the same sizes, each once; sides of equal size have no order.

    Parameters
    ----------
    of_first : ndarray of shape (n_glasses,), bool
    most : int
        That many at random, or all if there are no more.

    Returns
    -------
    list of ndarray of shape (n_glasses,), bool
    """
    n, k = len(of_first), int(of_first.sum())
    seen = {_side(of_first)}
    n_others = comb(n, k) // (2 if 2 * k == n else 1) - 1
    found: list[NDArray[np.bool_]] = []
    while len(found) < min(most, n_others):
        dealt = random.permutation(of_first)
        if _side(dealt) not in seen:
            seen.add(_side(dealt))
            found.append(dealt)
    return found


def _side(dealt: NDArray[np.bool_]) -> frozenset[int]:
    """Glasses of one side; of two equal ones, the side of the first glass."""
    if 2 * int(dealt.sum()) == len(dealt) and not dealt[0]:
        dealt = ~dealt
    return frozenset(np.flatnonzero(dealt).tolist())


def _auc(
    x: FloatArray, glass: NDArray[np.int64], glasses: NDArray[np.int64], of_first: NDArray[np.bool_], seed: int
) -> float:
    """Mean over folds of whole glasses, some of either side in each."""
    from sklearn.metrics import roc_auc_score

    fold = np.empty(len(glasses), int)
    n_folds = min(FOLDS, int(of_first.sum()), int((~of_first).sum()))
    for side in (of_first, ~of_first):
        fold[side] = np.random.default_rng([seed, 19]).permutation(int(side.sum())) % n_folds
    at = np.searchsorted(glasses, glass)
    y, fold_of_row = of_first[at].astype(float), fold[at]
    found = []
    for number in range(n_folds):
        train, test = fold_of_row != number, fold_of_row == number
        training = Training("classification", x[train], y[train], glass[train], seed)
        estimator = training.fit(model_families[FAMILY], SETTINGS)
        found.append(roc_auc_score(y[test], predict_scores(estimator, x[test], "classification")))
    return float(np.mean(found))


def shift_tests(plan: Plan) -> list[ShiftTest]:
    """One for each two groups that share no glass: on the same glasses the features are the same."""
    groups = groups_of(plan)
    pairs = [(i, j) for i in range(len(groups)) for j in range(i) if not groups.shared(i, j)]
    return [ShiftTest(plan, j, i, _key(plan, j, i)) for i, j in pairs if not feature_sets[plan.features].image]


def why_not_told_apart(first: Sequence[int], second: Sequence[int]) -> str:
    """Why two groups of these glasses have no two-sample test; empty if they have one."""
    if set(first) == set(second):
        return "the same glasses: the features are the same"
    n = len(set(first) & set(second))
    return f"{n} glass{'es' if n > 1 else ''} in common: not told apart" if n else ""


def _key(plan: Plan, first: int, second: int) -> str:
    groups = groups_of(plan)
    parts: list[object] = ["shift", VERSION, NULLS, alignment_of(plan), plan.seed]
    parts += [identity_of(groups.groups[number]) for number in (first, second)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def composition_distance(first: Group, second: Group) -> float | None:
    """Half the sum of the differences of the parts of all species, 0 to 1; None where glasses are not at hand."""
    a, b = dict(first.composition), dict(second.composition)
    if not a or not b:
        return None
    return 0.5 * sum(abs(a.get(kind, 0.0) - b.get(kind, 0.0)) for kind in {*a, *b})
