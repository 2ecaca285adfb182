"""Counts of decided labels, class by class: all that a label metric needs.

Every formula on counts works on a stack of decisions at once, so that a threshold can be swept in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array, Prediction, Target
from bench.methods.metrics import register

Formula = Callable[["Counts"], Array]


@dataclass(frozen=True)
class Counts:
    """Row weights by class: rightly decided `hit` (..., K), `true` (K,) and decided `predicted` (..., K)."""

    hit: Array
    true: Array
    predicted: Array

    @property
    def present(self) -> Array:
        """Classes that the truth has (K,), as a mask."""
        return self.true > 0

    @property
    def precision(self) -> Array:
        """Hits among the rows decided to be of the class (..., K); NaN where there are none."""
        return _ratio(self.hit, self.predicted)

    @property
    def recall(self) -> Array:
        """Hits among the rows of the class (..., K); NaN where there are none."""
        return _ratio(self.hit, self.true)

    @property
    def f1(self) -> Array:
        """Return 2 TP_c / (T_c + P_c) of each class (..., K); NaN where the truth T_c has no row."""
        return self.f_beta(1.0)

    def f_beta(self, beta: float) -> Array:
        """Return (1 + b²) TP_c / (b² T_c + P_c) of each class (..., K); NaN where the truth T_c has no row."""
        square = beta**2
        return np.where(self.present, _ratio((1 + square) * self.hit, square * self.true + self.predicted), np.nan)

    @property
    def rarer_class(self) -> int:
        """Code of the rarer of two classes, the second if tied."""
        return int(self.true[1] <= self.true[0])


def counts(y: Array, predicted: Array, width: int, weight: Array | None = None) -> Counts:
    """Count the rows, or sum their weights, by class code below `width`."""
    right = y == predicted
    hit_weight = None if weight is None else weight[right]
    return Counts(
        np.bincount(y[right], weights=hit_weight, minlength=width).astype(float),
        np.bincount(y, weights=weight, minlength=width).astype(float),
        np.bincount(predicted, weights=weight, minlength=width).astype(float),
    )


def of_prediction(target: Target, y: Array, prediction: Prediction) -> Counts:
    """Return the counts of the labels that the prediction decides on."""
    return counts(y, prediction.labels, target.width, prediction.weight)


def label_metric(low: float = 0, breaks: Mapping[str, str] | None = None) -> Callable[[Formula], Formula]:
    """Return the decorator that registers a label metric by its formula on counts, (..., K) -> (...).

    Its values lie between `low` and 1. The option `counts` keeps the formula; `breaks` names the laws that the metric
    may break, with reasons.
    """

    def enter(formula: Formula) -> Formula:
        def metric(target: Target, y: Array, prediction: Prediction) -> float:
            return float(formula(of_prediction(target, y, prediction)))

        metric.__name__, metric.__doc__, metric.__module__ = formula.__name__, formula.__doc__, formula.__module__
        register("class", direction="max", label=True, low=low, high=1, counts=formula, breaks=breaks)(metric)
        return formula

    return enter


def _ratio(part: Array, whole: Array) -> Array:
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
