"""MLflow runs of a matrix: the matrix is the parent, each cell a run within it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from zoo.benchmark.tracking import IDENTITY, experiment_id, tracking_address, tracking_client
from zoo.errors import TrackingError, TransferError
from zoo.transfer.matrix import CellLine, Matrix, read_matrix

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "transfer"
PARENT = "mlflow.parentRunId"


def track_matrix(matrix: Matrix, files: list[Path], folder: Path) -> str:
    """Write the runs of a matrix, unless they are there; the id of the parent.

    Parameters
    ----------
    matrix : Matrix
    files : list of Path
        Kept with the parent: figure, table, page.
    folder : Path
        Results folder.

    Raises
    ------
    TrackingError
        The tracking store cannot be reached or written to.
    """
    try:
        with FileLock(folder / ".tracking.lock"):
            client = tracking_client(folder)
            experiment = experiment_id(client, EXPERIMENT, folder)
            identity = hashlib.sha256(" ".join(matrix.keys).encode()).hexdigest()[:32]
            known = client.search_runs([experiment], f"tags.`{IDENTITY}` = '{identity}' and status = 'FINISHED'")
            if known:
                return str(known[0].info.run_id)
            parent = _write(client, experiment, matrix, identity)
            for path in files:
                client.log_artifact(parent, str(path))
            client.set_terminated(parent, "FINISHED")
            return parent
    except Exception as error:  # whatever the store behind the address may raise
        raise TrackingError(
            f"MLflow runs cannot be written to {tracking_address(folder)}: {(str(error).splitlines() or [''])[0]}; the "
            "fits are safe, the same command writes the runs later"
        ) from error


def _write(client: MlflowClient, experiment: str, matrix: Matrix, identity: str) -> str:
    from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag

    parameters = {
        "tasks": ", ".join(matrix.tasks),
        "by": matrix.by,
        "features": matrix.features,
        "family": matrix.family,
        "metric": matrix.metric,
        "alignment": matrix.alignment,
        "n_glasses": matrix.n_glasses,
        "max_train_rows": matrix.max_train_rows,
        "seed": matrix.seed,
    }
    run = client.create_run(experiment, run_name=matrix.name)
    parent = str(run.info.run_id)
    client.log_batch(
        parent,
        metrics=[Metric(f"ladder_{rung.rung}", rung.score, 0, 0) for rung in matrix.ladder]
        + [Metric(name, value, 0, 0) for name, value in summary(matrix).items()],
        params=[Param(name, str(value)) for name, value in parameters.items()],
        tags=[RunTag(IDENTITY, identity), *(RunTag(f"version.{k}", v) for k, v in matrix.versions.items())],
    )
    data = [Dataset(name, digest[:32], "glass-zoo", f"sha256 {digest}") for name, digest in matrix.data.items()]
    client.log_inputs(parent, [DatasetInput(entry, []) for entry in data])
    for cell in matrix.cells:
        child = client.create_run(experiment, run_name=f"{cell.source} -> {cell.target}", tags={PARENT: parent})
        client.log_batch(
            child.info.run_id,
            metrics=[Metric(name, value, 0, 0) for name, value in figures_of(cell).items()],
            params=[Param(name, str(value)) for name, value in {**parameters, **_of_cell(cell)}.items()],
            tags=[RunTag("reason", cell.reason)] if cell.reason else [],
        )
        client.set_terminated(child.info.run_id, "FINISHED")
    return parent


def summary(matrix: Matrix) -> dict[str, float]:
    """Means of the diagonal, of what is beside it, and of the drops."""
    own = [cell.score for cell in matrix.cells if cell.source == cell.target and cell.score is not None]
    other = [cell.score for cell in matrix.cells if cell.source != cell.target and cell.score is not None]
    drops = [cell.drop for cell in matrix.cells if cell.drop is not None]
    means = {"in_domain_mean": own, "transfer_mean": other, "drop_mean": drops}
    return {name: sum(values) / len(values) for name, values in means.items() if values}


def figures_of(cell: CellLine) -> dict[str, float]:
    """Every number of a cell that is known."""
    low, high = cell.interval or (None, None)
    found: dict[str, Any] = {**cell.scores, "low": low, "high": high, "spread": cell.spread, "drop": cell.drop}
    found |= {"asymmetry": cell.asymmetry, "oracle": cell.oracle, "n_train_rows": cell.n_train_rows}
    return {name: float(value) for name, value in found.items() if value is not None}


def _of_cell(cell: CellLine) -> dict[str, Any]:
    return {"source": cell.source, "target": cell.target, "rung": cell.rung, "n_train_glasses": cell.n_train_glasses}


def find_matrix(name: str, folder: Path) -> Matrix:
    """A matrix by the path of its ``matrix.json`` or its folder, or by the id of its MLflow run (or its beginning).

    Raises
    ------
    TransferError
        There is none, or several begin so.
    """
    path = Path(name)
    if path.is_dir():
        path = path / "matrix.json"
    if path.is_file():
        return read_matrix(path)
    try:
        client = tracking_client(folder)
        runs = client.search_runs([experiment_id(client, EXPERIMENT, folder)], max_results=5000)
    except Exception as error:
        raise TransferError(f"{name} is no file, and the runs of {tracking_address(folder)} cannot be read") from error
    found = [run for run in runs if run.info.run_id.startswith(name) and PARENT not in run.data.tags]
    if len(found) != 1:
        known = ", ".join(run.info.run_id[:8] for run in runs if PARENT not in run.data.tags) or "none"
        raise TransferError(
            f"{name!r} must be a matrix.json or the id of one MLflow run of a matrix; {len(found)} begin so; "
            f"known: {known}"
        )
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with tempfile.TemporaryDirectory() as place:
        return read_matrix(Path(client.download_artifacts(found[0].info.run_id, "matrix.json", place)))
