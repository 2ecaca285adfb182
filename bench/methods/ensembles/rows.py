"""The rows of a panel and their weights; nothing is registered here."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array, Panel

MASS_SLACK = 1e-9
"""Relative slack of a sum of row weights, which have 32 binary digits: half is half, in any order of the sum."""


def weights_of_rows(panel: Panel) -> Array:
    """Return the weight of each row, one each where the panel has none, shape (n,)."""
    return np.ones(panel.predictions.shape[1]) if panel.weight is None else panel.weight


def shares_of(panel: Panel) -> Array:
    """Return the row weights, of sum one, shape (n,)."""
    n = panel.predictions.shape[1]
    return np.full(n, 1 / n) if panel.weight is None else panel.weight / panel.weight.sum()


def lower_quantiles(values: Array, weight: Array, levels: Array) -> Array:
    """Return the least value at or below which a share of the weight lies, at least the level, for each level (K,).

    `values` and `weight` are (n,). Tied rows may come in any order, and a row of weight three is three equal rows.
    Hyndman and Fan (1996), Sample Quantiles in Statistical Packages, definition 1.
    """
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weight[order])
    return np.asarray(values[order][np.searchsorted(mass, levels * mass[-1] * (1 - MASS_SLACK))])


def used_rows(panel: Panel) -> Array:
    """Return the positions of the rows of weight above zero, in order."""
    return np.arange(panel.predictions.shape[1]) if panel.weight is None else np.flatnonzero(panel.weight)


def drop_unused_rows(panel: Panel, y: Array) -> tuple[Panel, Array]:
    """Return the panel and y without the rows of weight zero."""
    if panel.weight is None or panel.weight.all():
        return panel, y
    used = np.flatnonzero(panel.weight)
    return panel.rows(used), y[used]
