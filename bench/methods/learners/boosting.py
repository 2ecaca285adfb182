"""LightGBM by its native interface: one thread, the same trees every time, categories by code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError

MOST_BINS = 63
"""Bins of a numeric column: at 1,000 rows twice as fast as 255 and no worse."""


def tree_settings(seed: int, learning_rate: float, num_leaves: int, min_child_samples: int) -> dict[str, Any]:
    """Return the parameters of LightGBM that every model shares.

    Raises:
        BenchError: there are fewer than two leaves.
    """
    if num_leaves < 2:
        raise BenchError(f"parameter 'num_leaves' of LightGBM is {num_leaves}: give 2 or more")
    return {
        "learning_rate": learning_rate,
        "num_leaves": num_leaves,
        "min_data_in_leaf": min_child_samples,
        "min_data_per_group": min_child_samples,  # the default of 100 rows a category is for large tables
        "max_bin": MOST_BINS,
        "seed": seed,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,  # else it times both ways and may choose otherwise the next time
        "verbosity": -1,
    }


@dataclass(frozen=True)
class NativeRows:
    """Numbers and category codes (n, d), NaN where missing, and the positions of the categories."""

    values: Array
    categories: list[int]


def native_rows(X: Any) -> NativeRows:
    """Return the rows of a frame of the `native` encoding, or of an array of numbers."""
    if not isinstance(X, pd.DataFrame):
        return NativeRows(np.asarray(X, dtype=float), [])
    columns = [X[name].array for name in X.columns]
    found = [position for position, values in enumerate(columns) if isinstance(values, pd.Categorical)]
    values = [
        np.where(column.codes < 0, np.nan, column.codes)
        if isinstance(column, pd.Categorical)
        else np.asarray(column, dtype=float)
        for column in columns
    ]
    return NativeRows(np.column_stack(values), found)


def bin_rows(rows: NativeRows, y: Array, weight: Array | None, settings: Mapping[str, Any]) -> Any:
    """Return the training rows in bins, which models with the same tree settings can share."""
    from lightgbm import Dataset

    data = Dataset(rows.values, y, weight=weight, categorical_feature=rows.categories, params=dict(settings))
    return data.construct()


def grow(settings: Mapping[str, Any], data: Any, rounds: int) -> Callable[[NativeRows], Array]:
    """Grow the trees of `rounds` rounds, and return the predictor of the model."""
    import lightgbm

    booster = lightgbm.train(dict(settings), data, num_boost_round=rounds)
    return lambda rows: np.asarray(booster.predict(rows.values, num_threads=1))
