"""Focal loss: rows that are hard count more."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import BenchError
from bench.methods.trainings import FitContext, FittedModel, objectives, register, trees
from bench.methods.trainings.class_rows import fit_present_classes


@register(
    "fit", tags=("extended", "loss"), hook="loss", learners=("logistic", "mlp", "lightgbm"), neutral={"gamma": 0.0}
)
def focal(context: FitContext, *, gamma: float = 2.0) -> FittedModel:
    """Train on -(1 - p_y)^γ ln p_y, so that rows which are right already hardly count.

    `gamma` is γ; 0 is plain cross-entropy. For softmax, as class-balanced losses have it. Not convex: a linear model
    finds a stationary point from zero. Lin, Goyal, Girshick, He and Dollár (2017), Focal loss for dense object
    detection.

    Raises:
        BenchError: gamma is negative.
    """
    if gamma < 0:
        raise BenchError(f"parameter 'gamma' of focal is {gamma}: give 0 or more")
    loss = objectives.focal(gamma)
    return fit_present_classes(context, lambda rows: trees.train_any(context, rows, loss, np.log(rows.shares)))
