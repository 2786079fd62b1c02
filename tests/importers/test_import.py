"""A user's own files: the labels are right, what is wrong is said in one sentence, nothing is left half done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tomli_w

from zoo.benchmark import cell as cells
from zoo.benchmark.cell import run_cell
from zoo.benchmark.splits import split_by_glass
from zoo.benchmark.store import Store
from zoo.benchmark.suite import cells_of, read_suite
from zoo.benchmark.task import load_rows, read_task
from zoo.cli import main
from zoo.datasets.load import load_dataset
from zoo.errors import DatasetError, FileFormatError, GlassMismatchError, ZooError
from zoo.formats import write_glass
from zoo.formats.files import parse_type_map
from zoo.glass import Glass
from zoo.importers.deformed import import_deformed
from zoo.importers.folder import Import, Terms, write_import
from zoo.importers.labelled import import_labelled
from zoo.importers.pairs import import_table, roles_from_file, roles_from_options
from zoo.importers.sources import names_of, related_glasses
from zoo.labels.nonaffine import local_deformation
from zoo.neighbors import find_neighbors
from zoo.simulation.quality import first_shell

EDGE, N_ATOMS, CUTOFF = 13.0, 90, 4.2
SHEAR = np.array([[1, 0, 0], [0.03, 1, 0], [0, 0, 1.0]])
TYPES = {1: "Cu", 2: "Zr"}


def packing(seed: int) -> Glass:
    """Atoms at random places, none closer to another one than 2.1 Å."""
    random = np.random.default_rng(seed)
    placed = np.empty((0, 3))
    while len(placed) < N_ATOMS:
        trial = random.random(3) * EDGE
        away = placed - trial
        away -= EDGE * np.rint(away / EDGE)
        if (np.linalg.norm(away, axis=1) > 2.1).all():
            placed = np.vstack([placed, trial])
    return Glass(placed, np.where(np.arange(N_ATOMS) % 3, "Cu", "Zr"), [EDGE] * 3)


def strained(glass: Glass, seed: int = 0) -> Glass:
    """Sheared by 3 %, every atom kicked by some tenths of an ångström, wrapped into the new cell."""
    cell = glass.cell @ SHEAR
    kicks = np.random.default_rng(seed).normal(0, 0.1, (len(glass), 3))
    fractional = np.mod((glass.positions @ SHEAR + kicks) @ np.linalg.inv(cell), 1.0)
    return Glass(fractional @ cell, glass.species, cell)


IDS = 3 * np.arange(N_ATOMS) + 7


def write_dump(path: Path, glass: Glass, ids: np.ndarray = IDS, scale: float = 1.0) -> Path:
    """A LAMMPS dump with its rows in random order."""
    cell = glass.cell * scale
    xy, xz, yz = cell[1, 0], cell[2, 0], cell[2, 1]
    low = (min(0, xy, xz, xy + xz), min(0, yz), 0)
    high = (cell[0, 0] + max(0, xy, xz, xy + xz), cell[1, 1] + max(0, yz), cell[2, 2])
    bounds = "\n".join(f"{a:.9f} {b:.9f} {t:.9f}" for a, b, t in zip(low, high, (xy, xz, yz), strict=True))
    kinds = np.where(glass.species == "Cu", 1, 2)
    rows = [
        f"{ids[k]} {kinds[k]} {' '.join(f'{x:.9f}' for x in glass.positions[k] * scale)}"
        for k in np.random.default_rng(0).permutation(len(glass))
    ]
    header = f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n{len(glass)}\nITEM: BOX BOUNDS xy xz yz pp pp pp\n{bounds}\n"
    path.write_text(header + "ITEM: ATOMS id type x y z\n" + "\n".join(rows) + "\n")
    return path


def dumps(folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    """Files before and after deformation of ``count`` glasses."""
    glasses = [packing(seed) for seed in range(count)]
    return (
        [write_dump(folder / f"g{seed}.dump", glass) for seed, glass in enumerate(glasses)],
        [write_dump(folder / f"g{seed}.after.dump", strained(glass, seed)) for seed, glass in enumerate(glasses)],
    )


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    for cached in (cells.task_rows, cells.folds_of, cells.feature_matrix):
        cached.cache_clear()


# ---------------------------------------------------------------- before and after


def test_labels_are_those_of_the_atoms_matched_by_id(tmp_path: Path) -> None:
    before, after = dumps(tmp_path, 1)
    found = import_deformed(before, after, type_map=TYPES, cutoff=CUTOFF)
    (glass,) = found.glasses.values()
    expected = local_deformation(packing(0), strained(packing(0)), CUTOFF)
    np.testing.assert_allclose(glass.positions, packing(0).positions, atol=1e-8)
    np.testing.assert_allclose(glass.fields["d2min"].values, expected.d2min, rtol=1e-5)
    np.testing.assert_allclose(glass.fields["von_mises"].values, expected.von_mises, rtol=1e-5)
    assert found.made["strain_g0"].startswith("xy 0.015 ")


def test_displacement_is_what_shear_drift_and_wrapping_leave(tmp_path: Path) -> None:
    """One atom moves by (0.3, 0, 0.4) Å, all drift by 2 Å: its displacement is 0.5 Å but for its part in the mean."""
    glass = packing(0)
    kick = np.zeros((N_ATOMS, 3))
    kick[11] = (0.3, 0, 0.4)
    cell = glass.cell @ SHEAR
    moved = np.mod((glass.positions @ SHEAR + kick + 2.0) @ np.linalg.inv(cell), 1.0) @ cell
    before = write_dump(tmp_path / "a.dump", glass)
    after = write_dump(tmp_path / "b.dump", Glass(moved, glass.species, cell))
    found = import_deformed([before], [after], type_map=TYPES, cutoff=CUTOFF)
    displacement = found.glasses["a"].fields["displacement"].values
    assert displacement[11] == pytest.approx(0.5 * (1 - 1 / N_ATOMS), rel=1e-6)
    assert np.delete(displacement, 11).max() == pytest.approx(0.5 / N_ATOMS, rel=1e-5)


def test_the_cutoff_is_the_first_minimum_of_g_unless_stated(tmp_path: Path) -> None:
    found = import_deformed(*dumps(tmp_path, 2), type_map=TYPES)
    assert 2.1 < found.made["cutoff"] < 5
    assert f"within {found.made['cutoff']:.3g} Å" in found.columns[0].description


def test_an_atom_in_a_void_widens_the_cutoff(tmp_path: Path) -> None:
    found = import_deformed(*dumps(tmp_path, 2), type_map=TYPES)
    first_minimum = first_shell([packing(0), packing(1)])[1]
    assert find_neighbors(packing(0), first_minimum).counts.min() <= 3
    assert first_minimum < found.made["cutoff"] < 1.1 * first_minimum
    assert all(np.isfinite(glass.fields["d2min"].values).all() for glass in found.glasses.values())
    with pytest.raises(DatasetError, match=r"1 within 3.55 Å have not: give a larger --cutoff"):
        import_deformed(*dumps(tmp_path, 2), type_map=TYPES, cutoff=round(first_minimum, 3))


Mistake = Callable[[Path, Path], Any]


def _other_ids(before: Path, after: Path) -> None:
    write_dump(after, strained(packing(0)), ids=np.where(IDS == 7, 8, IDS))


def _fewer(before: Path, after: Path) -> None:
    glass = strained(packing(0))
    write_dump(after, Glass(glass.positions[1:], glass.species[1:], glass.cell), ids=IDS[1:])


def _other_species(before: Path, after: Path) -> None:
    glass = strained(packing(0))
    write_dump(after, Glass(glass.positions, np.roll(glass.species, 1), glass.cell))


def _other_cell(before: Path, after: Path) -> None:
    glass = strained(packing(0))
    write_dump(after, Glass(glass.positions, glass.species, glass.cell + np.diag([12.0, 0.0], -1)))


def _nan(before: Path, after: Path) -> None:
    lines = after.read_text().splitlines()
    lines[20] = " ".join([*lines[20].split()[:4], "nan"])
    after.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (_other_ids, r"must hold the same atoms, but id 7 is in one of them only"),
        (_fewer, r"must hold the same atoms, got 90 and 89: dump all atoms in both"),
        (_other_species, r"but the atom with id 7 is Zr before and Cu after \(60 differ\)"),
        (_other_cell, r"changes by 9\d % of its length, .* flip"),
        (_nan, r"after.dump: positions must be finite"),
        (lambda before, after: after.write_text(after.read_text()[:-400]), r"after.dump announces 90 atoms but ends"),
        (lambda before, after: after.write_text(""), r"after.dump is empty"),
        (lambda before, after: after.unlink(), r"after.dump does not exist"),
        (lambda before, after: after.write_text(before.read_text()), r"no atom has rearranged .* the same file\?"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(mistake: Mistake, sentence: str, tmp_path: Path) -> None:
    before, after = dumps(tmp_path, 1)
    mistake(before[0], after[0])
    with pytest.raises(ZooError, match=sentence) as caught:
        import_deformed(before, after, type_map=TYPES, cutoff=CUTOFF)
    assert "Traceback" not in str(caught.value)


def test_atoms_without_neighbours_need_a_larger_cutoff(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"within 2.2 Å have not: give a larger --cutoff"):
        import_deformed(*dumps(tmp_path, 1), type_map=TYPES, cutoff=2.2)


def test_every_file_needs_its_other_half_and_a_name(tmp_path: Path) -> None:
    before, after = dumps(tmp_path, 2)
    with pytest.raises(DatasetError, match="needs one after it, in the same order, got 2 and 1"):
        import_deformed(before, after[:1], type_map=TYPES)
    with pytest.raises(DatasetError, match="got 1 names for 2 glasses"):
        import_deformed(before, after, names=["a"], type_map=TYPES)
    with pytest.raises(ZooError, match="does not name them: give type_map"):
        import_deformed(before, after)
    assert names_of([Path("a/dump.gz"), Path("b/dump.gz")]) == ["a-dump", "b-dump"]
    with pytest.raises(DatasetError, match="got 'dump' twice"):
        names_of([Path("a/dump"), Path("b/dump")], ["dump", "dump"])


@pytest.mark.parametrize(("scale", "remark"), [(1.0, False), (0.1, True), (0.4, True)])
def test_lengths_that_are_not_in_angstrom_are_noticed(scale: float, remark: bool, tmp_path: Path) -> None:
    before = write_dump(tmp_path / "a.dump", packing(0), scale=scale)
    after = write_dump(tmp_path / "b.dump", strained(packing(0)), scale=scale)
    found = import_deformed([before], [after], type_map=TYPES, cutoff=CUTOFF * scale)
    assert any("--length-scale" in said for said in found.remarks) == remark
    scaled = import_deformed([before], [after], type_map=TYPES, cutoff=CUTOFF, length_scale=1 / scale)
    assert not any("--length-scale" in said for said in scaled.remarks)
    expected = local_deformation(packing(0), strained(packing(0)), CUTOFF).d2min
    np.testing.assert_allclose(scaled.glasses["a"].fields["d2min"].values, expected, rtol=1e-4)


def test_one_glass_sheared_twice_is_not_two_glasses(tmp_path: Path) -> None:
    before, after = dumps(tmp_path, 2)
    again = write_dump(tmp_path / "again.dump", strained(packing(0), seed=9))
    found = import_deformed([*before, before[0]], [*after, again], ["g0", "g1", "g0b"], TYPES, CUTOFF)
    assert found.origins == {"g0": "g0", "g0b": "g0"}
    assert any("100 % of the atoms of g0b lie where g0 has one" in said for said in found.remarks)
    written = write_import(found, Terms("mine"), tmp_path / "mine")
    rows = load_rows(read_task(str(written.folder / "tasks" / "mine-d2min.toml")))
    for split in split_by_glass(rows):
        tested = {rows.glass_names[glass] for glass in np.unique(rows.glass[split.test])}
        assert tested in ({"g0", "g0b"}, {"g1"})


def test_another_glass_after_deformation_is_noticed(tmp_path: Path) -> None:
    before, after = dumps(tmp_path, 2)
    for other, noticed in ((after[0], False), (after[1], True)):
        found = import_deformed([before[0]], [other], type_map=TYPES, cutoff=CUTOFF)
        assert any("states of the same glass?" in said for said in found.remarks) == noticed


def test_origins_are_one_along_a_chain() -> None:
    glasses = {f"g{k}": packing(k // 3) for k in range(6)}
    origins, said = related_glasses({name: glasses[name] for name in ("g1", "g3", "g4", "g0", "g2")})
    assert origins == {"g1": "g1", "g0": "g1", "g2": "g1", "g3": "g3", "g4": "g3"}
    assert len(said) == 4


def test_two_families_that_meet_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """a is like c, b like d, c like d: one glass, stretched step by step, until a and b are no longer alike."""
    glasses = {name: packing(seed) for seed, name in enumerate("abcde")}
    alike = {frozenset("ac"), frozenset("bd"), frozenset("cd")}
    names = {id(glass): name for name, glass in glasses.items()}
    monkeypatch.setattr("zoo.checks.content.shared_places", lambda a, b: float({names[id(a)], names[id(b)]} in alike))
    origins, _ = related_glasses(glasses)
    assert set(origins) == set("abcd")
    assert len(set(origins.values())) == 1


def test_type_maps_are_read_from_words() -> None:
    assert parse_type_map(["1=Cu", "2=Zr"]) == parse_type_map(["1=Cu,2=Zr"]) == TYPES
    assert parse_type_map([]) is None
    for words in (["Cu"], ["1=Cu", "1=Zr"], ["x=Cu"]):
        with pytest.raises(FileFormatError, match="--type-map must name each atom type once"):
            parse_type_map(words)


# ---------------------------------------------------------------- the folder


def test_what_was_imported_can_be_loaded_and_scored_at_once(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    before, after = dumps(tmp_path, 3)
    words = ["--before", *map(str, before), "--after", *map(str, after), "--type-map", "1=Cu", "2=Zr"]
    main(["data", "import", "mine", *words, "--output", str(tmp_path / "mine"), "--cutoff", str(CUTOFF), "--no-check"])
    said = capsys.readouterr().out
    assert f"zoo run {tmp_path / 'mine' / 'suite.toml'}" in said.replace("\n", "")
    for missing in (
        "No licence is stated",
        "No citation is stated",
        "No quench rate is stated",
        "3 independent glasses",
    ):
        assert missing in said
    dataset = load_dataset(str(tmp_path / "mine"))
    assert dataset.card.license == dataset.card.citation == "not stated"
    assert any("No licence is stated" in note for note in dataset.card.notes)
    assert [glass.stratum for glass in dataset.card.glasses] == ["Cu67Zr33"] * 3
    assert "g0.dump sha256 " in str(dataset.card.made["before_1"])
    suite = read_suite(str(tmp_path / "mine" / "suite.toml"))
    assert "radial-coarse" not in suite.entries[0].features  # needs a cell twice as large
    for cell in cells_of(suite):
        if cell.features == "coordination" and cell.family in ("logistic", "ridge") and cell.fold == 0:
            assert run_cell(cell, tmp_path / "results") == "ok"
    assert len(list(Store(tmp_path / "results"))) == 4


def test_a_single_glass_is_loaded_but_not_scored(tmp_path: Path) -> None:
    found = import_deformed(*dumps(tmp_path, 1), type_map=TYPES, cutoff=CUTOFF)
    written = write_import(found, Terms("one", license="CC0-1.0", citation="me", quench_rate=1e12), tmp_path / "one")
    assert written.suite is None
    (remark,) = written.remarks
    assert remark.startswith("A split by glass needs at least 2 independent glasses, here is 1: the data can be loaded")
    assert not (written.folder / "suite.toml").exists()
    assert len(load_dataset(str(written.folder)).glasses["g0"]) == N_ATOMS


def test_a_folder_is_replaced_only_if_asked_and_only_if_it_is_a_data_set(tmp_path: Path) -> None:
    found = import_deformed(*dumps(tmp_path, 2), type_map=TYPES, cutoff=CUTOFF)
    output = tmp_path / "out" / "mine"
    write_import(found, Terms("mine"), output)
    with pytest.raises(DatasetError, match="exists already: choose another folder, or replace it with --force"):
        write_import(found, Terms("mine", title="second"), output)
    assert load_dataset(str(output)).card.title == "mine"
    write_import(found, Terms("mine", title="second"), output, force=True)
    assert load_dataset(str(output)).card.title == "second"
    assert [path.name for path in output.parent.iterdir()] == ["mine"]
    (output / "card.toml").unlink()
    with pytest.raises(DatasetError, match="is no data set, so it is not replaced"):
        write_import(found, Terms("mine"), output, force=True)
    with pytest.raises(DatasetError, match="must be a word of letters, digits"):
        write_import(found, Terms("../mine"), tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()


def test_an_import_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    found = import_deformed(*dumps(tmp_path, 2), type_map=TYPES, cutoff=CUTOFF)
    output = tmp_path / "out" / "mine"
    write_import(found, Terms("mine"), output)
    broken = Import(columns=found.columns, glasses={"g0": packing(0)})  # lacks its labels
    with pytest.raises(DatasetError, match="lacks the column 'd2min'"):
        write_import(broken, Terms("mine", title="broken"), output, force=True)
    assert load_dataset(str(output)).card.title == "mine"
    assert [path.name for path in output.parent.iterdir()] == ["mine"]


# ---------------------------------------------------------------- labels beside structures


def labelled_files(folder: Path, count: int = 2) -> tuple[list[Path], pd.DataFrame]:
    """Structures and a table of labels in random order: label = id / 10, flag = is the id odd?"""
    structures = [write_dump(folder / f"g{seed}.dump", packing(seed)) for seed in range(count)]
    table = pd.DataFrame([(f"g{k}", i, i / 10 + k, i % 2, "x") for k in range(count) for i in IDS])
    table.columns = ["glass", "id", "softness", "hops", "comment"]
    return structures, table.sample(frac=1, random_state=0)


def labels_file(folder: Path, table: pd.DataFrame) -> Path:
    path = folder / "labels.csv"
    table.to_csv(path, index=False)
    return path


def test_labels_find_their_atoms_by_glass_and_id(tmp_path: Path) -> None:
    structures, table = labelled_files(tmp_path)
    found = import_labelled(structures, labels_file(tmp_path, table), {}, type_map=TYPES)
    np.testing.assert_allclose(found.glasses["g1"].fields["softness"].values, IDS / 10 + 1)
    assert {column.name: column.unit for column in found.columns} == {"softness": "not stated", "hops": "not stated"}
    assert [(target.column, target.rule) for target in found.targets] == [
        ("softness", "value"),
        ("softness", "top-fraction"),
        ("hops", "flag"),
    ]
    written = write_import(found, Terms("mine"), tmp_path / "mine")
    assert any("No unit is stated for softness, hops" in said for said in written.remarks)
    assert load_rows(read_task(str(written.folder / "tasks" / "mine-hops.toml"))).target.mean() == pytest.approx(0.5)
    only = import_labelled(structures, labels_file(tmp_path, table), {"softness": "1"}, type_map=TYPES)
    assert [(column.name, column.unit) for column in only.columns] == [("softness", "1")]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t[t["id"] != 10], r"must label every atom, but 1 of the 90 atoms of g0 have no row, .* id 10"),
        (lambda t: pd.concat([t, t.iloc[:2]]), r"must label each atom once, .* \(2 too many\)"),
        (lambda t: t.assign(glass=t["glass"].replace("g1", "h1")), r"labels the glass 'h1', but the structures are g0"),
        (lambda t: t.assign(id=t["id"] + 1), r"labels id \d+ of g0, an atom that its structure file does not have"),
        (lambda t: t.assign(id="a"), r"the column id must hold whole numbers"),
        (lambda t: t.drop(columns="id"), r"must have the columns glass and id"),
        (lambda t: t.assign(softness=t["softness"].where(t["id"] != 10)), r"'softness' is nan for 1 of 90 atoms"),
        (lambda t: t[["glass", "id", "comment"]], r"must have a column of numbers beside glass and id"),
        (lambda t: t.iloc[:0], r"labels.csv has no rows"),
    ],
)
def test_labels_that_do_not_fit_are_refused(change: Any, sentence: str, tmp_path: Path) -> None:
    structures, table = labelled_files(tmp_path)
    with pytest.raises(ZooError, match=sentence):
        import_labelled(structures, labels_file(tmp_path, change(table)), {}, type_map=TYPES)


def test_labels_may_be_columns_of_the_structure_files(tmp_path: Path) -> None:
    path = tmp_path / "a.extxyz"
    write_glass(path, packing(0).with_fields(barrier=(np.arange(90.0), "eV")))
    found = import_labelled([path], None, {"barrier": "eV"})
    np.testing.assert_array_equal(found.glasses["a"].fields["barrier"].values, np.arange(90.0))
    with pytest.raises(DatasetError, match=r"must have the column 'softness', its columns are: barrier"):
        import_labelled([path], None, {"softness": "1"})
    with pytest.raises(DatasetError, match=r"name the columns of the structure files with --target"):
        import_labelled([path], None, {})


@pytest.mark.parametrize("first", [0, 1])
def test_atoms_of_files_without_ids_are_counted_from_0_or_1(first: int, tmp_path: Path) -> None:
    path = tmp_path / "a.extxyz"
    write_glass(path, packing(0))
    table = pd.DataFrame({"glass": "a", "id": np.arange(90) + first, "label": np.arange(90.0)})
    found = import_labelled([path], labels_file(tmp_path, table), {})
    np.testing.assert_array_equal(found.glasses["a"].fields["label"].values, np.arange(90.0))


# ---------------------------------------------------------------- tables


def pairs_table(count: int = 4) -> pd.DataFrame:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"glass": np.repeat([f"c{k}" for k in range(count)], 30), "i": np.tile(np.arange(30), count)})
    table["j"] = table["i"] + 100
    table["distance"] = random.random(len(table))
    table["Delta E"] = random.random(len(table))
    table["is_dw"] = (table["distance"] > 0.5).astype(int)
    table["run"] = 3
    return table


def pairs_file(folder: Path, table: pd.DataFrame) -> Path:
    path = folder / "pairs.parquet"
    table.to_parquet(path)
    return path


def test_a_table_is_scored_with_the_columns_that_it_calls_features(tmp_path: Path) -> None:
    path = pairs_file(tmp_path, pairs_table())
    roles = roles_from_options(
        list(pairs_table()), "glass", ["i", "j"], {"is_dw": "1"}, {"distance": "σ", "Delta E": ""}
    )
    assert {c.name: c.role for c in roles}["run"] == "identity"
    written = write_import(import_table(path, roles), Terms("mine"), tmp_path / "mine")
    assert any("Never learnt from, as no role is given: run" in said for said in written.remarks)
    assert any("No unit is stated for Delta E" in said for said in written.remarks)
    suite = read_suite(str(written.suite))
    (entry,) = suite.entries
    assert entry.features == ["columns"]
    for cell in cells_of(suite):
        if cell.family == "logistic" and cell.split == "glass" and cell.fold == 0:
            assert run_cell(cell, tmp_path / "results") == "ok"
    (result,) = Store(tmp_path / "results")
    assert result.n_columns == 2
    assert result.scores["roc_auc"] > 0.95


def test_rows_that_are_no_pairs_have_one_name(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path, folder = str(pairs_file(tmp_path, pairs_table().drop(columns="j"))), tmp_path / "mine"
    roles = ["--group", "glass", "--state", "i", "--target", "is_dw=1", "--feature", "distance=σ", "Delta E=ε"]
    main(["data", "import", "mine", "--table", path, *roles, "--output", str(folder)])
    assert "D501" in capsys.readouterr().out  # the checks are made at once: no licence
    rows = load_rows(read_task(str(folder / "tasks" / "mine-is_dw.toml")))
    assert rows.states is not None
    assert rows.states.shape == (120, 1)
    assert len(split_by_glass(rows)) == 4


def test_roles_may_be_in_a_file(tmp_path: Path) -> None:
    roles = {"glass": "group", "i": "state", "j": "state", "is_dw": "target", "distance": "feature"}
    columns = [{"name": n, "unit": "1", "role": r, "description": "d"} for n, r in roles.items()]
    (tmp_path / "roles.toml").write_text(tomli_w.dumps({"columns": columns}))
    found = import_table(pairs_file(tmp_path, pairs_table()), roles_from_file(tmp_path / "roles.toml"))
    assert [column.name for column in found.columns] == list(roles)
    assert any("Delta E, run" in said for said in found.remarks)
    (tmp_path / "roles.toml").write_text(tomli_w.dumps({"columns": columns, "colour": "red"}))
    with pytest.raises(ZooError, match="unknown field `colour`"):
        roles_from_file(tmp_path / "roles.toml")


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        ({}, {"group": "conf"}, r"the table has no column 'conf', its columns are: glass, i, j"),
        ({}, {"states": ["i", "j", "run"]}, r"one or two of role state .* got 1 and 3"),
        ({}, {"features": {}}, r"at least one column of role feature: name it with --feature"),
        ({}, {"features": {"is_dw": "1"}}, r"a column has one role, got several for 'is_dw'"),
        ({}, {"targets": {"glass": "1"}}, r"a column has one role, got several for 'glass'"),
        ({"distance": np.nan}, {}, r"'distance' is not in 120 of 120 rows, the first is row 0"),
        ({"distance": "far"}, {}, r"features and targets must be numbers, 'distance' is not"),
        ({"i": 0}, {"states": ["i"]}, r"rows must have their own identity \(glass, i\), but row 1 repeats"),
        ({"glass": None}, {}, r"rows must name their glass, but row 0 does not"),
    ],
)
def test_tables_that_cannot_be_scored_are_refused(change: Any, options: Any, sentence: str, tmp_path: Path) -> None:
    table = pairs_table().assign(**change)
    given = {
        "group": "glass",
        "states": ["i", "j"],
        "targets": {"is_dw": "1"},
        "features": {"distance": "σ"},
        **options,
    }

    def importing() -> None:
        roles = roles_from_options(list(table), *given.values())
        write_import(import_table(pairs_file(tmp_path, table), roles), Terms("mine"), tmp_path / "mine")

    with pytest.raises(ZooError, match=sentence):
        importing()
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.tsv", "pairs.csv.gz", "pairs.feather"])
def test_tables_of_several_formats_are_read(name: str, tmp_path: Path) -> None:
    path, table = tmp_path / name, pairs_table()
    table.to_feather(path) if name.endswith("feather") else table.to_csv(
        path, sep="\t" if "tsv" in name else ",", index=False
    )
    roles = roles_from_options(list(table), "glass", ["i", "j"], {"is_dw": "1"}, {"distance": "σ"})
    assert len(import_table(path, roles).table) == 120
    path.write_bytes(path.read_bytes()[: 40 if "feather" in name else 0])
    with pytest.raises(ZooError, match=name):
        import_table(path, roles)


def test_the_command_wants_one_kind_of_files(capsys: pytest.CaptureFixture) -> None:
    for words in ([], ["--before", "a", "--table", "b.csv"]):
        with pytest.raises(SystemExit) as stopped:
            main(["data", "import", "mine", *words])
        assert stopped.value.code == 2
        assert "one kind of files is needed" in capsys.readouterr().err


def test_mismatched_dimensions_and_half_known_ids_are_refused(tmp_path: Path) -> None:
    before = write_dump(tmp_path / "a.dump", packing(0))
    write_glass(tmp_path / "b.extxyz", strained(packing(0)))
    with pytest.raises(GlassMismatchError, match="one states atom ids and the other does not"):
        import_deformed([before], [tmp_path / "b.extxyz"], type_map=TYPES)
