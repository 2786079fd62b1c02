"""``zoo automl``."""

from __future__ import annotations

import re
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo._words import plural
from zoo.cli import console
from zoo.errors import ZooError

if TYPE_CHECKING:
    from zoo.benchmark.saved import SavedModel

UNITS = {"s": 1, "m": 60, "h": 3600}
BUDGET = """Wall time of search and ensemble: 90s, 30m, 2h; at most half a minute more, then with one model in place of
an ensemble that takes too long. Describing the glasses comes on top, once: what is computed is kept."""


class Duration(click.ParamType[float]):
    """``90s``, ``30m`` or ``2h``; a bare number is of minutes."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value).strip())
        if not found or float(found[1]) <= 0:
            self.fail(f"{value!r} is no duration: write 90s, 30m or 2h", param, ctx)
        return float(found[1]) * UNITS[found[2] or "m"]


@click.command(
    "automl",
    epilog="Examples: zoo automl shear-2pct --budget 30m; zoo automl hops --features radial,interstice,voronoi-radical "
    "--families lightgbm,logistic -o hops-model; then zoo predict shear-2pct-model glass.dump. A model folder holds "
    "pickles: open only those that you made or trust like a program.",
)
@click.argument("task")
@click.option("--budget", type=Duration(), default="30m", show_default=True, help=BUDGET)
@click.option("--features", default="", help="Feature sets to choose from, a,b,c; all that need positions only.")
@click.option("--families", default="", help="Model families to choose from, a,b,c; ten common ones.")
@click.option("--output", "-o", type=click.Path(path_type=Path, file_okay=False), help="Folder; TASK-model here.")
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core by default.")
@click.option("--trials", type=click.IntRange(0), default=0, help="Ends the search early; no limit by default.")
@click.option("--max-rows", type=click.IntRange(100), default=10_000, show_default=True, help="Of a trial.")
@click.option("--fold", type=click.IntRange(0), default=0, show_default=True, help="Its test glasses score the model.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def command(
    task: str, budget: float, features: str, families: str, output: Path | None, workers: int | None, **options: int
) -> None:
    """Choose feature sets, model and settings for TASK together, join the best in an ensemble, and save it.

    The glasses of one fold are never shown to the search: they score the model. Ctrl-C loses no finished trial, and the
    same command continues.
    """
    from zoo.benchmark.automl import FAMILIES, search
    from zoo.benchmark.candidates import Search
    from zoo.benchmark.saved import save_model
    from zoo.benchmark.task import read_task

    declared = read_task(task)
    if options["fold"] >= declared.folds:
        raise ZooError(f"task {task} has folds 0 to {declared.folds - 1}, got {options['fold']}")
    out = console(highlight=False)
    models = _names(families) or tuple(name for name in FAMILIES if _fits(name, declared.kind))
    _require(task, _names(features), models)
    chosen = _described(task, _names(features), out)
    plan = Search(task, chosen, models, budget, **options)
    folder = (output or Path(f"{declared.name}-model")).resolve()
    out.print(f"{declared.title} {len(chosen)} feature sets, {len(models)} families, {budget / 60:.3g} minutes")
    started = time.monotonic()
    with _Progress(out) as progress:
        found = search(plan, folder, workers, progress)
    if found.cut:
        out.print(f"one candidate alone: the ensemble was not fitted ({found.cut})", markup=False, soft_wrap=True)
    _show(save_model(plan, found, folder), folder, time.monotonic() - started, out)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, text.split(","))))


def _described(task: str, features: tuple[str, ...], out: Any) -> tuple[str, ...]:
    """The feature sets to choose from, all glasses described by them."""
    from zoo.benchmark.automl import usable_features
    from zoo.benchmark.cell import feature_matrix

    started = time.monotonic()
    with out.status("describing the glasses") if out.is_terminal else nullcontext():
        usable, left_out = (features, {}) if features else usable_features(task)
        for name in usable:
            feature_matrix(task, name)
    if not usable:
        raise ZooError(f"no feature set is left to choose from: {'; '.join(left_out.values())}")
    if left_out:
        out.print(f"feature sets: {', '.join(usable)}; left out: {', '.join(left_out)}", soft_wrap=True)
    if (seconds := time.monotonic() - started) > 2:
        out.print(f"describing the glasses took {seconds:.0f} s on top of the budget; it is kept", soft_wrap=True)
    return usable


def _fits(family: str, kind: Any) -> bool:
    from zoo.models.declaration import model_families

    return model_families[family].declines(kind) is None


def _require(task: str, features: tuple[str, ...], families: tuple[str, ...]) -> None:
    """Refuse what cannot be searched, before anything is computed; no ``features``: those of positions alone."""
    from zoo.benchmark.cell import features_decline, task_rows
    from zoo.benchmark.task import read_task
    from zoo.datasets.registry import dataset_card
    from zoo.features.declaration import feature_sets
    from zoo.models.declaration import model_families

    if dataset_card(read_task(task).dataset).kind != "glasses":
        raise ZooError(f"task {task} is about pairs: run the family autogluon on it (a suite), which needs no glasses")
    rows = task_rows(task)
    for name in features:
        feature_sets[name].require_software()
        if reason := features_decline(name, rows):
            raise ZooError(reason)
    for name in families:
        family = model_families[name]
        family.require_software()
        if reason := family.declines(rows.task.kind):
            raise ZooError(f"family {name!r} declines: {reason}")
        if family.images and not (features and all(feature_sets[name_].image for name_ in features)):
            raise ZooError(f"family {name!r} reads images: with it choose from image feature sets only (density-grid)")
        if family.folded:
            raise ZooError(f"family {name!r} is an ensemble itself: name its members instead")
        if family.early_stopping:
            raise ZooError(f"family {name!r} stops by glasses held out and cannot be a member of an ensemble of bags")


class _Progress:
    """A bar of the time spent, with the best score so far; lines now and then where there is no terminal."""

    def __init__(self, out: Any) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = TextColumn("{task.description:<40}"), BarColumn(), TimeElapsedColumn()
        self._bar = Progress(*columns, console=out, disable=not out.is_terminal)
        self._task = self._bar.add_task("features", total=1.0)
        self._out, self._last, self._stage = out, 0.0, ""

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, stage: str, fraction: float, n_trials: int, best: float) -> None:
        text = f"{stage}: {n_trials} trials" + (f", best {best:.3f}" if n_trials else "")
        self._bar.update(self._task, description=text, completed=fraction)
        now = time.monotonic()
        if not self._out.is_terminal and (now - self._last > 30 or stage != self._stage):
            self._last, self._stage = now, stage
            self._out.print(text)


def _show(model: SavedModel, folder: Path, seconds: float, out: Any) -> None:
    from rich.table import Table

    from zoo.benchmark.metrics import HEADLINE, TITLES

    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    headline = HEADLINE[model.kind]
    for title in ("features", "family", f"{TITLES[headline]}, inner folds", "weight"):
        table.add_column(title, justify="left" if title[0] == "f" else "right")
    for member in model.members:
        settings = "" if not member.settings else ", searched"
        table.add_row(member.features, member.family + settings, f"{member.score:.3f}", f"{member.weight:.2f}")
    out.print(table)
    by_chance = "" if model.base_rate is None else f", by chance {model.base_rate:.3f}"
    out.print(
        f"on {plural(len(model.test_glasses), 'glass')} that it has never seen ({', '.join(model.test_glasses)}): "
        f"{TITLES[headline]} {model.scores.get(headline, float('nan')):.3f} (best member alone "
        f"{model.single_scores.get(headline, float('nan')):.3f}{by_chance}); {model.n_trials} trials, "
        f"{model.n_train} training rows, {seconds:.0f} s",
        soft_wrap=True,
    )
    out.print(f"[green]written[/] {folder}; apply it: zoo predict {_short(folder)} GLASSFILE", soft_wrap=True)


def _short(folder: Path) -> str:
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)
