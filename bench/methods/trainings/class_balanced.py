"""Focal loss, weighted by the effective number of rows of the class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.core.nouns import BenchError
from bench.methods.trainings import FitContext, FittedModel, objectives, register, trees
from bench.methods.trainings.class_rows import EncodedPredictor, EncodedRows, class_weights_of, fit_present_classes


@register(
    "fit",
    tags=("extended", "loss"),
    hook="loss",
    learners=("logistic", "mlp", "lightgbm"),
    code=("bench.methods.class_weights.effective_number",),
    neutral={"beta": 0.0, "gamma": 0.0},
)
def class_balanced(context: FitContext, *, beta: float = 0.999, gamma: float = 1.0) -> FittedModel:
    """Train on focal loss times class weights (1 - b) / (1 - b^n_c), scaled to a mean row weight of one.

    `beta` is b and `gamma` the exponent of the focal loss; with 0 it is the class weighting `effective-number`. Cui,
    Jia, Lin, Song and Belongie (2019), Class-balanced loss based on effective number of samples.

    Raises:
        BenchError: gamma is negative, or beta is not in [0, 1).
    """
    if gamma < 0:
        raise BenchError(f"parameter 'gamma' of class-balanced is {gamma}: give 0 or more")
    weighting = f"effective-number:beta={beta}"

    def fit(rows: EncodedRows) -> EncodedPredictor:
        weighted = replace(rows, weight=rows.weight * rows.class_weights(weighting)[rows.y])
        return trees.train_any(context, weighted, objectives.focal(gamma), np.log(weighted.shares))

    known = class_weights_of(context.counts, weighting) if gamma == 0 else None  # else unknown
    return fit_present_classes(context, fit, known)
