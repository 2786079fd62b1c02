"""``zoo features`` on a file of one's own, and ``zoo check-descriptor``."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from disorder import disordered

from zoo.cli import main
from zoo.describe import Request
from zoo.errors import ZooError
from zoo.features.compute import compute_features
from zoo.features.declaration import feature_sets
from zoo.formats import read_glass, write_glass
from zoo.glass import Glass


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """500 atoms as LAMMPS writes them, in a shuffled order, with a column ``softness``."""
    glass = disordered()
    path = tmp_path / "glass.dump"
    order = np.random.default_rng(0).permutation(500)
    edges = "\n".join(f"0 {edge}" for edge in np.diag(glass.cell))
    rows = "\n".join(
        f"{k + 1} {1 if glass.species[k] == 'Cu' else 2} {' '.join(map(repr, glass.positions[k].tolist()))} {k % 7}"
        for k in order
    )
    head = f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n500\nITEM: BOX BOUNDS pp pp pp\n{edges}\n"
    path.write_text(f"{head}ITEM: ATOMS id type x y z softness\n{rows}\n")
    return path


def run(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def test_a_table_has_the_columns_of_the_set_by_id(
    dump: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "table.parquet"
    assert run("features", dump, "--type-map", "1=Cu,2=Zr", "--set", "voronoi+species", "-o", out) == 0
    table = pd.read_parquet(out)
    expected = compute_features("voronoi+species", disordered())
    assert list(table.columns[:3]) == ["id", "species", "voronoi.n3"]
    assert table["id"].tolist() == list(range(1, 501))
    np.testing.assert_allclose(table.iloc[:, 2:].to_numpy(), expected, atol=1e-5)
    schema = pq.read_schema(out)
    assert schema.field("voronoi.volume").metadata == {b"unit": "Å³".encode()}
    assert "500 atoms, 15 columns" in capsys.readouterr().out


def test_species_units_and_lengths_may_be_stated(dump: Path, tmp_path: Path) -> None:
    """Twice as large in numbers, half an angstrom each: the same glass; aluminium is in other glasses."""
    text = dump.read_text().splitlines()
    rows = [row.split() for row in text[9:]]
    doubled = [" ".join([*row[:2], *(repr(2 * float(x)) for x in row[2:5]), "1.3"]) for row in rows]
    edges = [f"0 {2 * float(line.split()[1])!r}" for line in text[5:8]]
    dump.write_text("\n".join([*text[:5], *edges, "ITEM: ATOMS id type x y z radius", *doubled]) + "\n")
    out = tmp_path / "table.csv"
    words = ("features", dump, "--type-map", "1=Cu,2=Zr", "-o", out, "--length-scale", "0.5", "--unit", "radius=Å")
    assert run(*words, "--set", "coordination", "--species", "Zr,Al,Cu") == 0
    table = pd.read_csv(out)
    assert table["coordination_Al"].max() == 0
    np.testing.assert_array_equal(
        table["coordination_Cu"], compute_features("coordination", disordered(), ("Al", "Cu", "Zr"))[:, 5]
    )
    assert run(*words, "--set", "voronoi-radical") == 0
    np.testing.assert_allclose(pd.read_csv(out)["volume"], compute_features("voronoi", disordered())[:, -1], rtol=1e-4)


def test_a_glass_for_ovito_has_the_columns_as_fields(dump: Path, tmp_path: Path) -> None:
    out = tmp_path / "with.extxyz"
    assert run("features", dump, "--type-map", "1=Cu 2=Zr".replace(" ", ","), "--set", "coordination", "-o", out) == 0
    found = read_glass(out)
    assert {"softness", "coordination_Cu"} <= set(found.fields)
    assert found.fields["coordination"].values.mean() > 10


def test_radii_may_be_given_by_species(dump: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "t.csv"
    words = ("features", dump, "--type-map", "1=A", "2=B", "--set", "interstice-shell", "-o", out)
    assert run(*words) == 2
    assert "no atomic radius is known for A, B: give" in capsys.readouterr().err
    assert run(*words, "--radius", "A=1.26") == 2
    assert "must name every species without a known radius, B is missing" in capsys.readouterr().err
    assert run(*words, "--radius", "A=1.26", "B=1.58") == 0
    np.testing.assert_allclose(
        pd.read_csv(out).iloc[:, 2:], compute_features("interstice-shell", disordered()), rtol=1e-4, atol=1e-6
    )


def test_disks_have_energies_but_no_vibrations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "disks.extxyz"
    places = 1.1 * np.stack(np.meshgrid(range(12), range(12)), axis=-1).reshape(-1, 2)
    write_glass(path, Glass(places, ["S", "L"] * 72, [13.2, 13.2]))
    words = ("features", path, "--potential", "lj-disks", "--set")
    assert run(*words, "physics-inspired") == 0
    assert "energy_L_3" in capsys.readouterr().out
    assert run(*words, "vibration", "--radius", "S=0.5", "L=0.6") == 2
    assert "are computed for 3D glasses" in capsys.readouterr().err


def test_vibrations_of_particles_that_are_no_elements_take_radii() -> None:
    Request("vibration", potential="kob-andersen", radii=("A=1.25", "B=1.1")).require_sense(plotted=False)
    with pytest.raises(ZooError, match="reads no radii"):
        Request("physics-inspired", potential="kob-andersen", radii=("A=1.25", "B=1.1")).require_sense(plotted=False)


def test_a_pair_of_structures_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    glass, step = disordered(), np.zeros((500, 3))
    step[7] = [0.3, 0.0, 0.4]
    first, last, out = tmp_path / "first.extxyz", tmp_path / "last.extxyz", tmp_path / "pair.csv"
    write_glass(first, glass)
    write_glass(last, Glass(glass.positions + step, glass.species, glass.cell))
    assert run("features", first, "--with", last, "--set", "pair", "-o", out) == 0
    assert "displacement_0       0.5" in capsys.readouterr().out
    table = pd.read_csv(out)
    assert len(table) == 1
    assert table["total_displacement"].item() == pytest.approx(0.5)


def test_a_figure_is_drawn(dump: Path, tmp_path: Path) -> None:
    out = tmp_path / "plot.png"
    words = ("features", dump, "--type-map", "1=Cu,2=Zr", "--set", "voronoi", "--plot", out)
    assert run(*words, "--label", "softness", "--color", "volume") == 0
    assert out.read_bytes()[:4] == b"\x89PNG"
    drawn = out.with_suffix(".svg")
    assert run(*words[:-1], drawn) == 0
    assert re.search(r">coloured by \w+<", drawn.read_text())  # a line of its own: names of columns are long


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--set", "voronoy"), "no feature set is called 'voronoy': did you mean voronoi"),
        (("--set", "voronoi", "-o", "a.txt"), "features are written as .parquet"),
        (("--set", "voronoi", "--plot", "a.png", "--label", "softnes"), "did you mean softness"),
        (("--set", "voronoi", "--label", "softness"), "give --plot FILE too"),
        (("--set", "voronoi", "--minimize"), "give --potential NAME too"),
        (("--set", "voronoi", "--potential", "emt-cu-zr"), "reads nothing that a potential gives"),
        (("--set", "sar", "--potential", "emt-cu-zr"), "also reads 'barrier_mean', which no potential gives at once"),
        (("--set", "vibration"), "has no field 'vibrational_msd'"),
        (("--set", "voronoi", "--plot", "a.nope"), ".png, .svg, .pdf"),
        (("--set", "voronoi", "--plot", "a.png", "--color", "volum"), "did you mean volume"),
        (("--set", "voronoi", "--length-scale", "-1"), "a length scale must be a positive number"),
        (("--set", "voronoi", "--radius", "Cu=1.2"), "reads no radii"),
        (
            ("--set", "voronoi", "--unit", "softnes=1"),
            "called 'softnes': did you mean softness",
        ),
        (
            ("--set", "interstice", "--radius", "Cu=large"),
            "must give a species (Cu, Zr) a positive radius in Å, got 'Cu",
        ),
        (("--set", "interstice", "--radius", "Al=1.4"), "must give a species (Cu, Zr) a positive radius"),
        (("--set", "voronoi+"), "a name is missing"),
        (("--set", "pair"), "needs both: --set pair, and --with FILE"),
        (("--set", "voronoi", "--with", "glass.dump"), "needs both: --set pair, and --with FILE"),
        (("--set", "pair", "--with", "glass.dump"), "no atom has moved"),
    ],
)
def test_bad_input_gets_one_sentence(
    words: tuple[str, ...],
    sentence: str,
    dump: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(dump.parent)
    assert run("features", dump, "--type-map", "1=Cu,2=Zr", *words) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.strip().splitlines()) == 1
    assert [path.name for path in dump.parent.iterdir()] == ["glass.dump"]


def test_a_potential_gives_what_is_not_stored(tmp_path: Path) -> None:
    glass = disordered(repeat=5)
    path, out = tmp_path / "g.npz", tmp_path / "g.extxyz"
    write_glass(path, Glass(glass.positions * 0.92, glass.species, glass.cell * 0.92))
    words = ("features", path, "--set", "vibration", "--potential", "emt-cu-zr", "-o", out)
    assert run(*words) == 2  # not at a minimum
    assert run(*words, "--minimize") == 0
    found = read_glass(out)
    assert (found.fields["vibrational_msd"].values > 0).all()
    assert found.fields["energy"].unit == "eV"


GOOD = """
import numpy as np
from zoo.features.declaration import Column, FeatureSet, feature_sets
from zoo.neighbors import find_neighbors

