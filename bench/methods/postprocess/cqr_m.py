"""Split conformal intervals whose ends move in units of their distance from the median."""

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
def cqr_m(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Move each end of every central interval by a margin times its distance from the median m.

        E_i = max((lo_i - y_i) / (m_i - lo_i), (y_i - hi_i) / (hi_i - m_i))
        lo ← lo - Q (m - lo),   hi ← hi + Q (hi - m)

    Q is the ceil((1 - a)(n + 1))-th smallest E of the n calibration rows. The longer side moves more; all else is as in
    `cqr`. Without a median among the levels, the middle of the two inner ones takes its place. Kivaranovic, Johnson and
    Leeb (2020), "Adaptive, distribution-free prediction intervals for deep networks"; named by Sesia and Candès (2020),
    "A comparison of some conformal quantile regression methods".

    Raises:
        NotApplicableError: the levels do not lie in pairs around the median.
    """
    return split_conformal(prediction, y, mass_of(prediction), never_zero(_halves, prediction))


def _halves(prediction: Prediction, lower: int, upper: int) -> tuple[Array, Array]:
    """Return the lengths from the lower end to the median and from it to the upper end (n,), (n,)."""
    values = prediction.values
    last = values.shape[1] - 1
    with np.errstate(invalid="ignore"):  # ends and middle infinite
        centre = values[:, [last // 2, last - last // 2]].mean(axis=1)
        return centre - values[:, lower], values[:, upper] - centre
