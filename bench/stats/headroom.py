"""How much of what could be gained was gained: between a baseline and the oracle."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bench.core.nouns import Array
from bench.stats.tables import common_blocks

SMALLEST_GAP = 1e-9
"""A gap below this share of the baseline's loss is no gap."""


class Headroom(NamedTuple):
    """`closed` (K,) over all tasks, `each` (N, K) per task, and `gap` (N,), what can be gained."""

    closed: Array
    each: Array
    gap: Array


def headroom(loss: Array, baseline: Array, oracle: Array) -> Headroom:
    """Return the share of the gap between the baseline and the oracle that each method closes.

    `loss` (N, K) holds the mean loss of the methods on each task, `baseline` and `oracle` (N,) those two on the same
    rows; a loss is positive (squared error, WIS, log loss).

        gap_t    = (baseline_t - oracle_t) / baseline_t
        each_tm  = (baseline_t - loss_tm) / (baseline_t - oracle_t)
        closed_m = Σ_t gap_t each_tm / Σ_t gap_t = Σ_t (baseline_t - loss_tm) / baseline_t / Σ_t gap_t

    1 for the oracle, 0 for the baseline, below 0 for what is worse. Tasks count by their relative gap, so that one
    where there is next to nothing to gain, whose own share is noise over noise, moves nothing: `each` is NaN where the
    gap is at most 1e-9. Tasks that lack a method, the baseline or the oracle, or where the baseline's loss is not
    positive and finite, are left out for all; NaN if there is no gap anywhere. A method of infinite loss closes -inf.
    """
    rows, methods = common_blocks(loss)
    rows &= np.isfinite(baseline) & np.isfinite(oracle) & (baseline > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = np.where(rows[:, None], (baseline[:, None] - loss) / baseline[:, None], np.nan)
        gap = np.where(rows, (baseline - oracle) / baseline, np.nan)
        each = np.where((gap > SMALLEST_GAP)[:, None], gain / gap[:, None], np.nan)
    kept = rows & (gap > SMALLEST_GAP)
    closed = np.full(loss.shape[1], np.nan)
    if kept.any():
        closed[methods] = gain[kept][:, methods].sum(axis=0) / gap[kept].sum()
    return Headroom(closed, each, gap)
