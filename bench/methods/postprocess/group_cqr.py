"""Split conformal intervals, calibrated apart in groups of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.nouns import Array, BenchError, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.intervals import RANK_SLACK, central, mass_of, split_conformal


@register(
    "quantile",
    tags=("extended",),
    protocols=("split",),
    learns="calibration",
    guarantee="coverage >= 1-a in each group (exchangeable rows, cuts between groups as if given)",
)
def group_cqr(
    prediction: Prediction, y: Array, rng: np.random.Generator, *, groups: int = 3
) -> Callable[[Prediction], Prediction]:
    """Apply `cqr` apart in groups of rows of like predicted width: sure rows, and unsure ones.

    The groups hold equal shares of the calibration rows, by the width of the widest predicted interval. Each interval
    then covers with probability >= 1 - a in every group, and not on the mean alone, if the cuts between the groups were
    fixed beforehand; they are learned from the widths of the same rows, which moves the coverage by the order of
    groups / n. Each group needs as many rows as `cqr` does. This is Mondrian conformal prediction: Vovk, Gammerman and
    Shafer (2005), "Algorithmic learning in a random world"; Boström and Johansson (2020), "Mondrian conformal
    regressors".

    Raises:
        BenchError: there is no group.
        NotApplicableError: the levels do not lie in pairs around the median.
    """
    if groups < 1:
        raise BenchError(f"parameter 'groups' of group-cqr is {groups}: give 1 or more")
    _, lower, upper = central(prediction.target)[-1]

    def width(of: Prediction) -> Array:
        return np.asarray(of.values[:, upper] - of.values[:, lower])

    mass = mass_of(prediction)
    cuts = _cuts(width(prediction), mass, groups)
    group = np.searchsorted(cuts, width(prediction), side="right")
    changes = [
        split_conformal(_rows(prediction, group == g), y[group == g], mass[group == g]) for g in range(len(cuts) + 1)
    ]

    def change(other: Prediction) -> Prediction:
        own, values = np.searchsorted(cuts, width(other), side="right"), other.values.copy()
        for g, move in enumerate(changes):
            values[own == g] = move(_rows(other, own == g)).values
        return replace(other, values=values, unsorted=values)

    return change


def _cuts(width: Array, mass: Array, groups: int) -> Array:
    """Return the widths at which a new group begins, so that the groups hold about equal mass."""
    order = np.argsort(width, kind="stable")
    below = np.cumsum(mass[order])
    wanted = np.arange(1, groups) / groups * below[-1] * (1 + RANK_SLACK)
    return np.unique(width[order][np.minimum(np.searchsorted(below, wanted), len(order) - 1)])


def _rows(prediction: Prediction, which: Array) -> Prediction:
    weight = None if prediction.weight is None else prediction.weight[which]
    return replace(prediction, values=prediction.values[which], weight=weight, unsorted=None)
