"""The constant predictor: what knowing no column at all achieves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array, Panel
from bench.methods.ensembles import register


@dataclass(frozen=True)
class Constant:
    """The same answer (K,) for every row; no learner is heard."""

    values: Array
    used: tuple[bool, ...] = ()

    def __call__(self, panel: Panel) -> Array:
        """Repeat the answer, shape (n, K)."""
        return np.tile(self.values, (panel.predictions.shape[1], 1))


@register(
    "point",
    "class",
    "quantile",
    tags=("baseline",),
    breaks={
        "single_learner": "it does not listen to learners",
        "hears_good_learner": "it does not listen to learners",
        "within_range": "it does not listen to learners",
    },
)
def floor(panel: Panel, y: Array, rng: np.random.Generator) -> Constant:
    """Answer with the mean, the quantiles or the class shares of the training rows, whatever the learners say.

    The climatological reference of forecast verification: Murphy (1973), "A new vector partition of the probability
    score".
    """
    weight = np.ones(len(y)) if panel.weight is None else panel.weight
    if panel.target.kind == "class":
        counts = np.bincount(y, weights=weight, minlength=panel.target.width)
        return Constant(counts / counts.sum())
    if panel.target.kind == "quantile":
        return Constant(np.quantile(y, panel.target.levels, weights=weight, method="inverted_cdf"))
    return Constant(np.array([np.average(y, weights=weight)]))
