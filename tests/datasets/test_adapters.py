"""Files of other people in the layouts that they state, and what is said when a file has another one."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.datasets.card import read_card
from zoo.datasets.readers import READERS, read_foreign
from zoo.errors import FileFormatError, UnknownNameError
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
