"""``zoo ui``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from zoo.cli import console

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
    from zoo.registry import require_modules

    folder = (results or default_results_dir()).resolve()
    where = ["--host", "127.0.0.1", "--port", str(port)]
    if studies:
        require_modules("option", "--studies", [("optuna_dashboard", "optuna-dashboard")])
        command = ["optuna-dashboard", study_address(folder), *where]
    else:
        server = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        command = [*server, "--backend-store-uri", tracking_address(folder), *where]
    console().print(f"http://127.0.0.1:{port}  (takes a few seconds; Ctrl-C ends it)", highlight=False)
    sys.exit(subprocess.run(command, env=os.environ | QUIET, check=False).returncode)
