"""The stages that a glass goes through: what each needs, does and leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.datasets.card import ColumnCard, TableCard
from zoo.errors import RecipeError
from zoo.glass import Glass

if TYPE_CHECKING:
    from zoo.simulation.potentials import EmbeddedAtomTables
    from zoo.simulation.recipe import GlassPlan, Recipe
    from zoo.simulation.shear import ShearSchedule


@dataclass(frozen=True)
class Job:
    """One step of one glass.

    Attributes
    ----------
    recipe : Recipe
    plan : GlassPlan
    glass : Glass or None
        What the step before has made; None for the first step.
    potential : EmbeddedAtomTables
    folder : Path
        Private to the glass; whatever a killed run leaves there must let the next one continue to the same numbers.
    report : callable of the fraction done
    """

    recipe: Recipe
    plan: GlassPlan
    glass: Glass | None
    potential: EmbeddedAtomTables
    folder: Path
    report: Callable[[float], None]

    @property
    def start(self) -> Glass:
        """The glass of the step before.

        Raises
        ------
        RecipeError
            There is none.
        """
        if self.glass is None:
            raise RecipeError(f"{self.recipe.name}: the first of the steps must make a glass, got {self.recipe.steps}")
        return self.glass


def no_tables(recipe: Recipe) -> list[TableCard]:
    """Of a step that leaves nothing but fields."""
    return []


@dataclass(frozen=True)
class Step:
    """A stage.

    Attributes
    ----------
    version : int
        Raise it when the same declaration gives other numbers.
    cost : float
        Share of the whole build, for the progress bar.
    inputs : callable of (recipe, plan) returning what the result depends on
    run : callable of (job) returning the glass with more fields
        It may also leave ``job.folder/<table>.parquet`` for each of ``tables``.
    columns : callable of (recipe) returning cards of the fields that are published
    tables : callable of (recipe) returning cards of tables
        Rows about a glass that are not one per atom, such as saddle-search events. What the glasses have left under
        ``<table>.parquet`` is published as one file with a column ``glass`` in front.
    main : str
        Name of the table that is the content of the data set, which then is one of pairs.
    files : tuple of str
        Further files that it leaves in ``job.folder``; ``<name>.npz`` is published as ``<name>/<glass>.npz``.
    """

    version: int
    cost: float
    inputs: Callable[[Recipe, GlassPlan], object]
    run: Callable[[Job], Glass]
    columns: Callable[[Recipe], list[ColumnCard]] = lambda recipe: []
    tables: Callable[[Recipe], list[TableCard]] = no_tables
    main: str = ""
    files: tuple[str, ...] = ()


def _run_quench(job: Job) -> Glass:
    from msgspec.structs import replace

    from zoo.simulation.quench import quench

    plan = job.plan
    schedule = replace(job.recipe.quench, rate=plan.rate)
    made = quench(plan.composition, schedule, job.potential, plan.seed, job.folder, job.report)
    return made.with_metadata(id=plan.id, stratum=plan.stratum, seed=plan.seed, quench_rate=plan.rate)


def _run_disks(job: Job) -> Glass:
    from zoo.simulation.disks import quench_disks

    plan = job.plan
    made = quench_disks(plan.composition, job.recipe.disks, plan.rate, job.potential, plan.seed, job.folder, job.report)
    return made.with_metadata(id=plan.id, stratum=plan.stratum, seed=plan.seed, quench_rate=plan.rate)


def _run_shear(job: Job) -> Glass:
    from zoo.simulation.shear import shear

    schedule = _shear_schedule(job.recipe, job.plan)
    labelled, curves = shear(job.start, schedule, job.potential, job.folder, job.report, length=job.recipe.units.length)
    return labelled.with_metadata(stress_strain={plane: curve.tolist() for plane, curve in curves.items()})


def _shear_schedule(recipe: Recipe, plan: GlassPlan) -> ShearSchedule:
    from msgspec.structs import replace

    return replace(recipe.shear, cutoff=plan.cutoff)


def _shear_columns(recipe: Recipe) -> list[ColumnCard]:
    from zoo.simulation.shear import LABELS, label_name

    length = recipe.units.length
    cutoffs = " or ".join(f"{cutoff:g}" for cutoff in sorted({plan.cutoff for plan in recipe.glass_plans()}))
    return [
        ColumnCard(
            name=label_name(quantity, plane, strain),
            unit=unit.replace("Å", length),
            role="target",
            description=f"{text.format(cutoff=cutoffs)}; {plane} shear to {100 * strain:g} %".replace("Å", length),
        )
        for plane in recipe.shear.planes
        for strain in recipe.shear.strains
        for quantity, (unit, text) in LABELS.items()
    ]


def _run_hops(job: Job) -> Glass:
    from zoo.simulation.hops import label_hops

    return label_hops(job.start, job.recipe.hops, job.potential, job.plan.seed, job.folder, job.report)


def _hop_columns(recipe: Recipe) -> list[ColumnCard]:
    from zoo.simulation.hops import LABELS, PARTS

    schedule = recipe.hops
    runs = f"{schedule.run_time:g} ps at {schedule.temperature:g} K, windows of {schedule.window:g} ps"
    return [
        ColumnCard(
            name=f"{name}{part}",
            unit=unit,
            role="target",
            description=f"{text}, {average.format(runs=schedule.runs)}; {runs}",
        )
        for part, average in PARTS.items()
        for name, (unit, text) in LABELS.items()
    ]


def _run_physics(job: Job) -> Glass:
    from zoo.simulation.physics import physics

    return physics(job.start, job.recipe.physics, job.potential, job.report)


def _physics_columns(recipe: Recipe) -> list[ColumnCard]:
    from zoo.simulation.physics import physics_columns

    return physics_columns(recipe.physics)


def _run_swap(job: Job) -> Glass:
    from zoo.simulation.soft_steps import run_swap

    return run_swap(job)


def _swap_columns(recipe: Recipe) -> list[ColumnCard]:
    from zoo.simulation.soft_steps import swap_columns

    return swap_columns(recipe)


def _run_wells(job: Job) -> Glass:
    from zoo.simulation.soft_steps import run_wells

    return run_wells(job)


def _well_tables(recipe: Recipe) -> list[TableCard]:
    from zoo.simulation.soft_steps import well_tables

    return well_tables(recipe)


def _barrier_inputs(recipe: Recipe, plan: GlassPlan) -> object:
    return recipe.barriers, plan.seed


def _run_barriers(job: Job) -> Glass:
    from zoo.simulation.barriers import run_barriers

    version = STEPS["barriers"].version
    return run_barriers(
        job.start, job.recipe.barriers, job.potential, job.plan.seed, job.folder, job.report, version=version
    )


def _barrier_columns(recipe: Recipe) -> list[ColumnCard]:
    from zoo.simulation.barriers import barrier_columns

    return barrier_columns(recipe.barriers)


def _barrier_tables(recipe: Recipe) -> list[TableCard]:
    from zoo.simulation.barriers import event_table

    return [event_table(recipe.barriers)]


STEPS = {
    "quench": Step(
        2,
        0.6,
        lambda recipe, plan: (recipe.quench, plan.id, plan.stratum, plan.composition, plan.seed, plan.rate),
        _run_quench,
    ),
    "quench-disks": Step(
        2,
        0.4,
        lambda recipe, plan: (recipe.disks, plan.id, plan.stratum, plan.composition, plan.seed, plan.rate),
        _run_disks,
    ),
    "physics": Step(2, 0.05, lambda recipe, plan: recipe.physics, _run_physics, _physics_columns),
    "shear": Step(2, 0.4, _shear_schedule, _run_shear, _shear_columns),
    "swap": Step(
        1,
        0.4,
        lambda recipe, plan: (recipe.swap, plan.id, plan.stratum, plan.composition, plan.seed, plan.temperature),
        _run_swap,
        _swap_columns,
    ),
    "wells": Step(
        1,
        0.6,
        lambda recipe, plan: recipe.wells,
        _run_wells,
        tables=_well_tables,
        main="pairs",
        files=("structures.npz",),
    ),
    "barriers": Step(2, 5.0, _barrier_inputs, _run_barriers, _barrier_columns, _barrier_tables),
    "hops": Step(1, 0.6, lambda recipe, plan: recipe.hops, _run_hops, _hop_columns),
}
