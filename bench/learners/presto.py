"""PRESTO: ordered classes, with slopes that are drawn towards proportional odds."""

from __future__ import annotations

import numpy as np

from bench import losses
from bench.core import Array, BenchError, Target
from bench.learners import Model, register
from bench.learners.adapters import ClassModel
from bench.solvers.ordinal import ordinal_rows
from bench.solvers.presto import drawn_together, largest_penalty, ordinal_fit, path

LEAST = 0.01
"""The last penalty of the path, as a share of the first."""


@register(
    "class",
    tags=("extended",),
    encoding="scaled",
    weights=True,
    ordered=True,
    code=("bench.solvers.ordinal", "bench.solvers.presto", "bench.solvers.presto_lasso"),
)
def presto(
    target: Target,
    seed: int,
    *,
    penalty: float | None = None,
    n_penalties: int = 20,
    folds: int = 5,
    alpha: float = 1.0,
) -> Model:
    """Cumulative logits of ordered classes whose slopes are drawn to 0, and to those of the threshold before.

        P(Y <= k | x) = σ(a_k + b_k'x),   θ_0 = b_0,   θ_k = b_k - b_{k-1}
        min  -Σ_i w_i ln P(Y = y_i | x_i) / Σ_i w_i + penalty Σ_kj (alpha |θ_kj| + (1 - alpha) θ_kj² / 2)

    on standardised columns. Without a `penalty`, `n_penalties` from the least that leaves no slopes down to 1 % of it
    are tried in `folds` folds that spread every class; the largest of the least Brier score is used. A probability
    that crossing thresholds make negative is 0, and the rest is scaled to one. Faletto and Bien (2023), Predicting
    Rare Events by Shrinking Towards Proportional Odds.
    """
    if penalty is not None and not (isinstance(penalty, int | float) and penalty > 0):
        raise BenchError(f"parameter 'penalty' of learner 'presto' is {penalty!r}: give a positive number, or none")
    for name, value, least in (("n_penalties", n_penalties, 1), ("folds", folds, 2)):
        if value < least:
            raise BenchError(f"parameter {name!r} of learner 'presto' is {value}: give {least} or more")
    if not 0 < alpha <= 1:
        raise BenchError(f"parameter 'alpha' of learner 'presto' is {alpha}: give a number above 0, at most 1")
    return ClassModel(lambda _: _Presto(penalty, n_penalties, folds, alpha, seed), target.width)


class _Presto:
    """A classifier of codes 0 … K-1 that are all there."""

    def __init__(self, penalty: float | None, n_penalties: int, folds: int, alpha: float, seed: int) -> None:
        self._penalty, self._alpha = penalty, alpha
        self._n_penalties, self._folds = n_penalties, folds
        self._seed = seed

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> _Presto:
        """Choose the penalty, where none is given, and fit the model on all rows."""
        rows = ordinal_rows(X, y, sample_weight)
        penalty = self._chosen(X, y, sample_weight) if self._penalty is None else self._penalty
        self._model = ordinal_fit(rows, drawn_together(rows, penalty, self._alpha)).model
        return self

    def predict_proba(self, X: Array) -> Array:
        """Return probabilities, shape (n, K)."""
        return self._model.probabilities(X)

    def _chosen(self, X: Array, y: Array, weight: Array | None) -> float:
        """Return the largest penalty of the least Brier score out of fold."""
        top = largest_penalty(ordinal_rows(X, y, weight), self._alpha)
        penalties = np.geomspace(top, LEAST * top, self._n_penalties)
        said = np.zeros((len(penalties), len(y), int(y.max()) + 1))
        fold = _dealt(y, self._folds, self._seed)
        for held in (fold == number for number in np.unique(fold)):
            present, codes = np.unique(y[~held], return_inverse=True)
            if len(present) == 1:
                said[:, held, present[0]] = 1.0
                continue
            rows = ordinal_rows(X[~held], codes, None if weight is None else weight[~held])
            for place, fit in zip(said, path(rows, penalties, self._alpha), strict=True):
                place[np.ix_(held, present)] = fit.model.probabilities(X[held])
        return float(penalties[np.argmin(losses.mean(losses.brier(y, said), weight))])


def _dealt(y: Array, folds: int, seed: int) -> Array:
    """Return a fold for each row (n,): the rows of each class are dealt out in random order."""
    shuffled = np.random.default_rng(seed).permutation(len(y))
    fold = np.empty(len(y), dtype=int)
    fold[shuffled[np.argsort(y[shuffled], kind="stable")]] = np.arange(len(y)) % folds
    return fold
