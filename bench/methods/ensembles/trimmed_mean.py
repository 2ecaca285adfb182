"""The mean of what is left of the learners, on every row, once the extremes are cut off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array, BenchError, Panel
from bench.methods.ensembles import register
from bench.solvers.row_blocks import by_row_blocks


@dataclass(frozen=True)
class TrimmedMean:
    """The mean over the learners without a share `trim` of them on either side, row by row and output by output."""

    trim: float

    def __call__(self, panel: Panel) -> Array:
        """Combine the learners' predictions, shape (n, K)."""
        share = trimmed_shares(len(panel.predictions), self.trim)
        values = by_row_blocks(
            lambda rows: np.tensordot(share, np.sort(panel.predictions[:, rows], axis=0), axes=1),
            panel.predictions.shape[1],
        )
        return renormalise(values, panel) if panel.target.kind == "class" else values


def trimmed_shares(learners: int, trim: float) -> Array:
    """Return the weight of each order statistic, shape (L,): how much of ((l-1)/L, l/L) lies in (trim, 1 - trim)."""
    edges = np.clip(np.arange(learners + 1) / learners, trim, 1 - trim)
    return np.diff(edges) / (1 - 2 * trim)


def renormalise(values: Array, panel: Panel) -> Array:
    """Return probabilities (n, K) divided by their sum; where all are zero, the mean of the learners."""
    total = values.sum(axis=1, keepdims=True)
    lost = total[:, 0] <= 0
    if lost.any():
        values, total = np.where(lost[:, None], panel.predictions.mean(axis=0), values), np.where(total > 0, total, 1.0)
    return np.asarray(values / total)


@register("point", "quantile", "class", tags=("extended",))
def trimmed_mean(panel: Panel, y: Array, rng: np.random.Generator, *, trim: float = 0.1) -> TrimmedMean:
    """Predict the mean over the learners without a share `trim` of them on either side; it needs no training.

        ŷ_nk = Σ_l share_l ŷ_(l)nk, where share_l ∝ length of ((l-1)/L, l/L) within (trim, 1 - trim)

    and ŷ_(1) ≤ … ≤ ŷ_(L). Where trim × L is no whole number, the outermost learner that is left counts in part,
    so that small panels are trimmed too. Probabilities are then divided by their sum. Jose and Winkler (2008), "Simple
    robust averages of forecasts: some empirical results".

    Raises:
        BenchError: `trim` is not in [0, 0.5).
    """
    if not 0 <= trim < 0.5:
        raise BenchError(f"trim of trimmed-mean cannot be {trim!r}: give a share from 0 to below 0.5")
    return TrimmedMean(trim)
