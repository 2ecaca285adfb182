"""Quantiles of weighted empirical laws, many at once; nothing is registered here."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.core.nouns import Array

CELLS = 2**22
"""Pairs of a row to predict and a training row in memory at once: 32 MB of float64."""


def quantiles(values: Array, weight: Array, levels: Array, spare: float = 0.0) -> Array:
    """Return the quantiles of each row's law, shape (n, K); `values` ascend in each row, both (n, k).

    Only the mass of each distinct value counts, so that tied rows may come in any order and a row of weight three is
    three equal rows. Values v_1 < … < v_d have masses m_i, M_i = m_1 + … + m_i, m is the least of the masses, and
    `spare` rows of mass m are added, half of them at either end:

        v_i is the quantile from level (M_{i-1} + m/2 + s) / (M_d + 2s) to (M_i - m/2 + s) / (M_d + 2s),   s = spare m/2

    Between two values the quantile function is linear, outside it is constant. m stands for one row: of k rows of one
    weight without ties the i-th has level (i - 1/2) / k where nothing is spare, the rule of Hazen, and i / (k + 1) with
    one spare row, the rule of Weibull, which is the chance that a new one is less. The quantiles of the negated values
    are the negated ones of 1 - level. Hyndman and Fan (1996), Sample Quantiles in Statistical Packages, definitions 5
    and 6, for rows of one weight.
    """
    is_last = np.ones(values.shape, dtype=bool)
    is_last[:, :-1] = values[:, 1:] != values[:, :-1]
    reached = np.where(is_last, np.cumsum(weight, axis=1), 0.0)  # M_i, at the last of the rows that share v_i
    before = np.zeros_like(reached)
    before[:, 1:] = np.maximum.accumulate(reached, axis=1)[:, :-1]
    half = np.where(is_last, reached - before, np.inf).min(axis=1, keepdims=True) / 2
    total = reached[:, -1:] + 2 * spare * half
    ends = np.where(is_last, (reached - half + spare * half) / total, np.inf)
    starts_next = (reached + half + spare * half) / total
    return np.column_stack([_interpolate(values, ends, starts_next, float(level)) for level in levels])


def _interpolate(values: Array, ends: Array, starts_next: Array, level: float) -> Array:
    """Return the value of each row at one level, shape (n,).

    `ends` is where a value ends, at the last row that has it and infinite elsewhere, and `starts_next` where the next
    one starts.
    """
    most = values.shape[1] - 1
    left = np.where(ends < level, np.arange(most + 1), -1).max(axis=1)[:, None]
    at, right = np.maximum(left, 0), np.minimum(left + 1, most)
    low, high, before, after = (
        np.take_along_axis(array, index, axis=1)[:, 0]
        for array, index in ((values, at), (values, right), (ends, at), (starts_next, at))
    )
    gap = after - before
    share = np.clip((level - before) / np.where(gap > 0, gap, 1.0), 0.0, 1.0)
    return np.asarray(np.where(left[:, 0] < 0, values[:, 0], low + share * (high - low)))


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
