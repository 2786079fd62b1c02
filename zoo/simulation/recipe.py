"""Recipes: the declaration from which a data set is built bit by bit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from zoo._files import parse_declaration, read_toml
from zoo.datasets.card import Units
from zoo.errors import RecipeError
from zoo.simulation import disks, hops, physics, saddles, shear, soft_spheres, wells
from zoo.simulation.disks import DiskSchedule
from zoo.simulation.hops import HopSchedule
from zoo.simulation.physics import PhysicsSchedule
from zoo.simulation.quench import Composition, QuenchSchedule
from zoo.simulation.saddles import BarrierSchedule
from zoo.simulation.shear import ShearSchedule
from zoo.simulation.soft_spheres import SwapSchedule
from zoo.simulation.wells import WellSchedule


class GlassGroup(Struct, frozen=True, forbid_unknown_fields=True):
    """Glasses that differ by their seed only."""

    stratum: str
    composition: Composition
    seeds: list[int]
    rate: float = 0.0
    """Quench rate in K/s."""
    temperature: float = 0.0
    """At which swap Monte Carlo prepares the glass, in reduced units."""
    potential: str = ""
    """Where it differs from the recipe's."""
    cutoff: float = 0.0
    """Å, of the labels' neighbourhoods, where it differs from the shear schedule's."""


class Literature(Struct, frozen=True, forbid_unknown_fields=True):
    """A published value that the quality figures are set beside."""

    quantity: str
    stratum: str
    value: str
    source: str


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """What is built: the text of the card, the potential, the glasses and the steps that each goes through."""

    name: str
    version: str
    title: str
    description: str
    license: str
    citation: str
    potential: str
    steps: list[str]
    glasses: list[GlassGroup]
    quench: QuenchSchedule = field(default_factory=QuenchSchedule)
    shear: ShearSchedule = field(default_factory=ShearSchedule)
    physics: PhysicsSchedule = field(default_factory=PhysicsSchedule)
    hops: HopSchedule = field(default_factory=HopSchedule)
    barriers: BarrierSchedule = field(default_factory=BarrierSchedule)
    disks: DiskSchedule = field(default_factory=DiskSchedule)
    swap: SwapSchedule = field(default_factory=SwapSchedule)
    wells: WellSchedule = field(default_factory=WellSchedule)
    units: Units = field(default_factory=Units)
    length_scale: float = 1.0
    """Å that descriptors take one unit of length for."""
    literature: list[Literature] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    variants: dict[str, Any] = field(default_factory=dict)

    def glass_plans(self) -> list[GlassPlan]:
        """Every glass of the recipe."""
        return [
            GlassPlan(
                id=f"{group.stratum.lower()}-s{seed}",
                stratum=group.stratum,
                composition=group.composition,
                seed=seed,
                rate=group.rate,
                temperature=group.temperature,
                potential=group.potential or self.potential,
                cutoff=group.cutoff or self.shear.cutoff,
            )
            for group in self.glasses
            for seed in group.seeds
        ]


class GlassPlan(Struct, frozen=True):
    """One glass to be made."""

    id: str
    stratum: str
    composition: Composition
    seed: int
    rate: float
    temperature: float
    potential: str
    cutoff: float


def read_recipe(path: Path, variant: str = "full") -> Recipe:
    """Read ``recipe.toml``; a variant such as ``quick`` overrides some of its keys.

    Raises
    ------
    RecipeError, DeclarationError
        Unknown variant, key, step or plane; a wrong type; glasses of the same name.
    """
    content = read_toml(path)
    if variant != "full":
        variants = content.get("variants", {})
        if variant not in variants:
            raise RecipeError(f"{path} has the variants {', '.join(['full', *variants])}, got {variant!r}")
        content = _merge(content, variants[variant])
    recipe = parse_declaration(content, Recipe, path)
    names = [plan.id for plan in recipe.glass_plans()]
    if len(set(names)) < len(names):
        raise RecipeError(f"{path}: two glasses share a stratum and a seed")
    if not names or not recipe.steps:
        raise RecipeError(f"{path} must name at least one step and make at least one glass")
    for group in recipe.glasses:
        if max(group.rate, group.temperature) <= 0 or min(group.composition.atoms.values(), default=0) <= 0:
            raise RecipeError(
                f"{path}: atoms and quench rates must be positive, got {group.composition.atoms} at {group.rate:g} K/s"
            )
    try:
        shear.check_schedule(recipe.shear)
        physics.check_schedule(recipe.physics)
        hops.check_schedule(recipe.hops)
        saddles.check_schedule(recipe.barriers)
        disks.check_schedule(recipe.disks)
        soft_spheres.check_schedule(recipe.swap)
        wells.check_schedule(recipe.wells)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None
    return recipe


def fingerprint(*parts: object) -> str:
    """Short hash of declarations: an output whose fingerprint fits needs no second making."""
    content = json.dumps([msgspec.to_builtins(part) for part in parts], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _merge(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Deep copy of ``base`` with ``change`` written over it; lists are replaced whole."""
    merged = dict(base)
    for key, value in change.items():
        merged[key] = _merge(base.get(key, {}), value) if isinstance(value, dict) else value
    return merged
