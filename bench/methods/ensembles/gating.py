"""Gating networks: weights of learners and levels that depend on the row; nothing is registered here.

The network is trained on standardised predictions, the learners in the order of their names and the rows in an order of
their own, so that neither units nor orders matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.nouns import Array, Panel
from bench.methods.ensembles.cross_validation import fold_rows
from bench.methods.ensembles.rows import lower_quantiles, used_rows, weights_of_rows
from bench.solvers import network
from bench.solvers.network import Course, Layers

OWN_LEVEL = 0.9
"""Share of a level's weights that is on the same level of the learners before training."""

ROWS_A_BATCH = 1024
"""Rows that are predicted at once, which bounds the memory."""


@dataclass(frozen=True)
class Form:
    """How many weights a row has, of L learners and K levels, where they start (L, K, K), and how they combine.

    `pool(torch, logits, predictions)` turns logits (n, size) and the learners' predictions (n, L, K) into (n, K).
    """

    size: Callable[[int, int], int]
    start: Callable[[int, int], Array]
    pool: Callable[[Any, Any, Any], Any]


def _coarse(torch: Any, logits: Any, predictions: Any) -> Any:
    return torch.einsum("nl,nlk->nk", logits.softmax(dim=1), predictions)


def _medium(torch: Any, logits: Any, predictions: Any) -> Any:
    return (logits.reshape(predictions.shape).softmax(dim=1) * predictions).sum(dim=1)


def _fine(torch: Any, logits: Any, predictions: Any) -> Any:
    n, learners, levels = predictions.shape
    weights = logits.reshape(n, learners * levels, levels).softmax(dim=1)
    return torch.einsum("njk,nj->nk", weights, predictions.reshape(n, -1))


def _own_levels(learners: int, levels: int) -> Array:
    """Return logits (L, K, K) by which a level uses its own predictions for the most part."""
    odds = OWN_LEVEL / (1 - OWN_LEVEL) * max(levels - 1, 1)
    return np.broadcast_to(np.log(odds) * np.eye(levels), (learners, levels, levels))


FORMS = {
    "coarse": Form(lambda L, _: L, lambda L, _: np.zeros(L), _coarse),
    "medium": Form(lambda L, K: L * K, lambda L, K: np.zeros((L, K)), _medium),
    "fine": Form(lambda L, K: L * K * K, _own_levels, _fine),
}


@dataclass(frozen=True)
class GatePenalty:
    """What crossings cost: `crossing` × the mean of (q_τ - q_τ' + δ)_+ over τ < τ'.

    δ = margin + adaptive × (Q_τ' - Q_τ), Q the quantiles of residuals.
    """

    crossing: float
    margin: float
    adaptive: float


@dataclass(frozen=True)
class Gate:
    """A trained gating network, and the order of the learners and the unit of y that it was trained in."""

    torch: Any
    net: Any
    form: Form
    order: Array
    centre: float
    unit: float

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        n = panel.predictions.shape[1]
        X = panel.X.to_numpy(dtype=float)
        with network.own_random_state(self.torch, 0), self.torch.no_grad():
            parts = []
            for start in range(0, n, ROWS_A_BATCH):
                rows = slice(start, start + ROWS_A_BATCH)
                logits = self.net(network.clipped_tensor(self.torch, X[rows]))
                parts.append(self.form.pool(self.torch, logits, self.read(panel.predictions[:, rows])).numpy())
        return self.centre + self.unit * np.concatenate(parts)

    def read(self, predictions: Array) -> Any:
        """Return predictions (L, n, K) as a tensor (n, L, K), standardised and in the gate's order of the learners."""
        return network.tensor(self.torch, (predictions[self.order].transpose(1, 0, 2) - self.centre) / self.unit)


