"""The scorecard of small models: held-out rows only, swaps that change what they must, files, sentences."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tomli_w
from samples import clean_pairs, write_pairs
from scipy.special import expit, logit
from toy import write_task

from zoo._files import read_toml, sha256_of
from zoo.cli import main
from zoo.errors import ScorecardError, UnknownNameError
from zoo.features.pair import COLUMNS
from zoo.formats.npz import read_npz, write_npz
from zoo.scorecard.card import scorecard, temperature_of, why_no_arrhenius
from zoo.scorecard.fields import Plan, bound_of, held_out_scores, straight, swapped_glass
from zoo.scorecard.page import numbers_of, page_of, table_of
from zoo.scorecard.plots import pictures_of
from zoo.scorecard.shape import local_anisotropy
from zoo.scorecard.species import chemistry_of
from zoo.scorecard.words import arrhenius_words, warnings_of


def held(task: str = "toy-class", features: str = "coordination", family: str = "decision-tree"):
    return held_out_scores(Plan(task, features, family), workers=1)


def test_scores_are_those_of_the_benchmark(root: Path, tmp_path: Path):
    from zoo.benchmark.cell import run_cell
    from zoo.benchmark.store import Store

    found = held("toy-value", family="ridge")
    for fold in range(3):
        assert run_cell(found.plan.cell(fold), tmp_path) == "ok"
    store = Store(tmp_path)
    scored = pd.concat([store.predictions(result.key) for result in store]).set_index("row")["score"]
    assert np.allclose(scored.loc[np.arange(648)], found.score, rtol=1e-5)
    for fold in range(3):
        assert found.softness[found.fold == fold].mean() == pytest.approx(0, abs=1e-9)
        assert found.softness[found.fold == fold].std() == pytest.approx(1)


def test_finished_folds_are_not_fitted_again_and_damaged_ones_are(root: Path):
    first, counted = held(), []
    first.plan.path(1).write_bytes(b"damaged")
    again = held_out_scores(first.plan, 1, on_start=counted.append)
    held_out_scores(first.plan, 1, on_start=counted.append)
    assert counted == [1, 0]
    assert np.array_equal(first.softness, again.softness)


def test_a_swap_turns_a_score_of_species_over_and_leaves_one_of_geometry_alone(root: Path):
    of_species = held("toy-value", "species", "ridge")
    swap = chemistry_of(of_species).swap
    assert swap.correlation == pytest.approx(-1)
    assert np.isnan(swap.correlation_within), "the score is one number for each species"
    assert swap.shift["Cu"] * swap.shift["Zr"] < 0
    blind = chemistry_of(held("toy-value", "voronoi", "ridge")).swap
    assert blind.correlation == pytest.approx(1)
    assert blind.change == 0


def test_species_alone_is_what_a_model_of_species_knows(root: Path):
    found = chemistry_of(held("toy-value", "species", "ridge"))
    for name, value in found.whole.scores.items():
        assert found.alone.scores[name] == pytest.approx(value)
    assert [part.name for part in found.within] == ["Cu", "Zr"]
    assert sum(part.n for part in found.within) == found.whole.n == 648


def relabel(root: Path, label) -> None:
    """Write a label of its own into every glass of the toy data set."""
    folder = root / "datasets" / "toy"
    card = read_toml(folder / "card.toml")
    for entry in card["files"]:
        path = folder / entry["path"]
        glass = read_npz(path)
        write_npz(path, glass.with_fields(slip=(label(glass), "Å²")))
        entry |= {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    (folder / "card.toml").write_text(tomli_w.dumps(card))


def test_log_odds_of_confident_models_are_not_flattened():
    margin = np.linspace(-12, 12, 1001)
    sure = expit(margin)
    assert np.allclose(straight(sure, bound_of(sure)), margin, atol=1e-6)
    votes = np.arange(101) / 100
    odds = straight(votes, bound_of(votes))
    assert odds[[0, -1]] == pytest.approx([logit(0.005), logit(0.995)])
    assert np.allclose(odds[1:-1], logit(votes[1:-1]))
    assert np.array_equal(straight(margin, None), margin)


def test_scores_at_the_ends_are_counted(root: Path):
    found = scorecard(held(features="voronoi", family="random-forest"))
    ends = np.isin(found.held.score, [0.0, 1.0])
    assert found.held.cut == pytest.approx(ends.mean())
    assert 0.01 < ends.mean() < 0.9
    assert any("of the held-out scores are 0 or 1" in line for line in warnings_of(found))
    assert not any("0 or 1" in line for line in warnings_of(replace(found, held=replace(found.held, cut=0.009))))


def test_swapped_glasses_differ_in_names_only(root: Path):
    glass = read_npz(root / "datasets" / "toy" / "g0.npz")
    swapped = swapped_glass(glass)
    assert ((glass.species == "Cu") == (swapped.species == "Zr")).all()
    assert np.array_equal(glass.positions, swapped.positions)
    assert np.array_equal(swapped_glass(swapped).species, glass.species)


def test_one_species_cannot_be_swapped(root: Path):
    path = root / "datasets" / "toy" / "g2.npz"
    glass = read_npz(path)
    folder = root / "datasets" / "toy"
    alone = type(glass)(glass.positions, ["Cu"] * len(glass), glass.cell, glass.periodic, glass.fields)
    write_npz(path, alone)
    card = read_toml(folder / "card.toml")
    for entry in card["files"]:
        entry |= {"sha256": sha256_of(folder / entry["path"]), "bytes": (folder / entry["path"]).stat().st_size}
    (folder / "card.toml").write_text(tomli_w.dumps(card))
    found = scorecard(held())
    assert found.chemistry.swap is None
    assert found.declined["species swap"] == "two species are swapped, glass g2 has 1 (Cu)"


def test_the_numbers_of_the_page_are_in_the_files(root: Path, tmp_path: Path, capsys):
    folder = tmp_path / "physics"
    words = ["--features", "coordination", "--family", "logistic", "--workers", "1", "-o", str(folder)]
    main(["scorecard", "toy-class", *words])
    said = capsys.readouterr().out
    assert "A good score need not be the right physics" in said
    assert "no Arrhenius check: one temperature at a time: the label is a fixed part of each glass (20%)" in said
    numbers = json.loads((folder / "scorecard.json").read_text())
    table = pd.read_parquet(folder / "scores.parquet")
    assert len(table) == 648
    assert len(numbers["response"][0]["n"]) == 12
    assert sum(numbers["response"][0]["n"]) == 648
    top = table.sort_values("softness", kind="stable")
    probability = np.average(numbers["response"][0]["mean"], weights=numbers["response"][0]["n"])
    assert probability == pytest.approx(table["target"].mean())
    assert top["target"][-60:].mean() > top["target"][:60].mean()
    assert {entry["name"] for entry in numbers["correlation"]["fields"]} == {
        "score",
        "slip",
        "descriptor alone",
    }
    assert numbers["species"]["swap"]["correlation"] < 1
    page = (folder / "index.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "A good score need not be the right physics" in page
    assert 'src="data:image' in page
    assert "http://" not in page.split("<img")[0]
    names = {path.name for path in (folder / "figures").iterdir()}
    assert names == {"response.svg", "correlation.svg", "anisotropy.svg", "swap.png"}


def test_a_control_that_says_nothing_gets_a_sentence(root: Path, capsys):
    with pytest.raises(SystemExit):
        main(["scorecard", "toy-class", "--features", "coordination", "--family", "prior", "--workers", "1"])
    assert "the score is the same for all rows" in capsys.readouterr().err


def test_a_model_of_species_is_called_one(root: Path):
    found = scorecard(held("toy-value", "species", "ridge"))
    chemistry = found.chemistry
    whole = replace(chemistry.whole, scores={"pearson": 0.5, "spearman": 0.5})
    for alone, warned in ((0.45, True), (0.1, False)):
        part = replace(chemistry.alone, scores={"pearson": alone, "spearman": 0.0})
        changed = replace(found, chemistry=replace(chemistry, whole=whole, alone=part))
        assert any("species alone" in line for line in warnings_of(changed)) == warned
    assert all(np.isnan(decay.length) for decay in found.decays if decay.name in ("score", "descriptor alone"))
    page_of(found, pictures_of(found), "zoo")


@pytest.mark.parametrize(("rule", "sign"), [("bottom-fraction", -1), ("top-fraction", 1)])
def test_the_score_of_low_values_rises_where_they_fall(root: Path, rule, sign):
    relabel(root, lambda glass: np.exp(local_anisotropy(glass)[0]))
    write_task(root, "toy-low", label={"rule": rule, "fraction": 0.2})
    found = held("toy-low")
    glasses = {number: found.rows.dataset.glasses[found.rows.glass_names[number]] for number in found.atoms}
    right = {number: sign * local_anisotropy(glass)[0] for number, glass in glasses.items()}
    card = scorecard(replace(found, atoms=right))
    assert [link.correlation for link in card.links] == pytest.approx([sign, sign])
    assert card.links[1].name == ("-slip" if sign < 0 else "slip")
    assert not any("opposite direction" in line for line in warnings_of(card))
    wrong = scorecard(replace(found, atoms={number: -field for number, field in right.items()}))
    assert any("opposite direction" in line for line in warnings_of(wrong))
    faint = replace(wrong.links[0], correlation=-0.05 * sign)
    assert not any("opposite direction" in line for line in warnings_of(replace(wrong, links=[faint, wrong.links[1]])))


def test_workers_are_as_many_as_the_cores_that_may_be_used(root: Path, monkeypatch):
    def refuse(*given):
        raise AssertionError("one core was granted")

    monkeypatch.setattr("zoo.scorecard.fields.usable_cores", lambda: 1)
    monkeypatch.setattr("zoo.scorecard.fields.worker_pool", refuse)
    assert len(held_out_scores(Plan("toy-class", "coordination", "decision-tree")).score) == 648


def test_atoms_that_a_task_leaves_out_are_left_out(root: Path):
    write_task(root, "toy-cu", kind="regression", label={"rule": "log10"}, species=["Cu"])
    found = held("toy-cu", family="ridge")
    assert found.softness[found.fold == 0].std() == pytest.approx(1), "other atoms do not count in the scale"
    for number, atoms in found.atoms.items():
        is_cu = found.rows.dataset.glasses[found.rows.glass_names[number]].species == "Cu"
        assert np.array_equal(np.isfinite(atoms), is_cu)
        assert np.array_equal(np.isfinite(found.swapped[number]), is_cu)
    card = scorecard(found)
    assert list(card.chemistry.swap.shift) == ["Cu"]
    assert sum(card.links[0].curve.n) == len(found.rows)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"family": "ridge"}, ScorecardError, "ridge on coordination declines task toy-class"),
        ({"family": "ridg"}, UnknownNameError, "did you mean ridge"),
        ({"features": "pair"}, ScorecardError, "pair describes pairs"),
        ({"task": "toy"}, UnknownNameError, "no task is called 'toy'"),
    ],
)
def test_bad_input_gets_a_sentence(root: Path, changes, error, sentence):
    with pytest.raises(error, match=sentence):
        held(**changes)


def add_temperatures(root: Path, values: list[object]) -> None:
    """State a temperature with every glass, and make a task of a flag: the displacement is above 0.002."""
    folder = root / "datasets" / "toy"
    card = read_toml(folder / "card.toml")
    for entry, value in zip(card["files"], values, strict=True):
        path = folder / entry["path"]
        glass = read_npz(path)
        flag = (glass.fields["slip"].values > np.median(glass.fields["slip"].values)).astype(float)
        glass = glass.with_fields(moved=(flag, "1"))
        write_npz(path, glass if value is None else glass.with_metadata(temperature=value))
        entry |= {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    card["columns"].append({"name": "moved", "unit": "1", "role": "target", "description": "made up"})
    (folder / "card.toml").write_text(tomli_w.dumps(card))
    write_task(root, "toy-flag", target=["moved"], label={"rule": "flag"})


def test_temperatures_of_glasses_are_used_where_they_are_stated(root: Path):
    add_temperatures(root, [300, 300, 400, 400, 500, 500])
    found = held("toy-flag")
    card = scorecard(found, "temperature")
    assert card.arrhenius.temperature.tolist() == [300, 400, 500]
    assert "Arrhenius check" not in card.declined
    assert "arrhenius" in {picture.name for picture in pictures_of(card)}
    assert "3 temperatures from 300 to 500" in page_of(card, pictures_of(card), "zoo")
    assert "--temperature KEY" in why_no_arrhenius(found.rows)
    with pytest.raises(ScorecardError, match="g0 states temperature"):
        temperature_of(found.rows, "T")
    with pytest.raises(ScorecardError, match="the label is a fixed part of each glass"):
        scorecard(held("toy-class"), "temperature")
    with pytest.raises(ScorecardError, match="a predicted value is no probability"):
        scorecard(held("toy-value"), "temperature")


def test_one_temperature_is_none(root: Path):
    add_temperatures(root, [300] * 6)
    with pytest.raises(ScorecardError, match=r"one temperature only \(300\)"):
        scorecard(held("toy-flag"), "temperature")


def test_words_are_no_temperature(root: Path):
    add_temperatures(root, [300, 300, 400, 400, 500, "hot"])
    with pytest.raises(ScorecardError, match="temperatures must be numbers"):
        scorecard(held("toy-flag"), "temperature")


@pytest.fixture
def pairs(root: Path) -> Path:
    """A table of pairs prepared at two temperatures."""
    table = clean_pairs()
    for column in COLUMNS:
        table[column.name] = np.random.default_rng(len(table.columns)).random(len(table)) + table["reach"]
    table["T"] = np.where(table["conf"] % 2, 0.09, 0.075)
    roles = {"conf": "group", "i": "state", "j": "state", "rank": "identity", "is_dw": "target", "depth": "target"}
    write_pairs(root, table, roles=roles | {"T": "identity"})
    write_task(root, "wells", dataset="pairs", target=["is_dw"], label={"rule": "flag"}, score_by="fold")
    write_task(
        root,
        "depths",
        dataset="pairs",
        target=["depth_even"],
        label={"rule": "value"},
        score_by="fold",
        kind="regression",
    )
    return root


def test_a_table_of_pairs_has_no_field(pairs: Path):
    found = scorecard(held("wells", "pair", "logistic"))
    for part in ("correlation length", "local anisotropy", "species"):
        assert found.declined[part] == "pairs is a table of pairs: there is no field over the atoms of a glass"
    said = found.declined["Arrhenius check"]
    assert said.startswith("the temperatures stated are 0.075 and 0.09 (T: -)")
    assert found.curves[0].found.slope > 0
    page = page_of(found, pictures_of(found), "<b>zoo</b>")
    assert "<b>zoo" not in page
    assert numbers_of(found)["species"] is None
    assert "species" not in table_of(found).columns
    asked = scorecard(held("wells", "pair", "logistic"), "T")
    assert np.isnan(asked.arrhenius.misfit)
    assert "any line goes through both points" in page_of(asked, pictures_of(asked), "")
    assert re.search(
        r"ΔE is \S+ ± \S+ in the lowest and \S+ ± \S+ in the highest of the \d+ bins", arrhenius_words(asked)
    )
    with pytest.raises(ScorecardError, match="a temperature must be a column of pairs, got 'temp'"):
        scorecard(held("wells", "pair", "logistic"), "temp")
    assert "no probability" in scorecard(held("depths", "pair", "ridge")).declined["Arrhenius check"]
