"""Building a data set: every step resumable, every byte checked, every mistake named."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from filelock import FileLock

from zoo._files import read_toml
from zoo.datasets.load import Dataset, load_dataset
from zoo.errors import ChecksumError, CutoffError, DatasetError, DeclarationError, RecipeError, ZooError
from zoo.formats.npz import read_npz
from zoo.glass import Glass
from zoo.neighbors import find_neighbors
from zoo.paths import cache_dir, content_root
from zoo.simulation import build, quench, shear
from zoo.simulation.build import build_dataset, build_glass
from zoo.simulation.card import _rounded
from zoo.simulation.minimize import largest_force
from zoo.simulation.potentials import EmbeddedAtomTables, load_potential
from zoo.simulation.quality import census, measure, radial_distribution
from zoo.simulation.quench import Composition, QuenchSchedule
from zoo.simulation.recipe import fingerprint, read_recipe
from zoo.simulation.shear import ShearSchedule

RECIPE = content_root() / "datasets" / "cuzr-shear" / "recipe.toml"
STRATA = ("Cu50Zr50", "Cu65Zr35")
SMALL = Composition(atoms={"Cu": 85, "Zr": 85}, volume_per_atom=16.5)
HASTY = QuenchSchedule(melt_time=0.4, equilibration_time=0.2, rate=1e15)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``quick`` variant of the recipe with one seed: two glasses of 432 atoms, made once for all tests."""
    folder = tmp_path_factory.mktemp("cuzr-quick")
    content = read_toml(RECIPE)
    for group in content["variants"]["quick"]["glasses"]:
        group["seeds"] = [1]
    (folder / "recipe.toml").write_text(tomli_w.dumps(content))
    build_dataset(folder / "recipe.toml", folder, "quick", workers=2)
    return folder


@pytest.fixture
def dataset(built: Path) -> Dataset:
    return load_dataset(str(built))


@pytest.fixture(scope="module")
def emt() -> EmbeddedAtomTables:
    return load_potential("emt-cu-zr")


def tiny_recipe(path: Path, **changes: Any) -> Path:
    """One glass of 170 atoms, quenched in no time and sheared in two steps."""
    content = {
        **{key: value for key, value in read_toml(RECIPE).items() if key not in ("variants", "literature")},
        "potential": "emt-cu-zr",
        "steps": ["quench", "shear"],
        "glasses": [
            {"stratum": "a", "composition": {"atoms": SMALL.atoms, "volume_per_atom": 16.5}, "seeds": [3], "rate": 1e15}
        ],
        "quench": {"melt_time": 0.4, "equilibration_time": 0.2},
        "shear": {"planes": ["xy", "yz"], "step": 0.01, "strains": [0.02]},
        **changes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomli_w.dumps(content))
    return path


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "work" not in path.relative_to(folder).parts
    }


# ---------------------------------------------------------------- the data set


def test_a_build_gives_a_data_set_that_loads(dataset: Dataset) -> None:
    card = dataset.card
    assert (card.name, card.version, card.kind) == ("cuzr-shear", f"{read_recipe(RECIPE).version}-quick", "glasses")
    assert [glass.id for glass in card.glasses] == ["cu50zr50-s1", "cu65zr35-s1"]
    assert {glass.stratum for glass in card.glasses} == set(STRATA)
    assert {(column.name, column.unit) for column in card.columns if column.role == "target"} == {
        (f"{quantity}_xy_{strain}", unit)
        for quantity, unit in (("d2min", "Å²"), ("von_mises", "1"), ("displacement", "Å"))
        for strain in ("0.020", "0.040")
    }
    assert {"energy", "voronoi_volume", "vibrational_msd", "shear_modulus"} <= set(card.names("feature"))
    assert card.made["potential"] == "emt-cu-zr"
    assert float(card.made["cpu_hours"]) > 0
    assert {"numpy", "numba", "ase"} <= set(card.made)
    for entry in card.glasses:
        glass = dataset.glasses[entry.id]
        assert len(glass) == entry.n_atoms == 432
        assert dict(glass.metadata) == {
            "id": entry.id,
            "stratum": entry.stratum,
            "seed": entry.seed,
            "quench_rate": entry.quench_rate,
        }
        counts = [(glass.species == kind).sum() for kind in ("Cu", "Zr")]
        assert counts == ([216, 216] if entry.stratum == "Cu50Zr50" else [281, 151])


