"""Proportional odds: the cumulative logit model of ordered classes with one slope a column."""

from __future__ import annotations

from bench.core.nouns import Array, BenchError, Target
from bench.methods.learners import Model, register
from bench.methods.learners.adapters import ClassModel
from bench.solvers.ordinal import ordinal_rows
from bench.solvers.presto import ordinal_fit, proportional_penalty


@register(
    "class",
    tags=("extended",),
    encoding="scaled",
    weights=True,
    ordered=True,
    space={"alpha": (1e-3, 1e2)},
    code=("bench.solvers", "bench.core.losses"),
)
def proportional_odds(target: Target, seed: int, *, alpha: float = 1.0) -> Model:
    """Cumulative logits of ordered classes with one slope a column and a light ridge `alpha`.

        P(Y <= k | x) = σ(a_k + b'x)
        min  -Σ_i w_i ln P(Y = y_i | x_i) + alpha ‖b‖² / 2

    on standardised columns, the thresholds a_k free, w of mean one: the same strength as in `logistic` of C = 1.
    McCullagh (1980), Regression Models for Ordinal Data.
    """
    if alpha <= 0:
        raise BenchError(f"parameter 'alpha' of learner 'proportional-odds' is {alpha}: give a positive number")
    return ClassModel(lambda _: _ProportionalOdds(alpha), target.width)


class _ProportionalOdds:
    """A classifier of codes 0 … K-1 that are all there."""

    def __init__(self, alpha: float) -> None:
        self._alpha = alpha

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> _ProportionalOdds:
        """Fit the model."""
        rows = ordinal_rows(X, y, sample_weight)
        self._model = ordinal_fit(rows, proportional_penalty(rows, self._alpha / len(y))).model
        return self

    def predict_proba(self, X: Array) -> Array:
        """Return probabilities, shape (n, K)."""
        return self._model.probabilities(X)
