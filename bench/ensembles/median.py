"""The median learner of every row."""

from __future__ import annotations

import numpy as np

from bench.core import Array, Combiner, Panel
from bench.ensembles import register


@register("quantile", "point", tags=("core",))
def median(panel: Panel, y: Array, rng: np.random.Generator) -> Combiner:
    """Answer with the median over the learners, for every row and output; it needs no training.

    Stock and Watson (2004), "Combination forecasts of output growth in a seven-country data set".
    """
    return _median


def _median(panel: Panel) -> Array:
    return np.asarray(np.median(panel.said, axis=0))