def test_the_glasses_are_amorphous_metals(dataset: Dataset) -> None:
    """No two atoms overlap, no crystal: g(r) has a maximum at 2.5-2.9 Å and no atom has the fcc polyhedron."""
    for glass in dataset.glasses.values():
        r, g = radial_distribution(glass)
        assert 2.5 < r[g.argmax()] < 2.9
        assert not g[r < 2.0].any()
        assert 0.3 < g[(r > 3.4) & (r < 4.0)].mean() < 0.7
        counts = find_neighbors(glass, 3.8).counts
        assert 11 < counts[glass.species == "Cu"].mean() < counts[glass.species == "Zr"].mean() < 16
        assert census(glass, "Cu").get("<0 12 0 0>", 0.0) < 0.05
        assert sum(census(glass, "Cu").values()) == pytest.approx(1)


def test_labels_grow_with_strain_and_single_out_few_atoms(dataset: Dataset) -> None:
    for glass in dataset.glasses.values():
        early, late = (glass.fields[f"d2min_xy_{strain}"].values for strain in ("0.020", "0.040"))
        assert np.isfinite(early).all()
        assert 0 < np.median(early) < np.median(late)
        assert np.sort(late)[-43:].sum() > 0.25 * late.sum()  # a tenth of the atoms
        strain = glass.fields["von_mises_xy_0.040"].values
        assert 0.015 < np.median(strain) < 0.06  # the applied shear is 0.04, its invariant half of that


def test_published_labels_are_rounded_and_nothing_else(built: Path, dataset: Dataset) -> None:
    for name, glass in dataset.glasses.items():
        made = read_npz(built / "work" / name / "physics.npz")
        np.testing.assert_array_equal(glass.positions, made.positions.astype(np.float32))
        for column, entry in glass.fields.items():
            np.testing.assert_allclose(entry.values, made.fields[column].values, rtol=1.3e-4, atol=1e-30)


def test_rounding_keeps_signs_and_what_is_no_number() -> None:
    values = np.array([0.0, -1.0, 1 / 3, -1e-20, np.nan, np.inf, -np.inf])
    np.testing.assert_allclose(_rounded(values, 12), values, rtol=1.3e-4)
    assert _rounded(np.arange(3), 12).dtype.kind == "i"


def test_all_bits_of_a_float_may_be_kept() -> None:
    values = np.random.default_rng(0).normal(size=100)
    assert (_rounded(values, 23) == values.astype(np.float32)).all()


def test_two_builds_in_one_folder_are_refused(built: Path) -> None:
    with FileLock(built / "work" / ".lock"), pytest.raises(RecipeError, match="is being built by another process"):
        build_dataset(built / "recipe.toml", built, "quick")


def test_the_quality_table_has_a_number_for_each_stratum(dataset: Dataset) -> None:
    rows = {(row.quantity, row.stratum): row for row in dataset.card.quality}
    for stratum in STRATA:
        assert 7.0 < rows["density", stratum].ours < 8.4
        assert 2.5 < rows["first peak of g(r)", stratum].ours < 2.9
        assert 3.3 < rows["first minimum of g(r)", stratum].ours < 4.2
        assert 5 < rows["shear modulus", stratum].ours < 30
        assert rows["density", stratum].unit == "g/cm³"
    assert rows["density", "Cu50Zr50"].ours < rows["density", "Cu65Zr35"].ours


def test_the_quality_figure_is_a_picture(built: Path) -> None:
    from matplotlib.image import imread

    pixels = imread(built / "quality.png")
    assert pixels.shape[0] > 600
    assert pixels.shape[1] > 900
    assert 0.02 < (pixels[..., :3].min(axis=-1) < 0.9).mean() < 0.5  # neither empty nor full


