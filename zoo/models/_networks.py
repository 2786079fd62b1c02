"""Small networks in PyTorch behind ``glass-mlp`` and ``cnn``, as scikit-learn estimators."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from torch import nn


def bottleneck(n_columns: int) -> nn.Module:
    """2-10-10-1 with exponential linear units."""
    layers = [nn.Linear(n_columns, 2), nn.ELU(), nn.Linear(2, 10), nn.ELU(), nn.Linear(10, 10), nn.ELU()]
    return nn.Sequential(*layers, nn.Linear(10, 1))


def convolutions(n_columns: int, image: tuple[int, ...]) -> nn.Module:
    """Convolve and pool twice, then a hidden layer; one channel for each species."""
    convolve, pool = (nn.Conv3d, nn.MaxPool3d) if len(image) == 3 else (nn.Conv2d, nn.MaxPool2d)
    channels = n_columns // math.prod(image)
    left = math.prod(math.ceil(points / 4) for points in image)
    return nn.Sequential(
        nn.Unflatten(1, (channels, *image)),
        convolve(channels, 16, 3, padding=1),
        nn.ReLU(),
        pool(2, ceil_mode=True),
        convolve(16, 32, 3, padding=1),
        nn.ReLU(),
        pool(2, ceil_mode=True),
        nn.Flatten(),
        nn.Linear(32 * left, 64),
        nn.ReLU(),
        nn.Linear(64, 1),
    )


def turned_copies(x: Any, image: tuple[int, ...]) -> Any:
    """Images and those that the loading cannot tell from them, one set below the other.

    The grid lies so that the glass is stretched along the first diagonal of its first two axes. Swapping these axes,
    reversing both, or, in 3D, reversing the third leaves that strain as it is: 4 copies in 2D, 8 in 3D.

    Parameters
    ----------
    x : ndarray of shape (n_rows, n_columns)
    image : tuple of int

    Returns
    -------
    ndarray of shape (4 or 8 times n_rows, n_columns)
    """
    copies = x.reshape(len(x), -1, *image)
    copies = np.concatenate([copies, copies.swapaxes(2, 3)])
    copies = np.concatenate([copies, copies[:, :, ::-1, ::-1]])
    if len(image) == 3:
        copies = np.concatenate([copies, copies[..., ::-1]])
    return copies.reshape(len(copies), -1)


class _Network(BaseEstimator):  # type: ignore[misc, unused-ignore]
    """Adam with weight decay over shuffled batches; inputs are scaled by column, or all columns alike.

    ``variance``: weight of the squared difference between the variances of target and prediction in a batch. With
    ``turned``, the shape of the images, each one is learnt from with its :func:`turned_copies`, and the prediction is
    the mean over them.
    """

    def __init__(
        self,
        architecture: Callable[[int], nn.Module],
        seed: int = 0,
        epochs: int = 100,
        batch: int = 256,
        learning_rate: float = 1e-3,
        penalty: float = 0.0,
        variance: float = 0.0,
        by_column: bool = True,
        turned: tuple[int, ...] = (),
    ) -> None:
        self.architecture, self.seed, self.epochs, self.batch = architecture, seed, epochs, batch
        self.learning_rate, self.penalty, self.variance, self.by_column = learning_rate, penalty, variance, by_column
        self.turned = turned

    def _loss(self, found: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def fit(self, x: Any, y: Any) -> Any:
        x, y = np.asarray(x, np.float32), np.asarray(y, np.float32)
        axis = 0 if self.by_column else None
        self.mean_, scale = x.mean(axis=axis), x.std(axis=axis)
        self.scale_ = np.where(scale > 1e-12, scale, 1.0).astype(np.float32)
        if self.turned:
            x = turned_copies(x, self.turned)
            y = np.tile(y, len(x) // len(y))
        with _reproducible(self.seed):
            self.network_ = self.architecture(x.shape[1])
            self._train(torch.from_numpy((x - self.mean_) / self.scale_), torch.from_numpy(y))
        return self

    def _train(self, x: torch.Tensor, y: torch.Tensor) -> None:
        optimizer = torch.optim.AdamW(self.network_.parameters(), lr=self.learning_rate, weight_decay=self.penalty)
        self.network_.train()
        for _ in range(self.epochs):
            order = torch.randperm(len(x))
            for rows in order.split(self.batch):
                optimizer.zero_grad()
                loss = self._loss(self.network_(x[rows])[:, 0], y[rows])
                loss.backward()
                optimizer.step()

    def _output(self, x: Any) -> Any:
        self.network_.eval()
        x = np.asarray(x, np.float32)
        scaled = torch.from_numpy(((turned_copies(x, self.turned) if self.turned else x) - self.mean_) / self.scale_)
        with _reproducible(self.seed), torch.no_grad():
            found = torch.cat([self.network_(part)[:, 0] for part in scaled.split(2000)]).numpy().astype(float)
        return found.reshape(-1, len(x)).mean(axis=0)


class NetworkClassifier(ClassifierMixin, _Network):  # type: ignore[misc, unused-ignore]
    """Log loss."""

    def _loss(self, found: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return nn.functional.binary_cross_entropy_with_logits(found, target)

    def fit(self, x: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return super().fit(x, y)

    def decision_function(self, x: Any) -> Any:
        return self._output(x)

    def predict(self, x: Any) -> Any:
        return (self._output(x) > 0).astype(float)


class NetworkRegressor(RegressorMixin, _Network):  # type: ignore[misc, unused-ignore]
    """Squared error of the scaled target, and of its variance in a batch."""

    def _loss(self, found: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        spread = (found.var() - target.var()) ** 2 if self.variance and len(target) > 1 else 0.0
        return nn.functional.mse_loss(found, target) + self.variance * spread

    def fit(self, x: Any, y: Any) -> Any:
        y = np.asarray(y, float)
        self.target_mean_, self.target_scale_ = y.mean(), y.std() or 1.0
        return super().fit(x, (y - self.target_mean_) / self.target_scale_)

    def predict(self, x: Any) -> Any:
        return self._output(x) * self.target_scale_ + self.target_mean_


class _reproducible:
    """One thread, the same random numbers each time, without touching what the caller had."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __enter__(self) -> None:
        self.state, self.threads = torch.get_rng_state(), torch.get_num_threads()
        torch.manual_seed(self.seed)
        torch.set_num_threads(1)

    def __exit__(self, *reason: object) -> None:
        torch.set_rng_state(self.state)
        torch.set_num_threads(self.threads)
