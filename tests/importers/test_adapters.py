"""Files of other people in the layouts that they state, and what is said when a file has another one."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from zoo.datasets.card import read_card
from zoo.datasets.load import load_dataset
from zoo.datasets.readers import READERS, read_foreign
from zoo.errors import DatasetError, FileFormatError, UnknownNameError
from zoo.features.pair import COLUMNS
from zoo.importers.folder import Terms, write_import
from zoo.importers.glassbench import import_glassbench
from zoo.importers.wells import import_wells
from zoo.paths import content_root

# ---------------------------------------------------------------- published files behind a card


def symgnn_content(**changes: Any) -> dict[str, Any]:
    random = np.random.default_rng(0)
    box = np.array([20.0, 21.0, 22.0], np.float32)
    return {
        "__header__": b"MATLAB",
        "box": box,
        "positions": (random.random((50, 3)) - 0.5) * box,
        "pot": -4 + random.random(50).astype(np.float32),
        "trajectory_start_velocities": 1 + random.random(50).astype(np.float32),
        "types": np.where(np.arange(50) < 32, 1, 2).astype(np.int32),
        **changes,
    }


def symgnn_file(folder: Path, **changes: Any) -> Path:
    path = folder / "train0.pickle"
    path.write_bytes(pickle.dumps(symgnn_content(**changes), 4))
    return path


def test_a_symgnn_pickle_becomes_a_glass(tmp_path: Path) -> None:
    content = symgnn_content()
    glass = read_foreign("symgnn-1", symgnn_file(tmp_path))
    np.testing.assert_array_equal(glass.positions, content["positions"])
    np.testing.assert_array_equal(np.diag(glass.cell), content["box"])
    assert glass.species.tolist() == ["Cu"] * 32 + ["Zr"] * 18
    np.testing.assert_array_equal(glass.fields["barrier_mean"].values, content["trajectory_start_velocities"])
    assert {name: entry.unit for name, entry in glass.fields.items()} == {"barrier_mean": "eV", "energy": "eV"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"types": np.full(50, 3, np.int32)}, r"types must be among \[1, 2\], got \[3\]"),
        ({"pot": np.zeros(49, np.float32)}, r"'pot' must be numbers of shape 50, got float32 \(49,\)"),
        ({"box": np.array([2.0, 2.1, 2.2])}, r"'box' must lie between 10 and 1000 Å, got 2 to 2.2"),
        ({"box": np.array([15.0, 21.0, 22.0])}, r"in boxes from the centre"),
        ({"pot": np.full(50, np.nan)}, r"'pot' must be finite, 50 values are not"),
        ({"trajectory_start_velocities": np.full(50, -1.0)}, r"must lie between 0 and 20 eV, got -1 to -1"),
        ({"positions": "none"}, r"'positions' must be numbers of shape any x 3"),
    ],
)
def test_a_symgnn_pickle_with_another_layout_is_refused(changes: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=sentence) as caught:
        read_foreign("symgnn-1", symgnn_file(tmp_path, **changes))
    assert "train0.pickle" in str(caught.value)


EDGE = (60 / 1.2) ** (1 / 3)


def botan_content(**changes: Any) -> dict[str, Any]:
    """60 particles; in run k of 6, half of them move by 0.1 (k + 1) along x and half as far back."""
    start = np.random.default_rng(1).random((60, 3)) * EDGE
    step = np.zeros((6, 60, 3))
    step[:, :30, 0] = 0.1 * np.arange(1, 7)[:, None]
    step[:, 30:, 0] = -step[:, :30, 0]
    types = np.where(np.arange(60) < 48, 0, 1).astype(np.int8)
    return {"types": types, "initial_positions": start, "positions": start + step, **changes}


def botan_file(folder: Path, **changes: Any) -> Path:
    path = folder / "isoconfig.npz"
    np.savez(path, **botan_content(**changes))
    return path


def test_propensity_is_the_mean_length_of_the_displacement(tmp_path: Path) -> None:
    glass = read_foreign("botan-1", botan_file(tmp_path), length_scale=2.5)
    np.testing.assert_allclose(glass.fields["propensity"].values, 0.35)
    np.testing.assert_allclose(glass.fields["propensity_even"].values, 0.3)  # runs 0, 2, 4
    np.testing.assert_allclose(glass.fields["propensity_odd"].values, 0.4)
    assert {entry.unit for entry in glass.fields.values()} == {"σ"}
    np.testing.assert_allclose(np.diag(glass.cell), 2.5 * EDGE)  # positions are scaled, labels are not
    np.testing.assert_allclose(glass.positions, 2.5 * botan_content()["initial_positions"])
    assert glass.species.tolist() == ["A"] * 48 + ["B"] * 12


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"positions": botan_content()["positions"][:, :59]}, r"shape any x 60 x 3, got float64 \(6, 59, 3\)"),
        ({"positions": botan_content()["positions"][:3]}, r"needs at least 4 runs, got 3"),
        ({"positions": botan_content()["positions"] + 0.02}, r"centre of mass must stay at rest, but it moves by 0.03"),
        ({"initial_positions": np.full((60, 3), 9.0)}, r"'initial_positions, in boxes,' must lie between"),
        ({"types": np.full(60, 2)}, r"types must be among \[0, 1\], got \[2\]"),
    ],
)
def test_a_botan_file_with_another_layout_is_refused(changes: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=sentence):
        read_foreign("botan-1", botan_file(tmp_path, **changes))


def test_wrapped_positions_of_the_runs_are_refused(tmp_path: Path) -> None:
    """Half of the particles cross the box one way, half the other way: the centre stays, the lengths are absurd."""
    content = botan_content()
    content["positions"][:, :30, 0] += EDGE
    content["positions"][:, 30:, 0] -= EDGE
    with pytest.raises(FileFormatError, match="'propensity' must lie between 0 and"):
        read_foreign("botan-1", botan_file(tmp_path, positions=content["positions"]))


def test_cards_name_readers_that_exist() -> None:
    cards = [read_card(path.parent) for path in (content_root() / "datasets").glob("*/card.toml")]
    assert {card.reader for card in cards if card.reader} == set(READERS)
    with pytest.raises(UnknownNameError, match="no reader is called 'symgnn'"):
        read_foreign("symgnn", Path("x"))


def test_states_of_one_glass_share_their_origin() -> None:
    """Found by comparing positions: train0 is train1, train6 is train5 stretched."""
    origins = {glass.id: glass.origin for glass in read_card(content_root() / "datasets" / "eact-symgnn").glasses}
    assert origins["train0"] == origins["train1"]
    assert origins["train5"] == origins["train6"]
    assert len(set(origins.values())) == 5


# ---------------------------------------------------------------- GlassBench


def structure(n_atoms: int = 4096, seed: int = 0, **changes: Any) -> dict[str, Any]:
    """One structure as the archive describes it."""
    random = np.random.default_rng(seed)
    dimension, edge, n_first = (3, (4096 / 1.2) ** (1 / 3), 3277) if n_atoms == 4096 else (2, 32.8962, 600)
    types = np.ones(n_atoms, np.int8)
    types[n_first:] = 2
    if dimension == 2:
        types[930:] = 3
    positions = (random.random((n_atoms, dimension)) - 0.5) * edge
    return {
        "types": types,
        "initial_positions": positions,
        "initial_positions_inherent": positions * 0.999,
        "md_prop": random.random((10, n_atoms)),
        "bb_prop": random.random((10, n_atoms)),
        **changes,
    }


def archive(folder: Path, structures: dict[str, dict[str, Any]], name: str = "T0.44.tar.gz") -> Path:
    path = folder / name
    with tarfile.open(path, "w:gz", compresslevel=1) as packed:
        for member, arrays in structures.items():
            buffer = io.BytesIO()
            np.savez(buffer, **arrays)
            entry = tarfile.TarInfo(member)
            entry.size = len(buffer.getvalue())
            packed.addfile(entry, io.BytesIO(buffer.getvalue()))
    return path


def test_a_temperature_of_glassbench_becomes_a_data_set(tmp_path: Path) -> None:
    numbers = {"train": (1, 2, 10), "test": (401,)}
    packed = {
        f"T0.44/{split}/N4096T0.44_{number}.npz": structure(seed=number)
        for split, of_split in numbers.items()
        for number in of_split
    }
    path = archive(tmp_path, {**packed, "T0.44/README": {}})
    found = import_glassbench(path, most=3)
    assert list(found.glasses) == ["train-1", "train-2", "train-10"]  # by number, not by the letters of the name
    glass, content = found.glasses["train-2"], structure(seed=2)
    np.testing.assert_allclose(glass.positions, 2.5 * content["initial_positions_inherent"])
    np.testing.assert_array_equal(glass.fields["propensity_7"].values, content["md_prop"][7])
    np.testing.assert_array_equal(glass.fields["bond_breaking_9"].values, content["bb_prop"][9])
    assert glass.fields["propensity_7"].unit == "σ"
    assert np.unique(glass.species, return_counts=True)[1].tolist() == [3277, 819]
    np.testing.assert_allclose(np.diag(glass.cell), 2.5 * 15.05658, rtol=1e-5)
    thermal = import_glassbench(path, "thermal", most=2).glasses["train-1"]
    np.testing.assert_allclose(thermal.positions, 2.5 * structure(seed=1)["initial_positions"])
    written = write_import(found, Terms("ka-044"), tmp_path / "ka-044")
    card = load_dataset(str(written.folder)).card
    assert card.license == "CC-BY-4.0"
    assert "arXiv:2311.14752" in card.citation
    assert any("not on the archive itself" in note for note in card.notes)


def test_the_two_dimensional_mixture_is_read_from_an_unpacked_folder(tmp_path: Path) -> None:
    for number in (3, 4):
        path = tmp_path / "T0.30" / "train" / f"N1290T0.30_{number}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **structure(1290, number))
    found = import_glassbench(tmp_path / "T0.30")
    glass = found.glasses["train-3"]
    assert glass.dimension == 2
    assert np.unique(glass.species, return_counts=True)[1].tolist() == [600, 330, 360]
    assert found.strata == {"train-3": "T0.30", "train-4": "T0.30"}
    assert "Phys. Rev. Lett. 130, 238202" in found.citation


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"initial_positions_inherent": structure()["initial_positions"] * 2}, r"must fill a box of 15.0566 σ"),
        ({"initial_positions_inherent": structure()["initial_positions"] / 2}, r"must fill a box of 15.0566 σ"),
        ({"md_prop": structure()["md_prop"].T}, r"'md_prop' must be numbers of shape any x 4096, got .*\(4096, 10\)"),
        ({"bb_prop": structure()["bb_prop"][:9]}, r"'bb_prop' must be numbers of shape 10 x 4096"),
        ({"bb_prop": structure()["bb_prop"] * 3}, r"'bb_prop' must lie between 0 and 1 "),
        ({"md_prop": -structure()["md_prop"]}, r"'md_prop' must lie between 0 and 15.0566 σ"),
        ({"md_prop": np.full((10, 4096), np.nan)}, r"'md_prop' must be finite, 40960 values are not"),
        ({"types": 3 - structure()["types"]}, r"the smallest is that of 3277 particles A, got \{1: 819, 2: 3277\}"),
        ({"types": structure()["types"].astype(str)}, r"'types' must be numbers"),
    ],
)
def test_a_structure_with_another_layout_is_refused(changes: Any, sentence: str, tmp_path: Path) -> None:
    path = archive(tmp_path, {"T0.44/train/N4096T0.44_1.npz": structure(**changes)})
    with pytest.raises(FileFormatError, match=sentence) as caught:
        import_glassbench(path)
    assert "T0.44.tar.gz, T0.44/train/N4096T0.44_1.npz" in str(caught.value)


def test_archives_that_are_no_glassbench_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="does not exist"):
        import_glassbench(tmp_path / "none.tar.gz")
    with pytest.raises(FileFormatError, match="must hold train/N4096"):
        import_glassbench(archive(tmp_path, {"T0.44/readme.npz": {"a": np.zeros(3)}}))
    name = "T0.44/train/N4096T0.44_1.npz"
    whole = archive(tmp_path, {name: structure()}).read_bytes()
    (tmp_path / "half.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFormatError, match=r"no readable tar file|is truncated"):
        import_glassbench(tmp_path / "half.tar.gz")
    with pytest.raises(FileFormatError, match="got 4095"):
        import_glassbench(archive(tmp_path, {"T0.44/train/N4095T0.44_1.npz": structure()}))
    mixed = {name: structure(), "T0.50/train/N4096T0.50_1.npz": structure()}
    with pytest.raises(FileFormatError, match="one system at one temperature"):
        import_glassbench(archive(tmp_path, mixed))
    with pytest.raises(FileFormatError, match="'initial_positions_inherent', got bb_prop, initial_positions"):
        import_glassbench(archive(tmp_path, {name: {k: v for k, v in structure().items() if "inherent" not in k}}))


# ---------------------------------------------------------------- pairs of inherent structures with results


def wells_files(folder: Path) -> tuple[Path, Path, Path]:
    """40 pairs in 4 glasses; the first 20 are double wells, the next 10 are not, of the rest nothing is known."""
    random = np.random.default_rng(0)
    pairs = pd.DataFrame({column.name: random.random(40) for column in COLUMNS})
    pairs = pairs.assign(conf=np.repeat([100300000.0, 2.0, 3.0, 4.0], 10), i=0.2 + 1e-6 * np.arange(40), T=0.062)
    pairs["j"] = pairs["i"] + 1e-4
    pairs.to_feather(folder / "QS_T0062.feather")
    known = pairs[["conf", "i", "j"]].sample(frac=1, random_state=1)
    known["conf"] = known["conf"].astype(int)
    wells, others = known[known.index < 20], known[(known.index >= 20) & (known.index < 30)]
    paths = [folder / name for name in ("QS_T0062.feather", "quantum_splitting_T0062.csv", "nonDW_T0062.csv")]
    wells.assign(out=1e-3 * (wells.index + 1)).reset_index(drop=True).round(10).to_csv(paths[1])
    others.reset_index(drop=True).round(10).to_csv(paths[2])
    return paths[0], paths[1], paths[2]


def test_results_find_their_pairs_by_glass_and_energies(tmp_path: Path) -> None:
    pairs, splittings, others = wells_files(tmp_path)
    found = import_wells(pairs, splittings)
    source = pd.read_feather(pairs)
    joined = found.table.merge(source[["conf", "i", "j", "PR"]], on=["conf", "i", "j"], suffixes=("", "_source"))
    assert len(joined) == 20
    np.testing.assert_array_equal(joined["PR"], joined["PR_source"])
    expected = dict(zip(source["i"], 1e-3 * (np.arange(40) + 1), strict=True))
    np.testing.assert_allclose(joined["quantum_splitting"], [expected[i] for i in joined["i"]])
    classes = import_wells(pairs, splittings, others)
    assert classes.table["is_dw"].value_counts().to_dict() == {1.0: 20, 0.0: 10}
    assert not {"T", "index"} & {column.name for column in classes.columns}
    written = write_import(classes, Terms("wells"), tmp_path / "wells")
    assert load_dataset(str(written.folder)).card.names("feature") == [column.name for column in COLUMNS]
    assert 'features = [\n    "pair",\n]' in (written.folder / "suite.toml").read_text()


def test_results_that_do_not_fit_the_pairs_are_refused(tmp_path: Path) -> None:
    pairs, splittings, others = wells_files(tmp_path)
    with pytest.raises(DatasetError, match="double well or not, but 20 are in"):
        import_wells(pairs, splittings, splittings)
    with pytest.raises(FileFormatError, match=r"nonDW_T0062.csv must have the column 'out'"):
        import_wells(pairs, others)
    table = pd.read_csv(splittings)
    table.assign(conf=table["conf"] + 1).to_csv(others, index=False)
    with pytest.raises(DatasetError, match="none of the 20 results belongs to a pair"):
        import_wells(pairs, others)
    pd.concat([table, table.iloc[:3]]).to_csv(splittings, index=False)
    with pytest.raises(DatasetError, match="must list each pair once, but 3 of 23 rows repeat"):
        import_wells(pairs, splittings)
    pd.read_feather(pairs).drop(columns="PR").to_feather(pairs)
    with pytest.raises(FileFormatError, match=r"'PR' is not among .* --table and name the roles yourself"):
        import_wells(pairs, others)
