"""Whose gain is it: that of the scheme, or that of the decision step behind it?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.core import Array
from bench.leaderboard.grid import Grid
from bench.leaderboard.scores import BLOCK
from bench.stats import ranks

COLUMNS = ("training_gain", "threshold_gain")


def gains(plain: Grid, twins: Grid, step: str, reference: str) -> pd.DataFrame:
    """Return what each method gains by its scheme and by its twin step, a row a method, better being positive.

        training_gain_m  = mean_b [score(m + step) - score(reference + step)]
        threshold_gain_m = mean_b [score(m + step) - score(m)]

    over the blocks b on which both have a score, every task counting one. Both methods of the first line have a tuned
    decision: what is left is the doing of the training.
    """
    moved = _table(twins).rename(columns=lambda name: name.removesuffix(step))
    still = _table(plain)
    anchor = moved[reference] if reference in moved else pd.Series(np.nan, index=moved.index)
    rows = {
        method: (_mean(anchor - moved[method]), _mean(still[method] - moved[method]))
        for method in still.columns
        if method in moved
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS), dtype=float)


def _table(board: Grid) -> pd.DataFrame:
    """Return the badness by block and method."""
    return pd.DataFrame(board.badness, index=pd.MultiIndex.from_frame(board.blocks[BLOCK]), columns=board.methods)


def _mean(difference: pd.Series) -> float:
    """Return the mean over the blocks that have a value, every task counting one; NaN if none has."""
    known = difference[np.isfinite(difference.to_numpy(dtype=float))]
    if known.empty:
        return float("nan")
    weight: Array = ranks.block_weights(known.index.to_frame(index=False))
    return float(weight @ known.to_numpy(dtype=float))
