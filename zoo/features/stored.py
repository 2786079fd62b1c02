"""Feature sets read from fields that are stored with a glass: what follows from its potential or from long searches.

``zoo data build`` stores them where its recipe has the step ``physics`` or ``barriers``; ``zoo features --potential``
computes the former for a glass of one's own. Each column comes plain and coarse-grained.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zoo.features.combinations import REACH, coarse_grain, join
from zoo.features.conditions import declines_without
from zoo.features.declaration import Column, FeatureSet, FloatArray, Need, feature_sets
from zoo.features.entropy import ENTROPY
from zoo.features.radial import RADIAL_COARSE

if TYPE_CHECKING:
    from zoo.glass import Glass


HINTS: dict[Need, str] = {
    "potential": "zoo features --potential gives it to a glass at a minimum, the step physics of a recipe stores it",
    "dynamics": "only long searches give it, such as the step barriers of a recipe",
}
"""Where a field comes from."""


def stored_set(
    name: str,
    title: str,
    citation: str,
    columns: tuple[Column, ...],
    need: Need,
    averaged: bool = True,
    everywhere: bool = True,
) -> FeatureSet:
    """A set whose plain columns are fields of the same names and units, perhaps not known ``everywhere``."""
    own = tuple(column.name for column in columns)
    around = tuple(replace(column, name=f"{column.name}_cg", length=REACH) for column in columns) if averaged else ()

    def compute(glass: Glass, kinds: tuple[str, ...]) -> FloatArray:
        plain = np.column_stack([glass.fields[name].values.astype(np.float64) for name in own])
        parts = [plain.astype(np.float32)]
        return np.hstack([*parts, coarse_grain(glass, plain, REACH)] if averaged else parts)

    def declines(glass: Glass) -> str | None:
        reasons = (declines_without(glass, column.name, column.unit, HINTS[need], everywhere) for column in columns)
        return next(filter(None, reasons), None)

    return FeatureSet(
        name=name,
        title=title,
        citation=citation,
        version=1,
        columns=lambda kinds: (*columns, *around),
        compute=compute,
        needs=frozenset({"positions", need}),
        fields=own,
        declines=declines,
    )


VIBRATION = stored_set(
    "vibration",
    "Vibrations: mean-squared displacement, flexibility volume, soft modes, entropy",
    "Ding et al., Nat. Commun. 7, 13733 (2016); Widmer-Cooper et al., Nat. Phys. 4, 711 (2008)",
    (
        Column("vibrational_msd", "Å²", "vibration"),
        Column("flexibility_volume", "Å³", "vibration"),
        Column("soft_mode_participation", "1", "vibration"),
        Column("vibrational_entropy", "k_B", "vibration"),
    ),
    "potential",
)
ELASTIC = stored_set(
    "elastic",
    "Local shear moduli, relaxed and affine",
    "Mizuno, Mossa & Barrat, Phys. Rev. E 87, 042306 (2013); Wang, Ding & Ma, npj Comput. Mater. 6, 194 (2020)",
    (Column("shear_modulus", "GPa", "elasticity"), Column("shear_modulus_affine", "GPa", "elasticity")),
    "potential",
)
NONAFFINE = stored_set(
    "nonaffine-response",
    "Non-affine displacement per strain of the elastic response to simple shear: knows the potential and the loading",
    "Lemaître & Maloney, J. Stat. Phys. 123, 415 (2006)",
    (Column("nonaffine_response", "Å", "elasticity"),),
    "potential",
)
BARRIER = stored_set(
    "barrier",
    "Mean activation energy of the atom's own rearrangements",
    "Fan, Iwashita & Egami, Nat. Commun. 5, 5083 (2014)",
    (Column("barrier_mean", "eV", "barrier"),),
    "dynamics",
    averaged=False,
    everywhere=False,
)
VIBRATIONAL_ENTROPY = stored_set(
    "vibrational-entropy",
    "Vibrational entropy of the atom",
    "Xu et al., as a column of the SAR descriptor",
    (Column("vibrational_entropy", "k_B", "vibration"),),
    "potential",
    averaged=False,
)
VIBRATIONAL_MSD = stored_set(
    "vibrational-msd",
    "Vibrational mean-squared displacement of the atom",
    "Ding et al., Nat. Commun. 7, 13733 (2016)",
    (Column("vibrational_msd", "Å²", "vibration"),),
    "potential",
    averaged=False,
)
for entry in (VIBRATION, ELASTIC, NONAFFINE, BARRIER, VIBRATIONAL_ENTROPY, VIBRATIONAL_MSD):
    feature_sets.register(entry)

feature_sets.register(
    join(
        "sar",
        [RADIAL_COARSE, VIBRATIONAL_ENTROPY, BARRIER],
        "SAR: coarse radial functions, vibrational entropy and barrier",
        "Xu et al. (SAR descriptor)",
    )
)
feature_sets.register(
    join(
        "igd",
        [RADIAL_COARSE, ENTROPY, VIBRATIONAL_MSD, BARRIER],
        "IGD: coarse radial functions, two-body entropy, vibrational displacement and barrier",
        "Yang et al. (IGD descriptor)",
    )
)
