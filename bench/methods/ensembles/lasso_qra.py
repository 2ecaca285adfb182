"""Quantile regression averaging with a lasso."""

from __future__ import annotations

import numpy as np

from bench.core.losses import pinball
from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.cross_validation import choose, fold_rows
from bench.methods.ensembles.level_regression import FREE_INTERCEPT, Line, standardise
from bench.methods.ensembles.rows import drop_unused_rows, shares_of, weights_of_rows
from bench.solvers.quantile_regression import RegressionProblem, quantile_regression

PENALTIES = (0.3, 0.1, 0.03, 0.01, 0.003, 0.0)
"""Candidates for λ: at 0.3 hardly a learner is left, 0 is `qra`."""


@register("quantile", tags=("extended",), breaks=FREE_INTERCEPT, code=("bench.solvers.quantile_regression",))
def lasso_qra(panel: Panel, y: Array, rng: np.random.Generator, *, penalty: float | None = None) -> Weights:
    """Regress y at each level on the learners' quantiles of that level, with an L1 price on the weights.

        min_{a,w} mean_n ψ_τk(y_n - a_k - Σ_l w_lk ŷ_lnk) / u + λ Σ_l s_lk |w_lk| / u for every level k

    s_lk is the deviation of learner l at level k and u the mean |y - ȳ|, so that λ has no unit. `penalty` is λ, one for
    all levels; without it the inner folds choose among 0.3, 0.1, … 0.003 and 0 by the pinball loss at the outermost
    levels and the middle one, of equals the largest. Solved to a proved gap. Uniejewski and Weron (2021), "Regularized
    quantile regression averaging for probabilistic electricity price forecasting".

    Raises:
        BenchError: the penalty is negative.
    """
    if penalty is not None and penalty < 0:
        raise BenchError(f"penalty of lasso-qra cannot be {penalty!r}: give 0 or more")
    panel, y = drop_unused_rows(panel, y)
    price = _choose_penalty(panel, y) if penalty is None else penalty
    lines = [_regress(panel, y, k, price) for k in range(panel.target.width)]
    return Weights(
        np.column_stack([line.w for line in lines]),
        intercept=np.array([line.intercept for line in lines]),
        gap=max(line.gap for line in lines),
    )


def _choose_penalty(panel: Panel, y: Array) -> float:
    folds, K = fold_rows(panel), panel.target.width
    requested = sorted({0, K // 2, K - 1})

    def held_out(k: int) -> Array:
        fitted = np.concatenate([rows for j, rows in enumerate(folds) if j != k])
        others, held = panel.rows(fitted), panel.rows(folds[k])

        def loss(j: int, price: float) -> float:
            line = _regress(others, y[fitted], j, price)
            prediction = line.intercept + line.w @ held.predictions[:, :, j]
            return float(
                weights_of_rows(held) @ pinball(y[folds[k]], prediction[:, None], panel.target.levels[[j]])[:, 0]
            )

        return np.array([sum(loss(j, price) for j in requested) for price in PENALTIES])

    return PENALTIES[choose(len(folds), held_out)]


def _regress(panel: Panel, y: Array, k: int, price: float) -> Line:
    """Return the regression at level k under a price on each standardised weight.

    Two rows ±e_l of target zero and weight λ cost λ (ψ_τ(-b_l) + ψ_τ(b_l)) = λ |b_l|, whatever the level.
    """
    predictions, share = panel.predictions[:, :, k], shares_of(panel)
    middle, scale = standardise(predictions, share, y)
    centre = float(share @ y)
    unit = float(share @ np.abs(y - centre)) or 1.0
    used = np.flatnonzero(scale)
    X = np.column_stack([np.ones(len(y)), ((predictions - middle[:, None]) * scale[:, None])[used].T])
    weight = share * len(y)
    if price > 0 and len(used):
        X = np.vstack([X, *(sign * np.eye(len(used) + 1)[1:] for sign in (1.0, -1.0))])
        weight = np.append(weight, np.full(2 * len(used), price * len(y)))
    target = np.append((y - centre) / unit, np.zeros(len(X) - len(y)))
    problem = RegressionProblem(X, target, weight, float(panel.target.levels[k]), np.zeros(X.shape[1]))
    b, gap = quantile_regression(problem)
    w = np.zeros(len(predictions))
    w[used] = unit * scale[used] * b[1:]
    return Line(w, centre + unit * float(b[0]) - float(w @ middle), gap)
