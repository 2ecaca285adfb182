"""Metrics of quantile predictions.

Quantiles may be infinite, as those of conformal intervals are that no number can keep: widths and scores are infinite
then, never NaN, and rows of weight zero do not count at all.
"""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Prediction, Target
from bench.methods.metrics import register


@register("quantile", direction="min", proper=True, unit=True, low=0, tags=("core",))
def wis(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the weighted interval score, twice the mean pinball loss; NaN if the levels are not symmetric.

    It is (|y - m| / 2 + Σ_i S_i a_i / 2) / (I + 1/2), with the median m, which counts once, and the interval
    scores S_i of the I central intervals of coverage 1 - a_i. Bracher, Ray, Gneiting and Reich (2021),
    Evaluating epidemic forecasts in an interval format.
    """
    if not target.symmetric:
        return float("nan")
    return _mean_over_rows(losses.wis(y, prediction.values, target.levels), prediction)


@register("quantile", direction="none", unit=True, tags=("core",))
def dispersion(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the part of WIS that is width, Σ_i a_i (u_i - l_i) / K; NaN if the levels are not symmetric.

    The central interval [l_i, u_i] has coverage 1 - a_i, and there are K levels. WIS = dispersion + underprediction +
    overprediction. Bracher, Ray, Gneiting and Reich (2021), Evaluating epidemic forecasts in an interval format.
    """
    if not target.symmetric:
        return float("nan")
    lower, upper = _ends(prediction.values)
    wide = _interval_width(lower, upper) * (2 * target.levels[: lower.shape[1]])
    return _mean_over_rows(wide.sum(axis=1) / target.width, prediction)


@register("quantile", direction="none", unit=True, tags=("core",))
def underprediction(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the part of WIS that is y above the prediction; NaN if the levels are not symmetric.

        (2 / K) ((y - m)⁺ / 2 + Σ_i (y - u_i)⁺)

    m is the median, u_i the upper end of a central interval, and there are K levels. Bracher, Ray, Gneiting and Reich
    (2021), Evaluating epidemic forecasts in an interval format.
    """
    return _outside(target, y, prediction, 1.0)


@register("quantile", direction="none", unit=True, tags=("core",))
def overprediction(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the part of WIS that is y below the prediction; NaN if the levels are not symmetric.

        (2 / K) ((m - y)⁺ / 2 + Σ_i (l_i - y)⁺)

    m is the median, l_i the lower end of a central interval, and there are K levels. Bracher, Ray, Gneiting and Reich
    (2021), Evaluating epidemic forecasts in an interval format.
    """
    return _outside(target, y, prediction, -1.0)


@register("quantile", direction="min", proper=True, unit=True, low=0, tags=("core",))
def mean_pinball(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the pinball loss ψ_τ(y - q_τ), mean over levels and rows.

    Koenker and Bassett (1978), Regression quantiles.
    """
    return _mean_over_rows(losses.pinball(y, prediction.values, target.levels).mean(axis=1), prediction)


@register("quantile", direction="min", proper=True, unit=True, low=0, each="level", tags=("core",))
def pinball(target: Target, y: Array, prediction: Prediction, *, level: float = 0.5) -> float:
    """Return the pinball loss ψ_τ(y - q_τ) of one level, mean over rows; NaN where the prediction lacks the level.

    Koenker and Bassett (1978), Regression quantiles.
    """
    place = np.flatnonzero(np.abs(target.levels - level) <= 1e-9)  # equal but for rounding
    if not len(place):
        return float("nan")
    return _mean_over_rows(losses.pinball(y, prediction.values[:, place], target.levels[place])[:, 0], prediction)


@register("quantile", direction="min", proper=True, unit=True, low=0, tags=("core",))
def crps(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the continuous ranked probability score, 2 ∫ ψ_τ(y - q_τ) dτ, by the trapezoidal rule over the levels.

        2 Σ_k c_k ψ_τk(y - q_k), where c_k = half the distance between the two neighbours of τ_k

    Beyond the outermost levels the loss is taken to stay as it is there, down to 0 and up to 1: the first c is
    (τ_1 + τ_2) / 2, the last 1 - (τ_K-1 + τ_K) / 2, and Σ c = 1. The levels need not be symmetric; as all c are
    positive the score is proper, and for levels (k - 1/2) / K it is WIS. Laio and Tamea (2007), Verification tools for
    probabilistic forecasts of continuous hydrological variables; Gneiting and Ranjan (2011), Comparing density
    forecasts using threshold- and quantile-weighted scoring rules.
    """
    levels = target.levels
    edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]])
    return _mean_over_rows(2 * losses.pinball(y, prediction.values, levels) @ np.diff(edges), prediction)


