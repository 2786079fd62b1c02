"""Glasses that nobody has seen: made by the recipe of a data set with new seeds, to find what was learnt by heart.

Labels of the data sets are public, so a descriptor can carry them along. It cannot carry those of glasses that are made
when it is verified. What counts is its lead over a registered set: new glasses of the quick variant are smaller, and
another potential makes them, so the scores themselves are not comparable with those on the data set as published. For
the same reason leads change without any fault: by how much is seen from a second registered set on the same glasses.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from numpy.typing import NDArray

from zoo._files import read_toml
from zoo.benchmark.cell import attempt
from zoo.benchmark.metrics import HEADLINE
from zoo.benchmark.suite import Cell
from zoo.benchmark.task import Task, read_task
from zoo.datasets.card import read_card
from zoo.datasets.registry import dataset_folder
from zoo.errors import SubmissionError
from zoo.submissions.contribution import Contribution
from zoo.submissions.manifest import Claim, Manifest
from zoo.submissions.record import FreshScore

REFERENCE_SET, USUAL_SET = "radial-coarse", "voronoi"
"""Registered sets: the lead is measured over the first, the second says how much leads drop that nobody has made up."""
LEAST_DROP = 0.05
"""Of the lead, beyond the usual drop, below which nothing is said."""
ERRORS = 3.0
"""Standard errors by which the lead must have dropped more than usual."""

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Headline scores of two sets on the same glasses."""


def fresh_scores(
    contribution: Contribution,
    manifest: Manifest,
    count: int,
    workers: int | None = None,
    variant: str = "quick",
    reference: str = REFERENCE_SET,
    usual: str = USUAL_SET,
    progress: Any = None,
) -> list[FreshScore]:
    """Build ``count`` new glasses of every kind in each data set's recipe, and score on them.

    Parameters
    ----------
    contribution : Contribution
    manifest : Manifest
        One claim of each data set is tried: the last family of its first task.
    count : int
        Seeds for each group of glasses, two at least.
    workers : int, optional
    variant : str
        Of the recipe; ``"full"`` takes hours.
    reference : str
        Registered feature set that the lead is measured over.
    usual : str
        Registered feature set whose own drop is allowed for; left out where it declines.
    progress : rich.progress.Progress, optional

    Raises
    ------
    SubmissionError
        No data set of the claims has a recipe with this variant.
    """
    found = []
    for claim in _one_of_each(manifest):
        task = read_task(claim.task)
        recipe = dataset_folder(task.dataset) / "recipe.toml"
        if not recipe.is_file() or (variant != "full" and variant not in read_toml(recipe).get("variants", {})):
            continue
        with tempfile.TemporaryDirectory(prefix="zoo-fresh-") as folder:
            seeds = write_fresh_recipe(recipe, Path(folder), variant, count, bool(contribution.entry.fields))
            build(Path(folder), variant, workers, progress)
            name = write_fresh_task(task, Path(folder))
            found.append(_compared(contribution.entry.name, claim, name, reference, usual, seeds, variant))
    if not found:
        raise SubmissionError(
            f"new glasses need a recipe with a variant {variant!r}, and no data set of the claims has one"
        )
    return found


def _one_of_each(manifest: Manifest) -> list[Claim]:
    first: dict[str, str] = {}
    chosen: dict[str, Claim] = {}
    for claim in manifest.claims:
        dataset = read_task(claim.task).dataset
        if first.setdefault(dataset, claim.task) == claim.task:
            chosen[dataset] = claim
    return list(chosen.values())


def write_fresh_recipe(recipe: Path, folder: Path, variant: str, count: int, with_fields: bool) -> list[int]:
    """The recipe with ``count`` unseen seeds for each group of glasses, drawn from the system's random source.

    Vibrations and moduli are computed only where the descriptor reads stored fields.
    """
    content = read_toml(recipe)
    part = content["variants"][variant] if variant != "full" else content
    known = {seed for of in (content, part) for group in of.get("glasses", []) for seed in group["seeds"]}
    fresh: list[int] = []
    for group in part.get("glasses", content["glasses"]):
        new: list[int] = []
        while len(new) < count:
            seed = 1_000 + secrets.randbelow(2**31 - 1_000)
            if seed not in known and seed not in fresh:
                new.append(seed)
                fresh.append(seed)
        group["seeds"] = new
    if not with_fields:
        part["steps"] = [step for step in part.get("steps", content["steps"]) if step != "physics"]
    if "glasses" not in part:
        part["glasses"] = content["glasses"]
    (folder / "recipe.toml").write_text(tomli_w.dumps(content))
    return fresh


