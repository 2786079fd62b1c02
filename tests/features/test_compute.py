"""The contract of feature sets, and the cache of what they computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.errors import RegistrationError, UnknownNameError, ZooError
from zoo.features import compute
from zoo.features.compute import cached_features, compute_features
from zoo.features.declaration import Column, FeatureSet, feature_sets
from zoo.glass import Glass

KINDS = ("Cu", "Zr")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Glass]:
    """A feature set ``counted`` in an empty cache, and the glasses that it was computed for."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    calls: list[Glass] = []

    def height(glass: Glass, kinds: tuple[str, ...]) -> Any:
        calls.append(glass)
        return glass.positions[:, 2:].astype(np.float32)

    entry = FeatureSet("counted", "", "none", 1, lambda kinds: (Column("z", "Å", "geometry"),), height)
    feature_sets.names()
    monkeypatch.setitem(feature_sets._entries, "counted", entry)
    monkeypatch.setattr(compute, "_warm", {"counted"})
    return calls


def test_the_cost_that_is_kept_is_that_of_the_clock_given(counted: list[Glass], glass: Glass) -> None:
    """A set that another process computes costs this one nothing."""
    ticks = iter([1.0, 1.0 + 500 * 7e-6])
    first = cached_features("counted", glass, KINDS, lambda: next(ticks))
    assert first.microseconds_per_atom == pytest.approx(7.0)
    assert cached_features("counted", glass, KINDS).microseconds_per_atom == pytest.approx(7.0)


def test_a_matrix_is_computed_once_for_each_geometry(counted: list[Glass], glass: Glass) -> None:
    first = cached_features("counted", glass, KINDS)
    again = cached_features("counted", glass.with_metadata(id="x").with_fields(a=(np.zeros(500), "1")), KINDS)
    assert first.path == again.path
    assert again.microseconds_per_atom == pytest.approx(first.microseconds_per_atom, abs=1e-3)
    np.testing.assert_array_equal(again.load()[:, 0], glass.positions[:, 2].astype(np.float32))
    assert len(counted) == 1
    cached_features("counted", Glass(glass.positions + 1, glass.species, glass.cell), KINDS)
    cached_features("counted", glass, (*KINDS, "Al"))
    assert len(counted) == 3


def test_a_new_version_is_computed_anew(counted: list[Glass], glass: Glass, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cached_features("counted", glass, KINDS)
    monkeypatch.setitem(feature_sets._entries, "counted", replace(feature_sets["counted"], version=2))
    assert cached_features("counted", glass, KINDS).path != first.path
    assert len(counted) == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "shape", "cost lost", "cost broken"])
def test_a_damaged_file_of_the_cache_is_made_again(damage: str, counted: list[Glass], glass: Glass) -> None:
    found = cached_features("counted", glass, KINDS)
    before = found.path.read_bytes()
    if damage == "cut":
        found.path.write_bytes(before[:-40])
    elif damage == "shape":
        np.save(found.path, np.zeros((3, 1), np.float32))
    elif damage == "cost lost":
        found.path.with_suffix(".json").unlink()
    elif damage == "cost broken":
        found.path.with_suffix(".json").write_text("{")
    else:
        found.path.write_bytes(b"" if damage == "empty" else b"hello")
    again = cached_features("counted", glass, KINDS)
    assert len(counted) == 2
    assert again.path.read_bytes() == before


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (np.zeros((500, 2), np.float32), r"must return float32 of shape \(500, 1\), got float32 of shape \(500, 2\)"),
        (np.zeros((499, 1), np.float32), r"got float32 of shape \(499, 1\)"),
        (np.zeros((500, 1)), r"got float64 of shape"),
        (np.where(np.arange(500) == 3, np.nan, 0)[:, None].astype(np.float32), r"column 'z' is nan in row 3"),
    ],
)
def test_a_set_that_breaks_its_declaration_is_caught(
    result: Any, sentence: str, counted: list[Glass], glass: Glass, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(feature_sets["counted"], compute=lambda glass, kinds: result)
    monkeypatch.setitem(feature_sets._entries, "counted", broken)
    with pytest.raises(ZooError, match=f"feature set 'counted' .*{sentence}"):
        compute_features("counted", glass)


def test_what_a_set_declines_says_why(flat: Glass) -> None:
    with pytest.raises(ZooError, match=r"feature set 'voronoi' declines: .*3D"):
        compute_features("voronoi", flat)
    with pytest.raises(UnknownNameError, match="no feature set is called 'voronoy': did you mean voronoi"):
        compute_features("voronoy", flat)


def test_a_column_states_unit_and_family() -> None:
    for name, unit, family in (("", "1", "a"), ("z", "", "a"), ("z", "Å", "")):
        with pytest.raises(RegistrationError, match="name, unit and physical family"):
            Column(name, unit, family)
