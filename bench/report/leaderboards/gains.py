"""Whose gain is it: that of the scheme, or that of the decision step behind it?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.core.nouns import Array
from bench.report.leaderboards.grid import Grid
from bench.report.leaderboards.scores import BLOCK
from bench.stats import ranks

GAINS = ("training_gain", "threshold_gain")


def mean_gains(plain: Grid, thresholded: Grid, step: str, reference: str) -> pd.DataFrame:
    """Return what each method gains by its scheme and by its thresholding step, a row a method, better being positive.

        training_gain_m  = mean_b [score(m + step) - score(reference + step)]
        threshold_gain_m = mean_b [score(m + step) - score(m)]

    over the blocks b on which both have a score, every task counting one. Both methods of the first line have a tuned
    decision: what is left is the doing of the training.
    """
    still = _badness_table(plain)
    moved = _badness_table(thresholded).rename(columns=lambda name: name.removesuffix(step)).reindex(still.index)
    shared = [method for method in still.columns if method in moved]
    anchor = moved[reference].to_numpy() if reference in moved else np.full(len(moved), np.nan)
    tuned = moved[shared].to_numpy()
    found = {
        "training_gain": _mean_differences(anchor[:, None] - tuned, plain.blocks),
        "threshold_gain": _mean_differences(still[shared].to_numpy() - tuned, plain.blocks),
    }
    return pd.DataFrame(found, index=shared)


def _badness_table(grid: Grid) -> pd.DataFrame:
    """Return the badness by block and method."""
    return pd.DataFrame(grid.badness, index=pd.MultiIndex.from_frame(grid.blocks[BLOCK]), columns=grid.methods)


def _mean_differences(difference: Array, blocks: pd.DataFrame) -> Array:
    """Return the mean of each column over the blocks where it has a value, every task counting one; NaN if none has."""
    known = np.isfinite(difference)
    means = np.full(difference.shape[1], np.nan)
    for mask in np.unique(known, axis=1).T if known.any() else ():  # methods that lack the same blocks share weights
        alike = (known == mask[:, None]).all(axis=0)
        if mask.any():
            means[alike] = ranks.block_weights(blocks[mask]) @ difference[mask][:, alike]
    return means
