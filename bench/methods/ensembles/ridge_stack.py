"""Linear stacking with a ridge penalty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array, Panel, Weights
from bench.methods.ensembles import register
from bench.solvers.row_blocks import is_one_block, row_blocks
from bench.solvers.triangle import triangle

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
    predictions, n = panel.predictions[:, :, 0], len(y)
    s = np.ones(n) if panel.weight is None else panel.weight / panel.weight.mean()
    totals = [(predictions[:, rows] * s[rows]).sum(axis=1) for rows in row_blocks(n)]
    centre, middle = np.sum(totals, axis=0) / s.sum(), np.average(y, weights=s)

    def centred(rows: slice) -> Array:
        return np.asarray(((predictions[:, rows] - centre[:, None]) * np.sqrt(s[rows])).T)

    target, spectrum = np.sqrt(s) * (y - middle), _spectrum(centred, n, len(centre))
    # all learners are constant but for rounding, which is relative to their size: there is nothing to regress on
    largest = max(float(predictions.max()), -float(predictions.min()))
    if spectrum.d[0] <= 1e-12 * largest * np.sqrt(n):
        return Weights(np.zeros(len(predictions)), intercept=np.array([middle]))
    aligned = np.sum([spectrum.left(rows).T @ target[rows] for rows in row_blocks(n)], axis=0)
    penalties = PENALTIES * spectrum.d[0] ** 2
    shrinks = spectrum.d**2 / (spectrum.d**2 + penalties[:, None])
    errors = [
        _leave_one_out_errors(spectrum.left(rows), shrinks, aligned, target[rows], s[rows] / s.sum())
        for rows in row_blocks(n)
    ]
    penalty = penalties[np.argmin(np.sum(errors, axis=0))]
    w = spectrum.Vt.T @ (spectrum.d / (spectrum.d**2 + penalty) * aligned)
    return Weights(w, intercept=np.array([middle - w @ centre]))


@dataclass(frozen=True)
class Spectrum:
    """The singular values d (R,) and the right singular vectors Vt (R, L) of rows; `left` gives U of some of them."""

    d: Array
    Vt: Array
    left: Callable[[slice], Array]


def _spectrum(read: Callable[[slice], Array], n: int, L: int) -> Spectrum:
    """Decompose n rows of L columns at once if they are one block, else by way of their triangle."""
    if is_one_block(n):
        U, d, Vt = np.linalg.svd(read(slice(0, n)), full_matrices=False)
        return Spectrum(d, Vt, lambda rows: U[rows])
    _, d, Vt = np.linalg.svd(triangle(read, n, L))
    # the columns of U whose d is rounding are not found so, but every penalty shrinks them to nothing
    axes = np.divide(Vt.T, d, out=np.zeros_like(Vt), where=d > 0)
    return Spectrum(d, Vt, lambda rows: read(rows) @ axes)


def _leave_one_out_errors(U: Array, shrinks: Array, aligned: Array, target: Array, share: Array) -> Array:
    """Return the weighted leave-one-out squared error of every penalty: residual / (1 - leverage) of every row."""
    square, errors = U**2, []
    for shrink in shrinks:
        leverage = square @ shrink + share
        residual = target - U @ (shrink * aligned)
        # a leverage of 1 would divide by zero
        errors.append(float(np.sum((residual / np.maximum(1 - leverage, 1e-9)) ** 2)))
    return np.array(errors)