@register("quantile", direction="target", each="interval", low=0, high=1, tags=("core",))
def coverage(target: Target, y: Array, prediction: Prediction, *, interval: float = 80) -> float:
    """Return the share of rows inside the central interval, ends included; NaN where the levels lack it."""
    if interval not in target.intervals:
        return float("nan")
    lower, upper = prediction.values[:, target.intervals[interval]].T
    return _mean_over_rows((lower <= y) & (y <= upper), prediction)


@register("quantile", direction="none", unit=True, each="interval", tags=("core",))
def width(target: Target, y: Array, prediction: Prediction, *, interval: float = 80) -> float:
    """Return the mean width of the central interval; NaN where the levels lack it."""
    if interval not in target.intervals:
        return float("nan")
    lower, upper = prediction.values[:, target.intervals[interval]].T
    return _mean_over_rows(_interval_width(lower, upper), prediction)


@register("quantile", direction="min", low=0, high=1, tags=("core",))
def level_calibration(target: Target, y: Array, prediction: Prediction) -> float:
    """Return how far the share of rows at or below each quantile is from its level, mean over the levels.

        mean_k |share(y ≤ q_k) - τ_k|, and 0 at a level that lies between share(y < q_k) and share(y ≤ q_k)

    The second half matters where many y equal their quantile, as with counts: no share can meet the level then.
    Gneiting, Balabdaoui and Raftery (2007), Probabilistic forecasts, calibration and sharpness.
    """
    below, reached = (
        np.array([_mean_over_rows(each, prediction) for each in inside.T])
        for inside in (y[:, None] < prediction.values, y[:, None] <= prediction.values)
    )
    return float(np.maximum(np.maximum(below - target.levels, target.levels - reached), 0).mean())


@register("quantile", direction="min", low=0, high=1, tags=("core",))
def crossing_rate(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the share of rows on which some quantile is below the one before it, ahead of the final sort."""
    quantiles = prediction.values if prediction.unsorted is None else prediction.unsorted
    return _mean_over_rows(np.any(quantiles[:, 1:] < quantiles[:, :-1], axis=1), prediction)


def _mean_over_rows(rows: Array, prediction: Prediction) -> float:
    """Return the mean over the rows that have any weight: zero times infinity is no number."""
    if prediction.weight is None:
        return float(losses.mean(rows, None))
    used = prediction.weight > 0
    return float(losses.mean(rows[used], prediction.weight[used]))


def _ends(values: Array) -> tuple[Array, Array]:
    """Return the lower and the upper ends of the central intervals, outermost first, each of shape (n, I)."""
    half = values.shape[1] // 2
    return values[:, :half], values[:, ::-1][:, :half]


def _interval_width(lower: Array, upper: Array) -> Array:
    """Return upper - lower, infinite where either end is."""
    known = np.isfinite(lower) & np.isfinite(upper)
    return np.subtract(upper, lower, out=np.full(lower.shape, np.inf), where=known)


def _outside(target: Target, y: Array, prediction: Prediction, side: float) -> float:
    """Return what y exceeds (side 1) or lacks (side -1) of the ends of the intervals, on the scale of WIS."""
    if not target.symmetric:
        return float("nan")
    values, half = prediction.values, target.width // 2
    ends = _ends(values)[int(side > 0)]
    missed = np.maximum(side * (y[:, None] - ends), 0).sum(axis=1)
    if target.width % 2:
        missed += np.maximum(side * (y - values[:, half]), 0) / 2
    return _mean_over_rows(2 * missed / target.width, prediction)
