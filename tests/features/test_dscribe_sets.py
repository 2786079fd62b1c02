"""DScribe's columns carry the names of the species that they are about."""

from __future__ import annotations

import numpy as np
import pytest
from dscribe.descriptors import SOAP
from lattices import alloy

from zoo.features.compute import compute_features
from zoo.features.declaration import feature_sets
from zoo.features.dscribe_sets import CUTOFF, SOAP_SETTINGS, _create
from zoo.glass import Glass

KINDS = ("Ag", "Cu", "Nb")
"""By atomic number: Cu, Nb, Ag."""


@pytest.fixture(scope="module")
def ternary() -> Glass:
    glass = alloy()
    return Glass(glass.positions, np.random.default_rng(0).choice(KINDS, 500, p=[0.5, 0.3, 0.2]), glass.cell)


def table_of(name: str, glass: Glass) -> dict[str, np.ndarray]:
    names = [column.name for column in feature_sets[name].columns(KINDS)]
    return dict(zip(names, compute_features(name, glass, KINDS).T, strict=True))


def test_columns_without_a_species_are_zero_where_it_is_missing(ternary: Glass) -> None:
    for absent in KINDS:
        others = [kind for kind in KINDS if kind != absent]
        glass = Glass(ternary.positions, np.where(ternary.species == absent, others[0], ternary.species), ternary.cell)
        for name in ("soap", "acsf"):
            table = table_of(name, glass)
            about = [column for column in table if absent in column.split("_")[1:3]]
            assert about
            assert all((table[column] == 0).all() for column in about)
            rest = [column for column in table if column not in about]
            assert np.mean([np.abs(table[column]).max() > 0 for column in rest]) > 0.9


def test_soap_is_sorted_by_angular_number_then_by_radial_functions(ternary: Glass) -> None:
    """l = 0 alone is what a descriptor with l_max = 0 has."""
    flat = SOAP(species=KINDS, r_cut=CUTOFF, periodic=True, **{**SOAP_SETTINGS, "l_max": 0})
    expected, table = flat.create(ternary.to_ase(), centers=[0, 1, 2]), table_of("soap", ternary)
    n = SOAP_SETTINGS["n_max"]
    block = expected[:, flat.get_location(("Cu", "Nb"))].reshape(3, n, n)
    for i, j in [(0, 0), (1, 3), (5, 2)]:
        assert table[f"soap_Cu_Nb_l0_{i}_{j}"][:3] == pytest.approx(block[:, i, j], rel=1e-4)
    block = expected[:, flat.get_location(("Cu", "Ag"))].reshape(3, n, n)  # copper's functions come first there
    for i, j in [(0, 1), (4, 2)]:
        assert table[f"soap_Ag_Cu_l0_{i}_{j}"][:3] == pytest.approx(block[:, j, i], rel=1e-4)


def test_the_glass_is_sorted_a_bounded_number_of_times() -> None:
    """Each call of DScribe costs as much as the glass has atoms."""
    calls: list[int] = []

    class Counting:
        def get_number_of_features(self) -> int:
            return 50_000

        def create(self, atoms: object, centers: list[int]) -> np.ndarray:
            calls.append(len(centers))
            return np.zeros((len(centers), 1))

    glass = Glass(np.random.default_rng(0).random((20_010, 3)) * 60, ["Cu"] * 20_010, [60, 60, 60])
    assert _create(Counting(), glass, np.array([0])).shape == (20_010, 1)
    assert sum(calls) == 20_010
    assert len(calls) <= 20
