"""Quantiles of weighted empirical laws, many at once; nothing is registered here."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.core.nouns import Array

CELLS = 2**22
"""Pairs of a row to predict and a training row in memory at once: 32 MB of float64."""


def quantiles(values: Array, weight: Array, levels: Array, spare: Array | float = 0.0) -> Array:
    """Return the quantiles of each row's law, shape (n, K); `values` (n, k) ascend in each row, `weight` (n, k).

    Values that are equal are one value of their joint weight: the law counts, so that weights do what repeated rows do
    and rows may stand in any order. Value i stands at p_i = (C_i - w_i/2 + u/2) / (C_k + u), where C_i = w_1 + … + w_i
    and u is the `spare` weight (n,); between two values the quantile function is linear, outside it is constant. u = 0
    is the midpoint rule of Hazen; the weight of one row is Weibull's: of k like rows the i-th has p_i = i/(k + 1),
    which is the chance that a new one is less. Hyndman and Fan (1996), Sample Quantiles in Statistical Packages
    (definitions 5 and 6).
    """
    u = np.broadcast_to(np.asarray(spare, dtype=float), len(values))[:, None]
    mass = np.cumsum(weight, axis=1)
    differs = values[:, 1:] != values[:, :-1]
    edge = np.ones((len(values), 1), dtype=bool)
    column = np.arange(values.shape[1])
    first = np.maximum.accumulate(np.where(np.hstack([edge, differs]), column, 0), axis=1)
    last = np.minimum.accumulate(np.where(np.hstack([differs, edge]), column, column[-1])[:, ::-1], axis=1)[:, ::-1]
    below, upto = np.take_along_axis(mass - weight, first, axis=1), np.take_along_axis(mass, last, axis=1)
    place = ((below + upto) / 2 + u / 2) / (mass[:, -1:] + u)
    return np.column_stack([_interpolate(values, place, float(level)) for level in levels])


def _interpolate(values: Array, place: Array, level: float) -> Array:
    """Return the value of each row at one level, shape (n,)."""
    above = np.count_nonzero(place < level, axis=1)
    right, left = np.minimum(above, values.shape[1] - 1)[:, None], np.maximum(above - 1, 0)[:, None]
    ends = [np.take_along_axis(array, at, axis=1)[:, 0] for array in (values, place) for at in (left, right)]
    low, high, before, after = ends
    gap = after - before
    share = np.clip((level - before) / np.where(gap > 0, gap, 1.0), 0.0, 1.0)
    return np.asarray(low + share * (high - low))


def pad_columns(rows: Array, columns: Array, n: int) -> tuple[Array, Array]:
    """Return the columns of each of n rows side by side (n, most), the last repeated, and where they are real.

    `rows` ascend, and every row has a column.
    """
    count = np.bincount(rows, minlength=n)
    start = np.cumsum(count) - count
    place = np.arange(count.max())
    at = start[:, None] + np.minimum(place, count[:, None] - 1)
    return columns[at], place < count[:, None]


def row_slices(n: int, n_train: int) -> Iterator[slice]:
    """Return slices of n rows that are small enough to compare with all training rows at once."""
    size = max(1, CELLS // max(n_train, 1))
    return (slice(start, start + size) for start in range(0, n, size))
