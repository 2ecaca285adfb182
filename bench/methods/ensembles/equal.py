"""The plain average."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register


@register("point", "class", "quantile", tags=("core",))
def equal(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Give every learner the weight 1/L.

    The benchmark that estimated weights must beat: Clemen (1989), "Combining forecasts: a review and annotated
    bibliography".
    """
    return Weights(np.full(len(panel.learners), 1 / len(panel.learners)))
