"""Split conformal intervals with a margin of its own for each end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.intervals import central, margins_at, mass_of, move_ends, nest, sort_scores


@register(
    "quantile",
    tags=("extended",),
    protocols=("split",),
    learns="calibration",
    guarantee="coverage >= 1-a, misses on each side <= a/2 (exchangeable rows)",
)
def asymmetric_cqr(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Move the two ends of every central interval by margins of their own, so that each side is missed by right.

    On the n calibration rows the lower margin is the ceil((1 - a/2)(n + 1))-th smallest lo_i - y_i, the upper one that
    of y_i - hi_i; both are infinite where the rank is above n. Each side is then missed with probability <= a/2, which
    is more than `cqr` promises: intervals are wider, and need about twice the rows. The median stays, wider intervals
    hold narrower ones, and row weights count, as in `cqr`. Romano, Patterson and Candès (2019), "Conformalized quantile
    regression", theorem 2.

    Raises:
        NotApplicableError: the levels do not lie in pairs around the median.
    """
    intervals, mass = central(prediction.target), mass_of(prediction)
    known = [
        (sort_scores(prediction.values[:, lower] - y, mass), sort_scores(y - prediction.values[:, upper], mass))
        for _, lower, upper in intervals
    ]

    def change(other: Prediction) -> Prediction:
        values, own = other.values.copy(), mass_of(other)
        for (coverage, lower, upper), (below, above) in zip(intervals, known, strict=True):
            one_sided = (1 + coverage) / 2  # 1 - a/2
            values[:, lower] = move_ends(values[:, lower], -margins_at(one_sided, below, own))
            values[:, upper] = move_ends(values[:, upper], margins_at(one_sided, above, own))
        return nest(other, values)

    return change
