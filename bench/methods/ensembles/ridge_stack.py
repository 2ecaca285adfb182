"""Linear stacking with a ridge penalty."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register

PENALTIES = np.logspace(-8, 2, 21)
"""Candidates for λ, in units of the largest squared singular value."""


@register(
    "point",
    tags=("core",),
    breaks={
        "within_range": "free weights and an intercept leave the learners' range",
        "single_learner": "a regression on one learner recalibrates it",
    },
)
def ridge_stack(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Regress y on the learners' predictions, with an intercept and a ridge chosen by leave-one-out error.

        min_{a,w} Σ_n (y_n - a - Σ_l w_l ŷ_ln)² + λ Σ_l w_l²

    Breiman (1996), "Stacked regressions"; Golub, Heath and Wahba (1979), "Generalized cross-validation as a method for
    choosing a good ridge parameter", for the closed form of the leave-one-out error.
    """
    predictions = panel.predictions[:, :, 0]
    s = np.ones(len(y)) if panel.weight is None else panel.weight / panel.weight.mean()
    centre, middle = np.average(predictions, axis=1, weights=s), np.average(y, weights=s)
    U, d, Vt = np.linalg.svd(((predictions - centre[:, None]) * np.sqrt(s)).T, full_matrices=False)
    target = np.sqrt(s) * (y - middle)
    # all learners are constant but for rounding, which is relative to their size: there is nothing to regress on
    if d[0] <= 1e-12 * float(np.abs(predictions).max()) * np.sqrt(len(y)):
        return Weights(np.zeros(len(predictions)), intercept=np.array([middle]))
    penalty = min(PENALTIES * d[0] ** 2, key=lambda candidate: _leave_one_out_error(U, d, target, s, candidate))
    w = Vt.T @ (d / (d**2 + penalty) * (U.T @ target))
    return Weights(w, intercept=np.array([middle - w @ centre]))


def _leave_one_out_error(U: Array, d: Array, target: Array, s: Array, penalty: float) -> float:
    """Return the weighted leave-one-out squared error: residual / (1 - leverage) of every row."""
    shrink = d**2 / (d**2 + penalty)
    leverage = (U**2) @ shrink + s / s.sum()
    residual = target - U @ (shrink * (U.T @ target))
    return float(np.sum((residual / np.maximum(1 - leverage, 1e-9)) ** 2))  # a leverage of 1 would divide by zero
