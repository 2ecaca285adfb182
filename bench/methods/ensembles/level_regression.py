"""Quantile regression on the learners' predictions, one level at a time, by way of its principal components.

Components make equal, constant and collinear learners harmless: what has no variance is left out. Nothing is registered
here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array, Panel
from bench.methods.ensembles.rows import shares_of
from bench.solvers.quantile_regression import RegressionProblem, quantile_regression

COMPONENT_BELOW = 1e-9
"""Components of a standard deviation below this share of the largest are taken for rounding."""

NOTHING = 1e-9
"""A learner that varies by less than this share of y explains nothing: dividing by it would be dividing by noise."""

CONSTANT_BELOW = 1e-13
"""A learner that varies by less than this share of its size is a constant."""

FREE_INTERCEPT = {
    "within_range": "free weights and an intercept leave the learners' range",
    "single_learner": "a regression on one learner recalibrates it",
}
"""What a scheme of this kind declares to break."""


@dataclass(frozen=True)
class Components:
    """Principal components of L columns scaled to variance one: (predictions - middle)'axes, of variance one each.

    `middle` (L,), `axes` (L, R), the components of the largest share first.
    """

    middle: Array
    axes: Array

    def first(self, count: int) -> Components:
        """Keep the leading components."""
        return Components(self.middle, self.axes[:, :count])

    def scores(self, predictions: Array) -> Array:
        """Return the components of predictions (L, n), shape (n, R)."""
        return np.asarray((predictions - self.middle[:, None]).T @ self.axes)


@dataclass(frozen=True)
class Line:
    """Weights `w` (L,), intercept and relative gap of the regression at one level."""

    w: Array
    intercept: float
    gap: float


def standardise(predictions: Array, share: Array, y: Array) -> tuple[Array, Array]:
    """Return the mean of each learner (L,) and one over its deviation (L,), zero for a constant.

    A learner that varies by less than rounding, or by a billionth of what y (n,) does, is a constant.
    """
    unit = float(share @ np.abs(y - float(share @ y)))
    middle = predictions @ share
    deviation = np.sqrt(np.square(predictions - middle[:, None]) @ share)
    # measured in the learner itself: a constant far from zero varies by its own rounding
    varies = deviation > np.maximum(CONSTANT_BELOW * np.abs(predictions).max(axis=1, initial=0), NOTHING * unit)
    return middle, np.divide(1.0, deviation, out=np.zeros(len(predictions)), where=varies)


def components(predictions: Array, share: Array, y: Array) -> Components:
    """Return the principal components of one level, `predictions` (L, n), under row shares (n,) of sum one."""
    middle, scale = standardise(predictions, share, y)
    centred = predictions - middle[:, None]
    U, d, _ = np.linalg.svd(centred * scale[:, None] * np.sqrt(share), full_matrices=False)
    kept = d > COMPONENT_BELOW * max(float(d.max(initial=0)), 1e-300)
    return Components(middle, scale[:, None] * U[:, kept] / d[kept])


def regress(lens: Components, predictions: Array, y: Array, level: float, share: Array) -> Line:
    """Minimise Σ_n share_n ψ_τ(y_n - a - Σ_l w_l ŷ_ln) over w in the span of the components, and a.

    y is brought to its own unit first; the gap is relative to the loss, or to a thousandth of the mean |y - ȳ| if that
    is more.
    """
    centre = float(share @ y)
    unit = float(share @ np.abs(y - centre)) or 1.0
    X = np.column_stack([np.ones(len(y)), lens.scores(predictions)])
    problem = RegressionProblem(X, (y - centre) / unit, share * len(y), level, np.zeros(X.shape[1]))
    b, gap = quantile_regression(problem)
    w = unit * (lens.axes @ b[1:])
    return Line(w, centre + unit * float(b[0]) - float(w @ lens.middle), gap)


def by_level(panel: Panel, y: Array, count: int) -> list[Line]:
    """Return the regression of every level on so many leading components of that level; no row has weight zero."""
    share = shares_of(panel)
    lines = []
    for k, level in enumerate(panel.target.levels):
        predictions = panel.predictions[:, :, k]
        lens = components(predictions, share, y).first(count)
        lines.append(regress(lens, predictions, y, float(level), share))
    return lines
