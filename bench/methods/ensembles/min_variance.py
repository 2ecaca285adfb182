"""Weights of any sign from the full covariance of the learners' errors."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.solvers.simplex_qp import residual_gram


@register("point", tags=("extended",))
def min_variance(panel: Panel, y: Array, rng: np.random.Generator, *, ridge: float = 1e-8) -> Weights:
    """Minimise the squared error over weights that sum to one and may be negative.

        w = S⁻¹1 / 1'S⁻¹1, where S = G + ridge × tr(G) / L × I and G_jl = mean((ŷ_j - y)(ŷ_l - y))

    G holds mean products of errors, not central ones, so that a bias counts as an error. The ridge makes equal
    learners share. Bates and Granger (1969), "The combination of forecasts"; Newbold and Granger (1974), "Experience
    with forecasting univariate time series and the combination of forecasts", for more than two.

    Raises:
        BenchError: `ridge` is not above zero.
    """
    if not ridge > 0:
        raise BenchError(f"ridge of min-variance cannot be {ridge!r}: give a small number above 0")
    gram = residual_gram(panel.predictions[:, :, 0], y, panel.weight)
    size = float(np.trace(gram)) / len(gram)
    scaled = gram / size if size > 0 else np.zeros_like(gram)
    w = np.linalg.solve(scaled + ridge * np.eye(len(gram)), np.ones(len(gram)))
    return Weights(w / w.sum())
