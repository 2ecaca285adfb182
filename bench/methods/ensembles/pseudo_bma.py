"""Pseudo Bayesian model averaging: weights from the out-of-fold log densities, plain or with a Bayesian bootstrap."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register

CHUNK = 1024
"""Rows of one pass: `draws` × CHUNK numbers are in memory at a time."""


@register("point", "class", tags=("extended",))
def pseudo_bma(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Weigh each learner by its out-of-fold likelihood.

        w_l ∝ exp(Σ_n lpd_ln), lpd_ln = ln p_l,n,y_n, or ln Normal(y_n; ŷ_ln, mse_l) of points

    The sum is the number of rows of any weight times the weighted mean, so that the unit of the row weights does not
    matter. It is very sharp: with many rows it is the single best. Geisser and Eddy (1979), "A predictive approach to
    model selection"; Yao, Vehtari, Simpson and Gelman (2018), "Using stacking to average Bayesian predictive
    distributions".
    """
    from scipy.special import softmax

    lpd, share = _log_densities(panel, y)
    return Weights(np.asarray(softmax(lpd.shape[1] * (lpd @ share))))


@register("point", "class", tags=("extended",))
def pseudo_bma_plus(panel: Panel, y: Array, rng: np.random.Generator, *, draws: int = 1000) -> Weights:
    """Average the pseudo-BMA weights over Bayesian bootstraps of the rows, which tempers them.

        w_l = mean_b softmax_l(N Σ_n β_bn lpd_ln), β_b ~ Dirichlet(1, …, 1), times the row weights and scaled to sum one

    N is the number of rows of any weight, and lpd is as in pseudo-bma. The draws belong to the rows in their order, so
    that another order gives the same weights up to the error of `draws` simulations. Yao, Vehtari, Simpson and Gelman
    (2018), "Using stacking to average Bayesian predictive distributions", call it pseudo-BMA+; Rubin (1981), "The
    Bayesian bootstrap".

    Raises:
        BenchError: `draws` is less than one.
    """
    from scipy.special import softmax

    if draws < 1:
        raise BenchError(f"draws of pseudo-bma-plus cannot be {draws!r}: give a number of bootstraps, at least 1")
    lpd, share = _log_densities(panel, y)
    summed, mass = np.zeros((draws, len(lpd))), np.zeros(draws)
    for start in range(0, len(share), CHUNK):
        rows = slice(start, start + CHUNK)
        # exponential draws divided by their sum are Dirichlet(1, …, 1)
        beta = rng.standard_exponential((draws, len(share[rows]))) * share[rows]
        summed += beta @ lpd[:, rows].T
        mass += beta.sum(axis=1)
    return Weights(np.asarray(softmax(len(share) * summed / mass[:, None], axis=1).mean(axis=0)))


def _log_densities(panel: Panel, y: Array) -> tuple[Array, Array]:
    """Return the log densities (L, n) and the shares of the row weights (n,), rows of weight zero left out."""
    used = slice(None) if panel.weight is None else np.flatnonzero(panel.weight)
    weight = np.ones(len(y)) if panel.weight is None else panel.weight[used]
    lpd = -losses.log_loss(y, panel.predictions) if panel.target.kind == "class" else _normal(panel, y)
    return lpd[:, used], weight / weight.sum()


def _normal(panel: Panel, y: Array) -> Array:
    """Return ln Normal(y_n; ŷ_ln, mse_l) but for a constant, each mse taken over the worst: the unit is free."""
    error = losses.squared_error(y, panel.predictions)
    mse = losses.mean(error, panel.weight)
    worst = float(mse.max())
    if worst == 0:
        return np.zeros(error.shape)
    mse = np.maximum(mse, 1e-30 * worst)[:, None]  # without an error the density has no bound
    return np.asarray(-0.5 * np.log(mse / worst) - 0.5 * error / mse)
