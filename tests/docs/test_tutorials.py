"""What a reader of docs/tutorials types is run as it stands, in a small project whose data sets have the same names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
import tomli_w
from disorder import disordered

from zoo._files import read_toml, sha256_of
from zoo.cli import zoo as cli
from zoo.errors import SandboxError
from zoo.formats import write_glass
from zoo.neighbors import find_neighbors
from zoo.submissions.confine import REQUIRED
from zoo.submissions.sandbox import sandboxed

HERE = Path(__file__).resolve().parents[2]
TUTORIALS = HERE / "docs" / "tutorials"
PLANES = ("xy", "xz", "yz")
GLASSES = [f"{alloy}-s{seed}" for alloy in ("cu50zr50", "cu65zr35") for seed in (1, 2, 3)]
SBATCH = """#!/bin/bash
# one task of the array after the other, on this machine
for _ in 1 2; do bash "${@: -1}"; done
"""


def script_of(page: Path) -> str:
    """Every ``sh`` block of a page, in order."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``cuzr-shear`` with six glasses of 500 atoms whose D2min follows crowding, two tasks, and the suite ``quick``."""
    root = tmp_path_factory.mktemp("small")
    folder = root / "datasets" / "cuzr-shear"
    folder.mkdir(parents=True)
    files, glasses = [], []
    for seed, name in enumerate(GLASSES):
        glass, random = disordered(seed=seed), np.random.default_rng(seed)
        near = find_neighbors(glass, 4.0)
        crowding = np.bincount(near.center, (4.0 - near.distance) ** 2, len(glass))
        labels = {
            f"d2min_{plane}_0.020": (np.exp(0.5 * crowding + random.normal(0, 0.3, len(glass))), "Å²")
            for plane in PLANES
        }
        path = folder / f"{name}.npz"
        write_glass(path, glass.with_fields(**labels))
        files.append({"path": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size})
        glasses.append({"id": name, "file": path.name, "stratum": name[:8], "n_atoms": len(glass), "quench_rate": 1e13})
    columns = [
        {"name": f"d2min_{plane}_0.020", "unit": "Å²", "role": "target", "description": "made up"} for plane in PLANES
    ]
    card = {"name": "cuzr-shear", "version": "1", "title": "Small", "kind": "glasses", "description": "Made up."}
    card |= {"license": "CC0-1.0", "citation": "none", "created": "2026-01-01"}
    (folder / "card.toml").write_text(tomli_w.dumps(card | {"files": files, "columns": columns, "glasses": glasses}))
    task = {"version": 1, "dataset": "cuzr-shear", "target": [column["name"] for column in columns]}
    task |= {"title": "Made up", "folds": 2, "score_by": "glass"}
    rule = {"rule": "top-fraction", "fraction": 0.1}
    write(root, "tasks/shear-2pct", task | {"kind": "classification", "label": rule})
    write(root, "tasks/shear-2pct-value", task | {"kind": "regression", "label": {"rule": "log10"}})
    entries = [
        {"task": "shear-2pct", "features": ["coordination", "voronoi-radical"], "families": ["logistic", "lightgbm"]},
        {"task": "shear-2pct-value", "features": ["coordination"], "families": ["ridge"]},
    ]
    write(root, "suites/quick", {"title": "Small", "random_split": False, "entries": entries})
    return root


def confines() -> bool:
    """Whether contributed code can be run here without ``--unsafe``."""
    try:
        with sandboxed({"d.py": b""}, "d.py", unsafe=True, kernels=False) as sandbox:
            return set(REQUIRED) <= set(sandbox.layers)
    except SandboxError:
        return False


def write(root: Path, name: str, content: dict[str, object]) -> None:
    """A task or a suite, called as its file."""
    path = root / "benchmarks" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomli_w.dumps({"name": path.stem} | content))


@pytest.fixture
def play(small: Path, tmp_path: Path) -> Callable[[str], str]:
    """Run a tutorial in an empty folder, on one core; what it has said.

    That the project is small, where it keeps things, and an ``sbatch`` that queues nothing: the rest is as typed.
    """
    places = {
        "ZOO_ROOT": small,
        "ZOO_CACHE": small / "cache",
        "ZOO_RESULTS": small / "results",
        "MLFLOW_TRACKING_URI": f"sqlite:///{small}/mlflow.db",
        "PYTHONPATH": HERE,
        "PYTHONDONTWRITEBYTECODE": "",
        "RAY_USAGE_STATS_ENABLED": 0,
        "PATH": os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(SBATCH)
    sbatch.chmod(0o755)
    (tmp_path / "work").mkdir()

    def one_core() -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    def run(name: str) -> str:
        done = subprocess.run(
            ["bash", "-e", "-c", script_of(TUTORIALS / f"{name}.md")],
            cwd=tmp_path / "work",
            env=os.environ | {key: str(value) for key, value in places.items()},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            preexec_fn=one_core,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert "Traceback" not in done.stderr
        return done.stdout

    return run


@pytest.mark.skipif(not confines(), reason="this system cannot confine a process")
def test_score_my_descriptor(play, small):
    said = play("score-my-descriptor")
    assert "nothing to mend" in said
    assert "shell-spread, version 1: verified" in said
    assert "unverified  Spread of the first shell" in said
    assert (small / "leaderboard" / "submissions" / "shell-spread" / "manifest.json").is_file()


def test_predict_on_my_glass(play, tmp_path):
    said = play("predict-on-my-glass")
    share = re.search(r"(\S+)% of the 200 softest atoms rearrange", said)
    assert share
    assert float(share[1]) > 12, "it has learnt something"
    assert (tmp_path / "work" / "softness.png").stat().st_size > 10_000


def test_explain_a_model(play, tmp_path):
    said = play("explain-a-model")
    assert re.search(r"add up to the output within \de-1\d", said)
    assert (tmp_path / "work" / "why" / "figures" / "beeswarm-lightgbm.png").is_file()


def test_add_a_data_set(play):
    said = play("add-a-data-set")
    assert re.search(r"D302 +info", said)
    assert "mine-d2min-top10" in said


def test_run_on_a_cluster(play):
    pytest.importorskip("ray")
    said = play("run-on-a-cluster")
    assert "10 ok; 0 finished before" in said
    assert said.count("nothing to do; 10 finished before") == 3


@pytest.mark.parametrize("page", [*TUTORIALS.glob("*.md"), HERE / "README.md", HERE / "CONTRIBUTING.md"], ids=str)
def test_links_lead_somewhere(page):
    for address in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert address.startswith("https://") or (page.parent / address).exists(), address


def test_the_citation_is_of_this_version():
    version = read_toml(HERE / "pyproject.toml")["project"]["version"]
    citation = (HERE / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {version}\n" in citation
    assert citation.startswith("cff-version: 1.2.0\n")


def test_commands_that_the_readme_names_are_there():
    """Every ``zoo`` command and option in a block of a page that is not run."""
    for page in (HERE / "README.md", HERE / "docs" / "submitting.md", HERE / "docs" / "cluster.md"):
        for line in script_of(page).splitlines():
            words = line.split("#")[0].split()
            if words[:1] == ["zoo"]:
                assert_known(words[1:])


def assert_known(words: list[str]) -> None:
    found: click.Command = cli
    context = click.Context(cli)
    while isinstance(found, click.Group):
        inner = found.get_command(context, words[0])
        assert inner, words
        found, words = inner, words[1:]
    known = {name for option in found.params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
    unknown = [word for word in words if word.startswith("-") and word not in known]
    assert not unknown, (found.name, unknown)
