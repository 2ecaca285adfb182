"""Metrics of a soft confusion matrix, with their gradients, and one minus a metric as a loss of logits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array
from bench.methods.trainings import objectives
from bench.methods.trainings.networks import Loss

ConfusionMeasure = Callable[[Array], tuple[float, Array]]
"""Soft confusion matrix S (K, K), truth by row -> metric, and its gradient by S."""


def soft_loss(measure: ConfusionMeasure, steepness: float) -> Loss:
    """Return the loss of logits that is one minus a measure of the soft confusion matrix."""

    def loss(f: Array, y: Array, weight: Array) -> tuple[float, Array]:
        p = objectives.softmax(f)
        A = objectives.softmax(steepness / 2 * p)
        hot = weight[:, None] * (y[:, None] == np.arange(f.shape[1]))
        value, gradient = measure(hot.T @ A)
        by_A = -weight[:, None] * gradient[y]
        by_p = steepness / 2 * A * (by_A - (A * by_A).sum(axis=1, keepdims=True))
        return 1 - value, p * (by_p - (p * by_p).sum(axis=1, keepdims=True))

    return loss


def _f_measure(beta: float) -> Callable[[Array], ConfusionMeasure]:
    def of(counts: Array) -> ConfusionMeasure:
        part = np.full(len(counts), 1 / len(counts))
        if len(counts) == 2:
            part = np.eye(2)[int(counts[1] <= counts[0])]

        def measure(S: Array) -> tuple[float, Array]:
            size = np.maximum(beta**2 * S.sum(axis=1) + S.sum(axis=0), objectives.SMALLEST_DIVISOR)
            f = (1 + beta**2) * np.diag(S) / size
            drag = part * f / size
            return float(part @ f), np.diag((1 + beta**2) * part / size) - beta**2 * drag[:, None] - drag

        return measure

    return of


def _recalls(S: Array) -> tuple[Array, Array]:
    """Return the recalls (K,), and the gradient (K, K) of each by its own row of S."""
    true = np.maximum(S.sum(axis=1), objectives.SMALLEST_DIVISOR)
    recalls = np.diag(S) / true
    return recalls, (np.eye(len(S)) - recalls[:, None]) / true[:, None]


def _balanced_accuracy(S: Array) -> tuple[float, Array]:
    recalls, gradient = _recalls(S)
    return float(recalls.mean()), gradient / len(S)


def _g_mean(S: Array) -> tuple[float, Array]:
    recalls, gradient = _recalls(S)
    positive = np.maximum(recalls, 1e-30)  # a recall of zero has no logarithm
    mean = np.exp(np.log(positive).mean())
    return float(mean), mean / (len(S) * positive)[:, None] * gradient


def _accuracy(S: Array) -> tuple[float, Array]:
    total = S.sum()
    accuracy = np.trace(S) / total
    return float(accuracy), (np.eye(len(S)) - accuracy) / total


MEASURES: dict[str, Callable[[Array], ConfusionMeasure]] = {
    "f1": _f_measure(1.0),
    "f2": _f_measure(2.0),
    "f0.5": _f_measure(0.5),
    "g_mean": lambda _: _g_mean,
    "balanced_accuracy": lambda _: _balanced_accuracy,
    "accuracy": lambda _: _accuracy,
}
