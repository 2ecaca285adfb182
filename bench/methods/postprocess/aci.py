"""Adaptive conformal inference: intervals that follow a drift of their coverage."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, BenchError, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.intervals import RANK_SLACK, central, misses, move_ends, nest


@register(
    "quantile",
    tags=("extended",),
    protocols=("split",),
    learns="calibration",
    breaks={
        "row_order": "it learns from one row after another",
        "row_weights": "a row is one step, whatever its weight",
    },
)
def aci(
    prediction: Prediction, y: Array, rng: np.random.Generator, *, rate: float = 0.01
) -> Callable[[Prediction], Prediction]:
    """Move both ends of every central interval by a margin whose level follows the coverage of the latest rows.

        a_{t+1} = a_t + rate (a - [E_t > Q_t(1 - a_t)]),   a_1 = a

    runs over the calibration rows, on tasks with time in its order. E is as in `cqr`, and Q_t(1 - a_t) is the
    ceil((1 - a_t) t)-th smallest of the t - 1 misses before, infinite beyond them; a_t above 1 gives the empty
    interval. Test rows get the margin of the last a_t over all calibration rows. Over the calibration rows the share of
    misses is a up to (a + rate) / (rate n), whatever the drift; for test rows, whose y nobody feeds back, nothing is
    promised. Rows of weight zero are passed over, other weights do not count. Gibbs and Candès (2021), "Adaptive
    conformal inference under distribution shift".

    Raises:
        BenchError: the rate is not above zero.
        NotApplicableError: the levels do not lie in pairs around the median.
    """
    if not rate > 0:
        raise BenchError(f"rate of aci cannot be {rate}: give a number above zero, such as 0.01")
    intervals = central(prediction.target)
    used = np.ones(len(y), dtype=bool) if prediction.weight is None else prediction.weight > 0
    margins = [
        _last_margin(misses(prediction, y, lower, upper)[used], 1 - coverage, rate)
        for coverage, lower, upper in intervals
    ]

    def change(other: Prediction) -> Prediction:
        values = other.values.copy()
        for (_, lower, upper), margin in zip(intervals, margins, strict=True):
            values[:, lower] = move_ends(values[:, lower], np.full(len(values), -margin))
            values[:, upper] = move_ends(values[:, upper], np.full(len(values), margin))
        return nest(other, values)

    return change


def _last_margin(scores: Array, a: float, rate: float) -> float:
    """Return the margin behind the last row: the quantile of all scores (n,) at one less the last a_t."""
    before: list[float] = []
    level = a
    for score in scores.tolist():
        missed = score > _quantile(before, 1 - level)
        level += rate * (a - missed)
        insort(before, score)
    return _quantile(before, 1 - level)


def _quantile(ordered: list[float], level: float) -> float:
    """Return the ceil(level (n + 1))-th smallest of n scores: infinite above them, minus infinite below."""
    rank = int(np.ceil(level * (len(ordered) + 1) * (1 - RANK_SLACK)))
    if rank < 1:
        return -np.inf
    return ordered[rank - 1] if rank <= len(ordered) else np.inf
