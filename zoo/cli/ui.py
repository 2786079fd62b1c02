"""``zoo ui``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import click

from zoo.cli import console
from zoo.errors import StoreError

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@click.command("ui", epilog="Examples: zoo ui, zoo ui --port 5001, zoo ui --studies")
@click.option("--results", type=click.Path(path_type=Path, file_okay=False), help="Results folder (or ZOO_RESULTS).")
@click.option("--port", default=5000, show_default=True, help="Of this machine; other machines cannot reach it.")
@click.option("--studies", is_flag=True, help="Optuna's dashboard of the searches for settings instead.")
def command(results: Path | None, port: int, studies: bool) -> None:
    """Open MLflow's own pages on the runs of a results folder; Ctrl-C ends it."""
    from zoo.benchmark.cell import study_address
    from zoo.benchmark.tracking import tracking_address
    from zoo.paths import default_results_dir

    folder = (results or default_results_dir()).resolve()
    where = ["--host", "127.0.0.1", "--port", str(port)]
    if studies:
        address = study_address(folder)
        _require_database(address, "searches for settings: run a suite with mode tuned")
        server = [str(Path(sys.executable).with_name("optuna-dashboard")), address, *where]
    else:
        address = tracking_address(folder)
        if address.startswith(("http://", "https://")):
            console().print(f"{address}  (MLflow's server, which MLFLOW_TRACKING_URI names, shows the runs itself)")
            return
        _require_database(address, "MLflow runs: zoo run and zoo track write them")
        start = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        server = [*start, "--backend-store-uri", address, *where]
    console().print(f"http://127.0.0.1:{port}  (takes a few seconds; Ctrl-C ends it)", highlight=False)
    sys.exit(serve(server))


def _require_database(address: str, what: str) -> None:
    """Refuse to open, and thereby to make, a file that is not there."""
    path = address.removeprefix("sqlite:///")
    if path != address and not Path(path).is_file():
        raise StoreError(f"{path} must be there, and is not: it holds {what}, or choose another with --results")


def serve(command: list[str]) -> int:
    """Run a server until it ends, which is its exit code, or until Ctrl-C, which is 0.

    Ctrl-C and the end of the terminal reach this process alone, which ends the server: by itself it would say so with
    a traceback.
    """
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    server = subprocess.Popen(command, env=os.environ | QUIET, start_new_session=True)
    try:
        return server.wait()
    except KeyboardInterrupt:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
        return 0
