"""Quantile regression averaging on a smoothed pinball loss."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.level_regression import FREE_INTERCEPT, components
from bench.methods.ensembles.rows import drop_unused_rows, shares_of

NEWTON_STEPS = 200
"""Newton steps at most; 5 to 30 are usual."""

FLATTEST = 1e-8
"""Added to the Hessian, whose rows far from the line have no weight: it changes the way to the minimum alone."""

SETTLED = 1e-12
"""Decrement of a Newton step, in units of y, below which it is the last."""


@register("quantile", tags=("extended",), breaks=FREE_INTERCEPT)
def smoothed_qra(panel: Panel, y: Array, rng: np.random.Generator, *, bandwidth: float = 0.1) -> Weights:
    """Regress y at each level on the learners' quantiles of that level, by a pinball loss without a kink.

        min_{a,w} mean_n E ψ_τk(y_n - a_k - Σ_l w_lk ŷ_lnk + h Z),   Z normal
        E ψ_τ(r + h Z) = r (τ - Φ(-r / h)) + h φ(r / h)

    `bandwidth` is h in units of the mean |y - ȳ|; towards 0 it is `qra`. The smooth loss varies less from sample to
    sample, at the price of a bias that grows with h. Solved by Newton steps on the components of the learners (see
    `qra`). Uniejewski (2025), "Smoothing quantile regression averaging: a new approach to probabilistic forecasting of
    electricity prices"; Fernandes, Guerre and Horta (2021), "Smoothing quantile regressions", with a bandwidth that
    shrinks as rows grow; rows here have weights without a unit, so that it is a parameter.

    Raises:
        BenchError: the bandwidth is not above zero.
    """
    if not bandwidth > 0:
        raise BenchError(f"bandwidth of smoothed-qra cannot be {bandwidth!r}: give a number above zero, such as 0.1")
    panel, y = drop_unused_rows(panel, y)
    share = shares_of(panel)
    centre = float(share @ y)
    unit = float(share @ np.abs(y - centre)) or 1.0
    W, intercepts = [], []
    for k, level in enumerate(panel.target.levels):
        lens = components(panel.predictions[:, :, k], share, y)
        X = np.column_stack([np.ones(len(y)), lens.scores(panel.predictions[:, :, k])])
        b = _minimise(X, (y - centre) / unit, share, float(level), bandwidth)
        W.append(unit * (lens.axes @ b[1:]))
        intercepts.append(centre + unit * float(b[0]) - float(W[-1] @ lens.middle))
    return Weights(np.column_stack(W), intercept=np.array(intercepts))


def smoothed_pinball(residual: Array, level: float, h: float) -> Array:
    """Return E ψ_τ(r + h Z) of residuals r (n,)."""
    from scipy.special import ndtr

    z = residual / h
    return np.asarray(residual * (level - ndtr(-z)) + h * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi))


def _minimise(X: Array, y: Array, share: Array, level: float, h: float) -> Array:
    """Return the coefficients (p,) of the least smoothed loss, by Newton steps that are halved until it falls."""
    from scipy.special import ndtr

    b = np.zeros(X.shape[1])
    b[0] = share @ y
    loss = share @ smoothed_pinball(y - X @ b, level, h)
    for _ in range(NEWTON_STEPS):
        z = (y - X @ b) / h
        slope = X.T @ (share * (ndtr(-z) - level))
        bend = (X.T * (share * np.exp(-(z**2) / 2) / (h * np.sqrt(2 * np.pi)))) @ X + FLATTEST * np.eye(len(b))
        step = np.linalg.solve(bend, slope)
        size = min(1.0, 10 / max(float(np.abs(step).max()), 1e-300))  # where hardly a row bends, Newton goes far astray
        while size * (slope @ step) > SETTLED:
            found = share @ smoothed_pinball(y - X @ (b - size * step), level, h)
            if found < loss:
                break
            size /= 2
        else:
            return b
        b, loss = b - size * step, found
    return b
