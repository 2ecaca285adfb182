"""Convex combinations that pay for poor learners; cross-validation sets the price."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.cross_validation import fold_grams
from bench.solvers.simplex_qp import simplex_qp
from bench.solvers.solution import Solution

SPARSE = (np.inf, *(2.0**power for power in range(5, -8, -1)), 0.0)
"""Candidates for λ of qp-sparse: ∞ is the single best, 0 is qp-simplex."""


@register("point", "class", tags=("extended",))
def qp_sparse(panel: Panel, y: Array, rng: np.random.Generator, *, penalty: float | None = None) -> Weights:
    """Minimise the squared error of a convex combination plus the learners' own errors, which favours a good few.

        min_w w'Gw + λ Σ_l w_l G_ll over w ≥ 0, Σ w = 1;  G of the residuals, of classes that of the Brier score

    λ is `penalty`, free of units; without it the inner folds choose among 0, 2^-7, …, 32 and ∞ (the single best). The
    gap is that of the penalised problem.
    Benítez-Peña, Carrizosa, Guerrero, Jiménez-Gamero, Martín-Barragán, Molero-Río, Ramírez-Cobo, Romero Morales and
    Sillero-Denamiel (2021), "On sparse ensemble methods: an application to short-term predictions of the evolution of
    COVID-19".

    Raises:
        BenchError: `penalty` is negative.
    """
    if penalty is not None and not penalty >= 0:
        raise BenchError(f"penalty of qp-sparse cannot be {penalty!r}: give a number from 0 to inf")
    grams = fold_grams(panel, y)
    chosen = penalty
    if chosen is None:
        chosen = SPARSE[grams.best(lambda gram: np.stack([sparse(gram, each).w for each in SPARSE]))]
    solution = sparse(grams.all_rows, chosen)
    return Weights(solution.w, gap=solution.gap)


def sparse(gram: Array, penalty: float) -> Solution:
    """Minimise w'Gw + λ Σ_l w_l G_ll on the simplex; λ = ∞ leaves the single best."""
    own = np.diag(gram)
    if np.isinf(penalty):
        best = int(np.argmin(own))
        return Solution(np.eye(len(gram))[best], 0.0, float(own[best]))
    return simplex_qp(gram, penalty * own) if penalty > 0 else simplex_qp(gram)
