"""Dynamic selection: the learner that is best near a row."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.neighbours import LOCAL, Local, local


@register("point", "class", "quantile", tags=("extended",), breaks=LOCAL)
def ola(panel: Panel, y: Array, rng: np.random.Generator, *, k: int = 7) -> Local:
    """Use on each row the learner that errs least on the k nearest training rows; average those that tie.

    Errors are wrong labels, squared errors, or WIS, weighted by the rows' weights. Woods, Kegelmeyer and Bowyer (1997),
    "Combination of multiple classifiers using local accuracy estimates": overall local accuracy; for points Rooney,
    Patterson, Anand and Tsymbal (2004), "Dynamic integration of regression models".

    Raises:
        BenchError: `k` is less than one.
    """
    if panel.target.kind == "class":
        error = np.stack([np.argmax(predictions, axis=1) != y for predictions in panel.predictions], axis=1)
    else:
        error = np.stack(
            [losses.proper_loss(panel.target, y, predictions) for predictions in panel.predictions], axis=1
        )
    return local(_mark_least, panel, error, k)


def _mark_least(error: Array, weight: Array) -> Array:
    total = np.einsum("nkl,nk->nl", error, weight)
    least = total.min(axis=1, keepdims=True)
    return total <= least + 1e-12 * np.abs(least)  # ties but for rounding
