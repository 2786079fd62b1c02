"""Tasks turn data into labels and refuse what cannot be scored."""

from __future__ import annotations

import numpy as np
import pytest
from toy import unlabel, write_task

from zoo.benchmark.cell import feature_matrix
from zoo.benchmark.task import load_rows, read_task, task_names
from zoo.errors import DeclarationError, TaskError, UnknownNameError
from zoo.features.compute import compute_features


def test_the_top_fraction_is_taken_in_every_glass(root):
    rows = load_rows(read_task("toy-class"))
    shares = [rows.target[rows.glass == glass].mean() for glass in range(len(rows.glass_names))]
    assert shares == pytest.approx([22 / 108] * 6)
    values = np.concatenate([glass.fields["slip"].values for glass in rows.dataset.glasses.values()])
    for glass in range(6):
        chosen, left = (values[(rows.glass == glass) & (rows.target == label)] for label in (1, 0))
        assert chosen.min() >= left.max()


def test_the_bottom_fraction_holds_the_smallest_values(root):
    write_task(root, "low", label={"rule": "bottom-fraction", "fraction": 0.05})
    rows = load_rows(read_task("low"))
    for number, glass in enumerate(rows.dataset.glasses.values()):
        chosen = np.flatnonzero(rows.target[rows.glass == number])
        assert set(chosen) == set(np.argsort(glass.fields["slip"].values)[:5])


def test_a_pooled_fraction_is_one_of_all_glasses(root):
    write_task(root, "pooled", label={"rule": "top-fraction", "fraction": 0.1, "pooled": True})
    rows = load_rows(read_task("pooled"))
    values = np.concatenate([glass.fields["slip"].values for glass in rows.dataset.glasses.values()])
    assert set(np.flatnonzero(rows.target)) == set(np.argsort(-values)[:65])


def test_atoms_without_a_label_are_left_out_and_features_stay_with_their_atoms(root):
    unlabel(root, missing="atoms that were not searched")
    rows = load_rows(read_task("toy-class"))
    assert rows.source[:9].tolist() == [*range(100, 108), 108 + 100]
    assert [int(rows.target[rows.glass == glass].sum()) for glass in range(6)] == [2] * 6  # 20 % of 8
    whole = [compute_features("coordination", glass, ("Cu", "Zr")) for glass in rows.dataset.glasses.values()]
    expected = np.concatenate([matrix[100:] for matrix in whole])
    np.testing.assert_array_equal(feature_matrix("toy-class", "coordination").matrix, expected)


def test_atoms_of_some_species_are_ranked_among_themselves(root):
    write_task(root, "zirconium", species=["Zr"], label={"rule": "top-fraction", "fraction": 0.5})
    rows = load_rows(read_task("zirconium"))
    species = np.concatenate([glass.species for glass in rows.dataset.glasses.values()])
    assert set(rows.source) == set(np.flatnonzero(species == "Zr"))
    assert rows.target.mean() == pytest.approx(0.5, abs=0.02)


def test_a_missing_label_that_the_card_does_not_explain_is_refused(root):
    unlabel(root, missing="")
    with pytest.raises(TaskError, match="the target must be finite, but it is not in 600 rows"):
        load_rows(read_task("toy-class"))


def test_values_are_logarithms(root):
    rows = load_rows(read_task("toy-value"))
    first = next(iter(rows.dataset.glasses.values()))
    assert rows.target[:108] == pytest.approx(np.log10(first.fields["slip"].values))


def test_an_unknown_task_is_met_with_a_guess(root):
    with pytest.raises(UnknownNameError, match="did you mean toy-class"):
        read_task("toy-clas")


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"target": ["slop"]}, TaskError, "'slop' is no target of toy; targets: slip"),
        ({"label": {"rule": "value"}}, TaskError, "does not make a classification"),
        ({"label": {"rule": "top-fraction", "fraction": 0.0}}, TaskError, "between 0 and 1"),
        ({"label": {"rule": "flag"}}, TaskError, "two classes"),
        ({"species": ["Al"]}, TaskError, "species must occur in toy, which holds Cu, Zr, got Al"),
        ({"colour": "red"}, DeclarationError, "colour"),
        ({"folds": "three"}, DeclarationError, "folds"),
    ],
)
def test_a_broken_task_gets_a_sentence(root, changes, error, words):
    write_task(root, "broken", **changes)
    with pytest.raises(error, match=words):
        load_rows(read_task("broken"))


def test_every_task_of_the_project_is_well_formed():
    for name in task_names():
        task = read_task(name)
        assert task.name == name
        assert task.folds >= 2
