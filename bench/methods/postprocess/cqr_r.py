"""Split conformal intervals that move in units of their width."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.intervals import mass_of, split_conformal
from bench.methods.postprocess.scaled_ends import never_zero


@register(
    "quantile",
    tags=("extended",),
    protocols=("split",),
    learns="calibration",
    guarantee="coverage >= 1-a (exchangeable rows)",
)
def cqr_r(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Move both ends of every central interval by a margin times its width, so that it covers by right.

        E_i = max(lo_i - y_i, y_i - hi_i) / (hi_i - lo_i),   lo ← lo - Q (hi - lo),   hi ← hi + Q (hi - lo)

    Q is the ceil((1 - a)(n + 1))-th smallest E of the n calibration rows. Rows that are predicted to be uncertain move
    more than others; all else is as in `cqr`. Sesia and Candès (2020), "A comparison of some conformal quantile
    regression methods".

    Raises:
        NotApplicableError: the levels do not lie in pairs around the median.
    """
    return split_conformal(prediction, y, mass_of(prediction), never_zero(_width, prediction))


def _width(prediction: Prediction, lower: int, upper: int) -> tuple[Array, Array]:
    """Return the width of the interval for both ends (n,), (n,)."""
    with np.errstate(invalid="ignore"):  # both ends infinite, on the same side
        length = prediction.values[:, upper] - prediction.values[:, lower]
    return length, length
