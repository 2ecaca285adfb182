"""Weights of quantile learners that are linear in features of the row, level by level; nothing is registered here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bench.core.losses import pinball
from bench.core.nouns import Array, Panel
from bench.methods.ensembles.cross_validation import choose, fold_rows
from bench.methods.ensembles.rows import drop_unused_rows, shares_of, weights_of_rows
from bench.solvers.pinball import simplex_pinball
from bench.solvers.quantile_regression import RegressionProblem, quantile_regression

PENALTIES = (10.0, 1.0, 0.1, 0.01, 1e-3)
"""Candidates for λ, in units of the mean |y - c|; the first wins a tie."""

REGRESSION_GAP = 1e-11
"""Gap of the regressions: the loss is so flat near its minimum that V would be loose otherwise."""

CHUNK = 16384
"""Rows that are predicted at once, which bounds the memory."""

Features = Callable[[Array], Array]
"""Encoded rows (n, d) -> their features g (n, F), the constant first."""


@dataclass(frozen=True)
class FeatureWeightedLevels:
    """Weights w_l + V_kl'g(x) of learner l at level k: `w` (L,), `V` (K, L, F); `intercept` and `middle` c are (K,)."""

    features: Features
    w: Array
    middle: Array
    V: Array
    intercept: Array

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        g = self.features(panel.X.to_numpy(dtype=float))
        prediction = np.tensordot(self.w, panel.predictions, axes=1) + self.intercept
        for start in range(0, len(g), CHUNK):
            rows = slice(start, start + CHUNK)
            for k, (V, c) in enumerate(zip(self.V, self.middle, strict=True)):
                prediction[rows, k] += np.einsum("nl,ln->n", g[rows] @ V.T, panel.predictions[:, rows, k] - c)
        return prediction


def feature_weighted_levels(panel: Panel, y: Array, features: Features) -> FeatureWeightedLevels:
    """Learn V with the λ of the least pinball loss over the inner folds, at the outermost levels and the middle one.

    min_{a,V} mean_n ψ_τk(y_n - a_k - Σ_l w_l ŷ_lnk - Σ_lf V_klf g_f(x_n) (ŷ_lnk - c_k)) / u + λL/2 Σ_lf V_klf²

    for every level k, where w are the best convex weights for all levels, c_k is the mean of all predictions of level
    k, and u the mean |y - ȳ|. A large λ leaves w; the factor L lets equal learners count as one.
    """
    panel, y = drop_unused_rows(panel, y)
    folds, K = fold_rows(panel), panel.target.width
    requested = sorted({0, K // 2, K - 1})

    def held_out(k: int) -> Array:
        fitted = np.concatenate([rows for j, rows in enumerate(folds) if j != k])
        learn = _learner(panel.rows(fitted), y[fitted], features)
        held, weight = panel.rows(folds[k]), weights_of_rows(panel)
        levels, few = panel.target.levels[requested], replace(held, predictions=held.predictions[:, :, requested])
        tried = (learn(penalty, requested)(few) for penalty in PENALTIES)
        return np.array([weight[folds[k]] @ pinball(y[folds[k]], each, levels).sum(axis=1) for each in tried])

    return _learner(panel, y, features)(PENALTIES[choose(len(folds), held_out)], list(range(K)))


def _learner(panel: Panel, y: Array, features: Features) -> Callable[[float, list[int]], FeatureWeightedLevels]:
    """Return the function from λ and levels to what is learned; what does not depend on λ is worked out once."""
    share, g = shares_of(panel), features(panel.X.to_numpy(dtype=float))
    w = simplex_pinball(panel.predictions, y, panel.target.levels, share).w
    middle = np.array([(share @ panel.predictions[:, :, k].T).mean() for k in range(panel.target.width)])
    unit = float(share @ np.abs(y - share @ y)) or 1.0

    def level(k: int, penalty: float) -> Array:
        predictions = panel.predictions[:, :, k]
        products = ((predictions - middle[k]).T[:, :, None] * g[:, None]).reshape(len(y), -1)
        X = np.column_stack([np.ones(len(y)), products / unit])
        weights = share * len(y)
        prices = np.append(0.0, np.full(X.shape[1] - 1, penalty * len(w) * len(y)))
        problem = RegressionProblem(X, (y - w @ predictions) / unit, weights, float(panel.target.levels[k]), prices)
        return quantile_regression(problem, REGRESSION_GAP)[0]

    def learn(penalty: float, requested: list[int]) -> FeatureWeightedLevels:
        b = np.stack([level(k, penalty) for k in requested])
        V = b[:, 1:].reshape(len(requested), len(w), -1)
        return FeatureWeightedLevels(features, w, middle[requested], V, unit * b[:, 0])

    return learn
