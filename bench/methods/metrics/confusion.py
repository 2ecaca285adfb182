"""Counts of decided labels, class by class: all that a label metric needs.

Every formula on counts works on a stack of decisions at once, so that a threshold can be swept in one pass.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.nouns import Array, Prediction, Target
from bench.methods.metrics import Applies, register

Formula = Callable[..., Array]
"""(counts, and by keyword the parameters of the metric) -> values (...)."""


@dataclass(frozen=True)
class Counts:
    """Row weights by class of a target: rightly decided `hit` (..., K), `true` (K,), decided `predicted` (..., K)."""

    target: Target
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
    def specificity(self) -> Array:
        """Rows rightly decided not to be of the class among those of the others (..., K); NaN where there are none."""
        others = self.true.sum() - self.true
        return _ratio(others - self.predicted + self.hit, others)

    def mean_over_classes(self, of_class: Array) -> Array:
        """Return of two classes the value of the positive one, of more the mean over those that the truth has (...)."""
        if len(self.true) == 2:
            positive: Array = of_class[..., self.target.positive]
            return positive
        mean: Array = of_class[..., self.present].mean(axis=-1)
        return mean


def counts(y: Array, predicted: Array, target: Target, weight: Array | None = None) -> Counts:
    """Count the rows, or sum their weights, by the class codes of a target."""
    right, width = y == predicted, target.width
    hit_weight = None if weight is None else weight[right]
    return Counts(
        target,
        np.bincount(y[right], weights=hit_weight, minlength=width).astype(float),
        np.bincount(y, weights=weight, minlength=width).astype(float),
        np.bincount(predicted, weights=weight, minlength=width).astype(float),
    )


def of_prediction(target: Target, y: Array, prediction: Prediction) -> Counts:
    """Return the counts of the labels that the prediction decides on."""
    return counts(y, prediction.labels, target, prediction.weight)


def label_metric(
    low: float = 0,
    tags: Collection[str] = ("core",),
    applies: Applies | None = None,
) -> Callable[[Formula], Formula]:
    """Return the decorator that registers a label metric by its formula on counts, (..., K) -> (...).

    Its values lie between `low` and 1. The option `counts` keeps the formula, the keywords of which are the parameters
    of the metric; `applies` is that of `register`.
    """

    def enter(formula: Formula) -> Formula:
        def metric(target: Target, y: Array, prediction: Prediction, **parameters: Any) -> float:
            return float(formula(of_prediction(target, y, prediction), **parameters))

        plain = inspect.signature(metric).parameters.values()
        own = [each for each in inspect.signature(formula).parameters.values() if each.kind is each.KEYWORD_ONLY]
        shown = [each for each in plain if each.kind is not each.VAR_KEYWORD]
        metric.__signature__ = inspect.Signature([*shown, *own])  # type: ignore[attr-defined]
        metric.__name__, metric.__doc__, metric.__module__ = formula.__name__, formula.__doc__, formula.__module__
        register(
            "class",
            direction="max",
            label=True,
            low=low,
            high=1,
            counts=formula,
            tags=tags,
            applies=applies,
        )(metric)
        return formula

    return enter


def _ratio(part: Array, whole: Array) -> Array:
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
