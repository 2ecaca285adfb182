"""Least squares on the learners' predictions: free, non-negative, and non-negative then scaled to sum to one."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.solvers.triangle import triangle, upper

SINGULAR_BELOW = 1e-10
"""Singular values below this share of the largest are taken for zero."""

CONSTANT_BELOW = 1e-13
"""A learner that varies by less than this share of its mean is a constant."""

RECALIBRATES = {"single_learner": "a regression on one learner recalibrates it"}
FREE = {"within_range": "free weights leave the learners' range"}
NO_OFFSET = {"scale_and_shift": "weights that need not sum to one, without an intercept, depend on where zero is"}


@register("point", tags=("extended",), breaks=RECALIBRATES | FREE)
def ols(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Regress y on the learners' predictions, with an intercept; of many solutions take the one of least norm.

        min_{a,w} Σ_n (y_n - a - Σ_l w_l ŷ_ln)²

    Granger and Ramanathan (1984), "Improved methods of combining forecasts", method C.
    """
    R = _triangle([np.ones((1, len(y))), panel.predictions[:, :, 0], y[None]], panel.weight)
    slopes, right = R[1:-1, 1:-1], R[1:-1, -1]
    U, d, Vt = np.linalg.svd(slopes)
    kept = d > max(SINGULAR_BELOW * d[0], CONSTANT_BELOW * float(np.abs(R[0, 1:-1]).max()))
    w = Vt[kept].T @ (U[:, kept].T @ right / d[kept])
    intercept = (R[0, -1] - R[0, 1:-1] @ w) / R[0, 0]
    return Weights(w, intercept=np.array([intercept]))


@register("point", tags=("extended",), breaks=RECALIBRATES | NO_OFFSET)
def nnls(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Minimise the squared error over non-negative weights of any sum: it corrects learners that all fall short.

        min_w Σ_n (y_n - Σ_l w_l ŷ_ln)² over w ≥ 0

    Breiman (1996), "Stacked regressions"; Lawson and Hanson (1974), "Solving Least Squares Problems", chapter 23.
    """
    return Weights(_non_negative(panel, y))


@register("point", "class", tags=("extended",), breaks=NO_OFFSET)
def nnls_normalised(panel: Panel, y: Array, rng: np.random.Generator) -> Weights:
    """Minimise the squared error (of classes: the Brier score) over non-negative weights, then let them sum to one.

        v = argmin_v Σ_nk (y_nk - Σ_l v_l ŷ_lnk)² over v ≥ 0;  w = v / Σ v, or equal weights where v = 0

    Of classes y_nk = [y_n = k]. It is not the best convex combination, which is qp-simplex. van der Laan, Polley and
    Hubbard (2007), "Super Learner": the default of their software.
    """
    v = _non_negative(panel, y)
    return Weights(v / v.sum() if v.sum() > 0 else np.full(len(v), 1 / len(v)))


def _non_negative(panel: Panel, y: Array) -> Array:
    """Return the non-negative least squares weights (L,), from the triangle of the data."""
    from scipy.optimize import nnls as solve

    truths = [y] if panel.target.kind == "point" else [y == k for k in range(panel.target.width)]
    parts = [_triangle([panel.predictions[:, :, k], t[None]], panel.weight) for k, t in enumerate(truths)]
    R = upper(np.vstack(parts))
    size = float(np.abs(R[:, :-1]).max())
    return solve(R[:, :-1] / (size or 1.0), R[:, -1] / (size or 1.0))[0]


def _triangle(columns: list[Array], weight: Array | None) -> Array:
    """Return R of the QR decomposition of the columns side by side, each of shape (·, n), rows times √weight."""

    def read(rows: slice) -> Array:
        block = np.concatenate([part[:, rows] for part in columns]).T.astype(float)
        if weight is not None:
            block *= np.sqrt(weight[rows])[:, None]
        return block

    return triangle(read, columns[0].shape[1], sum(len(part) for part in columns))
