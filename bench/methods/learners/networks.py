"""Models around networks of torch: rows held out to stop early, predictions in slices; nothing is registered here."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from bench.core.nouns import Array
from bench.methods.learners.adapters import positive_weight_rows
from bench.solvers import network
from bench.solvers.network import Course, Layers

HELD_OUT = 0.2
"""Share of the training rows that stop the training; below `FEWEST` rows all of them fit the network and stop it."""

FEWEST = 10
"""A fifth of fewer rows is two at most, too few to stop by."""

PREDICTED_ROWS = 4096
"""Rows that are predicted at once, so that memory does not grow with the table."""


class Head(Protocol):
    """The use of a network's outputs: how many inputs and outputs it has, its loss in training, and its quantiles."""

    def widths(self, columns: int) -> tuple[int, int]:
        """Return the inputs and outputs of the network for rows of so many columns."""

    def loss(self, net: Any, X: Any, y: Any) -> Any:
        """Return the training loss of each row, (n,)."""

    def quantiles(self, net: Any, X: Any) -> Any:
        """Return the quantiles at the target's levels, (n, K)."""


class NetworkModel:
    """A network that is trained on its head's loss, and stopped by the mean pinball loss of held-out rows.

    `torch` is the library itself. y must be standardised.
    """

    def __init__(self, torch: Any, head: Head, *, layers: Layers, course: Course, levels: Array, seed: int) -> None:
        self._torch = torch
        self._head = head
        self._layers, self._course = layers, course
        self._levels = network.tensor(torch, levels)
        self._seed = seed

    def fit(self, X: Any, y: Array, weight: Array | None) -> NetworkModel:
        """Train the network on the rows that are not held out."""
        X, y, weight = positive_weight_rows(X, y, weight)
        torch, w = self._torch, np.ones(len(y)) if weight is None else weight
        parts = [np.sort(rows) for rows in _hold_out(len(y), self._seed)]
        X = np.asarray(X)
        (X_fit, y_fit, w_fit), held = (
            (network.clipped_tensor(torch, X[rows]), network.tensor(torch, y[rows]), network.tensor(torch, w[rows]))
            for rows in parts
        )
        with network.own_random_state(torch, self._seed):
            inputs, outputs = self._head.widths(X.shape[1])
            self._net = network.stack_layers(torch, inputs, self._layers, outputs)

            def loss(rows: Any) -> Any:
                return (w_fit[rows] * self._head.loss(self._net, X_fit[rows], y_fit[rows])).mean()

            network.train_network(
                torch, self._net, loss, lambda: self._held_loss(*held), n=len(y_fit), course=self._course
            )
        return self

    def _held_loss(self, X: Any, y: Any, w: Any) -> Any:
        error = y[:, None] - self._head.quantiles(self._net, X)
        return (w * network.pinball_of_error(self._torch, error, self._levels).mean(dim=1)).sum() / w.sum()

    def predict(self, X: Any) -> Array:
        """Return quantiles, shape (n, levels)."""
        torch, X = self._torch, np.asarray(X)
        with network.own_random_state(torch, self._seed), torch.no_grad():
            parts = (
                network.clipped_tensor(torch, X[start : start + PREDICTED_ROWS])
                for start in range(0, len(X), PREDICTED_ROWS)
            )
            return np.concatenate([self._head.quantiles(self._net, part).numpy() for part in parts])


def _hold_out(n: int, seed: int) -> tuple[Array, Array]:
    """Return the positions of the rows that the network is fitted on and of those that are held out."""
    if n < FEWEST:
        return np.arange(n), np.arange(n)
    order = np.random.default_rng(seed).permutation(n)
    held = round(HELD_OUT * n)
    return order[held:], order[:held]
