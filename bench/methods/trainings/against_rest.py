"""Focal losses of each class against the rest, on sigmoids, and weights that follow them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import networks, objectives

SMALLEST_LOSS = 1e-5
"""Added to a class's loss before it divides: a class without loss gets a large weight, not an infinite one."""


def class_losses(f: Array, y: Array, weight: Array, gamma: float) -> tuple[Array, Array]:
    """Return r (K,), and the gradient (n, K) of each r_c by its own output; two classes have one of each."""
    share = (weight / weight.sum())[:, None]
    z = networks.output_of(f)
    hot = y[:, None] == (np.arange(z.shape[1]) if z.shape[1] > 1 else 1)
    sign = np.where(hot, 1.0, -1.0)
    log_right, log_wrong = -np.logaddexp(0, -sign * z), -np.logaddexp(0, sign * z)
    power = np.exp(gamma * log_wrong)
    # d/dz of (1-q)^γ ln q, in a form without a division by 1 - q
    slope = sign * power * (gamma * np.exp(log_right) * log_right - np.exp(log_wrong))
    return (share * -power * log_right).sum(axis=0), share * slope


def sigmoids(f: Array) -> Array:
    """Return the sigmoids of the outputs, scaled to sum one (n, K)."""
    return objectives.softmax(f) if f.shape[1] == 2 else objectives.softmax(-np.logaddexp(0, -f))


def inverse_loss_weights(losses: Array) -> Array:
    """Return 1 / (1e-5 + R_c), scaled to mean one."""
    raw = 1 / (SMALLEST_LOSS + losses)
    scaled: Array = raw / raw.mean()
    return scaled


def weighted_loss(gamma: float, w: Array) -> networks.Loss:
    """Return the loss Σ_c w_c r_c with class weights w (K,) that stay as they are."""

    def loss(f: Array, y: Array, weight: Array) -> tuple[float, Array]:
        losses, slope = class_losses(f, y, weight, gamma)
        return float(w @ losses), networks.slope_of(slope * w)

    return loss


@dataclass
class RunningWeights:
    """A loss that weights the classes by the inverse of their running losses, and remembers these."""

    gamma: float
    smoothing: float
    K: int

    def __post_init__(self) -> None:
        """Start with equal losses."""
        self.running = np.full(1 if self.K == 2 else self.K, 1 / self.K)

    def __call__(self, f: Array, y: Array, weight: Array) -> tuple[float, Array]:
        """Update the running losses from a batch, and return its weighted loss and gradient."""
        losses, slope = class_losses(f, y, weight, self.gamma)
        self.running = self.smoothing * losses + (1 - self.smoothing) * self.running
        w = inverse_loss_weights(self.running)
        return float(w @ losses), networks.slope_of(slope * w)
