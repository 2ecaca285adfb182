"""A rising curve for every class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.one_vs_rest import Curve, calibrate


@register("class", tags=("extended",), breaks={"keeps_probabilities": "it is there to calibrate probabilities"})
def isotonic(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Calibrate each class against the rest by the rising curve of the least squared error, then let rows sum to one.

    The curve is the pooled share of true rows at the predicted probabilities, linear between them and flat beyond.
    It can reach 0 and 1, and one mistake there costs the log loss of a clipped probability: few rows make it rash. For
    two classes there is one curve. Zadrozny and Elkan (2002), "Transforming classifier scores into accurate multiclass
    probability estimates".
    """
    return calibrate(prediction, y, _learn_isotonic)


def _learn_isotonic(p: Array, rest: Array, hit: Array, mass: Array) -> Curve:
    from sklearn.isotonic import IsotonicRegression

    curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, hit.astype(float), sample_weight=mass)
    return lambda p, _: np.asarray(curve.predict(p))
