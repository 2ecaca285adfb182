"""Stacking whose weights depend on the row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array, BenchError, Panel
from bench.methods.ensembles import register
from bench.methods.ensembles.cross_validation import choose, fold_rows
from bench.methods.ensembles.level_features import FeatureWeightedLevels, feature_weighted_levels
from bench.methods.ensembles.objective import finish_values
from bench.methods.ensembles.rows import weights_of_rows
from bench.solvers.row_blocks import by_row_blocks

PENALTIES = np.logspace(2, -6, 9)
"""Candidates for λ, in units of the mean square of a product; the first wins a tie."""

CHUNK = 4096
"""Rows whose products are formed at once: a row has as many as learners times features."""

REACH = 3.0
"""Features are held within so many standard deviations: far away, weights that are linear in them mean nothing."""


@dataclass(frozen=True)
class FeatureWeighted:
    """Weights of row x: V g(x), with g = 1 and the features, held within reach; V has shape (L, 1 + features)."""

    middle: Array
    axes: Array
    level: Array
    V: Array

    def features(self, X: Array) -> Array:
        """Return g (n, 1 + features) of encoded rows (n, d)."""
        own = np.clip((X - self.middle) @ self.axes, -REACH, REACH)
        return np.column_stack([np.ones(len(own)), own])

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        X, n = panel.X.to_numpy(dtype=float), panel.predictions.shape[1]
        values = by_row_blocks(lambda rows: self._combine(X[rows], panel.predictions[:, rows]), n)
        return finish_values(panel, values) if panel.target.kind == "class" else values

    def _combine(self, X: Array, predictions: Array) -> Array:
        w = self.features(X) @ self.V.T
        return np.asarray(self.level + np.einsum("nl,lnk->nk", w, predictions - self.level))


@register(
    "point",
    "class",
    "quantile",
    tags=("extended",),
    code=("bench.solvers.pinball", "bench.solvers.quantile_regression"),
    breaks={
        "within_range": "free weights leave the learners' range",
        "single_learner": "a regression on one learner recalibrates it",
    },
)
def feature_weighted(
    panel: Panel, y: Array, rng: np.random.Generator, *, features: int = 10
) -> FeatureWeighted | FeatureWeightedLevels:
    """Regress y on the products of the learners' predictions and features of the row, with a ridge.

        ŷ_k = c_k + Σ_l Σ_f V_lf g_f(x) (ŷ_lk - c_k), min_V Σ_nk (ŷ_nk - y_nk)² + λ Σ_lf V_lf²

    c is the mean of y, or the shares of the classes; y_nk is y, or whether the class is k, so that classes are learned
    by the Brier score, and clipped in the end. The features are the constant and the first principal components of the
    encoded matrix, of variance one. λ has the least squared error over the inner folds. Sill, Takacs, Mackey and Lin
    (2009), "Feature-weighted linear stacking".

    Quantiles have a V and an intercept for every level, learned by the pinball loss in addition to the best convex
    weights w for all levels (`coarse`), which a large λ leaves alone:

        ŷ_k = a_k + Σ_l w_l ŷ_lk + Σ_l Σ_f V_klf g_f(x) (ŷ_lk - c_k), c_k the mean prediction

    Raises:
        BenchError: `features` is negative.
    """
    if features < 0:
        raise BenchError(f"features of feature-weighted cannot be {features!r}: give a whole number from 0")
    weight = weights_of_rows(panel)
    middle, axes = _components(panel.X.to_numpy(dtype=float), weight, features)
    if panel.target.kind == "quantile":
        lens = FeatureWeighted(middle, axes, np.empty(0), np.empty((0, 0)))
        return feature_weighted_levels(panel, y, lens.features)
    Y = np.eye(panel.target.width)[y] if panel.target.kind == "class" else y[:, None]
    lens = FeatureWeighted(middle, axes, np.average(Y, axis=0, weights=weight), np.empty((0, 0)))
    parts = [_moments(lens, panel, Y, weight, rows) for rows in fold_rows(panel)]

    def held_out(k: int) -> Array:
        A, b = (np.sum([part[i] for j, part in enumerate(parts) if j != k], axis=0) for i in (0, 1))
        return np.array([v @ parts[k][0] @ v - 2 * parts[k][1] @ v for v in _ridge(A, b)])

    best = choose(len(parts), held_out)
    A, b = _moments(lens, panel, Y, weight, np.arange(len(y)))
    V = list(_ridge(A, b))[best].reshape(len(panel.learners), -1)
    return FeatureWeighted(middle, axes, lens.level, V)


def _components(X: Array, weight: Array, features: int) -> tuple[Array, Array]:
    """Return the mean of X (d,) and the axes (d, features) onto whose coordinates of variance one rows are mapped."""
    middle = np.average(X, axis=0, weights=weight)
    spread = (X - middle) * np.sqrt(weight / weight.sum())[:, None]
    variance, axes = np.linalg.eigh(spread.T @ spread)
    # components whose variance is rounding have no direction; 1e-300 where no column varies at all
    kept = np.flatnonzero(variance > 1e-9 * max(float(variance.max(initial=0)), 1e-300))[::-1][:features]
    return middle, axes[:, kept] / np.sqrt(variance[kept])


def _moments(lens: FeatureWeighted, panel: Panel, Y: Array, weight: Array, rows: Array) -> tuple[Array, Array]:
    """Return A = D'SD and b = D'S(Y - c) of the products D on some rows, summed over the outputs."""
    X, size = panel.X.to_numpy(dtype=float), len(panel.learners) * (1 + lens.axes.shape[1])
    A, b = np.zeros((size, size)), np.zeros(size)
    for k, c in enumerate(lens.level):
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            root = np.sqrt(weight[part])
            g = lens.features(X[part]) * root[:, None]
            D = ((panel.predictions[:, part, k] - c).T[:, :, None] * g[:, None]).reshape(len(g), size)
            A += D.T @ D
            b += D.T @ (root * (Y[part, k] - c))
    return A, b


def _ridge(A: Array, b: Array) -> Iterator[Array]:
    """Yield the minimiser of v'Av - 2b'v + λ v'v for every penalty λ, in units of the mean of A's diagonal."""
    size, Q = np.linalg.eigh(A)
    size, unit = np.maximum(size, 0), float(np.trace(A)) / len(A) or 1.0
    for penalty in PENALTIES:
        yield Q @ ((Q.T @ b) / (size + penalty * unit))
