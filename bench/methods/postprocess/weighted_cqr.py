"""Split conformal intervals that forget."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, BenchError, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.intervals import mass_of, split_conformal


@register(
    "quantile",
    tags=("extended",),
    protocols=("split",),
    learns="calibration",
    guarantee="coverage >= 1-a minus the weighted drift of the rows",
    breaks={"row_order": "a later row weighs more"},
)
def weighted_cqr(
    prediction: Prediction, y: Array, rng: np.random.Generator, *, half_life: float = 0.5
) -> Callable[[Prediction], Prediction]:
    """Move the ends of every central interval by one margin, for which late calibration rows count more.

    As `cqr`, but row i of n has the weight w_i = 2^(-(n - i + 1) / (h n)): it is halved every h × n rows, with
    h = `half_life` as a share of the calibration rows. A row to be predicted has weight one, so the margin is the
    smallest E with Σ_{E_i <= E} w_i >= (1 - a)(Σ w_i + 1), infinite where there is none. The coverage is >= 1 - a -
    Σ_i w_i d_i / (Σ w_i + 1), where d_i is the total variation between the rows as they are and with row i and the
    predicted row exchanged: zero where rows are exchangeable, little where the drift is slow. On tasks with time the
    calibration rows stand in its order. A row of weight two counts, and ages, like two equal rows. Barber, Candès,
    Ramdas and Tibshirani (2023), "Conformal prediction beyond exchangeability".

    Raises:
        BenchError: the half-life is not above zero.
        NotApplicableError: the levels do not lie in pairs around the median.
    """
    if not half_life > 0:
        raise BenchError(f"half_life of weighted-cqr cannot be {half_life}: give a share of the rows above zero")
    return split_conformal(prediction, y, _fade(mass_of(prediction), half_life))


def _fade(mass: Array, half_life: float) -> Array:
    """Return Σ_j r^(A_i + j) over the j = 1 … m_i rows that row i stands for, with A_i rows after it."""
    total = max(mass.sum(), 1.0)
    rate = np.log(2) / (half_life * total)  # r = exp(-rate); expm1 keeps its digits where r is close to one
    after = total - np.cumsum(mass)
    return np.exp(-rate * (after + 1)) * np.expm1(-rate * mass) / np.expm1(-rate)
