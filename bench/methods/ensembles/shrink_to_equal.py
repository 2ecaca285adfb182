"""The best convex combination, drawn towards equal weights: by cross-validation, or by the number of rows."""

from __future__ import annotations

import numpy as np

from bench.core import losses
from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.cross_validation import choose, fold_grams, fold_rows, residual_gram_of
from bench.methods.ensembles.rows import weights_of_rows
from bench.solvers.row_blocks import is_one_block, row_blocks
from bench.solvers.simplex_log import simplex_log
from bench.solvers.simplex_qp import simplex_qp

PSIS = np.linspace(1, 0, 21)
"""Candidates for ψ, from equal weights to the best convex combination."""


@register("point", "class", tags=("extended",))
def shrink_to_equal(panel: Panel, y: Array, rng: np.random.Generator, *, psi: float | None = None) -> Weights:
    """Mix the best convex combination with equal weights, in a proportion chosen by cross-validation.

        w = (1 - ψ) ŵ + ψ / L

    ŵ is that of qp-simplex, of classes that of log-stack. Without `psi`, the least squared error or log loss on the
    inner folds decides among 1, 0.95, …, 0. After Diebold and Pauly (1990), "The use of prior information in forecast
    combination", who shrink least squares weights.

    Raises:
        BenchError: `psi` is not in [0, 1].
    """
    if psi is not None and not 0 <= psi <= 1:
        raise BenchError(f"psi of shrink-to-equal cannot be {psi!r}: give a number from 0 (no shrinkage) to 1 (equal)")
    if panel.target.kind == "point":
        return _of_points(panel, y, psi)
    return _of_classes(panel, y, psi)


@register(
    "point",
    "class",
    tags=("extended",),
    breaks={"row_weights": "the number of rows sets ψ, and only the ratios of their weights count"},
)
def shrink_composite(panel: Panel, y: Array, rng: np.random.Generator, *, kappa: float = 1.0) -> Weights:
    """Mix the best convex combination with equal weights, the more so the fewer the rows are to the learners.

        w = (1 - ψ) ŵ + ψ / L,  ψ = min(1, κ L / (n - L - 1)), and 1 where n ≤ L + 1

    n is the number of rows of any weight, and ŵ is as in shrink-to-equal. After Stock and Watson (2004), "Combination
    forecasts of output growth in a seven-country data set", who shrink least squares weights.

    Raises:
        BenchError: `kappa` is negative.
    """
    if not kappa >= 0:
        raise BenchError(f"kappa of shrink-composite cannot be {kappa!r}: give a number from 0")
    if panel.target.kind == "point":
        w = simplex_qp(residual_gram_of(panel, y)).w
    else:
        w = simplex_log(losses.true_class(y, panel.predictions), panel.weight).w
    n = len(y) if panel.weight is None else np.count_nonzero(panel.weight)
    psi = min(1.0, kappa * len(w) / (n - len(w) - 1)) if n > len(w) + 1 else 1.0
    return Weights(_mix_with_equal(w, psi))


def _mix_with_equal(w: Array, psi: float | Array) -> Array:
    """Return (1 - ψ) w + ψ / L, one row for each ψ where there are many of shape (C, 1)."""
    return np.asarray((1 - psi) * w + psi / len(w))


def _of_points(panel: Panel, y: Array, psi: float | None) -> Weights:
    grams = fold_grams(panel, y)
    if psi is None:
        psi = PSIS[grams.best(lambda gram: _mix_with_equal(simplex_qp(gram).w, PSIS[:, None]))]
    return Weights(_mix_with_equal(simplex_qp(grams.all_rows).w, psi))


def _of_classes(panel: Panel, y: Array, psi: float | None) -> Weights:
    p, folds = losses.true_class(y, panel.predictions), fold_rows(panel)
    weight = weights_of_rows(panel)

    def held_out(k: int) -> Array:
        w, found = _without_fold(p, weight, folds, k), np.zeros(len(PSIS))
        for part in row_blocks(len(folds[k])):
            held = p[:, folds[k][part]]
            pooled = (1 - PSIS[:, None]) * (w @ held) + PSIS[:, None] * held.mean(axis=0)
            found -= np.log(pooled) @ weight[folds[k][part]]
        return found

    chosen = PSIS[choose(len(folds), held_out)] if psi is None else psi
    return Weights(_mix_with_equal(simplex_log(p, weight).w, chosen))


def _without_fold(p: Array, weight: Array, folds: list[Array], k: int) -> Array:
    """Return the best weights (L,) on all folds but one."""
    others = np.concatenate(folds[:k] + folds[k + 1 :])
    if is_one_block(len(others)):
        return simplex_log(p[:, others], weight[others]).w
    outside = weight.copy()
    outside[folds[k]] = 0  # rows of weight zero are left out, and none is copied
    return simplex_log(p, outside).w
