"""Every feature set passes every trial, and a trial catches what it is there for."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from disorder import disordered, liquid

from zoo.conformance import TRIALS, examine, prepared, summary, trial_glasses
from zoo.features.declaration import Column, FeatureSet, feature_sets
from zoo.features.inherent import inherent_structure
from zoo.glass import Glass

NAMES = [entry.name for entry in feature_sets if entry.rows == "atoms"]
SLOW = ["soap", "acsf", "density-grid-xz", "density-grid-yz"]
"""Other people's code, and images that are those of ``density-grid`` in another frame: ``zoo check-descriptor`` holds
every trial for them."""
EXPENSIVE = ("smoothness", "memory", "identity")
MADE = ["voronoi@cg", "radial-coarse+coordination@mro", "interstice@mro@cg"]


@pytest.fixture(scope="module")
def glasses() -> list[Glass]:
    """One of 864 atoms and four of 2,048, all half copper."""
    return [balanced(disordered(repeat=6))] + [balanced(disordered(repeat=8, seed=seed)) for seed in range(1, 5)]


@pytest.fixture(scope="module")
def flat_glasses() -> list[Glass]:
    """One of 400 atoms and four of 900 in two dimensions."""

    def make(edge: int, seed: int) -> Glass:
        random = np.random.default_rng(seed)
        lattice = np.stack(np.meshgrid(*[np.arange(edge)] * 2), -1).reshape(-1, 2) * 2.6
        species = random.permutation(np.resize(["Cu", "Zr"], edge * edge))
        return Glass(lattice + random.normal(0, 0.3, lattice.shape), species, [2.6 * edge] * 2)

    return [make(20, 0), *(make(30, seed) for seed in range(1, 5))]


def balanced(glass: Glass) -> Glass:
    species = np.random.default_rng(len(glass)).permutation(np.resize(["Cu", "Zr"], len(glass)))
    return Glass(glass.positions, species, glass.cell)


@pytest.mark.parametrize("name", [*NAMES, *MADE])
def test_a_set_passes_every_trial(name: str, glasses: list[Glass]) -> None:
    entry = feature_sets[name]
    trials = tuple(trial for trial in TRIALS if name not in SLOW or trial.name not in EXPENSIVE)
    if reason := entry.declines(prepared(entry, glasses)[0]):
        assert "2D glass" in reason or "Kob-Andersen mixture" in reason
        return
    verdicts = list(examine(entry, prepared(entry, glasses), trials))
    assert len(verdicts) == len(trials)
    assert not [(verdict.trial.name, verdict.reason) for verdict in verdicts if verdict.state == "failed"]
    assert sum(verdict.state == "passed" for verdict in verdicts) >= 4


@pytest.mark.parametrize("name", [name for name in [*NAMES, *MADE] if name not in SLOW])
def test_a_set_passes_every_trial_in_two_dimensions_or_declines(name: str, flat_glasses: list[Glass]) -> None:
    entry = feature_sets[name]
    glasses = prepared(entry, flat_glasses)
    if reason := entry.declines(glasses[0]):
        assert any(words in reason for words in ("3D", "radius", "Kob-Andersen mixture"))
        return
    assert not [(v.trial.name, v.reason) for v in examine(entry, glasses) if v.state == "failed"]


def test_columns_of_inherent_structures_pass_every_trial_at_an_inherent_structure() -> None:
    """Elsewhere they change with the minimum that is found, and a change far away reaches far."""
    bare = inherent_structure(liquid())
    glass = Glass(bare.positions, bare.species, bare.cell)
    trials = tuple(trial for trial in TRIALS if trial.name not in EXPENSIVE)
    verdicts = list(examine(feature_sets["physics-inspired-kob-andersen"], [glass], trials))
    assert summary(verdicts) == "passed 8, not applicable 0, exempt 1"


def made(compute: Any, **options: Any) -> FeatureSet:
    return FeatureSet("made", "", "none", 1, lambda kinds: (Column("x", "1", "a"),), compute, **options)


def column(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32).reshape(-1, 1)


def count(glass: Glass, cutoff: float = 4.0) -> np.ndarray:
    from zoo.neighbors import find_neighbors

    return find_neighbors(glass, cutoff).counts


CALLS: list[int] = []


def changing(glass: Glass, kinds: tuple[str, ...]) -> np.ndarray:
    CALLS.append(1)
    return column(count(glass) + len(CALLS))


def greedy(glass: Glass, kinds: tuple[str, ...]) -> np.ndarray:
    table = np.ones((len(glass), 12_000))
    return column(table[:, 0] * count(glass))


BROKEN = {
    "contract": made(lambda glass, kinds: column(count(glass))[:-1]),
    "determinism": made(changing),
    "rotation": made(lambda glass, kinds: column(first_bond(glass))),
    "translation": made(lambda glass, kinds: column(glass.positions[:, 0])),
    "images": made(lambda glass, kinds: column(np.linalg.norm(glass.positions - glass.positions.mean(axis=0), axis=1))),
    "permutation": made(lambda glass, kinds: column(np.arange(len(glass)))),
    "supercell": made(lambda glass, kinds: column(count(glass) * len(glass))),
    "relabelling": made(lambda glass, kinds: column(count(glass) * (glass.species == "Cu"))),
    "missing species": made(lambda glass, kinds: column(count(glass) * len(kinds))),
    "smoothness": FeatureSet(
        "made",
        "",
        "none",
        1,
        lambda kinds: (Column("smooth", "1", "a"), Column("jumps", "1", "a")),
        lambda glass, kinds: np.hstack([column(first_bond(glass)), column(count(glass))]),
    ),
    "memory": made(greedy),
    "identity": made(lambda glass, kinds: column(np.full(len(glass), glass.positions.std()))),
}


def first_bond(glass: Glass) -> np.ndarray:
    """Sum of the x components of the bonds towards larger x."""
    from zoo.neighbors import find_neighbors

    near = find_neighbors(glass, 5.0)
    return np.bincount(near.center, np.abs(near.vector[:, 0]) * (5.0 - near.distance) ** 2, len(glass))


@pytest.mark.parametrize("name", [trial.name for trial in TRIALS])
def test_a_trial_catches_what_it_is_for(name: str, glasses: list[Glass]) -> None:
    (verdict,) = [verdict for verdict in examine(BROKEN[name], glasses) if verdict.trial.name == name]
    assert verdict.state == "failed", verdict
    assert verdict.reason


def crowding(glass: Glass) -> np.ndarray:
    from zoo.neighbors import find_neighbors

    near = find_neighbors(glass, 4.0)
    return np.bincount(near.center, (4.0 - near.distance) ** 2, len(glass))


LEAKS = {
    "last height": lambda glass: 0.05 * glass.heights[2],
    "second height": lambda glass: 0.05 * glass.heights[1],
    "first edge": lambda glass: 0.02 * glass.cell[0, 0],
    "mean": lambda glass: 0.3 * crowding(glass).mean(),
    "fingerprint": lambda glass: 0.1 * (crowding(glass).sum() % 1.0),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_little_of_the_box_or_of_the_whole_glass_is_noticed(name: str, glasses: list[Glass]) -> None:
    entry = made(lambda glass, kinds: column(crowding(glass) + LEAKS[name](glass)))
    trials = tuple(trial for trial in TRIALS if trial.name in ("supercell", "identity"))
    assert "failed" in {verdict.state for verdict in examine(entry, glasses, trials)}
    honest = made(lambda glass, kinds: column(crowding(glass)))
    assert {verdict.state for verdict in examine(honest, glasses, trials)} == {"passed"}


def test_nobody_is_exempt_from_what_any_descriptor_can_do(glasses: list[Glass]) -> None:
    asked = dict.fromkeys((trial.name for trial in TRIALS), "I would rather not")
    entry = made(lambda glass, kinds: column(crowding(glass)), exempt=asked)
    verdicts = list(examine(entry, glasses))
    assert {v.trial.name for v in verdicts if v.state == "exempt"} == {"rotation", "relabelling", "smoothness"}
    assert {v.trial.name for v in verdicts if v.state == "passed"} == {"contract", "determinism", "memory"}
    assert summary(verdicts) == "passed 3, failed 6, not applicable 0, exempt 3"


def test_after_a_broken_contract_nothing_else_is_asked(glasses: list[Glass]) -> None:
    verdicts = list(examine(made(lambda glass, kinds: column(crowding(glass))[1:]), glasses))
    assert [v.state for v in verdicts] == ["failed", *["not applicable"] * (len(TRIALS) - 1)]
    assert {v.reason for v in verdicts[1:]} == {"the contract failed"}


def test_an_error_names_the_line_of_the_file(glasses: list[Glass]) -> None:
    def compute(glass: Glass, kinds: tuple[str, ...]) -> np.ndarray:
        return column(np.linalg.inv(np.zeros((2, 2))))

    (verdict, *_) = examine(made(compute), glasses)
    line = compute.__code__.co_firstlineno + 1
    assert verdict.reason == f"LinAlgError: Singular matrix (test_conformance.py, line {line})"


def test_a_descriptor_that_exits_fails(glasses: list[Glass]) -> None:
    (verdict, *_) = examine(made(lambda glass, kinds: sys.exit(3)), glasses)
    assert verdict.state == "failed"
    assert verdict.reason.startswith("SystemExit: 3 (test_conformance.py, line")


def test_dense_glasses_are_shaken_without_putting_atoms_on_each_other() -> None:
    trials = tuple(trial for trial in TRIALS if trial.name == "identity")
    (verdict,) = examine(feature_sets["coordination"], trial_glasses("disks-shear", 4), trials)
    assert (verdict.state, verdict.reason) == ("passed", "")


def test_what_is_exempt_or_declined_says_why(glasses: list[Glass], flat: Glass) -> None:
    states = {verdict.trial.name: verdict for verdict in examine(feature_sets["random"], glasses)}
    assert states["rotation"].state == "exempt"
    assert states["rotation"].reason == "its numbers are random"
    declined = list(examine(feature_sets["voronoi"], [flat]))
    assert {verdict.state for verdict in declined} == {"not applicable"}
    assert "3D" in declined[0].reason
