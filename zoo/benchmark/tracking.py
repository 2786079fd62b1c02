"""MLflow runs of what a suite has scored: one for each feature set with each family on each task.

Runs are written after the fits, from the store: fits never wait for the tracking server, what was not written is
written the next time, and nothing is written twice.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from zoo.benchmark.store import Result, Store, latest_results
from zoo.benchmark.suite import Suite, cells_of
from zoo.errors import TrackingError

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

Row = tuple[str, str, str, str]
"""Task, feature set, family and mode."""
IDENTITY = "zoo.row"
"""Tag that holds the hash of all results of a run."""
STATED = (
    *("task", "task_version", "features", "features_version", "family", "family_version"),
    *("mode", "seed", "max_train_rows"),
)
"""What all results of a run have in common."""


def tracking_address(folder: Path) -> str:
    """``MLFLOW_TRACKING_URI``, or a database in the results folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder / 'mlflow.db'}"


def track(suite: Suite, folder: Path, on_run: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Write an MLflow run for every finished row of a suite that is not there yet; their number.

    Parameters
    ----------
    suite : Suite
        Its name becomes the experiment.
    folder : Path
        Results folder.
    on_run : callable of (runs written, runs to write)

    Raises
    ------
    TrackingError
        The tracking store cannot be reached or written to.
    """
    store = Store(folder)
    cells = Counter[Row]((cell.task, cell.features, cell.family, cell.mode) for cell in cells_of(suite))
    rows: dict[Row, list[Result]] = defaultdict(list)
    for result in latest_results(store, suite):
        rows[result.task, result.features, result.family, result.mode].append(result)
    rows = {row: results for row, results in rows.items() if len(results) == cells[row]}
    try:
        # two runs at once must neither make the tables together nor write a row each
        with FileLock(folder / ".tracking.lock"):
            client = tracking_client(folder)
            experiment = experiment_id(client, suite.name, folder)
            known = _known(client, experiment)
            todo = {row: results for row, results in rows.items() if _identity(results) not in known}
            for done, (row, results) in enumerate(todo.items()):
                on_run(done, len(todo))
                _write(client, experiment, row, results, store, _budget(suite, row))
    except Exception as error:  # whatever the store behind the address may raise
        raise TrackingError(
            f"MLflow runs cannot be written to {tracking_address(folder)}: {(str(error).splitlines() or [''])[0]}; the "
            f"results are safe, zoo track {suite.name} writes the runs later"
        ) from error
    return len(todo)


def tracking_client(folder: Path) -> MlflowClient:
    """Client of the tracking store of a results folder."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    import logging

    from mlflow import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store").setLevel(logging.WARNING)
    return MlflowClient(tracking_address(folder))


def experiment_id(client: MlflowClient, name: str, folder: Path) -> str:
    """Id of an experiment, which is made if there is none of this name."""
    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    # a server has a place of its own for files; a database has none
    has_place = not tracking_address(folder).startswith("sqlite:")
    place = None if has_place else (folder / "mlflow-artifacts" / name).as_uri()
    return str(client.create_experiment(name, artifact_location=place))


def _known(client: MlflowClient, experiment: str) -> set[str]:
    known: set[str] = set()
    token = None
    while True:
        page = client.search_runs([experiment], "attributes.status = 'FINISHED'", max_results=1000, page_token=token)
        known.update(run.data.tags.get(IDENTITY, "") for run in page)
        token = page.token
        if not token:
            return known


def _identity(results: list[Result]) -> str:
    keys = " ".join(sorted(f"{result.key}:{result.state}" for result in results))
    return hashlib.sha256(keys.encode()).hexdigest()[:32]


def _budget(suite: Suite, row: Row) -> dict[str, int]:
    """What the search for settings might spend on a cell; empty in default mode."""
    return {} if row[3] == "default" else {"trials": suite.trials, "tune_seconds": suite.tune_seconds}


def _write(
    client: MlflowClient, experiment: str, row: Row, results: list[Result], store: Store, budget: dict[str, int]
) -> None:
    from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag

    results = sorted(results, key=lambda result: (result.split, result.fold))
    first = results[0]
    task, features, family, mode = row
    parameters = {**_parameters(results), **budget}
    states = sorted({result.state for result in results})
    tags = {
        IDENTITY: _identity(results),
        "state": ", ".join(states),
        "reason": next((result.reason for result in results if result.reason), ""),
        "commit": first.commit,
        "hardware": first.hardware,
        **{f"version.{name}": version for name, version in first.versions.items()},
    }
    run = client.create_run(experiment, run_name=f"{task} / {features} / {family}" + f" / {mode}" * (mode != "default"))
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(name, value, 0, step) for name, step, value in _metrics(results)],
        params=[Param(name, str(value)) for name, value in parameters.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    data = Dataset(task, first.data_hash[:32], "glass-zoo", f"data of task {task}, sha256 {first.data_hash}")
    client.log_inputs(run.info.run_id, [DatasetInput(data, [])])
    predictions = _predictions(results, store)
    if predictions is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "predictions.parquet"
            predictions.to_parquet(path, index=False, compression="zstd")
            client.log_artifact(run.info.run_id, str(path))
    client.set_terminated(run.info.run_id, "FINISHED")


def _parameters(results: list[Result]) -> dict[str, Any]:
    """The row, and per fold its settings and the score from which on a row is called class 1."""
    found = {name: getattr(results[0], name) for name in STATED}
    for result in results:
        if result.split == "glass":
            found |= {f"fold_{result.fold}.{name}": value for name, value in result.settings.items()}
            if result.threshold is not None:
                found[f"fold_{result.fold}.threshold"] = result.threshold
    return found


def _metrics(results: list[Result]) -> list[tuple[str, int, float]]:
    """Name, fold and value of every score and cost."""
    found = []
    for result in results:
        if result.state != "ok":
            continue
        costs = {
            "fit_seconds": result.fit_seconds,
            "predict_seconds": result.predict_seconds,
            "microseconds_per_atom": result.microseconds_per_atom,
            "peak_memory_mb": result.peak_memory_mb,
            **{f"tuning_{name}": value for name, value in result.tuning.items()},
        }
        prefix = "" if result.split == "glass" else f"{result.split}_split."
        for name, value in {**result.scores, **costs}.items():
            found.append((prefix + name, result.fold, float(value)))
    return found


def _predictions(results: list[Result], store: Store) -> pd.DataFrame | None:
    import pandas as pd

    parts: list[Any] = [
        store.predictions(result.key).assign(split=result.split, fold=result.fold)
        for result in results
        if result.state == "ok"
    ]
    return pd.concat(parts, ignore_index=True) if parts else None
