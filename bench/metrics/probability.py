"""Scores and calibration of class probabilities; the decision rule is not seen."""

from __future__ import annotations

import numpy as np

from bench import losses
from bench.core import Answer, Array, Target, clip_probabilities
from bench.metrics import register

BINS = 15
"""Bins of equal mass in `ece`."""


@register("class", direction="min", proper=True)
def log_loss(target: Target, y: Array, answer: Answer) -> float:
    """Return the mean of -ln p of the true class, clipped as everywhere. Good (1952), Rational decisions."""
    probabilities, _ = clip_probabilities(answer.values)
    return float(losses.mean(losses.log_loss(y, probabilities), answer.weight))


@register("class", direction="min", proper=True)
def brier(target: Target, y: Array, answer: Answer) -> float:
    """Return the mean of Σ_k (p_k - [y = k])², from 0 to 2.

    Brier (1950), Verification of forecasts expressed in terms of probability.
    """
    return float(losses.mean(losses.brier(y, answer.values), answer.weight))


@register("class", direction="min")
def ece(target: Target, y: Array, answer: Answer) -> float:
    """Return the expected calibration error of the top class: Σ_b |Σ_{i in b} w_i (hit_i - top_i)| / Σ_i w_i.

    `top` is the largest probability of a row; `hit` is 1 if that class is true, or 1/m if the true class is
    one of m that share the largest probability. The rows, in the order of `top`, are cut into 15 bins of
    exactly equal weight. A row on a cut counts in both bins by its parts; rows with the same `top` (to 12
    decimals) are spread evenly over the bins they touch, so the order of rows is irrelevant. Naeini, Cooper
    and Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning; equal-mass bins:
    Nguyen and O'Connor (2015), Posterior calibration and exploratory analysis for natural language processing
    models.
    """
    top = answer.values.max(axis=1)
    best = answer.values == top[:, None]
    hit = best[np.arange(len(y)), y] / best.sum(axis=1)
    weight = np.ones(len(y)) if answer.weight is None else answer.weight
    _, group = np.unique(np.round(top, 12), return_inverse=True)
    mass = np.concatenate([[0.0], np.cumsum(np.bincount(group, weights=weight))])
    gap = np.concatenate([[0.0], np.cumsum(np.bincount(group, weights=weight * (hit - top)))])
    cuts = np.linspace(0, mass[-1], BINS + 1)
    return float(np.abs(np.diff(np.interp(cuts, mass, gap))).sum() / mass[-1])
