"""Reasons why a feature set is not defined for a glass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from zoo.glass import Glass


def declines_unless_bulk(glass: Glass, what: str = "the tessellation of this package") -> str | None:
    """A 2D glass, as ``what`` is made for three dimensions, or one with an open surface."""
    if glass.dimension != 3:
        return f"{what} is 3D only: for a 2D glass take voronoi-2d, physics-inspired, or a set of radial functions"
    return declines_if_open(glass)


def declines_if_open(glass: Glass) -> str | None:
    """A glass with an open surface: cells have no end there, and the volume of the box says nothing about density."""
    return None if glass.periodic.all() else "the glass must be periodic in all directions: a surface has no cells"


def declines_without(glass: Glass, field: str, unit: str, hint: str, everywhere: bool = True) -> str | None:
    """A glass without a stored field, or with one in another unit, or not known for any atom, or ``everywhere``."""
    if field not in glass.fields:
        return f"the glass has no field {field!r} ({unit}): {hint}"
    if glass.fields[field].unit != unit:
        return f"its field {field!r} must be in {unit}, got {glass.fields[field].unit}"
    known = np.isfinite(glass.fields[field].values.astype(np.float64))
    if everywhere and not known.all():
        return f"its field {field!r} is not known for every atom"
    if not known.any():
        return f"its field {field!r} is not known for any atom"
    return None
