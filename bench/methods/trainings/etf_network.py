"""A network of one hidden layer whose head is a fixed equiangular frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import networks


def equiangular_frame(units: int, K: int, rng: np.random.Generator) -> Array:
    """Return a frame M (units, K): columns of length one, with the same angle between any two, that sum to zero."""
    axes = np.linalg.qr(rng.normal(size=(units, K)))[0]
    corners: Array = np.sqrt(K / (K - 1)) * axes @ (np.eye(K) - 1 / K)
    return corners


@dataclass(frozen=True)
class FixedHead:
    """A network h = max(X A + a, 0), f = h M + b with fixed M: its outputs are f and, beside it, h."""

    d: int
    M: Array

    @property
    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        units, K = self.M.shape
        return (self.d, units), (units,), (K,)

    @cached_property
    def penalised(self) -> Array:
        """One for A, zero for a and b."""
        return np.concatenate([np.full(int(np.prod(shape)), float(len(shape) == 2)) for shape in self._shapes])

    def start(self, rng: np.random.Generator) -> Array:
        """Draw A evenly from ±√(6 / (in + out)); intercepts are zero."""
        bound = np.sqrt(6 / (self.d + self.M.shape[0]))
        return bound * self.penalised * rng.uniform(-1, 1, len(self.penalised))

    def forward(self, theta: Array, X: Array) -> tuple[Array, Callable[[Array], Array]]:
        """Return f and h (n, K + units), and the way back."""
        A, a, b = networks.unpack(theta, *self._shapes)
        units, K = np.maximum(X @ A + a, 0), len(b)

        def back(slope: Array) -> Array:
            inner = (slope[:, :K] @ self.M.T + slope[:, K:]) * (units > 0)
            return np.concatenate([(X.T @ inner).ravel(), inner.sum(axis=0), slope[:, :K].sum(axis=0)])

        return np.hstack([units @ self.M + b, units]), back


def with_features(loss: networks.Loss, K: int, strength: float) -> networks.Loss:
    """Return the loss of f plus strength · mean ‖h‖², of outputs that hold f and h side by side."""

    def both(outputs: Array, y: Array, weight: Array) -> tuple[float, Array]:
        value, slope = loss(outputs[:, :K], y, weight)
        share = weight / weight.sum()
        units = outputs[:, K:]
        size = float(share @ np.square(units).sum(axis=1))
        return value + strength * size, np.hstack([slope, 2 * strength * share[:, None] * units])

    return both
