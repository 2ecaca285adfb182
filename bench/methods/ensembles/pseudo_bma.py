"""Pseudo Bayesian model averaging: weights from the out-of-fold log densities, plain or with a Bayesian bootstrap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.rows import used_rows, weights_of_rows
from bench.solvers.row_blocks import row_blocks

Density = Callable[[Array], Array]
"""Positions of rows (n,) -> the log density of each learner there, but for a constant (L, n)."""

CHUNK = 1024
"""Rows of one pass over the draws: `draws` × CHUNK numbers are in memory at a time."""


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

    rows, share = _used_shares(panel)
    density = _log_density(panel, y)
    summed = np.sum([density(rows[part]) @ share[part] for part in row_blocks(len(rows))], axis=0)
    return Weights(np.asarray(softmax(len(rows) * summed)))


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
    rows, share = _used_shares(panel)
    density = _log_density(panel, y)
    summed, mass = np.zeros((draws, len(panel.learners))), np.zeros(draws)
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        # exponential draws divided by their sum are Dirichlet(1, …, 1)
        beta = rng.standard_exponential((draws, len(share[part]))) * share[part]
        summed += beta @ density(rows[part]).T
        mass += beta.sum(axis=1)
    return Weights(np.asarray(softmax(len(rows) * summed / mass[:, None], axis=1).mean(axis=0)))


def _used_shares(panel: Panel) -> tuple[Array, Array]:
    """Return the positions of the rows of any weight, and their shares of it, both (n,)."""
    rows = used_rows(panel)
    weight = weights_of_rows(panel)[rows]
    return rows, weight / weight.sum()


def _log_density(panel: Panel, y: Array) -> Density:
    """Return the function from positions of rows (n,) to their log densities (L, n)."""
    if panel.target.kind == "class":
        return lambda rows: -losses.log_loss(y[rows], panel.predictions[:, rows])
    mse = losses.of_learners(panel, y)
    worst = float(mse.max())
    if worst == 0:
        return lambda rows: np.zeros((len(mse), len(rows)))
    mse = np.maximum(mse, 1e-30 * worst)[:, None]  # without an error the density has no bound
    constant = -0.5 * np.log(mse / worst)  # each mse is taken over the worst: the unit is free
    return lambda rows: constant - 0.5 * losses.squared_error(y[rows], panel.predictions[:, rows]) / mse
