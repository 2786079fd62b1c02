"""No row, glass or inherent structure is ever on both sides of a split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs
from toy import make_rows

from zoo.benchmark.splits import OptimisticSplit, Split, hold_out_glasses, split_at_random, split_by_glass
from zoo.errors import SplitError

GLASS = np.repeat(np.arange(4, dtype=np.int32), 5)


def test_a_split_by_glass_is_accepted():
    Split(np.arange(10), np.arange(10, 20), GLASS)


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        (np.arange(11), np.arange(10, 20), "on one side"),
        (np.arange(8), np.arange(8, 20), "different glasses"),
        (np.array([0, 0, 1]), np.arange(10, 20), "once"),
        (np.arange(0), np.arange(20), "both sides"),
        (np.arange(20), np.arange(0), "both sides"),
    ],
)
def test_a_leak_is_refused_when_the_split_is_made(train, test, words):
    with pytest.raises(SplitError, match=words):
        Split(train, test, GLASS)


def test_a_shared_inherent_structure_is_refused():
    states = np.arange(40).reshape(20, 2)
    Split(np.arange(10), np.arange(10, 20), GLASS, states)
    states[15, 1] = states[3, 0]
    with pytest.raises(SplitError, match="inherent structure"):
        Split(np.arange(10), np.arange(10, 20), GLASS, states)


def test_an_optimistic_split_shares_glasses_but_not_rows():
    OptimisticSplit(np.arange(8), np.arange(8, 20))
    with pytest.raises(SplitError):
        OptimisticSplit(np.arange(9), np.arange(8, 20))


def test_every_glass_is_tested_once_and_strata_are_dealt_evenly():
    rows = make_rows(n_glasses=8, n_atoms=10, folds=4, strata=["a"] * 4 + ["b"] * 4)
    splits = split_by_glass(rows)
    tested = np.concatenate([split.test for split in splits])
    assert sorted(tested) == list(range(80))
    for split in splits:
        strata = {rows.stratum[glass] for glass in np.unique(rows.glass[split.test])}
        assert strata == {"a", "b"}


def test_glasses_of_one_origin_are_never_parted():
    rows = replace(make_rows(n_glasses=7, n_atoms=10, folds=5), origin=["a", "b", "b", "c", "d", "e", "a"])
    splits = split_by_glass(rows)
    tested = [set(np.unique(rows.glass[split.test]).tolist()) for split in splits]
    assert sorted(map(sorted, tested)) == [[0, 6], [1, 2], [3], [4], [5]]
    with pytest.raises(SplitError, match="asks for 6 folds by glass and toy has 7 glasses of 5 origins"):
        split_by_glass(replace(rows, task=structs.replace(rows.task, folds=6)))


def test_folds_depend_on_the_seed_of_the_task_only():
    first, again = (split_by_glass(make_rows(6, 10, 3)) for _ in range(2))
    assert all(np.array_equal(a.test, b.test) for a, b in zip(first, again, strict=True))


def test_random_folds_cover_every_row_once():
    splits = split_at_random(make_rows(6, 10, 3))
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(60))


def test_too_few_glasses_are_named():
    with pytest.raises(SplitError, match=r"5 folds by glass and toy has 3 glasses"):
        split_by_glass(make_rows(n_glasses=3, n_atoms=10, folds=5))


def test_a_fold_with_one_class_is_refused():
    rows = make_rows(n_glasses=3, n_atoms=10, folds=3)
    rows.target[rows.glass == 1] = 0.0
    with pytest.raises(SplitError, match="all have label 0"):
        split_by_glass(rows)


def test_held_out_rows_are_whole_glasses():
    glass = np.repeat(np.arange(5, dtype=np.int32), 7)
    held_out = hold_out_glasses(glass, seed=3)
    assert 0 < held_out.sum() < len(glass)
    assert not set(glass[held_out]) & set(glass[~held_out])
    assert not hold_out_glasses(glass[:7], seed=3).any()
