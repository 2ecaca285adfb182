"""The threshold that is half of the best F1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, NotApplicableError, Prediction
from bench.methods.postprocess import register


@register("class", tags=("extended",), binary=True)
def half_f1(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Decide on the positive one of two classes where its probability is above t = F* / 2.

    F* is the best F1 that is expected on the known rows if their probabilities p are true,

        F(t) = 2 Σ_{p_i > t} p_i / (Σ_i p_i + #{p_i > t}),

    and t <- F(t) / 2 from t = 0 climbs to it in a few steps: it is Dinkelbach's method, whose one fixed point is the
    optimum. No true class is used, in contrast to `threshold:metric=binary_f1`, so the cut is as good as the
    probabilities are calibrated. Lipton, Elkan and Narayanaswamy (2014), "Optimal thresholding of classifiers to
    maximize F1 measure"; Dinkelbach (1967), "On nonlinear fractional programming".

    Raises:
        NotApplicableError: there are more than two classes.
    """
    if prediction.target.width != 2:
        raise NotApplicableError("half-f1 is defined for two classes")
    positive = prediction.target.positive
    cut = _best_cut(prediction.values[:, positive], prediction.weight)
    rule = np.where(np.arange(2) == positive, 1.0, cut / (1 - cut))
    return lambda other: replace(other, rule=rule)


def _best_cut(p: Array, weight: Array | None) -> float:
    """Return t = F(t) / 2; F rises with every step, and takes finitely many values."""
    mass = np.ones(len(p)) if weight is None else weight
    cut, before = 0.0, -1.0
    while cut > before:
        decided = p > cut
        before, cut = cut, float((mass * p)[decided].sum() / (mass @ p + mass[decided].sum()))
    return before
