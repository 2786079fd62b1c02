"""Files of glasses: what comes back is what was written, and a broken file gets a sentence."""

from __future__ import annotations

import gzip
import itertools
import pickle
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.errors import FileFormatError, GlassError, UnknownNameError, ZooError
from zoo.formats import read_glass, write_glass
from zoo.formats.npz import read_npz, write_npz
from zoo.glass import Glass

MAP = {1: "Cu", 2: "Zr"}
CELL = np.array([[10.0, 0.0, 0.0], [2.0, 11.0, 0.0], [-1.0, 3.0, 12.0]])
ORIGIN = np.array([-4.0, 1.0, 2.0])
FRACTIONAL = np.array([[0.1, 0.2, 0.3], [0.6, 0.5, 0.4], [0.9, 0.1, 0.8]])
SPECIES = ["Zr", "Cu", "Cu"]
DEFAULT_COLUMNS = "id type x y z c_pe d2min ix"


def assert_same(one: Glass, two: Glass, exact: bool = True) -> None:
    if exact:
        assert one.content_hash == two.content_hash
    np.testing.assert_array_equal(one.species, two.species)
    np.testing.assert_array_equal(one.periodic, two.periodic)
    np.testing.assert_allclose(one.positions, two.positions, atol=1e-6)
    np.testing.assert_allclose(one.cell, two.cell, atol=1e-6)
    assert set(one.fields) == set(two.fields)
    for name, entry in one.fields.items():
        assert entry.unit == two.fields[name].unit
        np.testing.assert_array_equal(entry.values, two.fields[name].values)


def labelled(glass: Glass) -> Glass:
    """With a field of each kind and metadata of each kind."""
    rng = np.random.default_rng(5)
    n = len(glass)
    return glass.with_fields(
        d2min=(np.where(np.arange(n) == 1, np.nan, rng.exponential(1e-7, n)), "Å²"),
        force=(rng.normal(size=(n, 3)), "eV/Å"),
        cluster=(np.arange(n), "1"),
        is_soft=(np.arange(n) % 3 == 0, "1"),
        phase=(rng.choice(["liquid", "solid"], n), "1"),
    ).with_metadata(
        id="a b-01",
        quench_rate=1e13,
        seed=7,
        done=True,
        note='5 Å "thick" \\ wide',
        code="007",
        thermo=[[1.5, 2], [3, 4]],
    )


def dump_text(columns: str = DEFAULT_COLUMNS, box: str = "restricted", step: int = 100, ids: Any = (7, 3, 5)) -> str:
    """A frame of a dump whose rows are not in the order of the ids; sorted by id it is ``SPECIES``."""
    positions = FRACTIONAL @ CELL
    xy, xz, yz = CELL[1, 0], CELL[2, 0], CELL[2, 1]
    bounds = {
        "restricted": f"xy xz yz pp pp ff\n{ORIGIN[0] + min(0, xy, xz, xy + xz)} "
        f"{ORIGIN[0] + CELL[0, 0] + max(0, xy, xz, xy + xz)} {xy}\n"
        f"{ORIGIN[1] + min(0, yz)} {ORIGIN[1] + CELL[1, 1] + max(0, yz)} {xz}\n"
        f"{ORIGIN[2]} {ORIGIN[2] + CELL[2, 2]} {yz}",
        "general": "abc origin pp pp ff\n"
        + "\n".join(" ".join(map(str, [*row, start])) for row, start in zip(CELL, ORIGIN, strict=True)),
    }
    rows = []
    by_id = [1, 2, 0]  # the row of each atom in the order of its id: 3, 5, 7
    for row in range(3):
        atom = by_id.index(row)
        place, inside = positions[atom] + ORIGIN, FRACTIONAL[atom]
        values = {
            "id": ids[row],
            "type": {"Cu": 1, "Zr": 2}[SPECIES[atom]],
            "element": SPECIES[atom],
            **dict(zip(("x", "y", "z"), place % 100, strict=True)),
            **dict(zip(("xu", "yu", "zu"), place, strict=True)),
            **dict(zip(("xs", "ys", "zs"), inside, strict=True)),
            **dict(zip(("xsu", "ysu", "zsu"), inside, strict=True)),
            "c_pe": -3.0 - atom,
            "d2min": 0.25 * atom,
            "ix": atom,
        }
        rows.append(" ".join(str(values[name]) for name in columns.split()))
    body = "\n".join(rows)
    return (
        f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n3\nITEM: BOX BOUNDS {bounds[box]}\n"
        f"ITEM: ATOMS {columns}\n{body}\n"
    )


