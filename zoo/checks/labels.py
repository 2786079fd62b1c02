"""D3: how much of a label is noise."""

from __future__ import annotations

from zoo._words import some
from zoo.checks.declaration import BOTH, Check, NotApplicable
from zoo.datasets.load import Dataset
from zoo.datasets.reliability import label_reliability

NOISY = 0.5


def noisy_label(dataset: Dataset) -> list[str]:
    measured = label_reliability(dataset)
    if not measured:
        raise NotApplicable("no label was measured twice (see D302)")
    noisy = sorted((entry for entry in measured if entry.reliability < NOISY), key=lambda entry: entry.reliability)
    if not noisy:
        return []
    worst = noisy[0]
    others = [f"{entry.label} ({entry.reliability:.2f})" for entry in noisy[1:]]
    return [
        f"{worst.label}: {worst.how} correlate by {worst.agreement:.2f} within a glass, so the reliability of their "
        f"mean is {worst.reliability:.2f} and no correlation with it can exceed {worst.ceiling:.2f}"
        + (f"; also {some(others)}" if others else "")
    ]


def unmeasured_noise(dataset: Dataset) -> list[str]:
    return [] if label_reliability(dataset) else ["no label was measured more than once, so its noise is not known"]


CHECKS = (
    Check(
        code="D301",
        title="A label is more noise than signal",
        level="warning",
        kinds=BOTH,
        why="Labels from few searches, runs or loading directions are uncertain. Two measurements that correlate "
        "by r give their mean the reliability 2r / (1 + r) (Spearman-Brown), and no model can correlate with "
        "it better than the square root of that: the label-noise ceiling. It fires below a reliability of "
        "0.5.",
        mend="Average over more searches, runs or directions, or predict a label at which they agree; quote scores "
        "as a share of the ceiling.",
        find=noisy_label,
    ),
    Check(
        code="D302",
        title="The noise of the labels is not known",
        level="info",
        kinds=BOTH,
        why="Without a second measurement nobody can tell a poor model from a noisy label.",
        mend="Publish halves of the label (x_even and x_odd), several directions of shear, or a table of events.",
        find=unmeasured_noise,
    ),
)
