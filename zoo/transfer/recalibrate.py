"""Probabilities of a carried model, as they are and after a small part of the target has been looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import expit, logit

if TYPE_CHECKING:
    import pandas as pd

ROWS = 500
"""Labelled rows of one target glass that are looked at, all if it has fewer; that glass is not scored."""
FEWEST = 10
"""Rows of each class among them, below which nothing is fitted to them."""
Floats = NDArray[np.float64]


class Calibration(Struct, frozen=True):
    """Brier skill: 1 minus the mean squared error of the probability over that of the target's base rate.

    1 is perfect, 0 no better than the base rate, negative worse. ``raw``: probabilities as they are; None for families
    that give margins. ``base_rate``: log odds shifted until their mean probability is the base rate of the part looked
    at. ``platt``: slope and offset fitted to that part. All on the same rows, those of the other target glasses.
    ``n_rows``: looked at, mean.
    """

    raw: float | None
    base_rate: float | None
    platt: float | None
    n_rows: int


def calibrate(frames: Sequence[pd.DataFrame]) -> Calibration | None:
    """Brier skill of every fit, with each of three target glasses in turn looked at.

    None where fits predict one glass only, or no glass has enough rows of each class.
    """
    found: list[tuple[float, float, float]] = []
    looked: list[int] = []
    probabilities = all(frame["score"].between(0, 1).all() for frame in frames)
    for frame in frames:
        glass = frame["glass"].to_numpy()
        if len(np.unique(glass)) < 2:
            continue
        target, score = frame["target"].to_numpy(float), frame["score"].to_numpy(float)
        for number, looked_at in enumerate(np.unique(glass)[:3]):
            rows = np.flatnonzero(glass == looked_at)
            part = np.random.default_rng([number, 23]).permutation(rows)[:ROWS]
            if min(target[part].sum(), (1 - target[part]).sum()) >= FEWEST:
                looked.append(len(part))
                found.append(_skills(target, score, part, glass != looked_at, probabilities))
    if not found:
        return None
    raw, shifted, platt = np.mean(found, axis=0)
    return Calibration(
        float(raw) if probabilities else None,
        float(shifted) if probabilities else None,
        float(platt),
        round(float(np.mean(looked))),
    )


def _skills(
    target: Floats, score: Floats, part: NDArray[np.int64], rest: NDArray[np.bool_], probabilities: bool
) -> tuple[float, float, float]:
    odds = logit(np.clip(score, 1e-4, 1 - 1e-4)) if probabilities else score
    raw = shifted = float("nan")
    if probabilities:
        raw = skill(target[rest], score[rest])
        shifted = skill(target[rest], expit(odds[rest] + _shift(odds[part], float(target[part].mean()))))
    slope, offset = _platt(odds[part], target[part])
    return raw, shifted, skill(target[rest], expit(slope * odds[rest] + offset))


def skill(target: Floats, probability: Floats) -> float:
    """Brier skill against the base rate of these rows."""
    reference = float(((target - target.mean()) ** 2).mean())
    return 1 - float(((target - probability) ** 2).mean()) / reference


def _shift(odds: Floats, rate: float) -> float:
    """What is added to log odds so that the mean probability is ``rate``."""
    from scipy.optimize import brentq

    return float(brentq(lambda shift: float(expit(odds + shift).mean()) - rate, -30, 30))


def _platt(odds: Floats, target: Floats) -> tuple[float, float]:
    """Slope and offset by maximum likelihood, with a slope that turns no order around.

    References
    ----------
    Platt, Advances in Large Margin Classifiers, 61 (1999).
    """
    from sklearn.linear_model import LogisticRegression

    scale = float(odds.std()) or 1.0
    fit = LogisticRegression(C=1.0).fit(odds.reshape(-1, 1) / scale, target)
    slope = max(float(fit.coef_[0, 0]) / scale, 0.0)
    offset = _shift(slope * odds, float(target.mean()))
    return slope, offset
