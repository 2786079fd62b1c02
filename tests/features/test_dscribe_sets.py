"""DScribe's columns carry the names of the species that they are about."""

from __future__ import annotations

import ase
import numpy as np
import pytest
from disorder import KINDS as KINDS_OF_TWO
from disorder import disordered
from dscribe.descriptors import SOAP
from lattices import alloy

from zoo.features.compute import compute_features
from zoo.features.declaration import feature_sets
from zoo.features.dscribe_sets import CUTOFF, SOAP_SETTINGS, _acsf, _create, _soap
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


@pytest.mark.parametrize("name", ["soap", "acsf"])
def test_atoms_are_described_as_by_one_call_on_the_whole_glass(name: str) -> None:
    """In a cell of 8.2 Å too, and wherever atoms are listed."""
    for repeat in (2, 6):
        glass = disordered(np.array([[1.0, 0, 0], [0.2, 1, 0], [0, -0.1, 1]]), repeat=repeat)
        peer = {"soap": _soap, "acsf": _acsf}[name](KINDS_OF_TWO, True)
        wrapped = glass.to_ase()
        wrapped.wrap()
        some = [0, 5, len(glass) - 1]
        expected = peer.create(wrapped, centers=some)
        found = np.sort(compute_features(name, glass)[some], axis=1)  # columns are sorted otherwise
        np.testing.assert_allclose(found, np.sort(expected, axis=1), atol=1e-5 * np.abs(expected).max())


def test_dscribe_is_never_shown_the_whole_of_a_large_glass() -> None:
    """Its time and memory grow with centres times atoms."""
    shown: list[int] = []

    class Counting:
        def create(self, around: ase.Atoms, centers: list[int]) -> np.ndarray:
            shown.append(len(around))
            return around.positions[centers, :1]

    glass = disordered(repeat=14)
    np.testing.assert_allclose(
        _create(Counting(), glass, 7.0, 200, np.array([0]))[:, 0], glass.positions[:, 0], rtol=1e-6
    )
    assert len(glass) == 10_976
    assert max(shown) < 0.6 * len(glass)