DATA = """LAMMPS data file

3 atoms
2 atom types
0.0 10.0 xlo xhi
0.0 11.0 ylo yhi
0.0 12.0 zlo zhi
2.0 -1.0 3.0 xy xz yz

Masses

1 63.546
2 91.224

Atoms{style}

5 1 {second}
3 2 {first}
7 1 {third}
"""


def data_text(style: str = " # atomic") -> str:
    first, second, third = (" ".join(map(str, row)) for row in FRACTIONAL @ CELL)
    return DATA.format(style=style, first=first, second=second, third=third)


def poscar_text() -> str:
    rows = "\n".join(" ".join(map(str, row)) for row in FRACTIONAL[[1, 2, 0]])
    cell = "\n".join(" ".join(map(str, row)) for row in CELL)
    return f"Cu-Zr\n1.0\n{cell}\nCu Zr\n2 1\nDirect\n{rows}\n"


# ---------------------------------------------------------------- round trips


@pytest.mark.parametrize("name", ["glass.npz", "glass.extxyz", "glass.xyz.gz"])
@pytest.mark.parametrize("which", ["glass", "triclinic", "flat"])
def test_a_round_trip_keeps_everything(name: str, which: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    before = labelled(request.getfixturevalue(which))
    write_glass(tmp_path / name, before)
    after = read_glass(tmp_path / name)
    assert_same(before, after)
    assert dict(after.metadata) == dict(before.metadata)


@pytest.mark.parametrize("name", ["glass.npz", "glass.extxyz.gz"])
def test_the_same_glass_gives_the_same_bytes(name: str, glass: Glass, tmp_path: Path) -> None:
    write_glass(tmp_path / "one" / name, labelled(glass))
    write_glass(tmp_path / "two" / name, labelled(glass))
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_single_precision_halves_the_file_and_keeps_a_millionth_of_an_angstrom(glass: Glass, tmp_path: Path) -> None:
    write_npz(tmp_path / "double.npz", glass)
    write_npz(tmp_path / "single.npz", glass, np.float32)
    assert (tmp_path / "single.npz").stat().st_size < 0.6 * (tmp_path / "double.npz").stat().st_size
    np.testing.assert_allclose(read_npz(tmp_path / "single.npz").positions, glass.positions, atol=1e-6)


def test_fields_are_columns_that_other_programs_see(glass: Glass, tmp_path: Path) -> None:
    """OVITO takes particle properties from the key Properties."""
    write_glass(tmp_path / "glass.extxyz", labelled(glass))
    keys = (tmp_path / "glass.extxyz").read_text().splitlines()[1]
    properties = "species:S:1:pos:R:3:d2min:R:1:force:R:3:cluster:I:1:is_soft:L:1:phase:S:1"
    assert f"Properties={properties} " in keys
    assert "unit_d2min=Å²" in keys
    atoms = ase.io.read(tmp_path / "glass.extxyz")
    assert isinstance(atoms, Atoms)
    np.testing.assert_array_equal(atoms.positions, glass.positions)
    np.testing.assert_array_equal(atoms.get_chemical_symbols(), glass.species)
    np.testing.assert_array_equal(atoms.arrays["is_soft"], np.arange(500) % 3 == 0)
    assert atoms.arrays["force"].shape == (500, 3)
    assert atoms.pbc.all()


def test_extxyz_written_by_ase_is_read_with_all_its_columns(triclinic: Glass, tmp_path: Path) -> None:
    atoms = triclinic.to_ase()
    atoms.set_array("softness", np.linspace(0, 1, 500))
    ase.io.write(tmp_path / "a.xyz", [atoms[:5], atoms], format="extxyz")
    last = read_glass(tmp_path / "a.xyz", units={"softness": "1"})
    assert_same(triclinic.with_fields(softness=(np.linspace(0, 1, 500).round(8), "1")), last, exact=False)
    assert len(read_glass(tmp_path / "a.xyz", frame=0)) == 5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=8), st.floats(), st.integers())
