"""Bagged weights: the mean of what a scheme learns from resampled rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.core.hashing import generator
from bench.core.nouns import Array, BenchError, Combiner, Panel, Weights
from bench.methods.ensembles import register, registry
from bench.methods.ensembles.rows import drop_unused_rows, weights_of_rows

EXACT_SCHEMES = {"point": "qp-simplex", "class": "log-stack", "quantile": "coarse"}
"""The exact convex scheme of each kind, which is bagged if no other is named."""


@dataclass(frozen=True)
class Averaged:
    """The mean prediction of several combiners."""

    combiners: Sequence[Combiner]

    def __call__(self, panel: Panel) -> Array:
        """Average the combiners' predictions, shape (n, K)."""
        return np.asarray(sum(combiner(panel) for combiner in self.combiners) / len(self.combiners))


@register(
    "point",
    "class",
    "quantile",
    tags=("extended",),
    code=("bench.methods.ensembles", "bench.solvers"),
    wraps="of",
    breaks={
        "row_order": "rows are drawn by their position",
        "row_weights": "rows are drawn one by one, whatever their weight",
    },
)
def bootstrap(
    panel: Panel, y: Array, rng: np.random.Generator, *, of: str = "", rounds: int = 50
) -> Weights | Averaged:
    """Average what the scheme `of` learns from `rounds` bootstraps of the rows; by default the exact convex scheme.

    A bootstrap draws as many rows as there are, with replacement: how often a row is drawn multiplies its weight.
    Weights are averaged; of other combiners, the predictions. Breiman (1996), "Bagging predictors".

    Raises:
        BenchError: there is no such scheme for the target's kind, or `rounds` is less than one.
    """
    inner = registry.scheme(of or EXACT_SCHEMES[panel.target.kind])
    if panel.target.kind not in inner.entry.kinds or rounds < 1:
        raise BenchError(
            f"bootstrap cannot have of={of!r}, rounds={rounds} for a {panel.target.kind} target: "
            "name a scheme that serves it, and at least one round"
        )
    panel, y = drop_unused_rows(panel, y)
    weight = weights_of_rows(panel)
    learned = []
    for _ in range(rounds):
        drawn = rng.multinomial(len(y), np.full(len(y), 1 / len(y)))
        again = generator(int(rng.integers(2**62)), inner.id)
        learned.append(inner(replace(panel, weight=weight * drawn), y, again))
    return _mean_combiner(learned)


def _mean_combiner(learned: list[Combiner]) -> Weights | Averaged:
    linear = [combiner for combiner in learned if isinstance(combiner, Weights)]
    if len(linear) < len(learned) or len({each.w.ndim for each in linear}) > 1:
        return Averaged(learned)
    shifts = [each.intercept for each in linear if each.intercept is not None]
    intercept = np.sum(shifts, axis=0) / len(linear) if shifts else None
    return Weights(np.mean([each.w for each in linear], axis=0), intercept=intercept)
