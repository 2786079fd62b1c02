"""``zoo ui``: the pages of MLflow and Optuna, or a sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from zoo.benchmark.tuning import open_study
from zoo.cli import main


@pytest.fixture(autouse=True)
def no_address(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("ZOO_STUDIES", raising=False)


def start(*words: str, **environment: str) -> subprocess.Popen[str]:
    """A command that Ctrl-C reaches together with all that it starts."""
    return subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def end(process: subprocess.Popen[str]) -> str:
    """What a command has printed that Ctrl-C ends."""
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    return output + errors


def test_a_server_elsewhere_is_named(monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example.org:5000")
    main(["ui"])
    assert "https://mlflow.example.org:5000" in capsys.readouterr().out


@pytest.mark.parametrize(("option", "file"), [([], "mlflow.db"), (["--studies"], "studies.db")])
def test_a_folder_that_is_not_there_is_refused_and_not_made(option, file, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["ui", *option, "--results", str(tmp_path / "typo")])
    assert stopped.value.code == 2
    assert f"{tmp_path / 'typo' / file} must be there, and is not" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()


def test_the_dashboard_of_searches_opens_without_an_activated_environment(tmp_path):
    open_study(0, f"sqlite:///{tmp_path / 'studies.db'}", "a search").add_trial(a_trial())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--studies", "--results", str(tmp_path), "--port", str(port)]
    process = start("-m", "zoo", "ui", *options, PATH="/usr/bin:/bin")
    try:
        assert "Optuna Dashboard" in read(f"http://127.0.0.1:{port}/dashboard/", process)
        assert "a search" in read(f"http://127.0.0.1:{port}/api/studies", process)
    finally:
        printed = end(process)
    assert f"http://127.0.0.1:{port}" in printed
    assert "Traceback" not in printed


def a_trial():
    import optuna

    return optuna.trial.create_trial(value=0.5)


def read(address: str, process: subprocess.Popen[str]) -> str:
    """A page, once its server is up."""
    deadline = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as page:
                return page.read().decode()
        except OSError:
            assert time.monotonic() < deadline, "no page appeared"
            assert process.poll() is None, process.communicate()
            time.sleep(0.2)


def test_control_c_ends_a_server_that_answers_it_with_a_traceback(tmp_path):
    mark = tmp_path / "begun"
    server = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(60)"
    code = f"import sys; from zoo.cli.ui import serve; sys.exit(serve([sys.executable, '-c', {server!r}]))"
    process = start("-c", code)
    while not mark.exists():
        assert process.poll() is None
        time.sleep(0.1)
    assert end(process) == ""
