"""One network with an output for each quantile level."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.core.nouns import Array, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import Standardised
from bench.methods.learners.networks import NetworkModel
from bench.solvers import network
from bench.solvers.network import Course, Layers


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
def joint_network(
    target: Target,
    seed: int,
    *,
    hidden: int = 64,
    layers: int = 2,
    dropout: float = 0.1,
    learning_rate: float = 1e-3,
    crossing: float = 0.0,
    margin: float = 1e-3,
) -> Model:
    """One network (ELU) with an output for each level, on the mean pinball loss and a penalty on crossings.

        min Σ_i w_i [mean_τ ψ_τ(y_i - q_τ(x_i)) + crossing × mean_{τ<τ'} (q_τ(x_i) - q_τ'(x_i) + margin)_+]

    y is in its deviations, and so is the margin. A fifth of the training rows is held out to stop early. Needs torch.
    The deep quantile regression of Fakoor, Kim, Mueller, Smola and Tibshirani (2023), Flexible Model Aggregation for
    Quantile Regression.
    """
    torch, shape = network.import_torch("learner", "joint-network"), Layers(hidden, layers, dropout)
    network.refuse_settings("learner", "joint-network", shape, learning_rate, crossing=crossing, margin=margin)
    head, course = _OutputPerLevel(torch, target.levels, crossing, margin), Course(learning_rate)
    return Standardised(NetworkModel(torch, head, layers=shape, course=course, levels=target.levels, seed=seed))


class _OutputPerLevel:
    """As many outputs as levels."""

    def __init__(self, torch: Any, levels: Array, crossing: float, margin: float) -> None:
        self._torch = torch
        self._levels = network.tensor(torch, levels)
        self._crossing = crossing
        self._margins = network.tensor(torch, np.full((len(levels), len(levels)), margin))

    def widths(self, columns: int) -> tuple[int, int]:
        """Return inputs and outputs."""
        return columns, len(self._levels)

    def loss(self, net: Any, X: Any, y: Any) -> Any:
        """Return the mean pinball loss of each row, and its crossings."""
        predictions = net(X)
        loss = network.pinball_of_error(self._torch, y[:, None] - predictions, self._levels).mean(dim=1)
        return loss + self._crossing * network.crossing(predictions, self._margins)

    def quantiles(self, net: Any, X: Any) -> Any:
        """Return the outputs; they may cross."""
        return net(X)
