"""RealMLP, tuned defaults."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from zoo.models.declaration import ModelFamily, TaskKind, model_families


def build(kind: TaskKind, seed: int, **settings: Any) -> Any:
    """Its tuned defaults on one thread of the processor; for classes with those that its authors advise for AUC."""
    import pytorch_lightning  # noqa: F401  # sets the level of its logger
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)  # it announces every fit
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    chosen = {"device": "cpu", "random_state": seed, "n_threads": 1, "verbosity": 0, **settings}
    if kind == "regression":
        return RealMLP_TD_Regressor(**chosen)
    return RealMLP_TD_Classifier(**{"val_metric_name": "cross_entropy", "use_ls": False, **chosen})


model_families.register(
    ModelFamily(
        name="realmlp",
        title="RealMLP, tuned defaults",
        citation="Holzmüller, Grinsztajn & Steinwart, NeurIPS (2024); pytabkit",
        build=build,
        version=2,
        requires=(("pytabkit", "glass-zoo[deep]"),),
    )
)
