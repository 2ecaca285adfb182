"""Exponential weights, as sharp as cross-validation likes them."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.cross_validation import choose, fold_masses, fold_rows

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
    means = np.array([losses.of_learners(panel.rows(rows), y[rows]) for rows in folds])

    def held_out(k: int) -> Array:
        others = np.arange(len(folds)) != k
        loss = np.average(means[others], axis=0, weights=masses[others])
        held, truth = panel.rows(folds[k]), y[folds[k]]
        pooled = (np.tensordot(exponential_weights(loss, eta), held.predictions, axes=1) for eta in ETAS)
        rows = np.stack([losses.proper_loss(panel.target, truth, values) for values in pooled])
        return np.asarray(masses[k] * losses.mean(rows, held.weight))

    return ETAS[choose(len(folds), held_out)]
