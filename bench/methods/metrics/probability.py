"""Scores of class probabilities; the decision rule is not used."""

from __future__ import annotations

from bench.core import losses
from bench.core.nouns import Array, Prediction, Target, clip_probabilities
from bench.methods.metrics import register
from bench.methods.metrics.classes import class_balanced


@register("class", direction="min", proper=True, low=0, tags=("core",))
def log_loss(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the mean of -ln p of the true class, clipped as everywhere. Good (1952), Rational decisions."""
    probabilities, _ = clip_probabilities(prediction.values)
    return float(losses.mean(losses.log_loss(y, probabilities), prediction.weight))


@register("class", direction="min", proper=True, low=0, high=2, tags=("core",))
def brier(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the mean of Σ_k (p_k - [y = k])², from 0 to 2.

    Brier (1950), Verification of forecasts expressed in terms of probability.
    """
    return float(losses.mean(losses.brier(y, prediction.values), prediction.weight))


@register("class", direction="min", low=0, tags=("core",))
def balanced_log_loss(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the mean over the classes that y has of the mean of -ln p of the true class on their rows.

    It is the log loss of rows that count as if all classes were equally common: not proper for the shares that they
    have, it rewards probabilities that are corrected to equal ones.
    """
    probabilities, _ = clip_probabilities(prediction.values)
    return float(losses.mean(losses.log_loss(y, probabilities), class_balanced(y, prediction.weight)))


@register("class", direction="min", low=0, high=2, tags=("core",))
def stratified_brier(target: Target, y: Array, prediction: Prediction) -> float:
    """Return the mean over the classes that y has of the Brier score of their rows, from 0 to 2; not proper.

    Wallace and Dahabreh (2012), Class probability estimates are unreliable for imbalanced data (and how to fix them);
    the table of classes has the Brier score of each.
    """
    return float(losses.mean(losses.brier(y, prediction.values), class_balanced(y, prediction.weight)))
