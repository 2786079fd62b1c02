"""Tasks turn data into labels and refuse what cannot be scored."""

from __future__ import annotations

import numpy as np
import pytest
from toy import write_task

from zoo.benchmark.task import load_rows, read_task, task_names
from zoo.errors import DeclarationError, TaskError, UnknownNameError


def test_the_top_fraction_is_taken_in_every_glass(root):
    rows = load_rows(read_task("toy-class"))
    shares = [rows.target[rows.glass == glass].mean() for glass in range(len(rows.glass_names))]
    assert shares == pytest.approx([22 / 108] * 6)
    values = np.concatenate([glass.fields["slip"].values for glass in rows.dataset.glasses.values()])
    for glass in range(6):
        chosen, left = (values[(rows.glass == glass) & (rows.target == label)] for label in (1, 0))
        assert chosen.min() >= left.max()


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
