"""Empirical quantiles of residuals around boosted trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.core.nouns import Array, BenchError, Target
from bench.methods.learners import Model, boosting, register
from bench.methods.learners.adapters import Standardised, positive_weight_rows
from bench.methods.learners.empirical import quantiles

RESIDUAL_FOLDS = 5
"""Folds of the out-of-fold residuals."""

SIZE_ROUNDS = 0.15
"""The size of residuals is mostly noise: it gets this share of the rounds."""

LEAST_SPREAD = 0.2
"""A row's residuals are held to be this share of the usual size at least."""

TreePredictor = Callable[[boosting.NativeRows], Array]
"""Rows of the `native` encoding -> one number for each (n,)."""


@register(
    "quantile",
    tags=("extended",),
    encoding="native",
    weights=True,
    libraries=("lightgbm",),
    space={"learning_rate": (0.02, 0.3), "num_leaves": (4, 63), "min_child_samples": (3, 60)},
)
def residual_quantile(
    target: Target,
    seed: int,
    *,
    n_estimators: int = 100,
    learning_rate: float = 0.1,
    num_leaves: int = 15,
    min_child_samples: int = 20,
    max_bin: int | None = None,
    locality: float = 1.0,
) -> Model:
    """Boosted trees for the mean m and the size s of residuals, with the quantiles of out-of-fold residuals around m.

        q_τ(x) = m(x) + s(x)^locality × quantile_τ of (y_i - m_k(x_i)) / s_k(x_i)^locality

    m_k is fitted without the fold k of row i (five folds, dealt at random), and so is s_k, on the |y_i - m_k(x_i)| of
    the other rows, in a few rounds and never below a fifth of their mean; m and s are fitted on all rows. `locality` 0
    gives all rows one law, 1 lets it stretch with s. The i-th of n residuals of one weight is the quantile of
    i/(n + 1). `max_bin` is as in `lightgbm`. Papadopoulos, Proedrou, Vovk and Gammerman (2002), Inductive Confidence
    Machines for Regression; Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-Free Predictive
    Inference for Regression.
    """
    if locality < 0:
        raise BenchError(f"parameter 'locality' of learner 'residual-quantile' is {locality}: give 0 or more")
    growth = boosting.TreeParameters(
        learning_rate=learning_rate, num_leaves=num_leaves, min_child_samples=min_child_samples, max_bin=max_bin
    )
    boosting.refuse_few(growth)
    return Standardised(_Residuals(growth, n_estimators, locality, target.levels, seed))


class _Residuals:
    """The models of mean and size, and the sorted scaled residuals with their weights."""

    def __init__(self, growth: boosting.TreeParameters, rounds: int, locality: float, levels: Array, seed: int) -> None:
        self._growth = growth
        self._seed = seed
        self._rounds = rounds
        self._locality = locality
        self._levels = levels

    def fit(self, X: Any, y: Array, weight: Array | None) -> _Residuals:
        """Fit both models out of fold, then on all rows."""
        X, y, weight = positive_weight_rows(X, y, weight)
        self._settings = {**boosting.tree_settings(self._seed, self._growth, len(y)), "objective": "regression"}
        rows, w = boosting.native_rows(X), np.ones(len(y)) if weight is None else weight
        rng = np.random.default_rng(self._seed)
        fold = rng.permutation(len(y)) % min(RESIDUAL_FOLDS, len(y))
        residual = y - self._out_of_fold(rows, y, w, fold, self._rounds)
        size = np.abs(residual)
        self._least = LEAST_SPREAD * np.average(size, weights=w) or 1.0
        few = max(1, round(SIZE_ROUNDS * self._rounds))
        scaled = residual / self._unit(self._out_of_fold(rows, size, w, fold, few))
        self._mean, self._size = self._fit_trees(rows, y, w, self._rounds), self._fit_trees(rows, size, w, few)
        order = np.argsort(scaled, kind="stable")
        self._law = quantiles(scaled[None, order], w[None, order], self._levels, spare=1)
        return self

    def _fit_trees(self, rows: boosting.NativeRows, y: Array, weight: Array, rounds: int) -> TreePredictor:
        return boosting.grow(self._settings, boosting.bin_rows(rows, y, weight, self._settings), rounds)

    def _out_of_fold(self, rows: boosting.NativeRows, y: Array, weight: Array, fold: Array, rounds: int) -> Array:
        """Return out-of-fold predictions, shape (n,): each fold by a model of the others."""
        predictions = np.empty(len(y))
        for k in np.unique(fold):
            held = fold == k
            fit_rows = ~held if held.sum() < len(held) else held  # a lone row has no others
            others = boosting.NativeRows(rows.values[fit_rows], rows.categories)
            predict = self._fit_trees(others, y[fit_rows], weight[fit_rows], rounds)
            predictions[held] = predict(boosting.NativeRows(rows.values[held], rows.categories))
        return predictions

    def _unit(self, size: Array) -> Array:
        return np.asarray(np.maximum(size, self._least) ** self._locality)

    def predict(self, X: Any) -> Array:
        """Return quantiles, shape (n, levels)."""
        rows = boosting.native_rows(X)
        return np.asarray(self._mean(rows)[:, None] + self._unit(self._size(rows))[:, None] * self._law)
