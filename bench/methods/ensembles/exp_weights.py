"""Exponential weights, as sharp as cross-validation likes them."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.cross_validation import choose, fold_masses, fold_rows
from bench.solvers.row_blocks import row_blocks

ETAS = (0.0, *(2.0**power for power in range(-2, 11)), np.inf)
"""Candidates for η: 0 is equal weights, ∞ the single best."""


@register("point", "class", "quantile", tags=("extended",))
def exp_weights(panel: Panel, y: Array, rng: np.random.Generator, *, eta: float | None = None) -> Weights:
    """Weigh each learner by the exponential of its loss, with a sharpness chosen by cross-validation.

        w_l ∝ exp(-η (loss_l - min_j loss_j) / D),  D = mean_l loss_l - min_j loss_j

    `loss` is the mean proper loss (squared error, WIS, log loss); dividing by D makes η free of the unit and of the
    number of rows. Without `eta`, the least pooled loss on the inner folds decides among 0, 1/4, 1/2, …, 1024 and ∞.
    After Vovk (1990), "Aggregating strategies", and Yang (2004), "Combining forecasting procedures: some theoretical
    results".

    Raises:
        BenchError: `eta` is negative.
    """
    if eta is not None and not eta >= 0:
        raise BenchError(f"eta of exp-weights cannot be {eta!r}: give a number from 0 (equal) to inf (single best)")
    chosen = _choose_eta(panel, y) if eta is None else eta
    return Weights(exponential_weights(losses.of_learners(panel, y), chosen))


def exponential_weights(loss: Array, eta: float) -> Array:
    """Return the weights (L,) of learners with these losses; η = ∞ shares among the best."""
    lag = loss - loss.min()
    unit = float(lag.mean())
    if unit <= 1e-12 * float(np.abs(loss).max()):  # the losses are equal but for rounding
        return np.full(len(loss), 1 / len(loss))
    w = (lag == 0).astype(float) if np.isinf(eta) else np.exp(-eta * lag / unit)
    return np.asarray(w / w.sum())


def _choose_eta(panel: Panel, y: Array) -> float:
    """Return the candidate of least pooled loss on held-out folds."""
    folds = fold_rows(panel)
    masses = fold_masses(panel, folds)
    means = _fold_losses(panel, y, folds)

    def held_out(k: int) -> Array:
        others, total = np.arange(len(folds)) != k, np.zeros(len(ETAS))
        loss = np.average(means[others], axis=0, weights=masses[others])
        candidates = [exponential_weights(loss, eta) for eta in ETAS]
        for part in row_blocks(len(folds[k])):
            rows = folds[k][part]
            predictions, weight = panel.predictions[:, rows], 1.0 if panel.weight is None else panel.weight[rows]
            pooled = (np.tensordot(w, predictions, axes=1) for w in candidates)
            own = np.stack([losses.proper_loss(panel.target, y[rows], values) for values in pooled])
            total += (own * weight).sum(axis=1)
        return total

    return ETAS[choose(len(folds), held_out)]


def _fold_losses(panel: Panel, y: Array, folds: list[Array]) -> Array:
    """Return the mean proper loss of each learner on each fold, shape (F, L)."""
    means = np.empty((len(folds), len(panel.learners)))
    for j, predictions in enumerate(panel.predictions):
        own = losses.proper_loss(panel.target, y, predictions)
        for k, rows in enumerate(folds):
            means[k, j] = losses.mean(own[rows], None if panel.weight is None else panel.weight[rows])
    return means
