"""A network for the mean and the variance of a normal law."""

from __future__ import annotations

from typing import Any

from bench.core.nouns import Array, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import Standardised
from bench.methods.learners.networks import NetworkModel
from bench.solvers import network
from bench.solvers.network import Course, Layers

LEAST_VARIANCE = 1e-6
"""Added to the variance, y in its deviations: a row that is fitted exactly would make the likelihood infinite."""


@register(
    "quantile",
    tags=("extended",),
    encoding="scaled",
    weights=True,
    requires=("torch",),
    libraries=("torch",),
    code=("bench.solvers",),
    space={"hidden": (32, 128), "layers": (1, 3), "dropout": (0.01, 0.2), "learning_rate": (5e-4, 5e-3)},
)
def gaussian_network(
    target: Target,
    seed: int,
    *,
    hidden: int = 64,
    layers: int = 2,
    dropout: float = 0.1,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-5,
) -> Model:
    """Quantiles of a normal law whose mean and variance are outputs of one network (ELU), on the normal likelihood.

        q_τ(x) = m(x) + sd(x) Φ⁻¹(τ),   sd(x)² = softplus(v(x)) + 1e-6
        min Σ_i w_i [ln sd(x_i)² + (y_i - m(x_i))² / sd(x_i)²] / 2

    A fifth of the training rows is held out to stop early. Needs torch. Nix and Weigend (1994), Estimating the Mean and
    Variance of the Target Probability Distribution; the conditional Gaussian network of Fakoor, Kim, Mueller, Smola and
    Tibshirani (2023), Flexible Model Aggregation for Quantile Regression.
    """
    torch, shape = network.import_torch("learner", "gaussian-network"), Layers(hidden, layers, dropout)
    network.refuse_settings("learner", "gaussian-network", shape, learning_rate, weight_decay=weight_decay)
    head, course = _Normal(torch, target.levels), Course(learning_rate, weight_decay)
    return Standardised(NetworkModel(torch, head, layers=shape, course=course, levels=target.levels, seed=seed))


class _Normal:
    """Two outputs: the mean, and what the variance is made of."""

    def __init__(self, torch: Any, levels: Array) -> None:
        from scipy.special import ndtri

        self._torch = torch
        self._scores = network.tensor(torch, ndtri(levels))

    def widths(self, columns: int) -> tuple[int, int]:
        """Return inputs and outputs."""
        return columns, 2

    def loss(self, net: Any, X: Any, y: Any) -> Any:
        """Return the negative log-likelihood of each row, without its constant."""
        mean, variance = self._moments(net, X)
        return (variance.log() + (y - mean).square() / variance) / 2

    def quantiles(self, net: Any, X: Any) -> Any:
        """Return the quantiles of the normal law of each row."""
        mean, variance = self._moments(net, X)
        return mean[:, None] + variance.sqrt()[:, None] * self._scores

    def _moments(self, net: Any, X: Any) -> tuple[Any, Any]:
        predictions = net(X)
        return predictions[:, 0], self._torch.nn.functional.softplus(predictions[:, 1]) + LEAST_VARIANCE
