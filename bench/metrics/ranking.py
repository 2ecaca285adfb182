"""How well class probabilities rank the rows; the decision rule is not seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core import Answer, Array, Target
from bench.metrics import register


@register("class", direction="max")
def auroc(target: Target, y: Array, answer: Answer) -> float:
    """Return the area under the ROC curve: P(a positive row scores above a negative one), ties count half.

    Two classes: that of the second class. More: the plain mean of one class against the rest, over the
    classes with positive and negative rows; NaN where there are none. Hanley and McNeil (1982), The meaning
    and use of the area under a ROC curve; Fawcett (2006), An introduction to ROC analysis.
    """
    classes = [1] if target.width == 2 else range(target.width)
    return _mean([_one_against_rest(y, answer, k, _area) for k in classes])


@register("class", direction="max")
def auprc(target: Target, y: Array, answer: Answer) -> float:
    """Return the average precision Σ_s (R_s - R_{s-1}) P_s (s: falling thresholds), a class against the rest.

    It is the plain mean over the classes with positive and negative rows, of two classes both; NaN where
    there are none. A random ranking gets the mean prevalence of these classes. Davis and Goadrich (2006), The
    relationship between precision-recall and ROC curves.
    """
    return _mean([_one_against_rest(y, answer, k, _average_precision) for k in range(target.width)])


def _one_against_rest(y: Array, answer: Answer, k: int, measure: Callable[[Array, Array], float]) -> float:
    """Return the measure of class k, NaN unless it has positive and negative rows."""
    weight = np.ones(len(y)) if answer.weight is None else answer.weight
    values, place = np.unique(answer.values[:, k], return_inverse=True)
    positive = np.bincount(place, weights=weight * (y == k), minlength=len(values))
    negative = np.bincount(place, weights=weight * (y != k), minlength=len(values))
    return measure(positive, negative) if positive.any() and negative.any() else float("nan")


def _area(positive: Array, negative: Array) -> float:
    """Return the area under the curve from the weights of positive and negative rows, by rising score."""
    below = np.cumsum(negative) - negative / 2
    return float(positive @ below / (positive.sum() * negative.sum()))


def _average_precision(positive: Array, negative: Array) -> float:
    """Return the average precision from the weights of positive and negative rows, by rising score."""
    hits, misses = np.cumsum(positive[::-1]), np.cumsum(negative[::-1])
    step = positive[::-1] > 0  # recall rises at these scores only, and there the precision is defined
    return float((positive[::-1][step] * hits[step] / (hits + misses)[step]).sum() / positive.sum())


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
