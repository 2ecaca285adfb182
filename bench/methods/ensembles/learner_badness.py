"""How bad each learner is, by the proper loss or by any metric; nothing is registered here."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Panel, Prediction
from bench.methods import metrics


def badness_of_learners(panel: Panel, y: Array, metric: str | None = None) -> Array:
    """Return the proper loss of each learner, or its badness by a metric (undefined is worst), shape (L,).

    Raises:
        BenchError: there is no such metric for the panel's target.
    """
    if metric is None:
        return losses.of_learners(panel, y)
    found = metrics.get_metric(panel.target, metric)
    values = [
        found.function(panel.target, y, Prediction(panel.target, predictions, panel.weight))
        for predictions in panel.predictions
    ]
    return np.nan_to_num(np.array([found.badness(value) for value in values]), nan=np.inf)


def name_order(learners: tuple[str, ...]) -> Array:
    """Return the positions of the learners in the order of their names: what ties are broken by."""
    return np.argsort(np.array(learners), kind="stable")
