"""Metrics of quantile answers."""

from __future__ import annotations

import numpy as np

from bench import losses
from bench.core import Answer, Array, Target
from bench.metrics import register


@register("quantile", direction="min", proper=True, unit=True)
def wis(target: Target, y: Array, answer: Answer) -> float:
    """Return the weighted interval score, twice the mean pinball loss; NaN if the levels are not symmetric.

    It is (|y - m| / 2 + Σ_i S_i a_i / 2) / (I + 1/2), with the median m, which counts once, and the interval
    scores S_i of the I central intervals of coverage 1 - a_i. Bracher, Ray, Gneiting and Reich (2021),
    Evaluating epidemic forecasts in an interval format.
    """
    levels = target.levels
    if not target.symmetric:
        return float("nan")
    return float(losses.mean(losses.wis(y, answer.values, levels), answer.weight))


@register("quantile", direction="min", proper=True, unit=True)
def mean_pinball(target: Target, y: Array, answer: Answer) -> float:
    """Return the pinball loss ψ_τ(y - q_τ), mean over levels and rows.

    Koenker and Bassett (1978), Regression quantiles.
    """
    rows = losses.pinball(y, answer.values, target.levels).mean(axis=1)
    return float(losses.mean(rows, answer.weight))


@register("quantile", direction="target", each="interval")
def coverage(target: Target, y: Array, answer: Answer, *, interval: float = 80) -> float:
    """Return the share of rows inside the central interval, ends included; NaN where the levels lack it."""
    if interval not in target.intervals:
        return float("nan")
    lower, upper = answer.values[:, target.intervals[interval]].T
    return float(losses.mean((lower <= y) & (y <= upper), answer.weight))


@register("quantile", direction="none", unit=True, each="interval")
def width(target: Target, y: Array, answer: Answer, *, interval: float = 80) -> float:
    """Return the mean width of the central interval; NaN where the levels lack it."""
    if interval not in target.intervals:
        return float("nan")
    lower, upper = answer.values[:, target.intervals[interval]].T
    return float(losses.mean(upper - lower, answer.weight))


@register("quantile", direction="min")
def crossing_rate(target: Target, y: Array, answer: Answer) -> float:
    """Return the share of rows on which some quantile is below the one before it, ahead of the final sort."""
    quantiles = answer.values if answer.unsorted is None else answer.unsorted
    return float(losses.mean(np.any(np.diff(quantiles, axis=1) < 0, axis=1), answer.weight))
