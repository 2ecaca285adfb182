"""Dynamic selection: the learner that is best near a row."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Panel, Target
from bench.methods.ensembles import register
from bench.methods.ensembles.neighbours import LOCAL, Local, local, mark_right


@register("point", "class", "quantile", tags=("extended",), breaks=LOCAL)
def ola(panel: Panel, y: Array, rng: np.random.Generator, *, k: int = 7) -> Local:
    """Use on each row the learner that errs least on the k nearest training rows; average those that tie.

    Errors are wrong labels, squared errors, or WIS, weighted by the rows' weights. Woods, Kegelmeyer and Bowyer (1997),
    "Combination of multiple classifiers using local accuracy estimates": overall local accuracy; for points Rooney,
    Patterson, Anand and Tsymbal (2004), "Dynamic integration of regression models".

    Raises:
        BenchError: `k` is less than one.
    """
    return local(_mark_least, _errors, panel, y, k)


def _errors(target: Target, y: Array, predictions: Array) -> Array:
    """Return what each learner loses on each row, (L, n)."""
    if target.kind == "class":
        return ~mark_right(target, y, predictions)
    return losses.proper_loss(target, y, predictions)


def _mark_least(error: Array, weight: Array) -> Array:
    total = np.einsum("nkl,nk->nl", error, weight)
    least = total.min(axis=1, keepdims=True)
    return total <= least + 1e-12 * np.abs(least)  # ties but for rounding
