"""How well class probabilities rank the rows; the decision rule is not used.

Probabilities are compared to 12 significant digits, as leaderboards compare scores: a row with a zero was scaled when
that was raised to 1e-15, and 0.3 must still tie with 0.3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from bench.core.nouns import Array, BenchError, Prediction, Target
from bench.methods.metrics import register
from bench.methods.metrics.classes import shares
from bench.stats.digits import round_digits


@register("class", direction="max", low=0, high=1, tags=("core",))
def auroc(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the area under the ROC curve: P(a positive row scores above a negative one), ties count half.

    Two classes: that of the second class. More: the plain mean of one class against the rest, over the
    classes with positive and negative rows; NaN where there are none. Hanley and McNeil (1982), The meaning
    and use of the area under a ROC curve; Fawcett (2006), An introduction to ROC analysis.
    """
    classes = [1] if target.width == 2 else range(target.width)
    return _mean_over_classes([area(y, prediction, k) for k in classes])


@register("class", direction="max", low=0, high=1, tags=("core",))
def auroc_ovo(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the mean over pairs of classes of (A(i|j) + A(j|i)) / 2, which does not depend on the shares of classes.

    A(i|j) is P(a row of class i has a higher p_i than a row of class j), ties count half. The pairs are those of the
    classes that y has; NaN where it has one. Of two classes it is `auroc`. Hand and Till (2001), A simple
    generalisation of the area under the ROC curve for multiple class classification problems.
    """
    weight = np.ones(len(y)) if prediction.weight is None else prediction.weight
    mass = np.bincount(y, weights=weight, minlength=target.width)
    present = np.flatnonzero(mass).tolist()
    if len(present) < 2:
        return float("nan")
    areas = {k: _against_each(y, round_digits(prediction.values[:, k]), weight, k) for k in present}
    pairs = [areas[k][j] / (mass[k] * mass[j]) for k in present for j in present if j != k]
    return float(np.mean(pairs))


@register("class", direction="max", low=0, high=1, tags=("core",))
def macro_auprc(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the plain mean over the classes of the average precision, a class against the rest; of two classes both.

    It is over the classes with positive and negative rows, NaN where there are none. A random ranking gets the mean
    prevalence of these classes, 1/2 where there are two: see `average_precision` for the positive class alone. It was
    called `auprc`. Davis and Goadrich (2006), The relationship between precision-recall and ROC curves.
    """
    return _mean_over_classes([average_precision_of(y, prediction, k) for k in range(target.width)])


@register("class", direction="max", low=0, high=1, tags=("core",))
def average_precision(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the average precision Σ_s (R_s - R_{s-1}) P_s of the positive class of two (s: falling thresholds).

    A random ranking gets the share of that class. NaN where there are no positive or no negative rows, and where the
    task does not have two classes. Davis and Goadrich (2006), The relationship between precision-recall and ROC curves.
    """
    return average_precision_of(y, prediction, target.positive) if target.width == 2 else float("nan")


def _allow_rate(target: Target, *, rate: float) -> bool:
    """Return that a recall at a rate is for every target.

    Raises:
        BenchError: `rate` does not lie between 0 and 1.
    """
    if not 0 <= rate <= 1:
        raise BenchError(f"parameter 'rate' of recall_at_fpr is {rate}: give a number from 0 to 1")
    return True


@register("class", direction="max", low=0, high=1, tags=("extended",), applies=_allow_rate)
def recall_at_fpr(target: Target, y: Array, prediction: Prediction, *, rate: float = 0.05) -> float:
    """Return the largest recall of the positive class at a false-positive rate of at most `rate`.

        max_s R_s over the thresholds s with F_s <= rate,   F_s: share of the other rows above s

    Nothing is interpolated. Two classes: that of the positive one. More: the mean over the classes with positive and
    negative rows, each against the rest. Fawcett (2006), An introduction to ROC analysis.
    """
    classes = [target.positive] if target.width == 2 else range(target.width)
    return _mean_over_classes([_one_against_rest(y, prediction, k, partial(_recall_at, rate)) for k in classes])


@register("class", direction="max", low=0, tags=("core",))
def auprc_lift(target: Target, y: Array, prediction: Prediction) -> float:
    """Return how many times better the average precision is than that of a random ranking, its prevalence.

    It is the plain mean of AP_k / prevalence_k over the classes with positive and negative rows, of two classes both;
    NaN where there are none. A random ranking gets 1, the truth the mean of 1 / prevalence_k. Saito and Rehmsmeier
    (2015), The precision-recall plot is more informative than the ROC plot, for the baseline.
    """
    share = shares(y, prediction.weight, target.width)
    present = np.flatnonzero(share).tolist()
    return _mean_over_classes([average_precision_of(y, prediction, k) / share[k] for k in present])


def area(y: Array, prediction: Prediction, k: int) -> float:
    """Return the area under the ROC curve of class k against the rest; NaN unless it has rows for and against."""
    return _one_against_rest(y, prediction, k, _area)


def average_precision_of(y: Array, prediction: Prediction, k: int) -> float:
    """Return the average precision of class k against the rest; NaN unless it has rows for and against."""
    return _one_against_rest(y, prediction, k, _average_precision)


def _one_against_rest(y: Array, prediction: Prediction, k: int, measure: Callable[[Array, Array], float]) -> float:
    """Return the measure of class k, NaN unless it has positive and negative rows."""
    weight = np.ones(len(y)) if prediction.weight is None else prediction.weight
    values, place = np.unique(round_digits(prediction.values[:, k]), return_inverse=True)
    positive = np.bincount(place, weights=weight * (y == k), minlength=len(values))
    negative = np.bincount(place, weights=weight * (y != k), minlength=len(values))
    return measure(positive, negative) if positive.any() and negative.any() else float("nan")


def _area(positive: Array, negative: Array) -> float:
    """Return the area under the curve from the weights of positive and negative rows, by rising score."""
    below = np.cumsum(negative) - negative / 2
    return float(positive @ below / (positive.sum() * negative.sum()))


def _against_each(y: Array, score: Array, weight: Array, k: int) -> Array:
    """Return, for each class, the weight of the pairs in which a row of class k scores above one of that class."""
    values, place = np.unique(score, return_inverse=True)
    positive = np.bincount(place, weights=weight * (y == k), minlength=len(values))
    above = positive.sum() - np.cumsum(positive) + positive / 2
    return np.bincount(y, weights=weight * above[place])


def _average_precision(positive: Array, negative: Array) -> float:
    """Return the average precision from the weights of positive and negative rows, by rising score."""
    hits, misses = np.cumsum(positive[::-1]), np.cumsum(negative[::-1])
    step = positive[::-1] > 0  # recall rises at these scores only, and there the precision is defined
    return float((positive[::-1][step] * hits[step] / (hits + misses)[step]).sum() / positive.sum())


def _recall_at(rate: float, positive: Array, negative: Array) -> float:
    """Return the largest recall at a false-positive rate, from the weights of rows by rising score."""
    hits, alarms = np.cumsum(positive[::-1]), np.cumsum(negative[::-1])
    allowed = alarms <= (rate + 1e-12) * alarms[-1]  # 1e-12: a share of rows may be the rate but for rounding
    return float(hits[allowed].max(initial=0.0) / hits[-1])


def _mean_over_classes(values: list[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
