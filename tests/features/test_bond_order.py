"""Facts about bond-orientational order, and agreement with freud and SciPy."""

from __future__ import annotations

import freud
import numpy as np
import pytest
from lattices import KINDS, alloy, crystal
from scipy.special import sph_harm_y

from zoo.features.bond_order import DEGREES, EVEN
from zoo.features.compute import compute_features
from zoo.features.declaration import feature_sets
from zoo.features.kernels.harmonics import recurrence, sum_harmonics, triples, wigner_3j
from zoo.features.kernels.tessellation import tessellate


def table_of(glass):
    names = [column.name for column in feature_sets["bond-order"].columns(KINDS)]
    return dict(zip(names, compute_features("bond-order", glass).T, strict=True))


def test_fcc_has_the_values_of_the_textbook():
    """Steinhardt, Nelson & Ronchetti 1983: twelve bonds of an fcc crystal."""
    table = table_of(crystal("fcc"))
    assert table["q4"] == pytest.approx(0.19094, abs=1e-5)
    assert table["q6"] == pytest.approx(0.57452, abs=1e-5)
    assert table["w4"] == pytest.approx(-0.159317, abs=1e-5)
    assert table["w6"] == pytest.approx(-0.013161, abs=1e-5)
    assert table["q6_averaged"] == pytest.approx(0.57452, abs=1e-5)
    assert table["q6_shell2"] == pytest.approx(0.57452, abs=1e-5)
    assert table["q3"] == pytest.approx(0.0, abs=1e-6)


def test_harmonics_are_those_of_scipy():
    direction = np.random.default_rng(0).normal(size=(20, 3))
    sums = sum_harmonics(np.arange(21), direction, np.ones(20), recurrence(12))
    polar = np.arccos(direction[:, 2] / np.linalg.norm(direction, axis=1))
    azimuth = np.arctan2(direction[:, 1], direction[:, 0])
    for degree in range(13):
        for m in range(degree + 1):
            expected = sph_harm_y(degree, m, polar, azimuth)
            found = sums[:, degree * (degree + 1) // 2 + m]
            np.testing.assert_allclose(found[:, 0] + 1j * found[:, 1], expected, atol=1e-12)


def test_wigner_symbols_have_known_values_and_unit_norm():
    assert wigner_3j(2, 0, 0) == pytest.approx(-np.sqrt(2 / 35))
    assert wigner_3j(2, 1, 1) == pytest.approx(-np.sqrt(3 / 35))
    assert wigner_3j(1, 1, 0) == pytest.approx(-wigner_3j(1, 0, 1))  # odd: antisymmetric
    for degree in EVEN:
        pairs = [(a, b) for a in range(-degree, degree + 1) for b in range(-degree, degree + 1) if abs(a + b) <= degree]
        assert sum(wigner_3j(degree, a, b) ** 2 for a, b in pairs) == pytest.approx(1.0)
        assert (triples(degree).m.sum(axis=1) == 0).all()


@pytest.mark.parametrize("degree", [2, 3, 4, 6, 9, 12])
def test_order_parameters_are_those_of_freud(degree):
    glass = alloy()
    table, cells = table_of(glass), tessellate(glass)
    box = freud.box.Box.from_matrix(glass.cell.T)
    system = box, box.wrap(glass.positions)
    single = [x.astype(np.uint32) for x in (cells.center, cells.neighbor)]
    bonds = freud.locality.NeighborList.from_arrays(
        len(glass), len(glass), *single, cells.vector.astype(np.float32), cells.area.astype(np.float32)
    )
    settings = [("", {}), ("_averaged", {"average": True})]
    for ending, options in settings:
        second = freud.order.Steinhardt(degree, weighted=True, **options).compute(system, neighbors=bonds)
        np.testing.assert_allclose(table[f"q{degree}{ending}"], second.particle_order, atol=3e-5)
        if degree % 2 == 0:
            third = freud.order.Steinhardt(degree, weighted=True, wl=True, wl_normalize=True, **options)
            third.compute(system, neighbors=bonds)
            definite = table[f"q{degree}{ending}"] > 0.05  # freud works in single precision
            np.testing.assert_allclose(table[f"w{degree}{ending}"][definite], third.particle_order[definite], atol=1e-3)


def test_columns_come_in_the_order_that_they_state():
    names = list(table_of(alloy()))
    assert len(names) == 56
    assert names[: len(DEGREES)] == [f"q{degree}" for degree in DEGREES]