def build(folder: Path, variant: str, workers: int | None, progress: Any = None) -> None:
    """Make the glasses of ``folder/recipe.toml`` in ``folder/data``."""
    from zoo.simulation.build import build_dataset

    build_dataset(folder / "recipe.toml", folder / "data", variant, workers, progress)


def write_fresh_task(task: Task, folder: Path) -> str:
    """The task on the new glasses: those of its targets that the variant measures, as many folds as there can be.

    Raises
    ------
    SubmissionError
        The variant measures none of them.
    """
    import msgspec

    card = read_card(folder / "data")
    measured = card.names("target")
    strains = [name for name in task.target if name in measured]
    if not strains:
        raise SubmissionError(f"the new glasses have none of the targets of {task.name}: {', '.join(task.target)}")
    content = msgspec.to_builtins(task)
    folds = min(task.folds, len({glass.origin or glass.id for glass in card.glasses}))
    content |= {"name": "fresh", "dataset": "./data", "target": strains, "inputs": [], "folds": folds}
    path = folder / "fresh.toml"
    path.write_text(tomli_w.dumps(content))
    return str(path)


def _compared(
    own: str, claim: Claim, fresh: str, reference: str, usual: str, seeds: list[int], variant: str
) -> FreshScore:
    from scipy.stats import t

    tasks = (claim.task, fresh)
    references = [_scores(claim, task, reference) for task in tasks]

    def beside(features: str) -> list[Pair]:
        return [_paired(_scores(claim, task, features), of) for task, of in zip(tasks, references, strict=True)]

    (public, public_reference), (new, new_reference) = pairs = beside(own)
    drop, error = _drop(*pairs)
    try:
        usual_drop = _drop(*beside(usual))[0]
    except SubmissionError:
        usual, usual_drop = "", None
    low, high = t.interval(0.95, len(new) - 1, new.mean(), new.std(ddof=1) / np.sqrt(len(new)))
    return FreshScore(
        recipe=read_task(claim.task).dataset,
        variant=variant,
        seeds=seeds,
        task=claim.task,
        family=claim.family,
        reference=reference,
        public=float(public.mean()),
        public_reference=float(public_reference.mean()),
        fresh=float(new.mean()),
        fresh_reference=float(new_reference.mean()),
        fresh_interval=(float(low), float(high)),
        drop=drop,
        suspicious=drop - max(usual_drop or 0.0, 0.0) > max(LEAST_DROP, ERRORS * error),
        usual=usual,
        usual_drop=usual_drop,
    )


def _drop(public: Pair, new: Pair) -> tuple[float, float]:
    """By how much the lead of the first over the second is smaller on new glasses, and its standard error."""
    lead, new_lead = public[0] - public[1], new[0] - new[1]
    error = np.sqrt(lead.var(ddof=1) / len(lead) + new_lead.var(ddof=1) / len(new_lead))
    return float(lead.mean() - new_lead.mean()), float(error)


def _paired(own: NDArray[np.float64], other: NDArray[np.float64]) -> Pair:
    """Scores of the glasses that define one for either; 0 where one of the two ranks nothing, as a constant does."""
    known = np.isfinite(own) | np.isfinite(other)
    return np.nan_to_num(own[known]), np.nan_to_num(other[known])


def _scores(claim: Claim, task: str, features: str) -> NDArray[np.float64]:
    """Headline score of every glass, or of every fold where the task is scored by fold; NaN where it is not defined."""
    declared = read_task(task)
    parts: list[dict[str, float]] = []
    for fold in range(declared.folds):
        cell = Cell(task, features, claim.family, "glass", fold, claim.seed, claim.max_train_rows)
        result, _ = attempt(cell, None, None)
        if result.state != "ok":
            raise SubmissionError(
                f"{features} with {claim.family} on {declared.title} is {result.state}: {result.reason}"
            )
        parts += [result.scores] if declared.score_by == "fold" else list(result.scores_by_glass.values())
    headline = HEADLINE[declared.kind]
    return np.array([part.get(headline, np.nan) for part in parts])
