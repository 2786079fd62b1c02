"""Cards: complete, without contradictions, and never a way to learn from an identity."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tomli_w

from zoo._files import sha256_of
from zoo.datasets.card import read_card
from zoo.datasets.load import load_dataset
from zoo.datasets.registry import dataset_folder, list_cards
from zoo.errors import ChecksumError, DatasetError, DeclarationError, UnknownNameError, ZooError
from zoo.features.declaration import feature_sets
from zoo.features.pair import COLUMNS
from zoo.formats.npz import write_npz
from zoo.glass import Glass
from zoo.paths import content_root

CARDS = sorted(path.parent for path in (content_root() / "datasets").glob("*/card.toml"))
PAIR_CARDS = [folder for folder in CARDS if read_card(folder).kind == "pairs"]
IDENTITIES = {"i", "j", "i2", "j2", "conf", "T", "index", "glass", "asymmetry"}
"""Columns of the published tables that name states, ranks, glasses and rows."""


def glass_card(folder: Path) -> dict[str, Any]:
    """A data set of two glasses with one label, in ``folder``, and its card."""
    files, glasses = [], []
    for seed in (1, 2):
        label = (np.arange(3.0) * seed, "Å²")
        glass = Glass(np.eye(3) * 2.5, ["Cu", "Cu", "Zr"], [9.0] * 3, fields={"d2min": label})
        path = folder / "glasses" / f"s{seed}.npz"
        write_npz(path, glass)
        files.append({"path": f"glasses/s{seed}.npz", "sha256": sha256_of(path), "bytes": path.stat().st_size})
        glasses.append(
            {
                "id": f"s{seed}",
                "file": files[-1]["path"],
                "stratum": "a",
                "n_atoms": 3,
                "seed": seed,
                "quench_rate": 1e12,
            }
        )
    return {
        "name": "two",
        "version": "1",
        "title": "Two glasses",
        "kind": "glasses",
        "description": "Made up.",
        "license": "CC0-1.0",
        "citation": "none",
        "created": "2026-01-01",
        "files": files,
        "columns": [{"name": "d2min", "unit": "Å²", "role": "target", "description": "made up"}],
        "glasses": glasses,
    }


def pair_card(folder: Path, table: pd.DataFrame | None = None) -> dict[str, Any]:
    """A table of three pairs of states in two glasses, and its card."""
    if table is None:
        table = pd.DataFrame(
            {"energy": [0.1, 0.2, 0.3], "is_dw": [1, 0, 1], "conf": ["g1", "g1", "g2"], "i": [1.0, 1.0, 1.0],
             "j": [2.0, 3.0, 2.0], "rank": [0, 1, 2]}
        )  # fmt: skip
    table.to_feather(folder / "pairs.feather")
    roles = {"energy": "feature", "is_dw": "target", "conf": "group", "i": "state", "j": "state", "rank": "identity"}
    card = glass_card(folder)
    path = folder / "pairs.feather"
    return {
        **{key: value for key, value in card.items() if key != "glasses"},
        "name": "pairs",
        "kind": "pairs",
        "files": [{"path": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size}],
        "columns": [{"name": n, "unit": "1", "role": role, "description": "made up"} for n, role in roles.items()],
    }


def written(folder: Path, card: dict[str, Any]) -> Path:
    (folder / "card.toml").write_text(tomli_w.dumps(card))
    return folder


# ---------------------------------------------------------------- the cards of this project


@pytest.mark.parametrize("folder", CARDS, ids=lambda folder: folder.name)
def test_every_card_is_complete(folder: Path) -> None:
    card = read_card(folder)
    assert card.name == folder.name
    assert dataset_folder(card.name) == folder
    assert card.license
    assert card.citation
    assert all(len(entry.sha256) == 64 and entry.bytes > 0 for entry in card.files)
    assert all(column.unit and column.description for column in card.columns)
    assert card.names("target")


def test_cards_are_listed_by_name() -> None:
    assert [card.name for card in list_cards()] == [folder.name for folder in CARDS]
    assert PAIR_CARDS


@pytest.mark.parametrize("folder", PAIR_CARDS, ids=lambda folder: folder.name)
def test_identities_in_a_table_of_pairs_are_never_features(folder: Path) -> None:
    card = read_card(folder)
    learnt = set(card.names("feature"))
    assert not learnt & IDENTITIES
    assert not learnt & set(card.names("target"))
    assert {column.name for column in COLUMNS} <= learnt  # what the feature set takes is what the card allows
    assert set(card.names("identity", "group", "state")) == IDENTITIES & {column.name for column in card.columns}
    assert {entry.name for entry in feature_sets if entry.rows == "pairs"} == {"pair", "columns"}
    assert all(column.family for column in card.columns if column.role == "feature")


# ---------------------------------------------------------------- what a card may not say

Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda card: card.update(licence="MIT"), r"unknown field `licence`"),
        (lambda card: card["columns"][0].update(units="Å"), r"unknown field `units` - at `\$.columns\[0\]`"),
        (lambda card: card.pop("license"), r"missing required field `license`"),
        (lambda card: card["files"][0].pop("sha256"), r"missing required field `sha256` - at `\$.files\[0\]`"),
        (lambda card: card["columns"][0].update(role="label"), r"Invalid enum value 'label' - at `\$.columns"),
        (lambda card: card["files"][0].update(bytes="many"), r"Expected `int`, got `str`"),
        (lambda card: card["columns"].append(card["columns"][0]), r"names the column 'd2min' twice"),
        (lambda card: card["glasses"].append(card["glasses"][1]), r"names the glass 's2' twice"),
        (lambda card: card["files"][0].update(path="../../etc/passwd"), r"must lie inside the folder, got '../../etc"),
        (lambda card: card["files"][0].update(path="/etc/passwd"), r"must lie inside the folder, got '/etc/passwd'"),
        (lambda card: card["files"][0].update(url="https://a.org/x"), r"either path or url, got 'glasses/s1.npz' and"),
        (lambda card: card["files"][0].pop("path"), r"either path or url, got '' and ''"),
        (lambda card: card["files"].pop(), r"no sha256 is stated for glasses/s2.npz"),
        (lambda card: card["glasses"][0].update(file="../x.npz"), r"no sha256 is stated for ../x.npz"),
        (lambda card: card.update(kind="pairs"), r"one column of role group and two of role state"),
    ],
)  # fmt: skip
def test_a_card_with_a_mistake_is_refused(change: Change, sentence: str, tmp_path: Path) -> None:
    card = glass_card(tmp_path)
    read_card(written(tmp_path, card))
    change(card)
    with pytest.raises(DeclarationError, match=sentence) as caught:
        read_card(written(tmp_path, card))
    assert "card.toml" in str(caught.value)


def test_a_card_that_is_no_toml_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text('name = "x"\nversion = \n')
    with pytest.raises(DeclarationError, match=r"card.toml is not valid TOML: .*line 2"):
        read_card(tmp_path)


def test_unknown_data_sets_get_a_hint(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no data set is called 'tls-dw-t07': did you mean tls-dw-t007"):
        dataset_folder("tls-dw-t07")
    with pytest.raises(UnknownNameError, match="no data set is called"):
        dataset_folder(str(tmp_path))


# ---------------------------------------------------------------- what does not agree with its card


def test_glasses_that_agree_with_their_card_are_loaded(tmp_path: Path) -> None:
    dataset = load_dataset(str(written(tmp_path, glass_card(tmp_path))))
    assert list(dataset.glasses) == ["s1", "s2"]
    np.testing.assert_array_equal(dataset.glasses["s2"].fields["d2min"].values, [0, 2, 4])
    with pytest.raises(DatasetError, match="two holds glasses and has no table"):
        _ = dataset.table


def test_the_hash_of_a_data_set_is_that_of_its_files(tmp_path: Path) -> None:
    card = glass_card(tmp_path)
    before = load_dataset(str(written(tmp_path, card))).card.content_hash
    card.update(title="Another title", files=card["files"][::-1])
    assert load_dataset(str(written(tmp_path, card))).card.content_hash == before
    path = tmp_path / card["files"][0]["path"]
    write_npz(path, Glass([[0, 0, 0]], ["Cu"], [9.0] * 3))
    card["files"][0]["sha256"] = sha256_of(path)
    assert load_dataset(str(written(tmp_path, card))).card.content_hash != before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda card: card["columns"][0].update(name="d3min"), r"s1.npz lacks the column 'd3min' of the card"),
        (
            lambda card: card["columns"][0].update(unit="nm²"),
            r"'d2min' is in Å² in glasses/s1.npz, the card states nm²",
        ),
        (lambda card: card["glasses"][1].update(n_atoms=4), r"s2.npz holds 3 atoms, the card states 4"),
    ],
)
def test_glasses_that_contradict_their_card_are_refused(change: Change, sentence: str, tmp_path: Path) -> None:
    card = glass_card(tmp_path)
    change(card)
    with pytest.raises(DatasetError, match=sentence):
        _ = load_dataset(str(written(tmp_path, card))).glasses


def test_a_table_that_agrees_with_its_card_is_loaded(tmp_path: Path) -> None:
    dataset = load_dataset(str(written(tmp_path, pair_card(tmp_path))))
    assert list(dataset.table) == ["energy", "is_dw", "conf", "i", "j", "rank"]
    assert len(dataset.table) == 3
    assert dataset.table["energy"].tolist() == [0.1, 0.2, 0.3]
    with pytest.raises(DatasetError, match="pairs is a table of pairs and holds no glasses"):
        _ = dataset.glasses


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda table: table.drop(columns="energy"), r"the table lacks the column 'energy' of the card"),
        (lambda table: table.assign(energy=[0.1, np.nan, 0.3]), r"values must be finite, but 'energy' is not in row 1"),
        (lambda table: table.assign(energy=[0.1, 0.2, np.inf]), r"values must be finite, but 'energy' is not in row 2"),
        (lambda table: table.assign(energy=["0.1", "x", "0.3"]), r"must be finite, but 'energy' is not in row 1"),
        (lambda table: table.assign(j=[2.0, 2.0, 2.0]), r"own identity \(conf, i, j\), but row 1 repeats .*\(1 do\)"),
        (lambda table: table.assign(conf=["g1", None, "g2"]), r"rows must name their conf, but row 1 does not"),
        (lambda table: table.iloc[:0], r"the table is empty"),
    ],
)
def test_a_table_that_contradicts_its_card_is_refused(change: Any, sentence: str, tmp_path: Path) -> None:
    pair_card(tmp_path)
    table = change(pd.read_feather(tmp_path / "pairs.feather")).reset_index(drop=True)
    folder = written(tmp_path, pair_card(tmp_path, table))
    with pytest.raises(DatasetError, match=sentence):
        _ = load_dataset(str(folder)).table


def test_numbers_written_as_text_become_numbers(tmp_path: Path) -> None:
    pair_card(tmp_path)
    table = pd.read_feather(tmp_path / "pairs.feather").assign(energy=["0.1", "2e-1", "0.3"])
    dataset = load_dataset(str(written(tmp_path, pair_card(tmp_path, table))))
    assert dataset.table["energy"].tolist() == [0.1, 0.2, 0.3]


def test_a_table_of_pairs_is_one_file(tmp_path: Path) -> None:
    card = pair_card(tmp_path)
    card["files"] *= 2
    with pytest.raises(DeclarationError, match="table must say which of the 2 files holds the pairs"):
        read_card(written(tmp_path, card))


def test_a_table_that_is_no_feather_file_is_refused(tmp_path: Path) -> None:
    card = pair_card(tmp_path)
    path = tmp_path / "pairs.feather"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ChecksumError):
        load_dataset(str(written(tmp_path, card)))
    card["files"][0]["sha256"] = sha256_of(path)
    with pytest.raises(ZooError, match=r"pairs\.feather is no readable table"):
        _ = load_dataset(str(written(tmp_path, card))).table


def test_a_recipe_without_data_says_how_to_build_them(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("")
    with pytest.raises(DatasetError, match="has a recipe but no data yet: run zoo data build"):
        load_dataset(str(tmp_path))
