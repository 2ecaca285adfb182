"""The median learner of every row."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Combiner, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.trimmed_mean import renormalise
from bench.solvers.row_blocks import by_row_blocks


@register(
    "quantile",
    "point",
    "class",
    tags=("core",),
    code=("bench.methods.ensembles.trimmed_mean", "bench.solvers.row_blocks"),
)
def median(panel: Panel, y: Array, rng: np.random.Generator) -> Combiner:
    """Predict the median over the learners, for every row and output; it needs no training.

    The medians of the classes' probabilities are divided by their sum. After Stock and Watson (2004), "Combination
    forecasts of output growth in a seven-country data set".
    """
    return _median


def _median(panel: Panel) -> Array:
    middle = by_row_blocks(lambda rows: np.median(panel.predictions[:, rows], axis=0), panel.predictions.shape[1])
    return renormalise(middle, panel) if panel.target.kind == "class" else middle