def train_gate(
    torch: Any, panel: Panel, y: Array, *, form: Form, layers: Layers, course: Course, penalty: GatePenalty, seed: int
) -> Gate:
    """Train a gating network on a panel's rows; those of the last inner fold only decide when to stop."""
    order = np.argsort(np.array(panel.learners), kind="stable")
    fit_rows, held = (_sort_by_content(panel, y, rows, order) for rows in _split_rows(panel))
    weight = weights_of_rows(panel)
    centre = float(np.average(y[fit_rows], weights=weight[fit_rows]))
    unit = float(np.sqrt(np.average((y[fit_rows] - centre) ** 2, weights=weight[fit_rows]))) or 1.0
    with network.own_random_state(torch, seed):
        gate = Gate(torch, _network(torch, form, layers, panel), form, order=order, centre=centre, unit=unit)
        margins = network.tensor(torch, _margins(panel.rows(fit_rows), y[fit_rows], penalty, unit))
        tensors = [_RowTensors(gate, panel.rows(rows), y[rows], margins, penalty.crossing) for rows in (fit_rows, held)]
        network.train_network(torch, gate.net, tensors[0].loss, tensors[1].held_loss, n=len(fit_rows), course=course)
    return gate


def _split_rows(panel: Panel) -> tuple[Array, Array]:
    """Return the training rows and those that are held out; the same ones where nothing can be held out."""
    folds = fold_rows(panel)
    if folds:
        return np.concatenate(folds[:-1]), folds[-1]
    used = used_rows(panel)
    return used, used


def _sort_by_content(panel: Panel, y: Array, rows: Array, order: Array) -> Array:
    """Return the rows in an order that depends on what they hold alone: y, then the predictions, then X."""
    predictions = panel.predictions[order][:, rows].transpose(1, 0, 2).reshape(len(rows), -1)
    keys = np.column_stack([panel.X.to_numpy(dtype=float)[rows], predictions, y[rows]])
    return rows[np.lexsort(keys.T)]


def _network(torch: Any, form: Form, layers: Layers, panel: Panel) -> Any:
    """Return a network whose last layer starts at the form's logits whatever the row: it starts as a weighted mean."""
    L, _, K = panel.predictions.shape
    net = network.stack_layers(torch, panel.X.shape[1], layers, form.size(L, K))
    with torch.no_grad():
        net[-1].weight.zero_()
        net[-1].bias.copy_(network.tensor(torch, form.start(L, K).ravel()))
    return net


def _margins(panel: Panel, y: Array, penalty: GatePenalty, unit: float) -> Array:
    """Return δ (K, K) in standardised units; residuals are those of y around the median learner's median."""
    levels = panel.target.levels
    middle = int(np.argmin(np.abs(levels - 0.5)))
    residual = (y - np.median(panel.predictions[:, :, middle], axis=0)) / unit
    weight = weights_of_rows(panel)
    spread = lower_quantiles(residual, weight, levels)
    return penalty.margin + penalty.adaptive * np.maximum(spread - spread[:, None], 0)


class _RowTensors:
    """Rows as tensors, and what a gate loses on them."""

    def __init__(self, gate: Gate, panel: Panel, y: Array, margins: Any, crossing: float) -> None:
        torch, weight = gate.torch, weights_of_rows(panel)
        self._gate = gate
        self._X, self._predictions = (
            network.clipped_tensor(torch, panel.X.to_numpy(dtype=float)),
            gate.read(panel.predictions),
        )
        self._y = network.tensor(torch, (y - gate.centre) / gate.unit)
        self._w = network.tensor(torch, weight / weight.mean())
        self._levels = network.tensor(torch, panel.target.levels)
        self._margins, self._crossing = margins, crossing

    def loss(self, rows: Any) -> Any:
        """Return the mean pinball loss of some rows, and what their crossings cost."""
        predictions, loss = self._pinball(rows)
        crossed = network.crossing(predictions, self._margins)
        return (self._w[rows] * (loss + self._crossing * crossed)).mean()

    def held_loss(self) -> Any:
        """Return the mean pinball loss of all rows, their quantiles sorted as in every quantile prediction."""
        torch, total = self._gate.torch, 0.0
        for start in range(0, len(self._y), ROWS_A_BATCH):
            rows = slice(start, start + ROWS_A_BATCH)
            predictions, _ = self._pinball(rows)
            loss = network.pinball_of_error(
                torch, self._y[rows, None] - predictions.sort(dim=1).values, self._levels
            ).mean(dim=1)
            total = total + (self._w[rows] * loss).sum()
        return total / self._w.sum()

    def _pinball(self, rows: Any) -> tuple[Any, Any]:
        gate = self._gate
        predictions = gate.form.pool(gate.torch, gate.net(self._X[rows]), self._predictions[rows])
        return predictions, network.pinball_of_error(gate.torch, self._y[rows, None] - predictions, self._levels).mean(
            dim=1
        )
