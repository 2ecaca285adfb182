"""Weights of their own for every class, tied together as far as that helps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, BenchError, Panel, Weights, clip_probabilities
from bench.methods.ensembles import register
from bench.methods.ensembles.cross_validation import (
    choose,
    fold_rows,
    predict_rows,
    residual_grams_by_output,
    total,
)
from bench.solvers.simplex_qp import simplex_qp

STRENGTHS = (np.inf, 10.0, 1.0, 0.1, 0.01, 0.0)
"""Candidates for α, in units of the learners' mean Brier score a class; the first, one weight a learner, wins a tie."""

GRADIENT_STEPS = 3000
"""Gradient steps at most."""


@dataclass(frozen=True)
class Renormalised:
    """Weights `w` (L, K), a convex combination for every class; the rows are divided by their sums."""

    w: Array

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        values = Weights(self.w)(panel)
        return np.asarray(values / values.sum(axis=1, keepdims=True))


@register("class", tags=("extended",))
def elastic_stack(panel: Panel, y: Array, rng: np.random.Generator, *, alpha: float | None = None) -> Renormalised:
    """Weigh learners class by class, with ties of strength α that reach from no tie to one weight for all classes.

        min_w Σ_k w_k'G_k w_k + α S Σ_k |w_k - w̄|² over w_k ≥ 0, Σ_l w_lk = 1, w̄ = Σ_k w_k / K

    G_k is the Gram matrix of the residuals ŷ_lk - [y = k], so that the first term is the Brier score before the rows
    are divided by their sums, which may carry a row a little beyond any learner's prediction. S, the mean of the
    diagonals of all G_k, makes α free of units. Without an `alpha`, it is the one of ∞, 10, 1, …, 0.01 and 0 that has
    the least log loss over the inner folds. After Hasson, Maddix, Wang, Gupta and Park (2023), "Theoretical
    guarantees of learning ensembling strategies with applications to time series forecasting", appendix B, with a
    quadratic tie in place of their entropy; accelerated gradients with restarts: O'Donoghue and Candès (2015),
    "Adaptive restart for accelerated gradient schemes".

    Raises:
        BenchError: `alpha` is negative.
    """
    if alpha is not None and not alpha >= 0:
        raise BenchError(f"alpha of elastic-stack cannot be {alpha!r}: give a number from 0, or inf")
    if alpha is not None:
        return Renormalised(_solve_tied(residual_grams_by_output(panel, y), alpha))
    folds = fold_rows(panel)

    def held_out(k: int) -> Array:
        fitted = np.concatenate([rows for j, rows in enumerate(folds) if j != k])
        grams, rest = residual_grams_by_output(panel, y, fitted), folds[k]
        weight = None if panel.weight is None else panel.weight[rest]
        tried = (Renormalised(_solve_tied(grams, each)) for each in STRENGTHS)
        found = (clip_probabilities(predict_rows(combiner, panel, rest))[0] for combiner in tried)
        return np.array([total(losses.log_loss(y[rest], p), weight) for p in found])

    return Renormalised(_solve_tied(residual_grams_by_output(panel, y), STRENGTHS[choose(len(folds), held_out)]))


def _solve_tied(grams: Array, alpha: float) -> Array:
    """Return w, shape (L, K); both ends of the path are solved exactly."""
    K = len(grams)
    tied = simplex_qp(grams.sum(axis=0)).w
    if np.isinf(alpha):
        return np.repeat(tied[:, None], K, axis=1)
    if alpha == 0:
        return np.stack([simplex_qp(gram).w for gram in grams], axis=1)
    tie = alpha * float(np.trace(grams, axis1=1, axis2=2).mean()) / len(tied)
    return _descend_gradients(grams, tie, np.tile(tied, (K, 1))).T if tie > 0 else np.repeat(tied[:, None], K, axis=1)


def _descend_gradients(grams: Array, tie: float, w: Array, tol: float = 1e-8) -> Array:
    """Minimise over w (K, L) by accelerated projected gradients until the gap is `tol` of the value."""
    length = 1 / (2 * float(np.linalg.eigvalsh(grams)[:, -1].max()) + 2 * tie)
    ahead, momentum = w, 1.0
    for _ in range(GRADIENT_STEPS):
        slope = 2 * np.einsum("klm,km->kl", grams, ahead) + 2 * tie * (ahead - ahead.mean(axis=0))
        # Σ_k (slope_k'w_k - min_l slope_kl) is never less than the distance of the value to its minimum
        gap = float(((slope * ahead).sum(axis=1) - slope.min(axis=1)).sum())
        if (ahead.min() >= 0) and gap <= tol * abs(float((slope * ahead).sum())) / 2:
            return ahead
        new = _onto_simplex(ahead - length * slope)
        if ((ahead - new) * (new - w)).sum() > 0:
            momentum = 1.0
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / grown * (new - w)
        w, momentum = new, grown
    return w


def _onto_simplex(v: Array) -> Array:
    """Project every row: Duchi, Shalev-Shwartz, Singer and Chandra (2008), "Efficient projections onto the l1-ball"."""
    ordered = -np.sort(-v, axis=1)
    excess = np.cumsum(ordered, axis=1) - 1
    kept = (ordered * np.arange(1, v.shape[1] + 1) > excess).sum(axis=1)
    return np.maximum(v - (excess[np.arange(len(v)), kept - 1] / kept)[:, None], 0)
