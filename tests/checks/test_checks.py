"""Every check is silent on a clean data set and fires on the flaw it is for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tomli_w
from ase.build import bulk
from samples import amorphous, clean_glasses, clean_pairs, write_glasses, write_pairs

from zoo._files import read_toml, sha256_of
from zoo.checks.run import all_checks, all_documentation, check_dataset, run_check
from zoo.cli import main
from zoo.datasets.load import Dataset, load_dataset
from zoo.datasets.reliability import label_reliability, spearman_brown
from zoo.glass import Glass
from zoo.paths import content_root


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty content root."""
    (tmp_path / "datasets").mkdir()
    monkeypatch.setenv("ZOO_ROOT", str(tmp_path))
    content_root.cache_clear()
    yield tmp_path
    content_root.cache_clear()


def relabelled(change: Callable[[int, Glass], dict[str, Any]]) -> dict[str, Glass]:
    return {name: glass.with_fields(**change(k, glass)) for k, (name, glass) in enumerate(clean_glasses().items())}


def moved(change: Callable[[Glass], Glass]) -> dict[str, Glass]:
    return {name: change(glass) if name == "g2" else glass for name, glass in clean_glasses().items()}


def with_positions(glass: Glass, positions: np.ndarray, cell: Any = None) -> Glass:
    return Glass(positions, glass.species, glass.cell if cell is None else cell, True, glass.fields)


def with_flag(values: Callable[[int, int], np.ndarray]) -> dict[str, Glass]:
    return relabelled(lambda k, glass: {"hops": (values(k, len(glass)).astype(float), "1")})


def crystal(displacement: float, seed: int = 0) -> Glass:
    atoms = bulk("Cu", "fcc", a=3.6, cubic=True) * (5, 5, 5)
    atoms.positions += np.random.default_rng(seed).normal(0, displacement, atoms.positions.shape)
    label = np.random.default_rng(seed).random(len(atoms))
    return Glass(atoms.positions, ["Cu"] * len(atoms), atoms.cell.lengths(), fields={"slip": (label, "Å²")})


def shared_glass(root: Path) -> Dataset:
    write_glasses(root, {"other": clean_glasses()["g1"]}, "elsewhere")
    relabelled_one = clean_glasses()["g1"].with_fields(slip=(np.arange(600.0), "Å²"))  # other bytes, same glass
    return write_glasses(root, {**clean_glasses(), "g1": relabelled_one})


def two_names(root: Path) -> Dataset:
    write_pairs(root, clean_pairs(), "T007")
    return write_pairs(root, clean_pairs(), "T0092")


def stray_file(root: Path) -> Dataset:
    dataset = write_glasses(root, clean_glasses())
    (dataset.folder / "g7.npz").write_bytes(b"a forgotten glass")
    return dataset


def without_a_unit(root: Path) -> Dataset:
    bare = relabelled(lambda k, glass: {"slip": (glass.fields["slip"].values, "unknown")})
    return write_glasses(root, bare)


def damaged(root: Path) -> Dataset:
    dataset = write_glasses(root, clean_glasses())
    (dataset.folder / "3.npz").write_bytes(b"half a glass")
    return dataset


def pairs(**columns: Any) -> Callable[[Path], Dataset]:
    return lambda root: write_pairs(root, clean_pairs().assign(**columns))


def glasses(make: Callable[[], dict[str, Glass]], **changes: Any) -> Callable[[Path], Dataset]:
    return lambda root: write_glasses(root, make(), **changes)


RANDOM = np.random.default_rng(1)

