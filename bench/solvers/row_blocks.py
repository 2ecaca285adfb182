"""Functions that treat every row by itself, in blocks of rows: what they need in between stays small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.nouns import Array

BLOCK = 2**16
"""Rows of a block: enough that the loop costs nothing, and far less than the panels that do not fit twice."""


def by_row_blocks(function: Callable[[Array], Array], predictions: Array) -> Array:
    """Return what a function makes of predictions (L, n, K), called with blocks of their rows; its rows are joined."""
    n = predictions.shape[1]
    if n <= BLOCK:
        return function(predictions)
    return np.concatenate([function(predictions[:, at : at + BLOCK]) for at in range(0, n, BLOCK)])
