"""Metrics of a soft confusion matrix, with their gradients, and one minus a metric as a loss of logits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, BenchError, Target
from bench.methods.metrics import CountsFunction, Metric
from bench.methods.metrics.confusion import Counts
from bench.methods.trainings import objectives
from bench.methods.trainings.networks import Loss

ConfusionMeasure = Callable[[Array], tuple[float, Array]]
"""Soft confusion matrix S (K, K), truth by row -> metric, and its gradient by S."""

STEP = 1e-6
"""Step of the differences, as a share of the rows: the error of a smooth metric is near 1e-10."""


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


def measure_of(metric: Metric, target: Target, present: Array) -> ConfusionMeasure:
    """Return the measure of the classes that are `present`, by codes of the target, that a label metric stands for.

    F of more than two classes is the mean over those that are present; a metric that has no gradient here is
    differentiated by its formula on counts.

    Raises:
        BenchError: the metric is none of decided labels.
    """
    if metric.counts is None:
        raise BenchError(f"anyloss cannot train on metric {metric.name!r}: give one of decided labels")
    if metric.name in F_BETA:
        part = np.full(len(present), 1 / len(present))
        if target.width == 2:
            part = (present == target.positive).astype(float)
        return _f_measure(F_BETA[metric.name], part)
    return MEASURES.get(metric.name) or _by_differences(metric.counts, target, present)


def _f_measure(beta: float, part: Array) -> ConfusionMeasure:
    """Return Σ_c part_c F_c."""

    def measure(S: Array) -> tuple[float, Array]:
        size = np.maximum(beta**2 * S.sum(axis=1) + S.sum(axis=0), objectives.SMALLEST_DIVISOR)
        f = (1 + beta**2) * np.diag(S) / size
        drag = part * f / size
        return float(part @ f), np.diag((1 + beta**2) * part / size) - beta**2 * drag[:, None] - drag

    return measure


def _by_differences(formula: CountsFunction, target: Target, present: Array) -> ConfusionMeasure:
    """Return a measure with the gradient by central differences of a formula on counts.

    The true counts do not move: each row of the soft confusion matrix is spread over the classes, whatever the model.
    """
    K = len(present)
    steps = np.concatenate([np.zeros((1, 2 * K)), np.eye(2 * K), -np.eye(2 * K)])

    def measure(S: Array) -> tuple[float, Array]:
        step = STEP * S.sum()
        moved = np.concatenate([np.diag(S), S.sum(axis=0)]) + step * steps
        (hit, predicted), true = np.zeros((2, len(moved), target.width)), np.zeros(target.width)
        hit[:, present], predicted[:, present] = moved[:, :K], moved[:, K:]
        true[present] = S.sum(axis=1)
        values = np.nan_to_num(np.asarray(formula(Counts(target, hit, true, predicted)), dtype=float))
        slope = (values[1 : 2 * K + 1] - values[2 * K + 1 :]) / (2 * step)
        return float(values[0]), np.diag(slope[:K]) + slope[K:]

    return measure


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


F_BETA = {"binary_f1": 1.0, "f2": 2.0, "f_half": 0.5}
"""Beta of the metrics that are an F."""

MEASURES: dict[str, ConfusionMeasure] = {
    "g_mean": _g_mean,
    "balanced_accuracy": _balanced_accuracy,
    "accuracy": _accuracy,
}
"""Metrics with a gradient by hand."""