FLAWS: list[tuple[str, Callable[[Path], Dataset], str]] = [
    ("D001", damaged, "3.npz is no readable glass file"),
    ("D101", pairs(is_dw=lambda t: (t.conf < 5).astype(float)), "none of 12 glasses has rows of both classes; 5 have"),
    ("D101", glasses(lambda: with_flag(lambda k, n: np.full(n, k % 2))), "none of 6 glasses"),
    ("D102", pairs(is_dw=lambda t: (t.conf + RANDOM.normal(0, 2, len(t)) > 5).astype(float)), "of its ranks"),
    (
        "D102",
        glasses(lambda: relabelled(lambda k, glass: {"slip": (glass.fields["slip"].values + 0.2 * k, "Å²")})),
        "variance of slip (of its ranks) lies between glasses",
    ),
    ("D103", pairs(serial=np.arange(480.0)), "the feature serial numbers the 480 rows from 0 on"),
    ("D103", pairs(mapped=lambda t: np.exp(t.i)), "orders rows exactly as i does"),
    ("D103", pairs(hidden=lambda t: RANDOM.permutation(12)[t.conf] + 1e-3 * RANDOM.random(480)), "is between glasses"),
    ("D103", pairs(conf_=RANDOM.random(480)), "is called like a name"),
    ("D104", pairs(answer=lambda t: t.is_dw + RANDOM.normal(0, 0.1, 480)), "the feature answer alone gives is_dw away"),
    ("D104", pairs(answer=lambda t: t.depth_even**3), "gives depth_even away: rank correlation 1.0000"),
    ("D105", pairs(i=lambda t: np.round(t.i, 1)), "share an inherent structure with another pair"),
    ("D106", pairs(i=-1.0), "in 12 of 12 glasses more than half"),
    ("D107", glasses(lambda: dict(list(clean_glasses().items())[:3])), "there are 3 independent glasses"),
    ("D201", lambda root: write_pairs(root, pd.concat([clean_pairs(), clean_pairs()[:38]])), "38 rows of 518 repeat"),
    (
        "D201",
        lambda root: write_pairs(root, pd.concat([clean_pairs(), clean_pairs()[:7].assign(i=lambda t: 3 * t.i)])),
        "7 rows have the features and targets of an earlier row under another name",
    ),
    (
        "D201",
        lambda root: write_pairs(
            root, pd.concat([clean_pairs(), clean_pairs()[:5].rename(columns={"i": "j", "j": "i"}).assign(reach=0.5)])
        ),
        "10 rows are also there with both states swapped",
    ),
    ("D202", two_names, "pairs.parquet has the same bytes as pairs.parquet of T007"),
    ("D203", shared_glass, "1 glass of 6 (g1) are also in elsewhere"),
    ("D204", pairs(energy=0.25), "1 column constant over all 480 rows: energy"),
    ("D205", pairs(energy=lambda t: t.energy.where(t.energy < 1)), "energy has no finite value in"),
    ("D206", pairs(energy=lambda t: np.where(t.index == 7, 1e4, t.energy)), "such as 1e+04"),
    ("D207", pairs(is_dw=lambda t: (t.index % 40 == 0).astype(float)), "the rare class has 12 rows (2.5 %)"),
    (
        "D208",
        glasses(lambda: {**clean_glasses(), "twin": shaken(clean_glasses()["g1"], 0.05)}),
        "of g1 lie where twin has one of the same species",
    ),
    ("D301", glasses(lambda: relabelled(lambda k, g: {"slip_odd": (RANDOM.random(len(g)), "Å²")})), "two halves"),
    ("D302", pairs(depth_odd=0.0), "no label was measured more than once"),
    (
        "D401",
        lambda root: write_glasses(root, {"a": crystal(0.01)}, made={"potential": "emt-cu-zr"}),
        "1 of 1 glasses are not at a minimum of emt-cu-zr",
    ),
    ("D402", glasses(lambda: moved(lambda g: with_positions(g, doubled(g)))), "1 of 6 glasses, such as g2: atoms"),
    ("D403", glasses(lambda: moved(lambda g: with_positions(g, g.positions / 10, g.cell / 10))), "are lengths in Å?"),
    (
        "D403",
        glasses(lambda: moved(lambda g: with_positions(g, g.positions, g.cell * 3))),
        "the box is almost empty",
    ),
    (
        "D404",
        glasses(lambda: {"slab": with_vacuum(amorphous(0, 3, 1200))}),
        "on average at the largest distances of the box, not 1",
    ),
    ("D405", glasses(lambda: {"a": crystal(0.1, 1), "b": crystal(0.1, 2)}), "g(r) still swings by"),
    ("D501", glasses(clean_glasses, license="none stated"), "states no licence"),
    ("D502", glasses(clean_glasses, citation="unknown"), "states no source"),
    ("D503", without_a_unit, "1 column without a unit: slip"),
    ("D504", stray_file, "1 data file in the folder without a sha256 in the card: g7.npz"),
    ("D505", glasses(clean_glasses, made={}), "neither how the data were made nor where they come from"),
]


def with_vacuum(glass: Glass) -> Glass:
    return with_positions(glass, glass.positions, glass.cell * [[1], [1], [1.4]])


