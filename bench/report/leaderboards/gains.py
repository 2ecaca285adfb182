"""Whose gain is it: that of the scheme, or that of the decision step behind it?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.core.nouns import Array
from bench.methods import postprocess
from bench.report.leaderboards.grid import Blocks, Grid


class Gains(NamedTuple):
    """What a method gains by its training and by its thresholding step, in the metric's own numbers."""

    training: float
    threshold: float


NO_GAINS = Gains(np.nan, np.nan)


def twin_step(variant_step: str, metric: str) -> str:
    """Return the thresholding step, with its `+`, that is tuned for a metric: the board's, or it with a parameter.

    What another metric gains by a decision that was not tuned for it says nothing of the training, nor of the decision.
    """
    is_own = postprocess.registry.scheme(variant_step.removeprefix("+")).metric == metric
    return variant_step if is_own else f"{variant_step}:metric={metric}"


def mean_gains(plain: Grid, thresholded: Grid, step: str, reference: str) -> dict[str, Gains]:
    """Return what each method gains by its scheme and by its thresholding step, better being positive.

        training_gain_m  = mean_b [score(m + step) - score(reference + step)]
        threshold_gain_m = mean_b [score(m + step) - score(m)]

    over the blocks b on which both have a score, every data set counting one. Both methods of the first line have a
    decision that is tuned for the metric: what is left is the doing of the training.
    """
    still = plain.badness
    moved = _rows_of(thresholded, plain.blocks)
    names = {name.removesuffix(step): k for k, name in enumerate(thresholded.methods) if name.endswith(step)}
    shared = [method for method in plain.methods if method in names]
    tuned = moved[:, [names[method] for method in shared]]
    anchor = moved[:, [names[reference]]] if reference in names else np.full((len(moved), 1), np.nan)
    own = still[:, [plain.methods.index(method) for method in shared]]
    training = _mean_differences(anchor - tuned, plain.blocks)
    threshold = _mean_differences(own - tuned, plain.blocks)
    return {method: Gains(*pair) for method, *pair in zip(shared, training.tolist(), threshold.tolist(), strict=True)}


def _rows_of(grid: Grid, blocks: Blocks) -> Array:
    """Return the badness of a grid on some blocks, NaN where it has them not."""
    if grid.blocks is blocks:
        return grid.badness
    places, wanted = (pd.MultiIndex.from_frame(each.keys) for each in (grid.blocks, blocks))
    return pd.DataFrame(grid.badness, index=places).reindex(wanted).to_numpy()


def _mean_differences(difference: Array, blocks: Blocks) -> Array:
    """Return the mean of each column over the blocks where it has a value, every data set counting one; else NaN."""
    known = np.isfinite(difference)
    means = np.full(difference.shape[1], np.nan)
    for mask in np.unique(known, axis=1).T if known.any() else ():  # methods that lack the same blocks share weights
        alike = (known == mask[:, None]).all(axis=0)
        if mask.any():
            means[alike] = blocks.at(mask).weight @ difference[mask][:, alike]
    return means
