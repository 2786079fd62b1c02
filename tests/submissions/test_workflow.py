"""What a pull request may change: the files of one submission, plain ones, and nothing else."""

from __future__ import annotations

import runpy
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2]
one_submission = runpy.run_path(str(HERE / ".github" / "one_submission.py"))["one_submission"]
OWN = "leaderboard/submissions/bold-idea"


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "core.autocrlf=false"]
    command = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """A repository with code and two submissions."""
    git(tmp_path, "init", "-q")
    for name in ("zoo/code.py", "leaderboard/submissions/other/descriptor.py", f"{OWN}/card.toml"):
        write(tmp_path, name)
    commit(tmp_path)
    return tmp_path


def write(folder: Path, name: str, text: str = "some lines\nthat git finds again\nafter a rename\n") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def commit(folder: Path) -> str:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "-q", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


def brought(head: Path, change: Callable[[Path], object]) -> str:
    base = git(head, "rev-parse", "HEAD")
    change(head)
    commit(head)
    return str(one_submission(str(head), base))


def test_a_new_submission_and_a_change_of_one_are_named(head):
    assert brought(head, lambda f: write(f, "leaderboard/submissions/mine/predictions/a.parquet")) == "mine"
    assert brought(head, lambda f: write(f, f"{OWN}/card.toml", "version = 2")) == "bold-idea"
    assert brought(head, lambda f: git(f, "mv", f"{OWN}/card.toml", f"{OWN}/new.toml")) == "bold-idea"


def test_what_the_base_has_gained_since_is_no_change_of_the_head(head):
    fork = git(head, "rev-parse", "HEAD")
    write(head, "zoo/later.py")
    base = commit(head)
    git(head, "checkout", "-q", "-b", "mine", fork)
    write(head, f"{OWN}/card.toml", "version = 2")
    commit(head)
    assert one_submission(str(head), base) == "bold-idea"


def submodule(folder: Path) -> None:
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{git(folder, 'rev-parse', 'HEAD')},{OWN}/sub")
    (folder / OWN / "sub").mkdir()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: git(f, "mv", "zoo/code.py", f"{OWN}/code.py"), "nothing else, got 'zoo/code.py'"),
        (lambda f: (f / "zoo/code.py").unlink(), "nothing else, got 'zoo/code.py'"),
        (lambda f: write(f, "leaderboard/verified/bold-idea.json"), "nothing else"),
        (lambda f: (f / "leaderboard/submissions/link").symlink_to("/etc"), "nothing else"),
        (lambda f: write(f, f"{OWN}/a\nb.py"), r"nothing else, got '.*a\\nb.py'"),
        (lambda f: write(f, f"{OWN}/é.py"), "nothing else"),
        (lambda f: write(f, f"{OWN}/__pycache__/x.py"), "nothing else"),
        (lambda f: write(f, f"{OWN}/.git2/x.py"), "nothing else"),
        (lambda f: write(f, "leaderboard/submissions/Bold/x.py"), "nothing else"),
        (lambda f: (f / OWN / "a.py").symlink_to("/etc/passwd"), "no links"),
        (submodule, "submodules"),
        (lambda f: (f / OWN / "card.toml").chmod(0o755), "programs"),
        (lambda f: [write(f, f"leaderboard/submissions/{n}/x.py") for n in ("one", "two")], "got one, two"),
        (lambda f: git(f, "commit", "-q", "--allow-empty", "-m", "x"), "got none"),
    ],
)
def test_anything_else_is_refused(head, change, words):
    base = git(head, "rev-parse", "HEAD")
    change(head)
    git(head, "add", "--all", "--force")
    git(head, "commit", "-q", "--allow-empty", "-m", "x")
    with pytest.raises(ValueError, match=words):
        one_submission(str(head), base)