def shaken(glass: Glass, by: float) -> Glass:
    return with_positions(glass, glass.positions + np.random.default_rng(0).normal(0, by, glass.positions.shape))


def doubled(glass: Glass) -> np.ndarray:
    """The second atom almost at the place of the first."""
    positions = glass.positions.copy()
    positions[1] = positions[0] + 0.3
    return positions


@pytest.mark.parametrize(
    ("code", "plant", "sentence"), FLAWS, ids=[f"{code}-{k}" for k, (code, *_) in enumerate(FLAWS)]
)
def test_a_check_fires_on_its_flaw(code: str, plant: Callable[[Path], Dataset], sentence: str, content: Path) -> None:
    outcome = run_check(all_checks()[code], plant(content))
    assert outcome.state == "found", outcome.reason
    assert any(sentence in finding for finding in outcome.findings), outcome.findings


def test_every_check_has_a_flaw() -> None:
    assert {code for code, _, _ in FLAWS} == set(all_checks())


@pytest.mark.parametrize("kind", ["3D", "2D", "pairs", "crystal at a minimum"])
def test_a_clean_data_set_is_clean(kind: str, content: Path) -> None:
    allowed: set[str] = set()
    if kind == "pairs":
        write_pairs(content, clean_pairs(), "clean")
    elif kind == "crystal at a minimum":
        write_glasses(content, {"a": crystal(0.0)}, made={"by": "the tests", "potential": "emt-cu-zr"})
        allowed = {"D107", "D302", "D405"}
    else:
        write_glasses(content, clean_glasses(int(kind[0])))
    report = check_dataset("clean")
    assert [outcome for outcome in report.outcomes if outcome.state == "failed"] == []
    assert {
        outcome.check.code: outcome.findings for outcome in report.found() if outcome.check.code not in allowed
    } == {}
    ran = {outcome.check.code for outcome in report.outcomes if outcome.state == "clean"}
    assert ran >= {"pairs": {"D101", "D105", "D201"}, "crystal at a minimum": {"D401"}}.get(
        kind, {"D402", "D404", "D405"}
    )


