"""LightGBM by its native interface: one thread, the same trees every time, categories by code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError

FEW_BINS, MANY_BINS = 63, 255
"""Bins of a numeric column on small and on large tables; docs/performance.md has the measurements."""

MANY_ROWS = 10_000
"""Training rows from which a column has many bins: below, few are twice as fast and no worse."""


@dataclass(frozen=True, kw_only=True)
class TreeParameters:
    """How LightGBM grows its trees, by the names of its scikit-learn interface; `max_bin` None leaves it to the rows.

    Of the rows each round draws the share `subsample` without replacement, of the columns each tree draws the share
    `colsample_bytree`; a `max_depth` of -1 is any depth.
    """

    learning_rate: float
    num_leaves: int
    min_child_samples: int
    max_depth: int = -1
    max_bin: int | None = None
    min_child_weight: float = 1e-3
    min_split_gain: float = 0.0
    subsample: float = 1.0
    colsample_bytree: float = 1.0
    reg_alpha: float = 0.0
    reg_lambda: float = 0.0


def refuse_few(growth: TreeParameters) -> None:
    """Refuse fewer than two leaves or two bins.

    Raises:
        BenchError: there are fewer.
    """
    for name, value in (("num_leaves", growth.num_leaves), ("max_bin", growth.max_bin)):
        if value is not None and value < 2:
            raise BenchError(f"parameter {name!r} of LightGBM is {value}: give 2 or more")


def tree_settings(seed: int, growth: TreeParameters, n: int) -> dict[str, Any]:
    """Return the parameters of LightGBM that every model on n training rows shares."""
    return {
        "learning_rate": growth.learning_rate,
        "num_leaves": growth.num_leaves,
        "min_data_in_leaf": growth.min_child_samples,
        "min_data_per_group": growth.min_child_samples,  # the default of 100 rows a category is for large tables
        "max_depth": growth.max_depth,
        "max_bin": growth.max_bin or (MANY_BINS if n >= MANY_ROWS else FEW_BINS),
        "min_sum_hessian_in_leaf": growth.min_child_weight,
        "min_gain_to_split": growth.min_split_gain,
        "bagging_fraction": growth.subsample,
        "bagging_freq": int(growth.subsample < 1),  # without a frequency the fraction does nothing
        "feature_fraction": growth.colsample_bytree,
        "lambda_l1": growth.reg_alpha,
        "lambda_l2": growth.reg_lambda,
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