def test_the_energy_falls_as_the_melt_cools(built: Path) -> None:
    for path in (built / "work").glob("*/quench.npz"):
        temperature, energy, volume = np.array(read_npz(path).metadata["thermo"]).T
        assert temperature[0] > 1500
        assert temperature[-1] < 100
        assert energy[-1] < energy[0] - 0.15
        assert volume[-1] < volume[1]


def test_a_second_build_starts_no_process_and_gives_the_same_bytes(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content_of(built)
    monkeypatch.setattr(build, "_run_in_processes", None)
    build_dataset(built / "recipe.toml", built, "quick")
    assert content_of(built) == before


@pytest.mark.parametrize("file", ["glasses/cu50zr50-s1.npz", "glasses/cu65zr35-s1.npz"])
def test_a_flipped_byte_in_a_glass_is_refused(file: str, built: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(built, folder, ignore=shutil.ignore_patterns("work"))
    load_dataset(str(folder))
    content = bytearray((folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / file).write_bytes(content)
    with pytest.raises(ChecksumError, match=rf"{file} must have sha256 .* changed or damaged; get it again"):
        load_dataset(str(folder))
    (folder / file).unlink()
    with pytest.raises(DatasetError, match=rf"{file} is missing: .* zoo data build cuzr-shear"):
        load_dataset(str(folder))


# ---------------------------------------------------------------- quench and shear


class Stop(Exception):
    """Raised by a test in place of a kill."""


def stop_after(n: int) -> Callable[[float], None]:
    """A report that stops the run when it is called for the ``n``-th time."""
    calls = []

    def report(fraction: float) -> None:
        calls.append(fraction)
        assert calls == sorted(calls)
        if len(calls) == n:
            raise Stop

    return report


@pytest.fixture(scope="module")
def quenched(emt: EmbeddedAtomTables, tmp_path_factory: pytest.TempPathFactory) -> Glass:
    """Without interruption."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quench, "CHUNK", 100)
        return quench.quench(SMALL, HASTY, emt, 5, tmp_path_factory.mktemp("quenched"))


@pytest.mark.parametrize("stops", [[1], [4, 2]])
def test_an_interrupted_quench_continues_bit_by_bit(
    stops: list[int], quenched: Glass, emt: EmbeddedAtomTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quench, "CHUNK", 100)
    for n in stops:
        with pytest.raises(Stop):
            quench.quench(SMALL, HASTY, emt, 5, tmp_path, stop_after(n))
        assert (tmp_path / "quench-checkpoint.npz").exists()
    glass = quench.quench(SMALL, HASTY, emt, 5, tmp_path)
    np.testing.assert_array_equal(glass.positions, quenched.positions)
    np.testing.assert_array_equal(glass.cell, quenched.cell)
    np.testing.assert_array_equal(glass.fields["energy"].values, quenched.fields["energy"].values)
    assert glass.metadata["thermo"] == quenched.metadata["thermo"]
    assert not list(tmp_path.iterdir())


def test_a_quenched_glass_is_at_rest_and_without_pressure(quenched: Glass, emt: EmbeddedAtomTables) -> None:
    from ase import Atoms, units

    from zoo.simulation.calculator import EmbeddedAtomCalculator

    atoms = Atoms(quenched.species, positions=quenched.positions, cell=quenched.cell, pbc=True)
    atoms.calc = EmbeddedAtomCalculator(emt)
    assert largest_force(atoms) < 1e-4
    assert np.abs(atoms.get_stress()[:3]).max() < 2e-3 * units.GPa
    assert quenched.fields["energy"].values.sum() == pytest.approx(atoms.get_potential_energy(), rel=1e-9)


def test_another_seed_gives_another_glass(quenched: Glass, emt: EmbeddedAtomTables, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        quench.quench(SMALL, HASTY, emt, 6, tmp_path, stop_after(1))
    with np.load(tmp_path / "quench-checkpoint.npz") as state:
        assert (state["symbols"] != quenched.species).any()


def test_a_time_step_that_is_too_long_is_named(emt: EmbeddedAtomTables, tmp_path: Path) -> None:
    wild = QuenchSchedule(melt_temperature=3e5, melt_time=0.4, equilibration_time=0.2, time_step=50.0)
    with pytest.raises(RecipeError, match=r"the dynamics blew up at .* K with a time step of .* fs: use a shorter"):
        quench.quench(SMALL, wild, emt, 5, tmp_path)


def test_a_perfect_crystal_shears_affinely(emt: EmbeddedAtomTables, tmp_path: Path) -> None:
    """fcc copper: D2min is 0, the local shear is half the applied one, and C44 is the slope in every plane."""
    from ase.build import bulk

    crystal = Glass.from_ase(bulk("Cu", cubic=True, a=3.6) * (4, 4, 4))
    schedule = ShearSchedule(planes=["xy", "xz", "yz"], step=1e-3, strains=[1e-3, 2e-3])
    labelled, curves = shear.shear(crystal, schedule, emt, tmp_path)
    moduli = [np.polyfit(*curve.T, 1)[0] for curve in curves.values()]
    np.testing.assert_allclose(moduli, moduli[0], rtol=1e-3)
    assert 50 < moduli[0] < 110  # GPa; 75 is measured
    for plane, strain in itertools.product(schedule.planes, (0.001, 0.002)):
        np.testing.assert_allclose(curves[plane][:, 0], [0, 0.001, 0.002])
        np.testing.assert_allclose(labelled.fields[f"d2min_{plane}_{strain:.3f}"].values, 0, atol=1e-12)
        np.testing.assert_allclose(labelled.fields[f"von_mises_{plane}_{strain:.3f}"].values, strain / 2, rtol=1e-3)
    assert labelled.fields["d2min_xy_0.001"].unit == "Å²"
    assert not list(tmp_path.iterdir())


def test_labels_compare_the_start_with_the_tilted_cell(
    quenched: Glass, emt: EmbeddedAtomTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[Glass, Glass]] = []
    measure_local = shear.local_deformation
    monkeypatch.setattr(
        shear,
        "local_deformation",
        lambda one, two, cutoff: compared.append((one, two)) or measure_local(one, two, cutoff),
    )
    schedule = ShearSchedule(planes=["xy", "xz", "yz"], step=0.01, strains=[0.02])
    shear.shear(quenched, schedule, emt, tmp_path)
    for (start, end), (vector, axis) in zip(compared, ((1, 0), (2, 0), (2, 1)), strict=True):
        assert start is quenched
        tilt = np.zeros((3, 3))
        tilt[vector, axis] = 0.02 * quenched.cell[vector, vector]
        np.testing.assert_allclose(end.cell, quenched.cell + tilt, atol=1e-12)


def test_each_plane_of_shear_has_its_own_labels(quenched: Glass, emt: EmbeddedAtomTables, tmp_path: Path) -> None:
    schedule = ShearSchedule(planes=["xy", "xz", "yz"], step=0.01, strains=[0.01])
    labelled, _ = shear.shear(quenched, schedule, emt, tmp_path)
    fields = [labelled.fields[f"d2min_{plane}_0.010"].values for plane in schedule.planes]
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert not np.allclose(fields[one], fields[two], rtol=0.1)
    np.testing.assert_array_equal(labelled.positions, quenched.positions)  # what is described is the start


def test_an_interrupted_shear_repeats_only_the_plane_it_was_in(
    quenched: Glass, emt: EmbeddedAtomTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = ShearSchedule(planes=["xy", "yz"], step=0.01, strains=[0.02])
    whole, _ = shear.shear(quenched, schedule, emt, tmp_path)
    with pytest.raises(Stop):
        shear.shear(quenched, schedule, emt, tmp_path, stop_after(3))
    assert [path.name for path in tmp_path.iterdir()] == ["shear-xy.npz"]
    done: list[str] = []
    one_plane = shear._shear_plane
    monkeypatch.setattr(
        shear, "_shear_plane", lambda glass, plane, *rest: done.append(plane) or one_plane(glass, plane, *rest)
    )
    again, _ = shear.shear(quenched, schedule, emt, tmp_path)
    assert done == ["yz"]
    for name, entry in whole.fields.items():
        np.testing.assert_array_equal(again.fields[name].values, entry.values)


# ---------------------------------------------------------------- recipes


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work folder of a finished glass of :func:`tiny_recipe`, and the recipe beside it."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "a-s3").mkdir()
    build_glass(tiny_recipe(folder / "recipe.toml"), "full", "a-s3", folder / "a-s3")
    return folder


def test_steps_are_made_again_only_if_what_they_depend_on_changes(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "a-s3"
    made: list[str] = []
    for name, step in build.STEPS.items():
        counted = dataclasses.replace(step, run=lambda job, name=name, run=step.run: made.append(name) or run(job))
        monkeypatch.setitem(build.STEPS, name, counted)
    shorter = {"planes": ["xy"], "step": 0.01, "strains": [0.01]}
    for changes, expected in [
        ({}, []),
        ({"title": "Another title", "notes": []}, []),
        ({"shear": shorter}, ["shear"]),
        ({"shear": shorter, "quench": {"melt_time": 0.5, "equilibration_time": 0.2}}, ["quench", "shear"]),
    ]:
        made.clear()
        build_glass(tiny_recipe(tmp_path / "recipe.toml", **changes), "full", "a-s3", folder)
        assert made == expected
    for kept in (True, False):
        if not kept:
            shutil.rmtree(cache_dir() / "builds")
        for damaged in ("shear.npz", "quench.npz"):
            before = read_npz(folder / damaged).content_hash
            (folder / damaged).write_bytes((folder / damaged).read_bytes()[:500])
            made.clear()
            build_glass(tmp_path / "recipe.toml", "full", "a-s3", folder)
            assert made == ([] if kept else [damaged.removesuffix(".npz")])
            assert read_npz(folder / damaged).content_hash == before


def test_leftovers_of_another_recipe_are_not_mixed_in(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shear run is killed after its first plane, then the recipe is changed."""
    shutil.copytree(tiny, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "a-s3"
    (folder / "shear.npz").unlink()
    first = {"planes": ["xy", "yz"], "step": 0.02, "strains": [0.02]}
    second = {**first, "step": 0.01}
    recipe = tiny_recipe(tmp_path / "recipe.toml", shear=first)
    with monkeypatch.context() as patch:
        patch.setattr(shear, "_shear_plane", stopping_at("yz", shear._shear_plane))
        with pytest.raises(Stop):
            build_glass(recipe, "full", "a-s3", folder)
    assert (folder / "shear-xy.npz").exists()
    build_glass(tiny_recipe(tmp_path / "recipe.toml", shear=second), "full", "a-s3", folder)
    expected = read_npz(tiny / "a-s3" / "shear.npz")  # the tiny recipe's own shear
    assert read_npz(folder / "shear.npz").metadata["stress_strain"] == expected.metadata["stress_strain"]


def stopping_at(plane: str, run: Callable[..., Any]) -> Callable[..., Any]:
    def stopped(glass: Glass, asked: str, *rest: Any) -> Any:
        if asked == plane:
            raise Stop
        return run(glass, asked, *rest)

    return stopped


def test_every_variant_of_the_recipe_is_a_recipe() -> None:
    full, quick = read_recipe(RECIPE), read_recipe(RECIPE, "quick")
    assert (full.potential, quick.potential) == ("cu-zr-2009", "emt-cu-zr")
    assert quick.quench.melt_temperature == full.quench.melt_temperature
    assert quick.quench.melt_time < full.quench.melt_time
    assert len(full.glass_plans()) > len(quick.glass_plans())
    assert fingerprint(full.quench) != fingerprint(quick.quench)


GROUP = {"stratum": "a", "composition": {"atoms": {"Cu": 9}}, "seeds": [1, 2, 1], "rate": 1e12}


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"tempereature": 300}, DeclarationError, r"unknown field `tempereature`"),
        ({"quench": {"melt_tme": 1}}, DeclarationError, r"unknown field `melt_tme` - at `\$.quench`"),
        ({"shear": {"step": "small"}}, DeclarationError, r"Expected `float`, got `str` - at `\$.shear.step`"),
        ({"steps": ["quench", "melt"]}, RecipeError, r"a step must be one of quench, .*, got 'melt'"),
        ({"shear": {"planes": ["xy", "zx"]}}, RecipeError, r"a shear plane must be one of xy, .*, got 'zx'"),
        ({"glasses": [GROUP]}, RecipeError, r"two glasses share a stratum and a seed"),
        ({"potential": "cu-zr"}, ZooError, r"no potential is called 'cu-zr': did you mean"),
        ({"glasses": []}, RecipeError, r"at least one glass"),
        ({"steps": []}, RecipeError, r"at least one step"),
        ({"glasses": [{**GROUP, "seeds": [1], "rate": 0}]}, RecipeError, r"must be positive, got .* at 0 K/s"),
        ({"glasses": [{**GROUP, "seeds": [1], "composition": {"atoms": {"Cu": 0}}}]}, RecipeError, r"must be positive"),
        ({"shear": {"step": 3e-3, "strains": [0.01]}}, RecipeError, r"multiples of the step .* got 0.01 with .* 0.003"),
        ({"shear": {"step": 5e-4, "strains": [5e-4]}}, RecipeError, r"multiples of the step and of 0.001"),
        ({"shear": {"step": 0.0, "strains": [0.01]}}, RecipeError, r"with steps of 0"),
        ({"shear": {"strains": []}}, RecipeError, r"at least one plane and one strain"),
    ],
)
def test_a_recipe_with_a_mistake_is_refused(
    changes: dict[str, Any], error: type[ZooError], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=sentence):
        build_dataset(tiny_recipe(tmp_path / "recipe.toml", **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_variant_and_a_missing_recipe_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"has the variants full, quick, got 'quik'"):
        build_dataset(RECIPE, tmp_path, "quik")
    with pytest.raises(DeclarationError, match=r"recipe.toml does not exist"):
        build_dataset(tmp_path / "recipe.toml", tmp_path)


def test_shear_alone_has_no_glass_to_shear(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path / "recipe.toml", steps=["shear"])
    (tmp_path / "a-s3").mkdir()
    with pytest.raises(RecipeError, match="the first of the steps must make a glass"):
        build_glass(recipe, "full", "a-s3", tmp_path / "a-s3")


def test_what_fails_in_a_worker_is_said_in_its_words(tmp_path: Path) -> None:
    few = {"stratum": "a", "composition": {"atoms": {"Cu": 20}}, "seeds": [1], "rate": 1e15}
    with pytest.raises(CutoffError, match=r"at least twice the potential's cutoff .* use more atoms"):
        build_dataset(tiny_recipe(tmp_path / "recipe.toml", glasses=[few]), tmp_path / "out", workers=1)
    assert not (tmp_path / "out" / "card.toml").exists()


def test_measuring_a_crystal_gives_what_is_known_of_it() -> None:
    """fcc copper: 8.93 g/cm³ at a = 3.615 Å, neighbours at a/√2."""
    from ase.build import bulk

    crystal = Glass.from_ase(bulk("Cu", cubic=True, a=3.615) * (5, 5, 5)).with_fields(energy=(np.full(500, -3.5), "eV"))
    found = {entry.quantity: entry for entry in measure([crystal])}
    assert found["density"].value == pytest.approx(8.93, abs=0.01)
    assert found["first peak of g(r)"].value == pytest.approx(3.615 / np.sqrt(2), abs=0.03)
    assert found["coordination of Cu"].value == 12
    assert found["energy per atom"].value == -3.5