def test_no_check_downloads_a_potential(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.datasets.fetch._download", lambda *arguments: pytest.fail("a download"))
    dataset = write_glasses(content, {"a": crystal(0.0)}, made={"potential": "cu-zr-2009"})
    outcome = run_check(all_checks()["D401"], dataset)
    assert (outcome.state, "zoo data fetch" in outcome.reason) == ("not-applicable", True)


def test_missing_values_with_a_reason_and_glasses_of_one_origin_are_no_flaw(content: Path) -> None:
    glass = clean_glasses()["g1"]
    holes = {"slip": (np.where(np.arange(600) % 3, np.nan, glass.fields["slip"].values), "Å²")}
    made = {**clean_glasses(), "g1": glass.with_fields(**holes), "twin": shaken(glass, 0.05)}
    dataset = write_glasses(content, made)
    assert run_check(all_checks()["D205"], dataset).state == "found"
    assert run_check(all_checks()["D208"], dataset).state == "found"
    card = read_toml(dataset.folder / "card.toml")
    card["columns"][0]["missing"] = "atoms that were not searched"
    for entry in card["glasses"]:
        entry["origin"] = "g1" if entry["id"] in ("g1", "twin") else ""
    (dataset.folder / "card.toml").write_text(tomli_w.dumps(card))
    assert check_dataset("clean").found() == []


def test_the_published_flaw_is_caught_twice_over(content: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in the published table for T = 0.062: classes from disjoint glasses, and rows that are there twice."""
    table = clean_pairs().assign(is_dw=lambda t: (t.conf < 5).astype(float))
    write_pairs(content, pd.concat([table, table[:38]]), "flawed")
    write_pairs(content, clean_pairs(), "sound")
    with pytest.raises(SystemExit) as stopped:
        main(["data", "check", "--json"])
    assert stopped.value.code == 1
    flawed, sound = json.loads(capsys.readouterr().out)
    assert {entry["code"] for entry in flawed["findings"] if entry["level"] == "error"} == {"D101", "D201"}
    assert all(entry["mend"] for entry in flawed["findings"])
    assert sound["findings"] == []
    main(["data", "check", "sound"])  # ends without an exit status
    assert "nothing found" in capsys.readouterr().out


def test_a_damaged_file_is_an_error_and_data_not_fetched_are_skipped(content: Path) -> None:
    damaged(content)
    codes = [outcome.check.code for outcome in check_dataset("clean").found("error")]
    assert codes == ["D001"]
    elsewhere = [{"url": "https://example.org/x.parquet", "sha256": "0" * 64, "bytes": 1}]
    table = write_pairs(content, clean_pairs(), "away")
    card = (table.folder / "card.toml").read_text()
    (table.folder / "card.toml").write_text(card.replace('path = "pairs.parquet"', f'url = "{elsewhere[0]["url"]}"'))
    report = check_dataset("away")
    assert report.skipped == "not fetched: run zoo data fetch away"
    assert report.outcomes == ()


def test_a_check_that_crashes_is_no_clean_check(content: Path) -> None:
    broken = replace(all_checks()["D104"], find=lambda dataset: [str(1 / 0)])
    outcome = run_check(broken, write_pairs(content, clean_pairs()))
    assert outcome.state == "failed"
    assert outcome.reason == "ZeroDivisionError: division by zero"


def test_reliability_of_halves_and_planes_is_that_of_the_noise(content: Path) -> None:
    """Parts of variance 1 + noise s² correlate by 1/(1 + s²), their mean of k has reliability 1/(1 + s²/k)."""
    random = np.random.default_rng(3)
    made = {}
    for name, glass in clean_glasses().items():
        truth = random.normal(0, 1, len(glass))
        labels = ("x_even", "x_odd", "y_xy_0.020", "y_xz_0.020", "y_yz_0.020", "z")
        fields = {label: (truth + random.normal(0, 1, len(glass)), "1") for label in labels}
        made[name] = Glass(glass.positions, glass.species, glass.cell, True, fields)
    found = {entry.label: entry for entry in label_reliability(write_glasses(content, made))}
    assert set(found) == {"x", "y_0.020"}
    assert found["x"].agreement == pytest.approx(0.5, abs=0.06)
    assert found["x"].reliability == pytest.approx(2 / 3, abs=0.06)
    assert found["y_0.020"].reliability == pytest.approx(3 / 4, abs=0.05)
    assert found["y_0.020"].ceiling == pytest.approx(np.sqrt(3 / 4), abs=0.03)
    assert spearman_brown(-0.2, 2) == 0.0


def test_reliability_from_a_table_of_events(content: Path) -> None:
    random = np.random.default_rng(4)
    truth = random.normal(1.5, 0.3, (6, 200))
    events = pd.DataFrame(
        [
            {"glass": f"g{g}", "atom": a, "barrier": truth[g, a] + random.normal(0, 0.3)}
            for g in range(6)
            for a in range(200)
            for _ in range(4)
        ]
    )
    folder = content / "datasets" / "clean"
    folder.mkdir()
    events.to_parquet(folder / "events.parquet")
    bare = {name: Glass(g.positions, g.species, g.cell, True, {"s": (g.fields["slip"].values, "eV")})
            for name, g in clean_glasses().items()}  # fmt: skip
    roles = {"glass": "group", "atom": "identity", "barrier": "target"}
    columns = [{"name": name, "unit": "1", "role": role, "description": "-"} for name, role in roles.items()]
    table = {"name": "events", "file": "events.parquet", "description": "-", "columns": columns}
    dataset = write_glasses(content, bare)
    path = folder / "events.parquet"
    more = f'\n[[files]]\npath = "events.parquet"\nsha256 = "{sha256_of(path)}"\nbytes = {path.stat().st_size}\n'
    (folder / "card.toml").write_text((folder / "card.toml").read_text() + more + tomli_w.dumps({"tables": [table]}))
    (entry,) = label_reliability(load_dataset(str(dataset.folder)))
    assert entry.reliability == pytest.approx(0.3**2 / (0.3**2 + 0.3**2 / 4), abs=0.05)


def test_the_page_of_checks_is_what_the_checks_say() -> None:
    page = Path(__file__).parents[2] / "docs" / "checks.md"
    assert page.read_text() == all_documentation(), "run: zoo data check --explain all > docs/checks.md"


@pytest.mark.parametrize("code", ["D101", "d402"])
def test_a_check_is_explained(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["data", "check", "--explain", code])
    text = capsys.readouterr().out
    assert code.upper() in text
    assert "Why it matters" in text
