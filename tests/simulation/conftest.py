"""A glass at an energy minimum, small enough for dense matrices."""

from __future__ import annotations

import pytest

from zoo.glass import Glass
from zoo.simulation.potentials import EmbeddedAtomTables, load_potential
from zoo.simulation.quench import Composition, QuenchSchedule, quench


@pytest.fixture(scope="session")
def tables() -> EmbeddedAtomTables:
    return load_potential("emt-cu-zr")


@pytest.fixture(scope="session")
def minimum(tables: EmbeddedAtomTables, tmp_path_factory: pytest.TempPathFactory) -> Glass:
    """216 atoms of Cu-Zr, quenched in no time, in a cell of 15 Å."""
    composition = Composition(atoms={"Cu": 108, "Zr": 108}, volume_per_atom=16.5)
    schedule = QuenchSchedule(melt_time=0.4, equilibration_time=0.2, rate=1e15)
    return quench(composition, schedule, tables, 3, tmp_path_factory.mktemp("minimum"))
