"""PRESTO: ordered classes, with slopes that are shrunk towards proportional odds."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, BenchError, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import ClassModel
from bench.solvers.ordinal import ordinal_rows
from bench.solvers.presto import ordinal_fit, presto_penalty
from bench.solvers.presto_choice import choose_penalty, deal_folds

RAREST_NOT_LAST = "presto wants the rarest class last, and another is rarer: reverse the order of the classes"
"""The note where the last class is not the rarest."""


@register(
    "class",
    tags=("extended",),
    encoding="scaled",
    weights=True,
    ordered=True,
    code=("bench.solvers", "bench.core.losses"),
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
    """Cumulative logits of ordered classes whose slopes are shrunk to 0, and to those of the threshold before.

        P(Y <= k | x) = σ(a_k + b_k'x),   θ_0 = b_0,   θ_k = b_k - b_{k-1}
        min  -Σ_i w_i ln P(Y = y_i | x_i) / Σ_i w_i + penalty Σ_kj (alpha |θ_kj| + (1 - alpha) θ_kj² / 2)

    on standardised columns. Without a `penalty`, `n_penalties` from the least that leaves no slopes down to 1 % of it
    are tried in `folds` folds that spread every class; the largest of the least Brier score is used. The order has a
    direction: the rare class is the last one, whose slopes lean on those of the thresholds before it. Where a class is
    rarer than the last one, the column `detail` says so; reverse the order then. A probability that crossing thresholds
    make negative is 0, and the rest is scaled to one. Faletto and Bien (2023), Predicting Rare Events by Shrinking
    Towards Proportional Odds.
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
        penalty = self._penalty
        if penalty is None:
            fold = deal_folds(y, self._folds, self._seed)
            penalty = choose_penalty(X, y, sample_weight, n_penalties=self._n_penalties, alpha=self._alpha, fold=fold)
        rows = ordinal_rows(X, y, sample_weight)
        counts = np.bincount(y, weights=sample_weight)
        self.note = "" if counts[-1] <= counts.min() else RAREST_NOT_LAST
        self._model = ordinal_fit(rows, presto_penalty(rows, penalty, self._alpha)).model
        return self

    def predict_proba(self, X: Array) -> Array:
        """Return probabilities, shape (n, K)."""
        return self._model.probabilities(X)
