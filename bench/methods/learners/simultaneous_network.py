"""One network for all quantile levels, with the level as an input."""

from __future__ import annotations

from typing import Any

from bench.core.nouns import Array, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import Standardised
from bench.methods.learners.networks import NetworkModel
from bench.solvers import network
from bench.solvers.network import Course, Layers

OUTERMOST = 0.001
"""Levels are drawn between this and one less this: at 0 and 1 any quantile that is far enough out is best."""


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
def simultaneous_network(
    target: Target,
    seed: int,
    *,
    hidden: int = 64,
    layers: int = 2,
    dropout: float = 0.1,
    learning_rate: float = 1e-3,
    huber: float = 0.0,
) -> Model:
    """One network (ELU) of the row and a level, trained on the pinball loss at a level drawn anew for every row.

        q_τ(x) = f(x, τ - ½),   min E_τ Σ_i w_i |τ - [y_i < q_τ(x_i)]| h(y_i - q_τ(x_i)),   τ uniform on [0.001, 0.999]

    h(u) = |u|, or with `huber` > 0 quadratic up to it. A fifth of the training rows is held out to stop early, by the
    levels of the target. Needs torch. Tagasovska and Lopez-Paz (2019), Single-Model Uncertainties for Deep Learning.
    """
    torch, shape = network.import_torch("learner", "simultaneous-network"), Layers(hidden, layers, dropout)
    network.refuse_settings("learner", "simultaneous-network", shape, learning_rate, huber=huber)
    head, course = _LevelAsInput(torch, target.levels, huber), Course(learning_rate)
    return Standardised(NetworkModel(torch, head, layers=shape, course=course, levels=target.levels, seed=seed))


class _LevelAsInput:
    """One output, the quantile at the level that is the last input."""

    def __init__(self, torch: Any, levels: Array, huber: float) -> None:
        self._torch = torch
        self._levels = network.tensor(torch, levels)
        self._huber = huber

    def widths(self, columns: int) -> tuple[int, int]:
        """Return inputs and outputs."""
        return columns + 1, 1

    def loss(self, net: Any, X: Any, y: Any) -> Any:
        """Return the pinball loss of each row at a level of its own, drawn at random."""
        level = self._torch.rand_like(y).clamp(OUTERMOST, 1 - OUTERMOST)
        return network.pinball_of_error(self._torch, y - self._at(net, X, level), level, self._huber)

    def quantiles(self, net: Any, X: Any) -> Any:
        """Return the quantiles of each row at the levels of the target; they may cross."""
        return self._torch.stack([self._at(net, X, level.expand(len(X))) for level in self._levels], dim=1)

    def _at(self, net: Any, X: Any, level: Any) -> Any:
        return net(self._torch.column_stack([X, level - 0.5]))[:, 0]
