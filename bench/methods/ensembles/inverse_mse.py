"""Weights from each learner's own error."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register


@register("point", tags=("core",))
def inverse_mse(panel: Panel, y: Array, rng: np.random.Generator, *, power: float = 1.0) -> Weights:
    """Weigh each learner by its mean squared error to a negative power.

        w_l = mse_l^-power / Σ_j mse_j^-power

    Learners without any error share all the weight. Bates and Granger (1969), "The combination of forecasts", for
    errors without correlation and a `power` of 1; the power: Stock and Watson (1998), "A comparison of linear and
    nonlinear univariate models for forecasting macroeconomic time series".
    """
    mse = losses.of_learners(panel, y)
    # (1e-15)²: an error that is rounding in units of the largest one
    perfect = mse <= 1e-30 * max(float(mse.max()), np.finfo(float).tiny)
    if perfect.any():
        return Weights(perfect / perfect.sum())
    w = (mse / mse.min()) ** -power
    return Weights(w / w.sum())
