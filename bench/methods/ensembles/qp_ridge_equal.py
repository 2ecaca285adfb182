"""Convex combinations that pay for leaving equal weights; cross-validation sets the price."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.cross_validation import fold_grams
from bench.solvers.simplex_qp import simplex_qp
from bench.solvers.solution import Solution

TO_EQUAL = (np.inf, *(10.0 ** (power / 2) for power in range(4, -13, -1)), 0.0)
"""Candidates for λ of qp-ridge-equal: ∞ is equal weights, 0 is qp-simplex."""


@register(
    "point",
    "class",
    tags=("extended",),
    breaks={"certificate": "its gap is that of the penalised squared error, and the law measures the plain loss"},
)
def qp_ridge_equal(panel: Panel, y: Array, rng: np.random.Generator, *, penalty: float | None = None) -> Weights:
    """Minimise the squared error of a convex combination plus a price on the distance from equal weights.

        min_w w'Gw + λ tr(G)/L Σ_l (w_l - 1/L)² over w ≥ 0, Σ w = 1;  G as in qp-sparse

    λ is `penalty`, free of units; without it the inner folds choose among 0, 10^-6, 10^-5.5, …, 100 and ∞ (equal
    weights). After Diebold and Shin (2019), "Machine learning for regularized survey forecast combination:
    partially-egalitarian LASSO and its derivatives", with squares in place of absolute values.

    Raises:
        BenchError: `penalty` is negative.
    """
    if penalty is not None and not penalty >= 0:
        raise BenchError(f"penalty of qp-ridge-equal cannot be {penalty!r}: give a number from 0 to inf")
    grams = fold_grams(panel, y)
    chosen = penalty
    if chosen is None:
        chosen = TO_EQUAL[grams.best(lambda gram: np.stack([ridge_equal(gram, each).w for each in TO_EQUAL]))]
    solution = ridge_equal(grams.all_rows, chosen)
    return Weights(solution.w, gap=solution.gap)


def ridge_equal(gram: Array, penalty: float) -> Solution:
    """Minimise w'Gw + λ tr(G)/L Σ_l w_l² on the simplex, which differs by a constant; λ = ∞ leaves equal weights."""
    size = len(gram)
    if np.isinf(penalty):
        return Solution(np.full(size, 1 / size), 0.0, float(gram.mean()))
    return simplex_qp(gram + penalty * float(np.trace(gram)) / size * np.eye(size))
