"""Feature sets made from others: joined with ``+``, averaged over surroundings with ``@cg``, over a shell by ``@mro``.

``radial+voronoi`` has the columns of both. ``voronoi@cg`` has the columns of ``voronoi``, each the weighted mean over
the atom and its surroundings, ``@cg8`` the same within 8 Å. ``voronoi@mro`` has mean, standard deviation, least and
largest value over the neighbours. They may be combined: ``radial+voronoi@cg+voronoi@mro``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import UnknownNameError, ZooError
from zoo.features.declaration import Column, FeatureSet, FloatArray, feature_sets
from zoo.features.memo import keeping, once

if TYPE_CHECKING:
    from zoo.glass import Glass

REACH = 6.0
"""Å; surroundings of a coarse-grained set unless its name says otherwise."""
VERSION = 1
"""Of the averages; it adds to that of the set."""
COARSE = re.compile(r"cg(\d+(?:\.\d+)?)?$")


def resolve(name: str) -> FeatureSet:
    """The feature set that an expression such as ``radial+voronoi@cg`` stands for.

    Raises
    ------
    UnknownNameError, ZooError
        A set or a modifier does not exist, or is missing.
    """
    words = [part.strip() for part in name.split("+")]
    if not all(piece.strip() for word in words for piece in word.split("@")):
        raise ZooError(f"an expression of feature sets must be like radial+voronoi@cg, got {name!r}: a name is missing")
    parts = [_modified(word) for word in words]
    return parts[0] if len(parts) == 1 else join(name, parts)


def _modified(expression: str) -> FeatureSet:
    base, *modifiers = expression.split("@")
    entry = feature_sets[base]
    for modifier in modifiers:
        if found := COARSE.match(modifier):
            entry = coarse_grained(entry, f"{entry.name}@{modifier}", float(found[1] or REACH))
        elif modifier == "mro":
            entry = over_neighbors(entry, f"{entry.name}@{modifier}")
        else:
            raise UnknownNameError("modifier of a feature set", modifier, ["cg", "cg8", "mro"])
    return entry


def join(name: str, parts: list[FeatureSet], title: str = "", citation: str = "") -> FeatureSet:
    """The columns of several sets side by side, each name preceded by that of its set."""

    if len({part.rows for part in parts}) > 1:
        raise ZooError(f"sets of atoms and of pairs cannot be joined, got {name!r}")

    def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
        return tuple(replace(c, name=f"{part.name}.{c.name}") for part in parts for c in part.columns(kinds))

    def compute(rows: Any, kinds: tuple[str, ...]) -> FloatArray:
        with keeping():
            return np.hstack([computed(part, rows, kinds) for part in parts])

    def declines(glass: Glass) -> str | None:
        reasons = (f"{part.name}: {reason}" for part in parts if (reason := part.declines(glass)))
        return next(reasons, None)

    return FeatureSet(
        name=name,
        title=title or " and ".join(part.title for part in parts),
        citation=citation or "; ".join(dict.fromkeys(source for part in parts for source in part.citation.split("; "))),
        version=sum(part.version for part in parts),
        columns=columns,
        compute=compute,
        needs=frozenset().union(*(part.needs for part in parts)),
        fields=tuple(dict.fromkeys(field for part in parts for field in part.fields)),
        rows=parts[0].rows,
        declines=declines,
        null_control=all(part.null_control for part in parts),
        requires=tuple(dict.fromkeys(needed for part in parts for needed in part.requires)),
        smooth=all(part.smooth for part in parts),
        exempt={trial: reason for part in parts for trial, reason in part.exempt.items()},
    )


def computed(entry: FeatureSet, rows: Any, kinds: tuple[str, ...]) -> FloatArray:
    """The matrix of a set, which those made from it share while they are computed together."""
    return once(rows, (entry.compute, kinds), lambda: entry.compute(rows, kinds))


def coarse_grained(entry: FeatureSet, name: str, reach: float) -> FeatureSet:
    """Every column averaged over the atom and its surroundings: ``Σ_j w(r_ij) x_j / Σ_j w(r_ij)`` with ``r_ii = 0``.

    The weight ``w(r) = (1 - (r / reach)²)²`` goes to 0 smoothly at ``reach`` (Å).
    """

    def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
        return coarse_grain(glass, computed(entry, glass, kinds), reach)

    return _averaged(
        entry,
        name,
        f"{entry.title}, coarse-grained within {reach:g} Å",
        lambda column: (replace(column, name=f"{column.name}_cg", length=reach),),
        compute,
        lambda glass: entry.declines(glass) or _declines_gaps(entry, glass),
    )


def over_neighbors(entry: FeatureSet, name: str) -> FeatureSet:
    """Mean, standard deviation, least and largest value of every column over the Voronoi neighbours of an atom."""
    from zoo.features.conditions import declines_unless_bulk
    from zoo.features.shell import STATISTICS

    def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
        from zoo.features.kernels.statistics import neighbor_statistics
        from zoo.features.shell import first_shell

        with keeping():
            values = computed(entry, glass, kinds).astype(np.float64)
            shell = first_shell(glass)
        return np.asarray(neighbor_statistics(shell.start, shell.neighbor, values), np.float32)

    return _averaged(
        entry,
        name,
        f"{entry.title}, statistics over the neighbours",
        lambda column: tuple(replace(column, name=f"{column.name}_around_{s}") for s in STATISTICS),
        compute,
        lambda glass: declines_unless_bulk(glass) or entry.declines(glass) or _declines_gaps(entry, glass),
        smooth=False,
    )


def _declines_gaps(entry: FeatureSet, glass: Glass) -> str | None:
    """A stored field that is not known for every atom: a mean over surroundings would be empty around each gap."""
    for name in entry.fields:
        if name in glass.fields and glass.fields[name].values.dtype.kind == "f":
            known = np.isfinite(glass.fields[name].values.reshape(len(glass), -1)).all(axis=1)
            if not known.all():
                return (
                    f"@cg and @mro need the field {name!r} everywhere, it is known for {known.sum():,} of "
                    f"{len(glass):,} atoms: take {entry.name} alone"
                )
    return None


def _averaged(
    entry: FeatureSet,
    name: str,
    title: str,
    rename: Callable[[Column], tuple[Column, ...]],
    compute: Callable[[Any, tuple[str, ...]], FloatArray],
    declines: Callable[[Glass], str | None],
    smooth: bool = True,
) -> FeatureSet:
    def columns(kinds: tuple[str, ...]) -> tuple[Column, ...]:
        return tuple(new for column in entry.columns(kinds) for new in rename(column))

    if entry.rows != "atoms":
        raise ZooError(f"only sets of atoms have surroundings, got {name!r}")
    return replace(
        entry,
        name=name,
        title=title,
        version=entry.version + VERSION,
        null_control=False,  # the species of the neighbours are structure
        columns=columns,
        compute=compute,
        declines=declines,
        smooth=smooth and entry.smooth,
    )


def coarse_grain(glass: Glass, values: np.ndarray, reach: float) -> FloatArray:
    """Weighted means over the atom and all others within ``reach`` (Å), same shape as ``values``, float32."""
    from zoo.features.kernels.nearby import refuse_overlap, shared_bins
    from zoo.features.kernels.statistics import means_with_self

    means, n_touching = means_with_self(shared_bins(glass, reach), reach, values.astype(np.float64))
    refuse_overlap(glass, n_touching)
    return np.asarray(means, np.float32)
