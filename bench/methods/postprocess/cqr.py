"""Split conformal intervals around quantiles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array, Prediction
from bench.methods.postprocess import register
from bench.methods.postprocess.intervals import mass_of, split_conformal


@register(
    "quantile",
    tags=("core",),
    protocols=("split",),
    learns="calibration",
    guarantee="coverage >= 1-a (exchangeable rows)",
)
def cqr(prediction: Prediction, y: Array, rng: np.random.Generator) -> Callable[[Prediction], Prediction]:
    """Move the ends of every central interval by one margin, so that it covers by right.

    On the n calibration rows E_i = max(lo_i - y_i, y_i - hi_i); the margin of the interval with coverage 1 - a is the
    ceil((1 - a)(n + 1))-th smallest E, and infinite where that rank is above n. The median stays. At the end a wider
    interval is widened to hold the narrower ones, so no coverage is lost. On exchangeable rows every interval covers
    with probability >= 1 - a; if it need not be widened, and without ties, also <= 1 - a + 1/(n + 1).

    Row weights count: a row of weight two like two equal rows, and the row to be predicted with its own weight; then
    the weighted coverage is >= 1 - a, if the rows with their weights are exchangeable (Tibshirani, Barber, Candès and
    Ramdas, 2019, "Conformal prediction under covariate shift"). Romano, Patterson and Candès (2019), "Conformalized
    quantile regression".

    Raises:
        NotApplicableError: the levels do not lie in pairs around the median.
    """
    return split_conformal(prediction, y, mass_of(prediction))
