"""Build a data set from its recipe: every step of every glass resumable, several processes, one card at the end."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo._files import atomic_write
from zoo._machine import one_thread_each, usable_cores
from zoo.errors import FileFormatError, RecipeError, ZooError
from zoo.formats.npz import read_npz, write_npz
from zoo.glass import Glass
from zoo.paths import cache_dir
from zoo.simulation.potentials import EmbeddedAtomTables, load_potential
from zoo.simulation.recipe import GlassPlan, Recipe, fingerprint, read_recipe
from zoo.simulation.steps import STEPS, Job, Step, no_tables

if TYPE_CHECKING:
    from rich.progress import Progress


def build_dataset(
    recipe_path: Path,
    output: Path,
    variant: str = "full",
    workers: int | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Path:
    """Run a recipe; what earlier runs finished is not made again.

    Parameters
    ----------
    recipe_path : Path
        ``recipe.toml``.
    output : Path
        Folder of the data set; ``output/work`` keeps the steps.
    variant : str
        ``"full"`` or a variant that the recipe declares.
    workers : int, optional
        Processes; as many as there are cores by default.
    progress : rich.progress.Progress, optional
    fresh : bool
        Make everything anew, also what other data sets have kept.

    Returns
    -------
    Path
        Of ``card.toml``, written last.

    Raises
    ------
    ZooError
        The recipe, a potential or a step fails, or another build runs in the folder; finished steps are kept.
    """
    recipe = read_recipe(recipe_path, variant)
    unknown = [step for step in recipe.steps if step not in STEPS]
    if unknown:
        raise RecipeError(f"{recipe_path}: a step must be one of {', '.join(STEPS)}, got {unknown[0]!r}")
    plans = recipe.glass_plans()
    potentials = {name: load_potential(name) for name in {plan.potential for plan in plans}}  # fetched before the work
    folders = {plan.id: output / "work" / plan.id for plan in plans}
    last = recipe.steps[-1]
    chains = {plan.id: _fingerprints(recipe, plan, potentials[plan.potential]) for plan in plans}
    with _alone(output):
        for name, folder in folders.items() if fresh else ():
            shutil.rmtree(folder, ignore_errors=True)
            for chain in chains[name].values():
                _kept(chain).unlink(missing_ok=True)
        unfinished = {
            name: folder
            for name, folder in folders.items()
            if _finished(folder / f"{last}.npz", chains[name][last]) is None
        }
        for folder in unfinished.values():
            folder.mkdir(parents=True, exist_ok=True)
        if unfinished:
            _run_in_processes(recipe_path, variant, unfinished, workers or usable_cores(), progress)

        from zoo.simulation.card import write_dataset

        glasses = {name: read_npz(folder / f"{last}.npz") for name, folder in folders.items()}
        steps = [read_npz(folder / f"{name}.npz") for folder in folders.values() for name in recipe.steps]
        seconds = sum(float(step.metadata["cpu_seconds"]) for step in steps)
        return write_dataset(recipe, glasses, output, variant, seconds)


@contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Two builds in one folder would write over each other's checkpoints."""
    from filelock import FileLock, Timeout

    (output / "work").mkdir(parents=True, exist_ok=True)
    lock = FileLock(output / "work" / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RecipeError(
            f"{output} is being built by another process: wait for it, or choose another --output"
        ) from None
    try:
        yield
    finally:
        lock.release()


def build_glass(recipe_path: Path, variant: str, glass_id: str, folder: Path) -> None:
    """All steps of one glass, in this process; finished steps are recognised by their fingerprint."""
    recipe = read_recipe(recipe_path, variant)
    plan = next(plan for plan in recipe.glass_plans() if plan.id == glass_id)
    potential = load_potential(plan.potential)
    glass: Glass | None = None
    before = 0.0
    whole = sum(STEPS[name].cost for name in recipe.steps)
    for name, chain in _fingerprints(recipe, plan, potential).items():
        step = STEPS[name]
        result = folder / f"{name}.npz"
        finished = _finished(result, chain) or _made_elsewhere(step, chain, result)
        if finished is None:
            _forget_other_attempts(folder, chain)
            started = time.process_time() - _spent(folder, chain)
            report = partial(_report, folder, chain, started, before / whole, step.cost / whole)
            made = step.run(Job(recipe, plan, glass, potential, folder, report))
            finished = made.with_metadata(fingerprint=chain, cpu_seconds=round(time.process_time() - started, 1))
            write_npz(result, finished)
            _keep(step, chain, result)
        glass = finished
        before += step.cost
    (folder / "progress").write_text("1")


def _report(folder: Path, chain: str, started: float, before: float, share: float, fraction: float) -> None:
    """Note how far a step is and what it has cost; workers of a build that was killed end here."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        os._exit(1)  # the next build must have the folder alone
    (folder / "spent").write_text(f"{chain} {time.process_time() - started:.1f}")
    (folder / "progress").write_text(f"{before + fraction * share:.4f}")


def _spent(folder: Path, chain: str) -> float:
    """CPU seconds that stopped attempts at this step have taken."""
    path = folder / "spent"
    step, _, seconds = path.read_text().partition(" ") if path.exists() else ("", "", "")
    return float(seconds) if step == chain and seconds else 0.0


def _fingerprints(recipe: Recipe, plan: GlassPlan, potential: EmbeddedAtomTables) -> dict[str, str]:
    """For each step, the hash of all that its result depends on: the potential, the steps before it, its inputs."""
    chain = fingerprint(potential.name, potential.sha256)
    chains = {}
    for name in recipe.steps:
        chain = fingerprint(chain, name, STEPS[name].version, STEPS[name].inputs(recipe, plan))
        chains[name] = chain
    return chains


def _finished(result: Path, chain: str) -> Glass | None:
    """The glass of a step that needs no second making; a damaged file does."""
    try:
        glass = read_npz(result)
    except FileFormatError:
        return None
    return glass if glass.metadata.get("fingerprint") == chain else None


def _forget_other_attempts(folder: Path, chain: str) -> None:
    """Remove what a step that was killed has left, if the recipe has changed since."""
    attempt = folder / "attempt"
    if attempt.exists() and attempt.read_text() != chain:
        for leftover in (*folder.glob("*-checkpoint.npz"), *folder.glob("shear-*.npz")):
            leftover.unlink()
    attempt.write_text(chain)


def _kept(chain: str) -> Path:
    return cache_dir() / "builds" / f"{chain}.npz"


def _keep(step: Step, chain: str, result: Path) -> None:
    """Keep a glass for other data sets: barriers and hops are searched for in the glasses that were sheared."""
    if step.tables is no_tables:
        _kept(chain).parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(_kept(chain)) as stream:
            stream.write(result.read_bytes())


def _made_elsewhere(step: Step, chain: str, result: Path) -> Glass | None:
    glass = _finished(_kept(chain), chain) if step.tables is no_tables else None
    if glass:
        write_npz(result, glass)
    return glass


def _run_in_processes(
    recipe_path: Path, variant: str, folders: dict[str, Path], workers: int, progress: Progress | None
) -> None:
    from pebble import ProcessPool

    one_thread_each()
    bars = {name: progress.add_task(name, total=1.0, visible=False) for name in folders} if progress else {}
    whole = progress.add_task("whole build", total=len(folders)) if progress else None
    context = multiprocessing.get_context("spawn")
    with ProcessPool(max_workers=min(workers, len(folders)), context=context) as pool:
        futures: dict[str, Future[Any]] = {
            name: pool.schedule(build_glass, args=[recipe_path, variant, name, folder])
            for name, folder in folders.items()
        }
        try:
            while not all(future.done() for future in futures.values()):
                _show(folders, bars, whole, progress)
                failed = next((f for f in futures.values() if f.done() and f.exception()), None)
                if failed:
                    break
                time.sleep(0.5)
            _show(folders, bars, whole, progress)
        finally:
            pool.stop()
            pool.join()
    for name, future in futures.items():
        if future.done() and not future.cancelled() and (error := future.exception()):
            raise error if isinstance(error, ZooError) else RecipeError(f"glass {name} failed: {error!r}") from error


def _show(folders: dict[str, Path], bars: dict[str, Any], whole: Any, progress: Progress | None) -> None:
    """A bar for each glass that is being made, and one, with an estimate, for all of them."""
    if progress is None:
        return
    done = {}
    for name in bars:
        path = folders[name] / "progress"
        text = path.read_text() if path.exists() else ""
        done[name] = float(text or 0)
        progress.update(bars[name], completed=done[name], visible=0 < done[name] < 1)
    progress.update(whole, completed=sum(done.values()))
