"""MLflow runs of a matrix: the matrix is the parent, each cell a run within it, with data, predictions and figure."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from zoo.benchmark.store import Store
from zoo.benchmark.tracking import IDENTITY, experiment_id, tracking_address, tracking_client
from zoo.errors import TrackingError, TransferError
from zoo.transfer.figures import write_cell_figure
from zoo.transfer.matrix import OTHERS, CellLine, Matrix, models_of, read_matrix

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

EXPERIMENT = "transfer"
PARENT = "mlflow.parentRunId"
CONTEXT = "mlflow.data.context"
Read = Callable[[str], "pd.DataFrame"]
"""Predictions of a fit by its key."""


def track_matrix(matrix: Matrix, files: list[Path], folder: Path) -> str:
    """Write the runs of a matrix, unless they are there; the id of the parent.

    What an interrupted call has left of the same matrix is deleted.

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
            known = client.search_runs([experiment], f"tags.`{IDENTITY}` = '{identity}'")
            whole = [run.info.run_id for run in known if run.info.status == "FINISHED"]
            if whole:
                return str(whole[0])
            for run in known:
                _delete(client, experiment, run.info.run_id)
            return _write(client, experiment, matrix, identity, files, folder)
    except Exception as error:  # whatever the store behind the address may raise
        raise TrackingError(
            f"MLflow runs cannot be written to {tracking_address(folder)}: {(str(error).splitlines() or [''])[0]}; the "
            "fits are safe, the same command writes the runs later"
        ) from error


def _delete(client: MlflowClient, experiment: str, parent: str) -> None:
    for child in client.search_runs([experiment], f"tags.`{PARENT}` = '{parent}'", max_results=5000):
        client.delete_run(child.info.run_id)
    client.delete_run(parent)


def _write(
    client: MlflowClient, experiment: str, matrix: Matrix, identity: str, files: list[Path], folder: Path
) -> str:
    from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag

    parameters = {
        "tasks": ", ".join(matrix.tasks),
        "by": matrix.by,
        "features": matrix.features,
        "family": matrix.family,
        "metric": matrix.metric,
        "alignment": matrix.alignment,
        "n_glasses": matrix.n_glasses,
        "n_train_rows": matrix.n_train_rows,
        "max_train_rows": matrix.max_train_rows,
        "seed": matrix.seed,
    }
    run = client.create_run(experiment, run_name=matrix.name, tags={IDENTITY: identity})
    parent = str(run.info.run_id)
    client.log_batch(
        parent,
        metrics=[Metric(f"ladder_{rung.rung}", rung.score, 0, 0) for rung in matrix.ladder]
        + [Metric(name, value, 0, 0) for name, value in summary(matrix).items()],
        params=[Param(name, str(value)) for name, value in parameters.items()],
        tags=[RunTag(f"version.{name}", version) for name, version in matrix.versions.items()],
    )
    data = [Dataset(name, digest[:32], "glass-zoo", f"sha256 {digest}") for name, digest in matrix.data.items()]
    client.log_inputs(parent, [DatasetInput(entry, []) for entry in data])
    read = cache(Store(folder / "transfer").predictions)
    for cell in matrix.cells:
        _write_cell(client, experiment, parent, parameters, matrix, cell, read, models_of(folder))
    for path in files:
        client.log_artifact(parent, str(path))
    client.set_terminated(parent, "FINISHED")
    return parent


def _write_cell(
    client: MlflowClient,
    experiment: str,
    parent: str,
    parameters: dict[str, Any],
    matrix: Matrix,
    cell: CellLine,
    read: Read,
    models: Path,
) -> None:
    """The run of one cell."""
    from mlflow.entities import Metric, Param, RunTag

    child = client.create_run(experiment, run_name=f"{cell.source} -> {cell.target}", tags={PARENT: parent})
    key = child.info.run_id
    client.log_inputs(key, inputs_of(matrix, cell))
    with tempfile.TemporaryDirectory() as place:
        model = _files_of_cell(matrix, cell, read, models, Path(place))
        tags = {"reason": cell.reason, "model": model}
        client.log_batch(
            key,
            metrics=[Metric(name, value, 0, 0) for name, value in figures_of(cell).items()],
            params=[Param(name, str(value)) for name, value in {**parameters, **_of_cell(cell)}.items()],
            tags=[RunTag(name, text) for name, text in tags.items() if text],
        )
        client.log_artifacts(key, place)
    client.set_terminated(key, "FINISHED")


def inputs_of(matrix: Matrix, cell: CellLine) -> list[DatasetInput]:
    """Groups that a cell learns from and that it is tested on, as data sets of MLflow."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    found = []
    for group in matrix.groups:
        learnt = group.name == cell.source or (cell.source == OTHERS and group.name != cell.target)
        uses = ["training"] * learnt + ["testing"] * (group.name == cell.target)
        if uses:
            digest = matrix.data[group.dataset]
            about = f"group {group.name} of task {group.task}, data set {group.dataset}, sha256 {digest}"
            data = Dataset(f"{group.dataset}: {group.name}", digest[:32], "glass-zoo", about)
            found.append(DatasetInput(data, [InputTag(CONTEXT, " and ".join(uses))]))
    return found


def _files_of_cell(matrix: Matrix, cell: CellLine, read: Read, models: Path, place: Path) -> str:
    """Write predictions, figure and, where the cell stands for its source, the estimator; where that is to be found."""
    import pandas as pd

    if cell.score is None:
        return ""
    number = [group.name for group in matrix.groups].index(cell.target)
    tables = {key: read(key) for key in cell.fits}
    parts = [table[table["group"] == number].assign(fit=key) for key, table in tables.items()]
    predictions = pd.concat(parts, ignore_index=True).drop(columns="group").astype({"fit": "category"})
    predictions.to_parquet(place / "predictions.parquet", index=False, compression="zstd")
    title = f"{cell.source} to {cell.target}: {cell.score:.3f}"
    write_cell_figure(matrix.kind, predictions, title, place / "figure.png")
    if cell.source not in (cell.target, OTHERS):
        return f"in the run {cell.source} -> {cell.source}"
    model = models / f"{cell.fits[0]}.pkl"
    if not model.is_file():
        return "not here: it cannot be pickled, or its file was deleted"
    shutil.copyfile(model, place / "model.pkl")
    return "model.pkl"


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
    asymmetry_low, asymmetry_high = cell.asymmetry_interval or (None, None)
    found |= {"asymmetry_low": asymmetry_low, "asymmetry_high": asymmetry_high}
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
        experiment = experiment_id(client, EXPERIMENT, folder)
        parents = client.search_runs(
            [experiment], f"tags.`{IDENTITY}` LIKE '%' and status = 'FINISHED'", max_results=5000
        )
    except Exception as error:  # whatever the store behind the address may raise
        raise TransferError(f"{name} is no file, and the runs of {tracking_address(folder)} cannot be read") from error
    known = [run.info.run_id for run in parents]
    found = [key for key in known if key.startswith(name)]
    if len(found) != 1:
        raise TransferError(
            f"{name!r} must be a matrix.json or the id of one finished MLflow run of a matrix; {len(found)} begin so; "
            f"known: {', '.join(key[:8] for key in known) or 'none'}"
        )
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with tempfile.TemporaryDirectory() as place:
        try:
            path = Path(client.download_artifacts(found[0], "matrix.json", place))
        except Exception as error:
            raise TransferError(
                f"MLflow run {found[0][:8]} must hold a matrix.json, but it cannot be read "
                f"({(str(error).splitlines() or [''])[0]}): delete the run, and the same zoo transfer writes it again"
            ) from error
        return read_matrix(path)
