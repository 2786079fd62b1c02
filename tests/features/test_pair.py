"""Two inherent structures described together."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from disorder import disordered

from zoo.errors import GlassMismatchError
from zoo.features.pair import describe_pair, displacement_columns
from zoo.formats import read_glass
from zoo.glass import Glass

MIRROR = os.environ.get("ZOO_MIRROR")
PAIR = "github.com/SCiarella/TLS_ML_exploration/24aba89b874bc0662f64b97c77a4231c80e316bf/Configurations/minima/T0.062"


def test_pair_features_of_a_known_displacement() -> None:
    first = np.array([[0.1, 0, 0], [3.9, 0, 0], [2.0, 2, 2], [1.0, 1, 1]])
    last = first + np.array([[0, 0, 0.4], [0, 0, -0.3], [0, 0.1, 0], [0, 0, 0]])
    features = displacement_columns(first, last, np.eye(3) * 4.0)
    assert [features[f"displacement_{k}"] for k in range(3)] == pytest.approx([0.4, 0.3, 0.1])
    assert features["total_displacement"] == pytest.approx(np.sqrt(0.26))
    assert features["PR"] == pytest.approx(0.26**2 / (0.4**4 + 0.3**4 + 0.1**4))
    assert features["0to1"] == pytest.approx(np.hypot(0.2, 0.35))  # through the wall, halfway
    assert features["0to2"] == pytest.approx(np.sqrt(1.9**2 + 1.95**2 + 1.8**2))


def test_periodic_images_are_no_displacement() -> None:
    first = disordered()
    step = np.zeros((500, 3))
    step[7] = [0.3, 0.0, 0.4]
    turns = np.random.default_rng(0).integers(-1, 2, (500, 3))
    last = Glass(first.positions + step + turns @ first.cell, first.species, first.cell)
    found = describe_pair(
        first.with_fields(energy=(np.full(500, -1.0), "eV")), last.with_fields(energy=(np.full(500, -0.99), "eV"))
    )
    assert found["displacement_0"] == pytest.approx(0.5)
    assert found["displacement_1"] == pytest.approx(0.0, abs=1e-9)
    assert found["PR"] == pytest.approx(1.0)
    assert found["Delta_E"] == pytest.approx(5.0)
    with pytest.raises(GlassMismatchError, match="same atoms in the same cell"):
        describe_pair(first, Glass(first.positions, first.species[::-1], first.cell))


@pytest.mark.skipif(not MIRROR, reason="needs the published pair of inherent structures: set ZOO_MIRROR")
def test_a_published_pair_has_its_published_columns() -> None:
    """Row conf 148750000, i 0.2044810139, j 0.2046749726 of pretraining-classifier-T0062.feather."""
    folder = Path(str(MIRROR)) / PAIR / "Cnf-148750000"
    first, last = (
        read_glass(folder / f"{name}.conf.txt", format="lammps-data", type_map={1: "A"})
        for name in ("2.044810139E-01", "2.046749726E-01")
    )
    found = describe_pair(first, last)
    expected = {
        "displacement_0": 0.7303516,
        "displacement_1": 0.4621019,
        "displacement_2": 0.3520276,
        "total_displacement": 1.117697,
        "PR": 4.427523,
        "0to1": 4.651823,
        "0to2": 3.728646,
    }
    assert found == pytest.approx(expected, abs=1e-5)
    assert (0.2046749726 - 0.2044810139) * len(first) == pytest.approx(0.290938, abs=1e-5)  # Delta_E
