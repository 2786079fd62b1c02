"""Groups: no glass is learnt from and tested on, and columns mean the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from alloys import other_alloy
from toy import write_task

from zoo.errors import TransferError
from zoo.transfer.align import choose_alignment, matrix_of
from zoo.transfer.fits import Plan, fits_of, glasses_per_fit, groups_of
from zoo.transfer.groups import make_groups
from zoo.transfer.ladder import rung_of
from zoo.transfer.shift import why_not_told_apart


def plan(*tasks, by="stratum", features="coordination", **options):
    return Plan(tasks, by, features, "logistic", **options)


def test_strata_are_groups_of_equal_fits(root):
    groups = groups_of(plan("toy-class"))
    assert [group.name for group in groups] == ["hard", "soft"]
    assert [len(groups.identities(k)) for k in range(2)] == [3, 3]
    assert glasses_per_fit(plan("toy-class")) == 2
    for fit in fits_of(plan("toy-class")):
        assert len(fit.learnt(fit.sources[0])) == 2


def test_a_task_may_be_a_file_of_ones_own(root, tmp_path):
    own = (root / "benchmarks" / "tasks" / "toy-class.toml").rename(tmp_path / "own.toml")
    groups = groups_of(plan(str(own)))
    assert [group.name for group in groups] == ["hard", "soft"]
    assert {group.task for group in groups} == {str(own)}
    assert len(matrix_of(groups.groups[0], "names")) == 324


def test_the_same_glasses_under_another_name_are_known(root):
    other_alloy(root, "copy", {"Cu": "Cu", "Zr": "Zr"})
    groups = make_groups(["toy-class", "copy-class"], "task", "coordination")
    assert groups.shared(0, 1)
    assert groups.identities(0) == groups.identities(1)


def test_glasses_that_two_tasks_share_are_never_on_both_sides(root):
    write_task(root, "toy-more", label={"rule": "top-fraction", "fraction": 0.3})
    groups = groups_of(plan("toy-class", "toy-more", by="task"))
    assert groups.shared(0, 1)
    for fit in fits_of(plan("toy-class", "toy-more", by="task")):
        taken = {glass for source in fit.sources for glass in fit.learnt(source)}
        for target in fit.targets:
            assert fit.tested(target)
            assert not taken & set(fit.tested(target))


def test_every_glass_is_tested_once_in_its_own_group(root):
    groups = groups_of(plan("toy-class"))
    for number in range(len(groups)):
        tested = [
            glass for fit in fits_of(plan("toy-class")) if fit.sources == (number,) for glass in fit.tested(number)
        ]
        assert sorted(tested) == groups.identities(number)


def test_a_group_of_one_glass_is_refused_in_a_sentence(root):
    with pytest.raises(TransferError, match=r"at least two independent glasses.*holds one"):
        make_groups(["toy-class"], "composition", "coordination")


def test_one_group_is_no_matrix(root):
    with pytest.raises(TransferError, match=r"at least two groups.*has 1"):
        make_groups(["toy-class"], "system", "coordination")


def test_more_glasses_than_the_smallest_group_has(root):
    with pytest.raises(TransferError, match=r"2 glasses at most.*got 5"):
        fits_of(plan("toy-class", n_glasses=5))


def test_classes_and_values_are_not_mixed(root):
    with pytest.raises(TransferError, match="one kind, got classification and regression"):
        make_groups(["toy-class", "toy-value"], "task", "coordination")


def test_a_task_is_named_once(root):
    with pytest.raises(TransferError, match="named once, got toy-class, toy-class"):
        make_groups(["toy-class", "toy-class"], "task", "coordination")


def test_groups_that_share_some_glasses_are_not_called_the_same():
    assert why_not_told_apart([0, 1], [1, 0]) == "the same glasses: the features are the same"
    assert why_not_told_apart([0, 1], [1, 2, 3]) == "1 glass in common: not told apart"
    assert why_not_told_apart([0], [1]) == ""


def test_species_are_compared_by_size(root):
    other_alloy(root, "nickel", {"Cu": "Ni", "Zr": "Nb"}, shift=1.0)  # moved: not the same glasses
    groups = make_groups(["toy-class", "nickel-class"], "task", "coordination")
    assert choose_alignment(groups.groups) == "sizes"
    ours, theirs = (matrix_of(group, "sizes") for group in groups)
    np.testing.assert_array_equal(ours, theirs)  # Cu and Ni are the small ones
    assert len(np.unique(ours, axis=0)) > 20


def test_size_decides_and_not_the_alphabet(root):
    other_alloy(root, "iron", {"Cu": "P", "Zr": "Fe"}, shift=1.0)  # P is smaller than Fe and comes after it
    groups = make_groups(["toy-class", "iron-class"], "task", "coordination")
    ours, theirs = (matrix_of(group, "sizes") for group in groups)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("symbols", "sentence"),
    [({"Cu": "Fe", "Zr": "Co"}, "must differ in size, but"), ({"Cu": "Cu", "Zr": "Cu"}, "the same number of them")],
)
def test_species_without_an_order_of_size_are_declined(root, symbols, sentence):
    other_alloy(root, "odd", symbols, shift=1.0)
    groups = make_groups(["toy-class", "odd-class"], "task", "coordination")
    with pytest.raises(TransferError, match=sentence):
        choose_alignment(groups.groups)


def test_columns_that_name_no_species_need_no_sizes(root):
    other_alloy(root, "odd", {"Cu": "Fe", "Zr": "Co"}, shift=1.0)
    groups = make_groups(["toy-class", "odd-class"], "task", "voronoi")
    assert choose_alignment(groups.groups) == "names"


def test_rungs_of_the_ladder(root):
    other_alloy(root, "nickel", {"Cu": "Ni", "Zr": "Nb"}, shift=1.0)
    write_task(root, "toy-more", label={"rule": "top-fraction", "fraction": 0.3})
    ours, others = make_groups(["toy-class", "nickel-class"], "task", "coordination")
    question = make_groups(["toy-class", "toy-more"], "task", "coordination").groups[1]
    assert [rung_of(ours, group) for group in (ours, others, question)] == ["same", "system", "task"]
    from dataclasses import replace

    faster = replace(ours, name="faster", quench_rate=1e13)
    richer = replace(ours, name="richer", composition=(("Cu", 0.9), ("Zr", 0.1)))
    both = replace(richer, name="both", quench_rate=1e13)
    assert [rung_of(ours, group) for group in (faster, richer, both)] == ["rate", "composition", "both"]
