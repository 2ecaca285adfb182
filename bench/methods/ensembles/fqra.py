"""Factor quantile regression averaging."""

from __future__ import annotations

import numpy as np

from bench.core.losses import pinball
from bench.core.nouns import Array, BenchError, Panel, Weights
from bench.methods.ensembles import register
from bench.methods.ensembles.cross_validation import choose, fold_rows
from bench.methods.ensembles.level_regression import FREE_INTERCEPT, by_level, components, regress
from bench.methods.ensembles.rows import drop_unused_rows, shares_of, weights_of_rows


@register("quantile", tags=("extended",), breaks=FREE_INTERCEPT, code=("bench.solvers.quantile_regression",))
def fqra(panel: Panel, y: Array, rng: np.random.Generator, *, factors: int | None = None) -> Weights:
    """Regress y at each level on the leading principal components of the learners' quantiles of that level.

        ŷ_nk = a_k + Σ_{f ≤ F} b_fk g_nfk, g the components of ŷ_lnk, every learner of variance one

    F is the same for all levels: `factors`, or the number of the least pinball loss over the inner folds; of equals the
    fewest. With F = L it is qra. The prediction is linear in those of the learners, so weights and intercept are
    reported, and the gap is that of the regressions on F components. Maciejowska, Nowotarski and Weron (2016),
    "Probabilistic forecasting of electricity spot prices using factor quantile regression averaging".

    Raises:
        BenchError: `factors` is less than one.
    """
    if factors is not None and factors < 1:
        raise BenchError(f"factors of fqra cannot be {factors!r}: give a whole number from 1")
    panel, y = drop_unused_rows(panel, y)
    folds = fold_rows(panel)

    def held_out(k: int) -> Array:
        fitted = np.concatenate([rows for j, rows in enumerate(folds) if j != k])
        return _losses_by_factors(panel.rows(fitted), y[fitted], panel.rows(folds[k]), y[folds[k]])

    count = 1 + choose(len(folds), held_out) if factors is None else factors
    lines = by_level(panel, y, count)
    return Weights(
        np.column_stack([line.w for line in lines]),
        intercept=np.array([line.intercept for line in lines]),
        gap=max(line.gap for line in lines),
    )


def _losses_by_factors(panel: Panel, y: Array, held: Panel, y_held: Array) -> Array:
    """Return the total pinball loss on held-out rows of 1, 2, …, L factors, shape (L,)."""
    share, weight = shares_of(panel), weights_of_rows(held)
    total = np.zeros(len(panel.learners))
    for k, level in enumerate(panel.target.levels):
        predictions, rest = panel.predictions[:, :, k], held.predictions[:, :, k]
        lens = components(predictions, share, y)
        for count in range(1, len(total) + 1):
            if count <= max(lens.axes.shape[1], 1):
                line = regress(lens.first(count), predictions, y, float(level), share)
                prediction = line.intercept + line.w @ rest
                loss = weight @ pinball(y_held, prediction[:, None], np.array([level]))[:, 0]
            total[count - 1] += loss
    return total
