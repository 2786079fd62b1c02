"""Sets made of others: joined, coarse-grained, over neighbours; and sets read from stored fields."""

from __future__ import annotations

import numpy as np
import pytest
from lattices import KINDS, alloy

from zoo.errors import UnknownNameError, ZooError
from zoo.features.compute import cached_features, compute_features
from zoo.features.declaration import feature_sets
from zoo.features.shell import first_shell
from zoo.glass import Glass


def test_a_sum_has_the_columns_of_its_parts():
    glass = alloy()
    joined = compute_features("coordination+voronoi", glass)
    parts = [compute_features(name, glass) for name in ("coordination", "voronoi")]
    np.testing.assert_array_equal(joined, np.hstack(parts))
    entry = feature_sets["coordination+voronoi"]
    assert entry.columns(KINDS)[5].name == "voronoi.n3"
    assert entry.version == sum(feature_sets[name].version for name in ("coordination", "voronoi"))
    assert not entry.null_control


def test_coarse_graining_is_a_weighted_mean():
    glass, atom = alloy(), 11
    own, coarse = compute_features("voronoi", glass), compute_features("voronoi@cg5", glass)
    edges = np.diag(glass.cell)
    apart = glass.positions - glass.positions[atom]
    r = np.linalg.norm(apart - edges * np.rint(apart / edges), axis=1)
    weight = np.where(r < 5.0, (1 - (r / 5.0) ** 2) ** 2, 0.0)
    np.testing.assert_allclose(coarse[atom], weight @ own / weight.sum(), rtol=1e-5)
    assert feature_sets["voronoi@cg5"].columns(KINDS)[0].name == "n3_cg"


def test_a_constant_stays_one_when_it_is_averaged():
    glass = alloy().with_fields(shear_modulus=(np.full(500, 3.0), "GPa"), shear_modulus_affine=(np.ones(500), "GPa"))
    np.testing.assert_allclose(compute_features("elastic", glass), [[3, 1, 3, 1]] * 500, rtol=1e-6)


def test_statistics_over_neighbours():
    glass, atom = alloy(), 20
    own, around = compute_features("coordination", glass), compute_features("coordination@mro", glass)
    shell = first_shell(glass)
    near = own[shell.neighbor[shell.start[atom] : shell.start[atom + 1]]]
    expected = np.stack([near.mean(axis=0), near.std(axis=0), near.min(axis=0), near.max(axis=0)], axis=1).ravel()
    np.testing.assert_allclose(around[atom], expected, rtol=1e-5)


def test_averages_may_be_stacked_and_joined():
    matrix = compute_features("voronoi@mro@cg+species", alloy())
    assert matrix.shape == (500, 4 * 13 + 2)
    assert np.isfinite(matrix).all()


@pytest.mark.parametrize(("name", "words"), [("voronoi@mrx", "did you mean mro"), ("voronoy+radial", "voronoi")])
def test_a_wrong_expression_is_met_with_a_guess(name, words):
    with pytest.raises(UnknownNameError, match=words):
        feature_sets[name]


def test_a_missing_field_is_a_reason_to_decline():
    with pytest.raises(ZooError, match="the glass has no field 'vibrational_msd'"):
        compute_features("vibration", alloy())
    partly = alloy().with_fields(shear_modulus=(np.where(np.arange(500) < 3, np.nan, 1.0), "GPa"))
    assert "not known for every atom" in (feature_sets["elastic"].declines(partly) or "")
    nowhere = alloy().with_fields(barrier_mean=(np.full(500, np.nan), "eV"))
    assert "not known for any atom" in (feature_sets["barrier"].declines(nowhere) or "")
    unit = alloy().with_fields(barrier_mean=(np.ones(500), "K"))
    assert "must be in eV" in (feature_sets["barrier"].declines(unit) or "")
    assert "barrier" in (
        feature_sets["sar"].declines(alloy().with_fields(vibrational_entropy=(np.ones(500), "k_B"))) or ""
    )


def test_the_cache_knows_which_fields_were_read():
    one = alloy().with_fields(barrier_mean=(np.ones(500), "eV"))
    other = alloy().with_fields(barrier_mean=(np.full(500, 2.0), "eV"))
    assert cached_features("barrier", one, KINDS).load()[0, 0] == 1
    assert cached_features("barrier", other, KINDS).load()[0, 0] == 2


def test_physics_inspired_averages_are_those_of_their_formula():
    random = np.random.default_rng(3)
    glass, atom = alloy().with_fields(energy=(random.normal(-5, 0.1, 500), "eV")), 42
    names = [column.name for column in feature_sets["physics-inspired"].columns(KINDS)]
    table = dict(zip(names, compute_features("physics-inspired", glass)[atom], strict=True))
    edges = np.diag(glass.cell)
    apart = glass.positions - glass.positions[atom]
    r = np.linalg.norm(apart - edges * np.rint(apart / edges), axis=1)
    weight = np.where(r < 10.0, np.exp(-r / 3.0) * (1 - (r / 10.0) ** 2) ** 2, 0.0)
    energy = glass.fields["energy"].values
    for group in (*KINDS, "all"):
        w = weight * ((glass.species == group) | (group == "all"))
        mean = (w @ energy) / w.sum()
        assert table[f"density_{group}_3"] == pytest.approx(w.sum(), rel=1e-5)
        assert table[f"energy_{group}_3"] == pytest.approx(mean, rel=1e-5)
        assert table[f"energy_variance_{group}_3"] == pytest.approx(w @ (energy - mean) ** 2 / w.sum(), rel=1e-4)


def test_random_columns_differ_from_glass_to_glass_and_not_from_call_to_call():
    one, other = alloy(), Glass(alloy().positions + 1.0, alloy().species, alloy().cell)
    np.testing.assert_array_equal(compute_features("random", one), compute_features("random", one))
    assert abs(np.corrcoef(compute_features("random", one)[:, 0], compute_features("random", other)[:, 0])[0, 1]) < 0.2


def test_what_parts_share_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of these need plain cells and one radical ones; two need ``sro``."""
    from zoo.features.kernels import tessellation

    glass, built, real = alloy(), [], tessellation.build_cells
    monkeypatch.setattr(
        tessellation, "build_cells", lambda *arguments: built.append(int(arguments[1].sum())) or real(*arguments)
    )
    expected = np.hstack([compute_features(name, glass) for name in ("voronoi", "sro", "sro-mro", "voronoi-radical")])
    assert built.count(len(glass)) == 4  # other calls are for single cells that reach farther
    built.clear()
    np.testing.assert_array_equal(compute_features("voronoi+sro+sro-mro+voronoi-radical", glass), expected)
    assert built.count(len(glass)) == 2
    built.clear()
    compute_features("voronoi", glass)
    assert built.count(len(glass)) == 1  # nothing is kept beyond a call


@pytest.mark.parametrize("name", ["voronoi+", "+", "voronoi@", "@cg", "voronoi@mro@"])
def test_an_expression_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(ZooError, match="a name is missing"):
        feature_sets[name]
