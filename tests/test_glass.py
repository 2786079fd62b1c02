"""What a glass refuses, and what survives a copy or a trip to ASE."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.errors import GlassError
from zoo.glass import Field, Glass

CORNERS = np.array([[0.0, 0.0, 0.0], [2.5, 0.0, 0.0], [0.0, 2.5, 0.0]])


def three_atoms(**changes: Any) -> Glass:
    whole: dict[str, Any] = {"positions": CORNERS, "species": ["Cu", "Zr", "Cu"], "cell": [9.0, 9.0, 9.0]}
    return Glass(**{**whole, **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"positions": np.zeros((3, 4))}, r"positions must have shape .* got \(3, 4\)"),
        ({"positions": np.zeros(3)}, r"positions must have shape .* got \(3,\)"),
        ({"positions": np.zeros((0, 3)), "species": []}, r"positions must have shape .* got \(0, 3\)"),
        ({"positions": [[0, 0, 0], [1, np.nan, 0], [2, 0, 0]]}, r"finite, but atom 1 .*nan.*1 of 3 atoms"),
        ({"positions": [[0, 0, 0], [1, 0, 0], [-np.inf, 0, 0]]}, r"finite, but atom 2 .*inf"),
        ({"species": ["Cu", "Zr"]}, r"each of the 3 atoms, got shape \(2,\)"),
        ({"species": "Cu"}, r"each of the 3 atoms, got shape \(\)"),
        ({"cell": np.zeros((2, 3))}, r"3x3 matrix in Å .* got \(2, 3\)"),
        ({"cell": [9.0, 9.0]}, r"3x3 matrix in Å .* got \(2,\)"),
        ({"cell": [9.0, np.nan, 9.0]}, r"cell must be finite"),
        ({"cell": [9.0, 0.0, 9.0]}, r"must not be zero, got lengths \[9.0, 0.0, 9.0\] Å"),
        ({"cell": [[9, 0, 0], [0, 9, 0], [9, 9, 0]]}, r"span a volume.*in one plane"),
        ({"fields": {"energy": ([1.0, 2.0], "eV")}}, r"field 'energy' .* each of the 3 atoms, got \(2,\)"),
        ({"fields": {"energy": (1.0, "eV")}}, r"field 'energy' .* got \(\)"),
        ({"periodic": [True, False]}, r"periodic must be one or 3 truth values, got shape \(2,\)"),
    ],
)
def test_what_is_no_glass_is_refused_with_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(GlassError, match=sentence):
        three_atoms(**changes)


def test_positions_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(GlassError, match="positions must be numbers"):
        three_atoms(positions=[["a", "b", "c"]] * 3)
    with pytest.raises(GlassError, match="positions must be numbers"):
        three_atoms(positions=[[0.0, 0.0, 0.0], [1.0, 2.0], [3.0]])


def test_nothing_inside_a_glass_can_be_changed() -> None:
    positions = CORNERS.copy()
    glass = three_atoms(positions=positions, fields={"energy": ([1.0, 2.0, 3.0], "eV")})
    positions[0] = 7.0
    np.testing.assert_array_equal(glass.positions, CORNERS)
    for array in (glass.positions, glass.cell, glass.species, glass.periodic, glass.fields["energy"].values):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = array[0]
    with pytest.raises(TypeError):
        glass.metadata["id"] = "x"  # type: ignore[index]
    with pytest.raises(AttributeError):
        glass.cell = np.eye(3)  # type: ignore[misc]


def test_numbers_for_a_cell_mean_right_angles() -> None:
    glass = three_atoms(cell=[9.0, 8.0, 7.0])
    np.testing.assert_array_equal(glass.cell, np.diag([9.0, 8.0, 7.0]))
    assert glass.volume == pytest.approx(9 * 8 * 7)
    np.testing.assert_allclose(glass.heights, [9, 8, 7])


def test_heights_of_a_sheared_cell_are_shorter_than_its_vectors() -> None:
    """A cell tilted by 45° along x: its volume is that of the box, the x height shrinks by sqrt(2)."""
    glass = three_atoms(cell=[[9, 0, 0], [9, 9, 0], [0, 0, 9]])
    assert glass.volume == pytest.approx(9**3)
    np.testing.assert_allclose(glass.heights, [9 / np.sqrt(2), 9, 9])


def test_species_are_counted_in_the_order_asked_for() -> None:
    glass = three_atoms()
    assert glass.kinds == ("Cu", "Zr")
    np.testing.assert_array_equal(glass.species_index(("Cu", "Zr")), [0, 1, 0])
    np.testing.assert_array_equal(glass.species_index(("Zr", "Al", "Cu")), [2, 0, 2])
    for kinds in (("Cu",), ("Al", "Cu"), ("Zz", "Cu")):
        with pytest.raises(GlassError, match=r"this glass also has Zr: .*every glass together"):
            glass.species_index(kinds)


def test_repr_says_what_it_is() -> None:
    assert repr(three_atoms()) == "Glass(Cu2 Zr1, 3D, volume 729.0 Å³)"
    assert repr(Glass(CORNERS[:, :2], ["A", "B", "B"], [4, 5])) == "Glass(A1 B2, 2D, volume 20.0 Å²)"


def test_ase_round_trip_keeps_everything(triclinic: Glass) -> None:
    rng = np.random.default_rng(2)
    fields = {"d2min": Field(rng.random(500), "Å²"), "force": Field(rng.random((500, 3)), "eV/Å")}
    before = triclinic.with_fields(**fields).with_metadata(id="a", seed=3, rate=1e12)
    after = Glass.from_ase(before.to_ase(), units={"d2min": "Å²", "force": "eV/Å"})
    assert after.content_hash == before.content_hash
    assert dict(after.metadata) == {"id": "a", "seed": 3, "rate": 1e12}
    assert set(after.fields) == {"d2min", "force"}
    for name, entry in fields.items():
        np.testing.assert_array_equal(after.fields[name].values, entry.values)
        assert after.fields[name].unit == entry.unit


def test_ase_round_trip_keeps_open_directions() -> None:
    before = three_atoms(periodic=[True, False, True])
    np.testing.assert_array_equal(before.to_ase().pbc, [True, False, True])
    assert Glass.from_ase(before.to_ase()).content_hash == before.content_hash


def test_ase_round_trip_of_a_2d_model_glass_keeps_names_that_are_no_elements(flat: Glass) -> None:
    atoms = flat.to_ase()
    assert set(atoms.symbols) == {"X", "B"}  # B is boron to ASE
    np.testing.assert_array_equal(atoms.pbc, [True, True, False])
    assert Glass.from_ase(atoms, dimension=2).content_hash == flat.content_hash


def test_a_field_without_a_unit_is_of_unknown_unit() -> None:
    atoms = three_atoms().to_ase()
    atoms.set_array("charge", np.zeros(3))
    assert Glass.from_ase(atoms).fields["charge"].unit == "unknown"


def test_more_fields_make_another_glass() -> None:
    one = three_atoms(fields={"energy": ([1.0, 2.0, 3.0], "eV")}, metadata={"seed": 1})
    two = one.with_fields(energy=([0.0, 0.0, 0.0], "meV"), stress=([[1.0] * 6] * 3, "GPa"))
    assert set(one.fields) == {"energy"}
    assert one.fields["energy"].unit == "eV"
    assert {name: entry.unit for name, entry in two.fields.items()} == {"energy": "meV", "stress": "GPa"}
    assert two.fields["stress"].values.shape == (3, 6)
    assert two.metadata == {"seed": 1}
    three = two.with_metadata(seed=2, id="x")
    assert three.metadata == {"seed": 2, "id": "x"}
    assert three.fields["energy"].unit == "meV"


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"fields": {"energy": ([1.0, 2.0, 3.0], "eV")}}, True),
        ({"metadata": {"seed": 1}}, True),
        ({"positions": CORNERS + np.array([[1e-12], [0], [0]])}, False),
        ({"species": ["Cu", "Cu", "Zr"]}, False),
        ({"cell": [9.0, 9.0, 9.0 + 1e-12]}, False),
        ({"periodic": [True, True, False]}, False),
        ({"positions": CORNERS[::-1], "species": ["Cu", "Zr", "Cu"]}, False),
    ],
)
def test_the_content_hash_depends_on_the_geometry_only(changes: dict[str, Any], same: bool) -> None:
    assert (three_atoms(**changes).content_hash == three_atoms().content_hash) == same
