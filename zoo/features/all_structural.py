"""The descriptors of structure that this package computes itself, side by side: positions and radii are enough."""

from __future__ import annotations

from zoo.features.angular import ANGULAR
from zoo.features.bond_order import BOND_ORDER
from zoo.features.combinations import join
from zoo.features.declaration import feature_sets
from zoo.features.entropy import ENTROPY
from zoo.features.interstice import INTERSTICE
from zoo.features.radial import RADIAL
from zoo.features.sro import SRO, SRO_MRO
from zoo.features.voronoi import VORONOI_RADICAL

feature_sets.register(
    join(
        "all-structural",
        [RADIAL, ANGULAR, VORONOI_RADICAL, SRO, SRO_MRO, INTERSTICE, BOND_ORDER, ENTROPY],
        "Radial, angular, Voronoi, short- and medium-range order, interstices, bond order, entropy",
    )
)
