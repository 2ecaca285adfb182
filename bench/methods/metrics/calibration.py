"""Calibration of class probabilities: whether what is predicted as likely comes true as often; decisions do not count.

Class weights in training distort probabilities: `calibration_in_large` shows it first, the binned errors show where.
"""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Prediction, Target
from bench.methods.metrics import register
from bench.methods.metrics.classes import shares

BINS = 15
"""Bins of equal mass in `ece` and `classwise_ece`."""


@register("class", direction="min", low=0, high=1, tags=("core",))
def ece(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the expected calibration error of the top class: Σ_b |Σ_{i in b} w_i (hit_i - top_i)| / Σ_i w_i.

    `top` is the largest probability of a row; `hit` is 1 if that class is true, or 1/m if the true class is
    one of m that share the largest probability. The rows, in the order of `top`, are cut into 15 bins of
    exactly equal weight. A row on a cut counts in both bins by its parts; rows with the same `top` (to 12
    decimals) are spread evenly over the bins they touch, so the order of rows is irrelevant. Naeini, Cooper
    and Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning; equal-mass bins:
    Nguyen and O'Connor (2015), Posterior calibration and exploratory analysis for natural language processing
    models.
    """
    top = prediction.values.max(axis=1)
    best = prediction.values == top[:, None]
    hit = best[np.arange(len(y)), y] / best.sum(axis=1)
    return _binned_gap(top, hit, prediction.weight)


@register("class", direction="min", low=0, high=1, tags=("core",))
def classwise_ece(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the mean over classes of the calibration error of p_k: Σ_b |Σ_{i in b} w_i ([y_i = k] - p_ik)| / Σ_i w_i.

    The bins are those of `ece`, cut anew for every class. The mean is over the classes that y has: the probability of
    an absent class is missing elsewhere in its row. Kull et al. (2019), Beyond temperature scaling: obtaining
    well-calibrated multiclass probabilities with Dirichlet calibration.
    """
    present = np.flatnonzero(shares(y, prediction.weight, target.width))
    return float(np.mean([_binned_gap(prediction.values[:, k], y == k, prediction.weight) for k in present]))


@register("class", direction="target", tags=("core",))
def calibration_in_large(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the mean probability of a class minus its share of the rows; the goal is 0.

    Two classes: that of the positive one, with its sign: above 0 it is predicted as more likely than it is, as class
    weights make it. More: the mean of the absolute values over the classes that y has. Steyerberg (2009), Clinical
    prediction models; van den Goorbergh et al. (2022), The harm of class imbalance corrections for risk prediction
    models.
    """
    share = shares(y, prediction.weight, target.width)
    bias = np.average(prediction.values, axis=0, weights=prediction.weight) - share
    if target.width == 2:
        return float(bias[target.positive])
    return float(np.abs(bias[share > 0]).mean())


def _binned_gap(predictions: Array, came: Array, weight: Array | None) -> float:
    """Return Σ_b |Σ_{i in b} w_i (came_i - p_i)| / Σ_i w_i over bins of equal weight in the order of p."""
    weight = np.ones(len(predictions)) if weight is None else weight
    # 12 decimals: probabilities that differ by rounding alone belong together, whatever the order of rows
    _, group = np.unique(np.round(predictions, 12), return_inverse=True)
    mass = np.concatenate([[0.0], np.cumsum(np.bincount(group, weights=weight))])
    gap = np.concatenate([[0.0], np.cumsum(np.bincount(group, weights=weight * (came - predictions)))])
    cuts = np.linspace(0, mass[-1], BINS + 1)
    return float(np.abs(np.diff(np.interp(cuts, mass, gap))).sum() / mass[-1])
