"""Rows in blocks: what is needed in between stays small beside a panel that does not fit twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from bench.core.nouns import Array

WHOLE = 2**16
"""Up to so many rows are one block, so that what is summed over rows of a small panel is summed in one piece."""

BLOCK = 2**13
"""Rows of a block of more: enough that the loop costs nothing, and few enough to stay in the cache."""


def is_one_block(n: int) -> bool:
    """Return whether so many rows are used as they are."""
    return n <= WHOLE


def row_blocks(n: int) -> Iterator[slice]:
    """Yield n rows in blocks."""
    step = n if is_one_block(n) else BLOCK
    return (slice(start, min(start + step, n)) for start in range(0, n, step or 1))


def by_row_blocks(function: Callable[[slice], Array], n: int) -> Array:
    """Return what a function makes of n rows, called with one block of them after another; its rows are joined."""
    if is_one_block(n):
        return function(slice(0, n))
    values = np.empty(0)
    for rows in row_blocks(n):
        part = function(rows)
        if not rows.start:
            values = np.empty((n, *part.shape[1:]), dtype=part.dtype)
        values[rows] = part
    return values


@dataclass(frozen=True)
class SomeRows:
    """The `rows` (m,) of predictions (L, n, K), read when they are indexed: no copy of all of them is made."""

    predictions: Array
    rows: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """L, m and K."""
        L, _, K = self.predictions.shape
        return L, len(self.rows), K

    def __len__(self) -> int:
        """Return L."""
        return len(self.predictions)

    def __getitem__(self, key: tuple[slice | Array, slice, slice | Array]) -> Array:
        """Return predictions as an array does, with two slices or two arrays for the learners and the outputs."""
        learners, part, outputs = key
        rows = self.rows[part]
        if isinstance(learners, slice):
            return self.predictions[learners, :, outputs][:, rows]
        return self.predictions[learners[:, None], rows, np.asarray(outputs)[:, None]]
