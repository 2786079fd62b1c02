"""What a descriptor is given: never a label, lengths in Å, and no start without its software."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import tomli_w
from toy import write_task

from zoo._files import read_toml, sha256_of
from zoo.benchmark.cell import feature_matrix, features_decline, features_of_glasses, task_rows
from zoo.benchmark.suite import Cell
from zoo.benchmark.task import load_rows, read_task
from zoo.datasets.load import load_dataset
from zoo.errors import MissingSoftwareError, TaskError, ZooError
from zoo.features.compute import compute_features
from zoo.features.declaration import Column, FeatureSet, feature_sets
from zoo.features.stored import stored_set
from zoo.formats.npz import read_npz, write_npz
from zoo.glass import Glass


def peek(glass: Glass, kinds: tuple[str, ...]) -> np.ndarray:
    """The label where it can be seen, else 0."""
    found = glass.fields["slip"].values if "slip" in glass.fields else np.zeros(len(glass))
    assert not glass.metadata
    return np.asarray(found, np.float32)[:, None]


def spread(glass: Glass, kinds: tuple[str, ...]) -> np.ndarray:
    return np.full((len(glass), 1), glass.cell[0, 0], np.float32)


@pytest.fixture
def sets() -> Iterator[None]:
    """``peeking`` says nothing of the label that it reads, ``telling`` does; ``spread`` measures the cell."""
    feature_sets.names()
    columns = (Column("x", "1", "a"),)
    made = [
        FeatureSet("peeking", "", "none", 1, lambda kinds: columns, peek),
        FeatureSet("telling", "", "none", 1, lambda kinds: columns, peek, fields=("slip",)),
        FeatureSet("spread", "", "none", 1, lambda kinds: columns, spread),
        FeatureSet("lost", "", "none", 1, lambda kinds: columns, spread, requires=(("no_such_module", "nothing"),)),
    ]
    for entry in made:
        feature_sets.register(entry)
    yield
    for entry in made:
        del feature_sets._entries[entry.name]


@pytest.mark.usefixtures("sets")
def test_a_set_never_sees_a_label(root) -> None:
    glass = load_dataset("toy").glasses["g0"]
    assert glass.fields["slip"].values.any()
    assert not compute_features("peeking", glass).any()
    assert compute_features("telling", glass).any()  # of a glass of one's own it may be read
    rows = task_rows("toy-class")
    cell = Cell("toy-class", "telling", "ridge", "glass", 0, 0, None)
    assert features_decline(cell.features, rows) == "telling reads slip, which is a target of toy, not a feature"
    assert not compute_features("peeking@cg4+species", glass)[:, 0].any()


@pytest.mark.usefixtures("sets")
def test_descriptors_get_lengths_in_angstrom(root) -> None:
    path = root / "datasets" / "toy" / "card.toml"
    before = load_rows(read_task("toy-class"))
    path.write_text(tomli_w.dumps({**read_toml(path), "length_scale": 2.0}))
    after = load_rows(read_task("toy-class"))
    assert features_of_glasses(before, "spread")[0].load()[0, 0] == pytest.approx(12.9)
    assert features_of_glasses(after, "spread")[0].load()[0, 0] == pytest.approx(25.8)
    assert before.dataset.card.content_hash != after.dataset.card.content_hash


@pytest.mark.usefixtures("sets")
def test_missing_software_is_said_and_not_recorded(root) -> None:
    with pytest.raises(MissingSoftwareError, match="needs no_such_module: pip install 'nothing'"):
        compute_features("lost+species", load_dataset("toy").glasses["g0"])


@pytest.fixture
def searched(root, sets: None) -> Iterator[None]:
    """A second target, known for every third atom, and ``costly``, which reads it."""
    path = root / "datasets" / "toy" / "card.toml"
    card = read_toml(path)
    for file in card["files"]:
        glass = read_npz(path.parent / file["path"])
        values = np.where(np.arange(len(glass)) % 3, np.nan, np.arange(len(glass)))
        write_npz(path.parent / file["path"], glass.with_fields(effort=(values, "eV")))
        file.update(sha256=sha256_of(path.parent / file["path"]), bytes=(path.parent / file["path"]).stat().st_size)
    effort = {"name": "effort", "unit": "eV", "role": "target", "description": "made up", "missing": "not searched"}
    card["columns"].append(effort)
    path.write_text(tomli_w.dumps(card))
    own = stored_set("costly", "", "none", (Column("effort", "eV", "a"),), "dynamics", averaged=False, everywhere=False)
    feature_sets.register(own)
    yield
    del feature_sets._entries["costly"]


@pytest.mark.usefixtures("searched")
def test_a_target_is_an_input_only_where_the_task_says_so(root) -> None:
    write_task(root, "with-effort", inputs=["effort"])
    rows, refused = task_rows("with-effort"), task_rows("toy-class")
    assert len(rows) == len(refused) / 3
    assert (rows.source % 3 == 0).all()
    cell = Cell("with-effort", "costly", "ridge", "glass", 0, 0, None)
    assert features_decline(cell.features, rows) is None
    assert "target of toy" in str(features_decline(cell.features, refused))
    np.testing.assert_array_equal(feature_matrix("with-effort", "costly+species").matrix[:, 0], rows.source % 108)
    for name in ("slip", "species"):
        write_task(root, "wrong", inputs=[name])
        with pytest.raises(TaskError, match="inputs must be targets"):
            load_rows(read_task("wrong"))


@pytest.mark.usefixtures("searched")
def test_only_what_is_not_known_may_be_missing(root) -> None:
    glass = load_dataset("toy").glasses["g0"]
    assert np.isnan(compute_features("costly", glass)).sum() == 72
    with pytest.raises(ZooError, match="need the field 'effort' everywhere, it is known for 36 of 108 atoms"):
        compute_features("costly@cg", glass)
