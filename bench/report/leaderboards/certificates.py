"""Ties of schemes whose distance from their optimum is certified: below it an order is noise of the solver."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.core.nouns import Array
from bench.report.leaderboards.grid import Grid


def tie_certified(grid: Grid, gap: Array) -> Grid:
    """Return a grid in which certified methods of a block share the best badness of those that they agree with.

    `gap` (B, K) is the certificate of each cell, relative to its loss, NaN where there is none. Two that stand beside
    each other in the order of a block agree where

        |b_i - b_j| <= (gap_i + gap_j) max(|b_i|, |b_j|)
    """
    certified = np.flatnonzero((~np.isnan(gap)).any(axis=0))
    if len(certified) < 2:
        return grid
    badness = np.where(np.isnan(gap[:, certified]), np.nan, grid.badness[:, certified])
    order = np.argsort(badness, axis=1)  # NaN last
    b, g = (np.take_along_axis(values, order, axis=1) for values in (badness, gap[:, certified]))
    with np.errstate(invalid="ignore"):
        agree = np.isfinite(b[:, 1:]) & (
            np.diff(b, axis=1) <= (g[:, 1:] + g[:, :-1]) * np.maximum(np.abs(b[:, 1:]), np.abs(b[:, :-1]))
        )
    place = np.arange(b.shape[1])
    first = np.maximum.accumulate(np.where(np.pad(agree, ((0, 0), (1, 0))), 0, place), axis=1)
    tied = np.empty_like(b)
    np.put_along_axis(tied, order, np.take_along_axis(b, first, axis=1), axis=1)
    new = grid.badness.copy()
    new[:, certified] = np.where(np.isnan(badness), grid.badness[:, certified], tied)
    return replace(grid, badness=new)
