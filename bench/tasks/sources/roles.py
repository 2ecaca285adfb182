"""Columns that play a part beside the target: groups, time and row weights, without gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError
from bench.tasks.sources.columns import as_numbers, by_number, sorted_codes

WEIGHT_DIGITS = 32
"""Binary digits of a row weight: the 53rd is another one in every unit, and trees break ties by the last digit."""


def group_codes(column: pd.Series[Any]) -> Array:
    """Return the codes of the groups (n,).

    Raises:
        BenchError: a row has none.
    """
    _refuse_gaps(column, "group")
    return sorted_codes(column, order=by_number)[0]


def times(column: pd.Series[Any]) -> Array:
    """Return the times of the rows as float64 (n,).

    Raises:
        BenchError: a row has none, or none that is finite.
    """
    _refuse_gaps(column, "time")
    values = as_numbers(column, "time column", "write numbers, or dates like 2026-11-20")
    if not np.isfinite(values).all():
        raise BenchError(f"the time column {column.name!r} holds an infinite value: correct it")
    return values


def row_weights(column: pd.Series[Any]) -> Array:
    """Return the row weights (n,), those above zero of mean one.

    Raises:
        BenchError: a row has none, or one that cannot be, or all are zero.
    """
    _refuse_gaps(column, "weight")
    values = as_numbers(column, "weight column", "write numbers that are zero or more")
    wrong = int((~np.isfinite(values) | (values < 0)).sum())
    if wrong:
        raise BenchError(
            f"the weight column {column.name!r} is negative or infinite in {wrong} of {len(values)} rows: "
            "write numbers that are zero or more"
        )
    if not values.any():
        raise BenchError(f"the weight column {column.name!r} is zero in every row: name another one")
    # only their ratios have a meaning: in this unit counts, penalties and smoothing are those of as many equal rows
    shares = values / values.max()
    mantissa, exponent = np.frexp(shares / shares[shares > 0].mean())
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, WEIGHT_DIGITS)), exponent - WEIGHT_DIGITS))


def overlap(groups: Array | None, time: Array | None) -> list[str]:
    """Return a warning where a group is not over before the next begins: forward splits then leave rows out."""
    if groups is None or time is None:
        return []
    spans = pd.Series(time).groupby(groups).agg(["min", "max"]).sort_values(["min", "max"])
    overlapping = int((spans["min"].to_numpy()[1:] <= spans["max"].cummax().to_numpy()[:-1]).sum())
    if not overlapping:
        return []
    what = f"{overlapping} of {len(spans)} groups begin before an earlier one is over"
    return [f"{what}: models know of a group only what is earlier than the groups that they predict"]


def _refuse_gaps(column: pd.Series[Any], part: str) -> None:
    missing = int(column.isna().sum())
    if missing:
        raise BenchError(f"the {part} column {column.name!r} is missing in {missing} of {len(column)} rows: fill it in")
