"""The rows of a panel and their weights; nothing is registered here."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel


def weights_of_rows(panel: Panel) -> Array:
    """Return the weight of each row, one each where the panel has none, shape (n,)."""
    return np.ones(panel.predictions.shape[1]) if panel.weight is None else panel.weight


def shares_of(panel: Panel) -> Array:
    """Return the row weights, of sum one, shape (n,)."""
    n = panel.predictions.shape[1]
    return np.full(n, 1 / n) if panel.weight is None else panel.weight / panel.weight.sum()


def used_rows(panel: Panel) -> Array:
    """Return the positions of the rows of weight above zero, in order."""
    return np.arange(panel.predictions.shape[1]) if panel.weight is None else np.flatnonzero(panel.weight)


def drop_unused_rows(panel: Panel, y: Array) -> tuple[Panel, Array]:
    """Return the panel and y without the rows of weight zero."""
    if panel.weight is None or panel.weight.all():
        return panel, y
    used = np.flatnonzero(panel.weight)
    return panel.rows(used), y[used]
