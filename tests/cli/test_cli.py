"""The command line: help, sentences instead of tracebacks, and the same results as the library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from zoo.cli import COMMANDS, main, zoo


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``zoo`` as a user calls it."""
    return subprocess.run(
        [sys.executable, "-m", "zoo", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_help_imports_nothing_heavy():
    code = (
        "import contextlib, sys\n"
        "from zoo.cli import main\n"
        "with contextlib.suppress(SystemExit):\n    main(['--help'])\n"
        "print('heavy:', sorted({'numpy', 'rich', 'pandas', 'sklearn', 'msgspec'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"
    assert "Usage: zoo" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name):
    result = CliRunner().invoke(zoo, [name, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lst"], "no command is called 'lst': did you mean list or site?"),
        (["run", "quik"], "no suite is called 'quik': did you mean quick?"),
        (["data", "show", "cuzr-shaer"], "did you mean cuzr-shear"),
        (["data", "fetch", "cuzr"], "no data set is called 'cuzr'"),
        (["data", "build", "tls-dw-t007"], "has no recipe"),
        (["board", "quick", "--results", "nowhere"], "run zoo run quick first"),
        (["run", "mine/suite.toml"], "mine/suite.toml does not exist"),
    ],
)
def test_a_mistake_gets_one_sentence(words, sentence, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    errors = capsys.readouterr().err
    assert stopped.value.code == 2
    assert sentence in errors
    assert "Traceback" not in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("kind", ["datasets", "features", "models", "tasks", "suites"])
def test_everything_registered_is_listed(kind, capsys):
    main(["list", kind])
    assert "name" in capsys.readouterr().out


def test_run_and_board_from_start_to_page(root: Path, tmp_path: Path):
    results, page = tmp_path / "results", tmp_path / "site" / "index.html"
    done = run("run", "toy", "--results", str(results))
    assert done.returncode == 0, done.stderr
    assert "60 ok" in done.stdout
    assert "ROC AUC" in done.stdout
    again = run("run", "toy", "--results", str(results), "--no-board")
    assert "nothing to do; 72 finished before" in again.stdout
    shown = run("board", "toy", "--results", str(results), "--html", str(page))
    assert str(page) in shown.stdout
    assert page.read_text().startswith("<!doctype html>")


def test_verify_names_what_is_wrong(root: Path, capsys):
    main(["data", "verify"])
    assert "ok" in capsys.readouterr().out
    (root / "datasets" / "toy" / "g3.npz").unlink()
    with pytest.raises(SystemExit):
        main(["data", "verify"])
    assert "g3.npz is missing" in capsys.readouterr().out.replace("\n", "")


def test_external_data_say_how_to_get_them(capsys):
    with pytest.raises(SystemExit):
        main(["run", "tls"])
    assert "zoo data fetch tls-dw-t007" in capsys.readouterr().err
