"""The beta-transformed linear pool."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.core.losses import pinball
from bench.core.nouns import Array, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.mixture import LinearPool, crps_gram
from bench.methods.ensembles.rows import drop_unused_rows, shares_of
from bench.solvers.simplex_qp import simplex_qp

STEPS = 60
"""Steps of the search for a and b at most: each asks the pool for the quantiles of all rows."""

EXTREME = 4.0
"""ln a and ln b stay within ± this: beyond, a beta law is a point or two."""

FIRST_STEP, LAST_STEP = 0.25, 0.01
"""Steps in ln a and ln b: from which the search starts, and at which it ends."""


@register(
    "quantile",
    tags=("extended",),
    breaks={
        "within_range": "a transform with a and b below one widens the pool beyond the learners",
        "single_learner": "it recalibrates a single learner",
    },
)
def beta_pool(panel: Panel, y: Array, rng: np.random.Generator) -> LinearPool:
    """Average the learners' distribution functions, transform the average by a beta law, and predict its quantiles.

        F(x) = B_{a,b}(Σ_l w_l F_l(x)),   so that   ŷ_nk = (Σ_l w_l F_nl)^-1 (B_{a,b}^-1(τ_k))

    A linear pool of calibrated learners is too wide; a and b above one make it narrower, and unequal ones move it. The
    weights w are those of `crps-simplex`, and then a and b have the least pinball loss, found by Nelder and Mead's
    search from a = b = 1, which is that pool; the authors take the likelihood for all of them at once, which quantiles
    do not have. F_l is as in `linear-pool`, tails included. Gneiting and Ranjan (2013), "Combining predictive
    distributions".
    """
    from scipy.optimize import minimize
    from scipy.special import betaincinv

    panel, y = drop_unused_rows(panel, y)
    solution, share, levels = simplex_qp(crps_gram(panel, y)), shares_of(panel), panel.target.levels

    def pool(logs: Array) -> LinearPool:
        a, b = np.exp(np.clip(logs, -EXTREME, EXTREME))
        return LinearPool(solution.w, solution.gap, betaincinv(a, b, levels))

    def loss(logs: Array) -> float:
        return float(share @ pinball(y, pool(logs)(panel), levels).mean(axis=1))

    start = np.zeros(2)
    options: Any = {
        "maxiter": STEPS,
        "xatol": LAST_STEP,
        "fatol": 1e-6 * loss(start),
        "initial_simplex": FIRST_STEP * np.eye(3, 2, -1),
    }
    objective: Any = loss
    return pool(minimize(objective, start, method="Nelder-Mead", options=options).x)
