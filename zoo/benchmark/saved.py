"""A fitted ensemble in a folder, with all that is needed to apply it to a glass of one's own."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from zoo._files import atomic_write, sha256_of, storage_error
from zoo._machine import versions
from zoo.benchmark.candidates import Search
from zoo.benchmark.cell import task_rows
from zoo.benchmark.joining import Found, calibrated
from zoo.errors import ModelError
from zoo.features.compute import compute_features
from zoo.features.declaration import feature_sets
from zoo.glass import Glass
from zoo.models.declaration import TaskKind

FILE = "model.json"
RECORDED = ("glass-zoo", "numpy", "pandas", "scikit-learn", "xgboost-cpu", "lightgbm", "catboost", "autogluon.tabular")


class SavedMember(Struct, frozen=True):
    """A family on a feature set, its score in the inner folds and its weight."""

    features: str
    family: str
    settings: dict[str, Any]
    score: float
    weight: float


class SavedModel(Struct, frozen=True):
    """What ``model.json`` states.

    Attributes
    ----------
    output : str
        Name of the predicted field: ``probability`` of class 1, or ``prediction``.
    species : tuple of str
        Of the data set that it was trained on.
    features, features_versions
        Feature sets whose columns it reads, in this order.
    calibration : (float, float) or None
        See :class:`~zoo.benchmark.joining.Found`.
    threshold : float or None
        Probability from which on an atom is called class 1.
    scores : dict of float
        On the test glasses, which it has never seen; their mean, where the task scores glass by glass.
    files : dict of str
        SHA-256 of every file of the ensemble: a damaged model is refused.
    """

    task: str
    task_version: int
    title: str
    kind: TaskKind
    output: str
    unit: str
    dataset: str
    data_hash: str
    species: tuple[str, ...]
    features: tuple[str, ...]
    features_versions: tuple[int, ...]
    members: tuple[SavedMember, ...]
    calibration: tuple[float, float] | None
    threshold: float | None
    scores: dict[str, float]
    single_scores: dict[str, float]
    base_rate: float | None
    test_glasses: tuple[str, ...]
    n_trials: int
    n_train: int
    seed: int
    fold: int
    created: str
    versions: dict[str, str]
    files: dict[str, str]

    def predict(self, folder: Path, glass: Glass) -> NDArray[np.float64]:
        """Probability of class 1, or the value, for every atom of a glass; shape (n_atoms,).

        Raises
        ------
        ModelError
            The glass has species that the model has not met, or a feature set has changed since.
        ZooError
            A feature set is not defined for the glass.
        """
        unknown = sorted(set(glass.kinds) - set(self.species))
        if unknown:
            raise ModelError(
                f"the model has learnt from {', '.join(self.species)} and knows nothing of {', '.join(unknown)}: name "
                "the species of your file as they are there (--type-map 1=Cu 2=Zr)"
            )
        parts = [compute_features(name, glass, self.species) for name in self.features]
        return self.apply(folder, np.hstack(parts))

    def apply(self, folder: Path, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """The same for rows of features, shape (n_rows, n_columns)."""
        from zoo.models._autogluon import load_predictor

        score = calibrated(self.calibration, load_predictor(folder / "predictor", self.kind)(x))
        if not np.isfinite(score).all():
            raise ModelError(f"predictions must be finite, {int((~np.isfinite(score)).sum())} are not")
        return score


def save_model(plan: Search, found: Found, folder: Path) -> SavedModel:
    """Write ``model.json`` beside the fitted ensemble.

    Raises
    ------
    StoreError
        The folder is read-only or full.
    """
    rows = task_rows(plan.task)
    card = rows.dataset.card
    classes = rows.task.kind == "classification"
    target = next(column for column in card.columns if column.name == rows.task.target[0])
    is_value = rows.task.label.rule == "value"
    members = zip(found.candidates, found.weights, strict=True)
    model = SavedModel(
        task=plan.task,
        task_version=rows.task.version,
        title=rows.task.title,
        kind=rows.task.kind,
        output="probability" if classes else "prediction",
        unit=target.unit if is_value else "1",
        dataset=card.name,
        data_hash=card.content_hash,
        species=tuple(sorted({kind for glass in rows.dataset.glasses.values() for kind in glass.kinds})),
        features=found.features,
        features_versions=tuple(feature_sets[name].version for name in found.features),
        members=tuple(SavedMember(c.features, c.family, c.settings, c.score, weight) for c, weight in members),
        calibration=found.calibration,
        threshold=found.threshold if np.isfinite(found.threshold) else None,
        scores=found.scores,
        single_scores=found.single_scores,
        base_rate=float(rows.target.mean()) if classes else None,
        test_glasses=found.test_glasses,
        n_trials=found.n_trials,
        n_train=found.n_train,
        seed=plan.seed,
        fold=plan.fold,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        versions=versions(*RECORDED),
        files=_hashes(folder),
    )
    try:
        with atomic_write(folder / FILE) as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(model), indent=1))
    except OSError as error:
        raise storage_error(f"model folder {folder}", error, "--output") from None
    return model


def read_model(folder: Path) -> SavedModel:
    """What a model states; its files are compared with their hashes.

    Fitted models are pickles: open only folders that you made yourself or trust like a program.

    Raises
    ------
    ModelError
        There is no model, it is damaged, or it was made by other versions of its feature sets.
    """
    try:
        model = msgspec.json.decode((folder / FILE).read_bytes(), type=SavedModel)
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no model ({FILE} is missing): zoo automl TASK -o FOLDER makes one") from None
    except (msgspec.DecodeError, OSError) as error:
        raise ModelError(f"{folder / FILE} cannot be read: {error}") from None
    found = _hashes(folder)
    wrong = sorted(name for name in {*found, *model.files} if found.get(name) != model.files.get(name))
    if wrong:
        raise ModelError(f"{folder / wrong[0]} is missing or not what was saved: copy or make the model again")
    for name, version in zip(model.features, model.features_versions, strict=True):
        if feature_sets[name].version != version:
            raise ModelError(
                f"the model was made with version {version} of feature set {name}, this is version "
                f"{feature_sets[name].version}: make it again, or install glass-zoo {model.versions.get('glass-zoo')}"
            )
    return model


def _hashes(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in (folder / "predictor").rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}
