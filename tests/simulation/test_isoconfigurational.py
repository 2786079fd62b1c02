"""The isoconfigurational ensemble: resumable to the last bit, in the thermodynamic state it claims."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from ase.build import bulk

from zoo.errors import RecipeError
from zoo.glass import Glass
from zoo.simulation import hops
from zoo.simulation.hops import HopSchedule, check_schedule, label_hops
from zoo.simulation.potentials import METALLIC_GLASS_EMT, load_potential

EMT = load_potential("emt-cu-zr")
SHORT = HopSchedule(thermalisation_time=0.2, run_time=0.6, interval=0.05, window=0.2, runs=2)


@pytest.fixture(scope="module")
def crystal() -> Glass:
    """256 Cu atoms on fcc sites."""
    atoms = bulk("Cu", "fcc", a=np.sqrt(2) * 1.809 * METALLIC_GLASS_EMT["Cu"].s0, cubic=True) * (4, 4, 4)
    return Glass.from_ase(atoms)


def test_a_killed_ensemble_continues_to_the_same_labels(
    crystal: Glass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle of the second run, after its first checkpoint."""
    monkeypatch.setattr(hops, "CHUNK", 30)
    whole = label_hops(crystal, SHORT, EMT, 5, tmp_path / "whole")

    class KilledError(Exception):
        pass

    def die(fraction: float) -> None:
        if fraction > 0.7:
            raise KilledError

    with pytest.raises(KilledError):
        label_hops(crystal, SHORT, EMT, 5, tmp_path / "killed", die)
    fractions: list[float] = []
    resumed = label_hops(crystal, SHORT, EMT, 5, tmp_path / "killed", fractions.append)
    assert 0.7 < fractions[0] <= 1
    assert len(whole.fields) == 6
    for name, entry in whole.fields.items():
        np.testing.assert_array_equal(resumed.fields[name].values, entry.values)
    assert not list((tmp_path / "killed").iterdir())
    other = label_hops(crystal, SHORT, EMT, 6, tmp_path / "other")
    assert not np.array_equal(other.fields["p_hop"].values, whole.fields["p_hop"].values)


def test_the_whole_is_the_mean_of_its_halves(crystal: Glass, tmp_path: Path) -> None:
    fields = label_hops(crystal, SHORT, EMT, 1, tmp_path).fields
    for name, unit in (("p_hop", "Å²"), ("displacement", "Å")):
        whole, even, odd = (fields[name + part] for part in ("", "_even", "_odd"))
        assert whole.unit == even.unit == odd.unit == unit
        np.testing.assert_allclose(whole.values, (even.values + odd.values) / 2, rtol=1e-12)
        assert not np.array_equal(even.values, odd.values)


def test_a_crystal_vibrates_as_equipartition_says(crystal: Glass, tmp_path: Path) -> None:
    """No atom hops, and four times the temperature gives about four times the mean p_hop: mean squared amplitudes."""
    cold, warm = (
        label_hops(crystal, msgspec.structs.replace(SHORT, temperature=temperature), EMT, 2, tmp_path).fields["p_hop"]
        for temperature in (50.0, 200.0)
    )
    assert warm.values.max() < 0.2
    assert warm.values.mean() / cold.values.mean() == pytest.approx(4, rel=0.25)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": -1.0}, "must be positive"),
        ({"interval": 0.012}, "multiple of the time step"),
        ({"window": 0.12}, "multiple of the time step"),
        ({"window": 0.4}, "must hold two windows, got 0.6 ps"),
        ({"runs": 3}, "must be even, so that two halves can be compared, got 3"),
    ],
)
def test_schedules_that_cannot_be_run_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        check_schedule(msgspec.structs.replace(SHORT, **change))
