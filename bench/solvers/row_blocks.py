"""Rows in blocks: what is needed in between stays small beside a panel that does not fit twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