def compute(glass, kinds):
    near = find_neighbors(glass, 4.0)
    return np.bincount(near.center, (4.0 - near.distance) ** 2, len(glass)).astype(np.float32)[:, None]

def columns(kinds):
    return (Column("crowding", "Å²", "density"),)

feature_sets.register(FeatureSet("crowding", "Crowding", "no source", 1, columns, compute))
"""


@pytest.fixture
def forget() -> object:
    """Remove what a test registers."""
    before = set(feature_sets.names())
    yield
    for name in set(feature_sets.names()) - before:
        del feature_sets._entries[name]


@pytest.mark.usefixtures("forget")
def test_a_descriptor_of_ones_own_is_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "crowding.py"
    path.write_text(GOOD)
    assert run("check-descriptor", path) == 0
    said = capsys.readouterr().out
    assert "failed" not in said
    assert "passed 12, not applicable 0, exempt 0" in said
    assert "µs per atom" in said


@pytest.mark.usefixtures("forget")
def test_a_descriptor_that_fails_a_trial_is_told_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "crowding.py"
    path.write_text(GOOD.replace("(4.0 - near.distance) ** 2", "near.vector[:, 0] ** 2").replace("crowding", "tilted"))
    assert run("check-descriptor", path) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "when the glass is turned" in said
    assert "why it matters: it would learn how the box happens to lie" in said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = ", "must run on its own, got SyntaxError"),
        ("x = 1", "must register a feature set"),
        (None, "does not exist"),
    ],
)
def test_a_file_without_a_descriptor_gets_one_sentence(
    text: str | None, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "descriptor.py"
    if text is not None:
        path.write_text(text)
    assert run("check-descriptor", path) == 2
    assert sentence in capsys.readouterr().err


def test_columns_that_are_known_for_some_atoms_only_are_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "g.npz", tmp_path / "t.csv"
    values = np.where(np.arange(500) % 10 == 0, 1.0, np.nan)
    write_glass(path, disordered().with_fields(barrier_mean=(values, "eV")))
    assert run("features", path, "--set", "barrier+species", "-o", out) == 0
    assert "barrier.barrier_mean is known for 50 of 500 atoms; the others are empty" in capsys.readouterr().out
    assert pd.read_csv(out)["barrier.barrier_mean"].notna().sum() == 50
    for expression in ("barrier@cg", "barrier@mro"):
        assert run("features", path, "--set", expression, "-o", out) == 2
        assert "need the field 'barrier_mean' everywhere" in capsys.readouterr().err


def test_a_label_of_two_values_splits_by_them() -> None:
    from zoo.sheets.plots import _two_classes

    flag = np.arange(500) % 4 == 0
    glass = disordered().with_fields(flag=(flag.astype(float), "1"), softness=(np.arange(500.0), "1"))
    classes = _two_classes(glass, "flag")
    assert list(classes) == ["flag = 1", "flag = 0"]
    np.testing.assert_array_equal(classes["flag = 1"], flag)
    classes = _two_classes(glass, "softness")
    assert list(classes) == ["largest 10 % of softness", "others"]
    np.testing.assert_array_equal(np.flatnonzero(classes["largest 10 % of softness"]), np.arange(450, 500))