def test_any_metadata_comes_back_or_is_refused(tmp_path: Path, text: str, key: str, real: float, whole: int) -> None:
    path = tmp_path / "a.extxyz"
    before = Glass([[0, 0, 0]], ["A"], [5, 5, 5], metadata={key: text, "real": real, "whole": whole})
    if any(character in ':="\\' or character.isspace() or not character.isprintable() for character in key):
        with pytest.raises(FileFormatError, match="must be a word"):
            write_glass(path, before)
        return
    write_glass(path, before)
    after = read_glass(path).metadata
    assert after["whole"] == (text if key == "whole" else whole)
    np.testing.assert_equal(after["real"], text if key == "real" else real)
    if key not in ("Lattice", "Properties", "pbc", "dimension"):
        assert after[key] == before.metadata[key]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fields": {"a b": ([1.0], "1")}}, "must be a word .* got 'a b': rename it"),
        ({"fields": {"a:b": ([1.0], "1")}}, "must be a word .* got 'a:b'"),
        ({"fields": {"pos": ([1.0], "1")}}, "no column may be called .* got 'pos'"),
        ({"fields": {"note": (["two words"], "1")}}, "column 'note' .* single words, got 'two words'"),
        ({"species": ["A 1"]}, "column 'species' .* single words, got 'A 1'"),
    ],
)
def test_what_an_extxyz_file_cannot_hold_is_refused(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    glass = Glass(**{"positions": [[0, 0, 0]], "species": ["A"], "cell": [5, 5, 5], **changes})
    with pytest.raises(FileFormatError, match=sentence):
        write_glass(tmp_path / "a.extxyz", glass)
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- files of other programs


@pytest.mark.parametrize("box", ["restricted", "general"])
@pytest.mark.parametrize("coordinates", ["x y z", "xs ys zs", "xu yu zu", "xsu ysu zsu", "x y z xu yu zu"])
@pytest.mark.parametrize("suffix", [".dump", ".lammpstrj.gz"])
def test_a_dump_is_read_in_the_order_of_its_ids(coordinates: str, box: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    text = dump_text(f"id type {coordinates} c_pe d2min ix", box).encode()
    path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    glass = read_glass(path, type_map=MAP, units={"c_pe": "eV"})
    assert glass.species.tolist() == SPECIES
    np.testing.assert_allclose(glass.cell, CELL, atol=1e-12)
    inside = glass.positions @ np.linalg.inv(glass.cell)
    np.testing.assert_allclose((inside - FRACTIONAL + 0.5) % 1, 0.5, atol=1e-9)
    assert glass.periodic.tolist() == [True, True, False]
    assert {name: entry.unit for name, entry in glass.fields.items()} == {
        "c_pe": "eV",
        "d2min": "unknown",
        "ix": "unknown",
    }
    np.testing.assert_array_equal(glass.fields["d2min"].values, [0, 0.25, 0.5])
    assert glass.metadata == {"timestep": 100}


@pytest.mark.parametrize("signs", list(itertools.product((-1, 0, 1), repeat=3)))
def test_the_bounds_of_a_tilted_box_reach_around_it(signs: tuple[int, int, int], tmp_path: Path) -> None:
    """LAMMPS writes the box around the tilted cell, whatever the signs of the tilts."""
    xy, xz, yz = np.array(signs) * [2.0, 1.5, 3.0]
    cell = np.array([[10, 0, 0], [xy, 11, 0], [xz, yz, 12]])
    corners = ORIGIN + np.array(list(itertools.product((0, 1), repeat=3))) @ cell
    low, high = corners.min(axis=0), corners.max(axis=0)
    lines = "\n".join(f"{low[k]} {high[k]} {tilt}" for k, tilt in enumerate((xy, xz, yz)))
    x, y, z = ORIGIN + np.array([1, 2, 3])
    path = tmp_path / "a.dump"
    path.write_text(
        f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS xy xz yz pp pp pp\n{lines}\n"
        f"ITEM: ATOMS id element x y z\n1 Cu {x} {y} {z}\n"
    )
    glass = read_glass(path)
    np.testing.assert_allclose(glass.cell, cell, atol=1e-12)
    np.testing.assert_allclose(glass.positions, [[1, 2, 3]], atol=1e-12)


def test_an_orthogonal_dump_without_ids_keeps_its_order(tmp_path: Path) -> None:
    path = tmp_path / "dump.melt"
    path.write_text(
        "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n-1 4\n0 6\n0 7\n"
        "ITEM: ATOMS element x y z\nB 0 1 2\nA 3 3 3\n"
    )
    glass = read_glass(path)
    assert glass.species.tolist() == ["B", "A"]
    np.testing.assert_array_equal(glass.positions, [[1, 1, 2], [4, 3, 3]])
    np.testing.assert_array_equal(glass.cell, np.diag([5, 6, 7]))


def test_a_2d_dump_loses_its_third_coordinate(tmp_path: Path) -> None:
    path = tmp_path / "flat.dump"
    path.write_text(
        "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp pp\n0 4\n0 6\n-0.5 0.5\n"
        "ITEM: ATOMS id type x y z\n1 2 0.5 1 0\n"
    )
    glass = read_glass(path, type_map={2: "B"}, dimension=2)
    assert glass.dimension == 2
    np.testing.assert_array_equal(glass.positions, [[0.5, 1]])
    assert glass.volume == pytest.approx(24)


def test_atoms_in_one_plane_are_a_2d_glass(tmp_path: Path) -> None:
    """As LAMMPS writes two dimensions: a periodic third direction that is 1 high."""
    head = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 4\n0 6\n-0.5 0.5\n"
    path = tmp_path / "flat.dump"
    path.write_text(f"{head}ITEM: ATOMS id type x y z\n1 1 0.5 1 0\n2 2 2 3 0\n")
    glass = read_glass(path, type_map=MAP)
    np.testing.assert_array_equal(glass.positions, [[0.5, 1], [2, 3]])
    np.testing.assert_array_equal(glass.cell, np.diag([4, 6]))
    assert read_glass(path, type_map=MAP, dimension=3).dimension == 3
    path.write_text(path.read_text().replace("2 3 0\n", "2 3 0.1\n"))
    assert read_glass(path, type_map=MAP).dimension == 3


def test_a_frame_without_atoms_says_so(tmp_path: Path) -> None:
    path = tmp_path / "none.extxyz"
    path.write_text('0\nLattice="1 0 0 0 1 0 0 0 1" Properties=species:S:1:pos:R:3\n')
    with pytest.raises(FileFormatError, match="must hold atoms, got a frame of none"):
        read_glass(path)


@pytest.mark.parametrize(("frame", "step"), [(0, 10), (1, 20), (-1, 20), (-2, 10)])
def test_a_frame_of_a_dump_is_picked(frame: int, step: int, tmp_path: Path) -> None:
    path = tmp_path / "a.dump"
    path.write_text(dump_text(step=10) + dump_text(step=20))
    assert read_glass(path, type_map=MAP, frame=frame).metadata["timestep"] == step


def test_elements_in_a_dump_need_no_map_and_a_map_wins_over_them(tmp_path: Path) -> None:
    path = tmp_path / "a.dump"
    path.write_text(dump_text("id element type x y z"))
    assert read_glass(path).species.tolist() == SPECIES
    assert read_glass(path, type_map={1: "Ni", 2: "Nb"}).species.tolist() == ["Nb", "Ni", "Ni"]


@pytest.mark.parametrize("style", ["", " # atomic"])
def test_lammps_data_is_read_in_the_order_of_its_ids(style: str, tmp_path: Path) -> None:
    path = tmp_path / "a.data"
    path.write_text(data_text(style))
    glass = read_glass(path, type_map=MAP)
    assert glass.species.tolist() == SPECIES
    np.testing.assert_allclose(glass.cell, CELL)
    np.testing.assert_allclose(glass.positions, FRACTIONAL @ CELL, atol=1e-9)
    assert glass.periodic.all()


@pytest.mark.parametrize("name", ["POSCAR", "CONTCAR.gz", "a.vasp", "a.cif"])
def test_crystallographers_files_are_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.endswith("cif"):
        ase.io.write(path, Atoms(["Cu", "Cu", "Zr"], scaled_positions=FRACTIONAL[[1, 2, 0]], cell=CELL, pbc=True))
    elif name.endswith("gz"):
        path.write_bytes(gzip.compress(poscar_text().encode()))
    else:
        path.write_text(poscar_text())
    glass = read_glass(path)
    assert glass.species.tolist() == ["Cu", "Cu", "Zr"]
    assert glass.volume == pytest.approx(1320, rel=1e-6)
    inside = glass.positions @ np.linalg.inv(glass.cell)
    np.testing.assert_allclose(inside, FRACTIONAL[[1, 2, 0]], atol=1e-6)
    write_npz(tmp_path / "again.npz", glass)
    assert_same(glass, read_npz(tmp_path / "again.npz"))


def test_a_large_cif_is_read_without_comparing_all_its_sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, symmetric = tmp_path / "a.cif", tmp_path / "symmetric.cif"
    at = np.random.default_rng(0).random((1_500, 3))
    ase.io.write(path, Atoms(["Cu"] * 1_500, scaled_positions=at, cell=CELL * 10, pbc=True))
    monkeypatch.setattr("ase.io.cif.crystal", lambda *_, **__: pytest.fail("looks for symmetry"))
    glass = read_glass(path)
    np.testing.assert_allclose(glass.positions @ np.linalg.inv(glass.cell), at, atol=1e-6)
    assert glass.periodic.all()
    text = path.read_text().replace("'x, y, z'", "'x, y, z'\n  '-x, -y, -z'").replace('"P 1"', '"P -1"')
    symmetric.write_text(text.replace("IT_number       1", "IT_number       2"))
    with pytest.raises(FileFormatError, match=r"may have 1,000 sites, this one has 1,500: write all atoms as P 1"):
        read_glass(symmetric)


# ---------------------------------------------------------------- bad input


def cut(text: str, lines: int) -> str:
    return "\n".join(text.splitlines()[:lines])


BAD_FILES: dict[str, tuple[str, bytes, dict[str, Any], str]] = {
    "truncated gz": ("a.dump.gz", gzip.compress(dump_text().encode())[:-20], {}, r"truncated or no gzip file"),
    "no gz": ("a.dump.gz", b"ITEM: TIMESTEP", {}, r"truncated or no gzip file"),
    "dump cut between rows": ("a.dump", cut(dump_text(), 11).encode(), {}, r"announces 3 atoms but ends after 2 rows"),
    "dump cut inside a row": ("a.dump", dump_text().encode()[:-9], {}, r"announces 3 atoms but ends after 3 rows"),
    "dump cut in its header": ("a.dump", cut(dump_text(), 6).encode(), {}, r"ends before the atoms of its frame"),
    "dump with a short row": (
        "a.dump",
        dump_text().replace(" -3.0 0.0 0\n", " -3.0\n").encode(),
        {},
        r"each row must have 8 columns, got 6 in line 11",
    ),
    "dump with a word for a number": ("a.dump", dump_text().replace("-3.0", "x").encode(), {}, r"column 'c_pe' must"),
    "dump with an id twice": ("a.dump", dump_text(ids=(3, 7, 3)).encode(), {}, r"lists id 3 more than once"),
    "dump without positions": ("a.dump", dump_text("id type c_pe").encode(), {}, r"must have columns of positions"),
    "dump with half a position": ("a.dump", dump_text("id type x y").encode(), {}, r"must have columns of positions"),
    "dump without types": ("a.dump", dump_text("id x y z").encode(), {}, r"must have a column element or type"),
    "dump in nanometres": ("a.dump", b"ITEM: UNITS\nnano\n" + dump_text().encode(), {}, r"must be in Å .* got nano"),
    "dump without types to map": ("a.dump", dump_text("element x y z").encode(), {}, r"type_map cannot be applied"),
    "no dump": ("a.dump", b"hello\n", {}, r"lacks the line ITEM: TIMESTEP"),
    "frame that is not there": ("a.dump", dump_text().encode(), {"frame": 3}, r"holds 1 frames, got frame 3"),
    "types without a map": ("a.dump", dump_text().encode(), {"type_map": None}, r"give type_map, such as 1=Cu,2=Zr"),
    "a type that the map lacks": ("a.dump", dump_text().encode(), {"type_map": {1: "Cu"}}, r"type 2, but .* only 1$"),
    "data without a map": ("a.data", data_text().encode(), {"type_map": None}, r"give type_map"),
    "data with an unknown type": ("a.data", data_text().encode(), {"type_map": {2: "Zr"}}, r"has atom type 1, but"),
    "data with an id twice": ("a.data", data_text().replace("\n7 1", "\n3 1").encode(), {}, r"lists id 3 more"),
    "truncated data": ("a.data", cut(data_text(), 18).encode(), {}, r"cannot be read as lammps-data .*truncated"),
    "no data": ("a.data", b"hello\n", {}, r"cannot be read as lammps-data"),
    "truncated POSCAR": ("POSCAR", cut(poscar_text(), 9).encode(), {"type_map": None}, r"cannot be read as poscar"),
    "no CIF": ("a.cif", b"hello\n", {"type_map": None}, r"cannot be read as cif"),
    "empty": ("a.extxyz", b"", {}, r"is empty"),
    "empty but for blanks": ("a.dump", b"\n \n", {}, r"is empty"),
    "binary": ("a.dump", bytes(range(256)), {}, r"is no text file"),
    "extxyz cut": ("a.xyz", b'2\nLattice="5 0 0 0 5 0 0 0 5"\nCu 0 0 0\n', {}, r"announces 2 atoms but"),
    "plain xyz": ("a.xyz", b"1\nwater\nCu 0 0 0\n", {"type_map": None}, r'must state Lattice="ax ay az .* got none'),
    "xyz of another kind": ("a.xyz", b"Cu 0 0 0\n", {}, r"must give a number of atoms in line 1, got 'Cu 0 0 0'"),
    "broken Properties": ("a.xyz", b"1\nProperties=pos:R\nCu 0 0 0\n", {}, r"Properties must list name:kind:width"),
    "npz that is an npy": ("a.npz", b"\x93NUMPY\x01\x00", {}, r"is no readable glass file"),
    "empty npz": ("a.npz", b"", {}, r"is no readable glass file"),
    "pickle": ("a.npz", pickle.dumps({"positions": 1}), {}, r"is no readable glass file"),
    "unknown suffix": ("a.abc", b"x", {}, r"cannot be told from its name: give one of"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_gets_a_sentence(case: str, tmp_path: Path) -> None:
    name, content, options, sentence = BAD_FILES[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=sentence) as caught:
        read_glass(tmp_path / name, **{"type_map": MAP, **options})
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["a.dump", "a.npz", "POSCAR"])
def test_a_missing_file_and_a_folder_are_no_files(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="does not exist or is no file"):
        read_glass(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(FileFormatError, match="does not exist or is no file"):
        read_glass(tmp_path / name)


def test_unknown_formats_are_refused(glass: Glass, tmp_path: Path) -> None:
    (tmp_path / "a.dump").write_text(dump_text())
    with pytest.raises(UnknownNameError, match="no format is called 'lammps': did you mean"):
        read_glass(tmp_path / "a.dump", format="lammps")
    with pytest.raises(FileFormatError, match="written as extxyz or npz, got 'poscar'"):
        write_glass(tmp_path / "POSCAR", glass)


@pytest.mark.parametrize("name", ["a.dump", "a.data", "POSCAR", "a.xyz"])
def test_positions_that_are_not_finite_are_refused(name: str, tmp_path: Path) -> None:
    text = {
        "a.dump": dump_text("id type x y z"),
        "a.data": data_text(),
        "POSCAR": poscar_text(),
        "a.xyz": '1\nLattice="5 0 0 0 5 0 0 0 5"\n2 0.2 0 8.0\n',
    }[name]
    last = text.split()[-1]
    (tmp_path / name).write_text(text.rstrip().removesuffix(last) + "nan\n")
    with pytest.raises(GlassError, match=rf"{name}: positions must be finite, but atom \d"):
        read_glass(tmp_path / name, type_map=None if name == "POSCAR" else MAP)


def test_an_npz_that_lost_an_array_or_holds_pickles_is_refused(glass: Glass, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_npz(path, labelled(glass))
    with np.load(path) as stored:
        arrays = dict(stored)
    for name in arrays:
        np.savez(path, **{key: value for key, value in arrays.items() if key != name})
        with pytest.raises(FileFormatError, match=f"lacks the array .*{name}"):
            read_npz(path)
    np.savez(path, **{**arrays, "positions": np.array([None], dtype=object)})
    with pytest.raises(FileFormatError, match=r"no readable glass file .*allow_pickle=False"):
        read_npz(path)


def test_a_damaged_npz_is_refused_wherever_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_npz(path, Glass([[0, 0, 0], [2, 0, 0]], ["A", "B"], [9, 9, 9], fields={"energy": ([1.0, 2.0], "eV")}))
    whole = path.read_bytes()
    before = read_npz(path)
    for length in range(0, len(whole), 23):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError):
            read_npz(path)
    refused = 0
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x81]) + whole[at + 1 :])
        try:
            assert_same(before, read_npz(path))  # a byte that means nothing, such as a time stamp
        except ZooError:
            refused += 1
    assert refused > len(whole) / 14


@pytest.mark.parametrize("name", ["a.dump", "a.data", "POSCAR", "a.xyz"])
def test_a_file_that_ends_anywhere_never_ends_in_a_traceback(name: str, tmp_path: Path) -> None:
    write_glass(tmp_path / "b.xyz", labelled(Glass(FRACTIONAL @ CELL, SPECIES, CELL)))
    text = {
        "a.dump": dump_text(),
        "a.data": data_text(),
        "POSCAR": poscar_text(),
        "a.xyz": (tmp_path / "b.xyz").read_text(),
    }[name]
    type_map = MAP if name in ("a.dump", "a.data") else None
    last_line = len(text) - len(text.splitlines()[-1]) - 1
    for length in range(0, last_line, 3):
        (tmp_path / name).write_text(text[:length])
        with pytest.raises(ZooError):
            read_glass(tmp_path / name, type_map=type_map)
