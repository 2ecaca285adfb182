"""The constant predictor: what knowing no column at all achieves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.rows import lower_quantiles, weights_of_rows


@dataclass(frozen=True)
class Constant:
    """The same prediction (K,) for every row; no learner is used."""

    values: Array
    used: tuple[bool, ...] = ()

    def __call__(self, panel: Panel) -> Array:
        """Repeat the prediction, shape (n, K)."""
        return np.tile(self.values, (panel.predictions.shape[1], 1))


@register(
    "point",
    "class",
    "quantile",
    tags=("baseline",),
    breaks={
        "single_learner": "it uses no learner",
        "hears_good_learner": "it uses no learner",
        "within_range": "it uses no learner",
    },
)
def floor(panel: Panel, y: Array, rng: np.random.Generator) -> Constant:
    """Predict the mean, the quantiles or the class shares of the training rows, whatever the learners predict.

    The climatological reference of forecast verification: Murphy (1973), "A new vector partition of the probability
    score".
    """
    weight = weights_of_rows(panel)
    if panel.target.kind == "class":
        counts = np.bincount(y, weights=weight, minlength=panel.target.width)
        return Constant(counts / counts.sum())
    if panel.target.kind == "quantile":
        return Constant(lower_quantiles(y, weight, panel.target.levels))
    return Constant(np.array([np.average(y, weights=weight)]))
