"""A long table of scores made ready to be ranked: absent columns filled in, values turned into badness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench import metrics
from bench.boards import BOARDS, ORACLE
from bench.core import Array, BenchError

BLOCK = ["task_id", "learner", "repeat", "fold"]
"""What one comparison of all methods belongs to; rows that differ in nothing else are averaged."""
DEFAULTS = {
    "board": "", "panel": "", "task_id": "", "learner": "", "repeat": 0, "fold": 0, "sample": "test", "n_rows": np.nan,
    "learners_used": np.nan, "reseed": 0,
}  # fmt: skip
PLAIN_NUMBERS = {"n_rows", "learners_used"}


def prepared(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the ranked scores of test rows with every column that boards need, and those of the oracle.

    Added are `badness` (lower is better), `slice` (the twin's step) and `is_oracle`.

    Raises:
        BenchError: a metric's direction is not known, or a value is a text.
    """
    table = scores.rename(columns={"task": "task_id"}) if "task_id" not in scores else scores
    absent: dict[str, Any] = {name: value for name, value in DEFAULTS.items() if name not in table}
    table = table.assign(**absent)
    for name in (name for name in DEFAULTS if name not in PLAIN_NUMBERS and table[name].isna().any()):
        table[name] = table[name].astype(object).where(table[name].notna(), DEFAULTS[name])
    table = table.assign(is_oracle=table["method"] == ORACLE if "ranked" in table else False)
    if "ranked" in table:
        table = table[(table["ranked"].astype(str).str.lower() == "true") | table["is_oracle"]]
    table = _directed(table[table["sample"] == "test"])
    value = _numbers(table)
    return table.assign(value=value, badness=_badness(table, value), slice=_slices(table))


def _directed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of metrics that are better high, low or at a goal."""
    if "direction" not in table:
        table = table.assign(direction=table["metric"].map(_direction))
    unknown = sorted(set(table["direction"].astype(str)) - {"min", "max", "target", "none"})
    if unknown:
        raise BenchError(f"direction {unknown[0]!r} is not known: write min, max, target or none")
    return table[table["direction"] != "none"]


def _numbers(table: pd.DataFrame) -> Array:
    try:
        return pd.to_numeric(table["value"]).to_numpy(dtype=float)
    except (ValueError, TypeError) as error:
        raise BenchError(f"column 'value' holds a text ({error}): scores are numbers, empty where missing") from error


def _direction(metric: str) -> str:
    found = metrics.traits(metric)
    if found is None:
        raise BenchError(f"nothing says whether metric {metric!r} is better high or low: add a column 'direction'")
    return found.direction


def _badness(table: pd.DataFrame, value: Array) -> Array:
    """Return what is better when lower: the value, its negative, or its distance from the goal."""
    direction = table["direction"].to_numpy()
    goals = {name: goal(name) for name in table["metric"].unique()}
    aim = table["metric"].map(goals).to_numpy(dtype=float)
    return np.select([direction == "max", direction == "target"], [-value, np.abs(value - aim)], value)


def goal(metric: str) -> float:
    """Return the value that a metric should have, NaN for one that is best high or low."""
    found = metrics.traits(metric)
    if found is None or found.direction != "target":
        return np.nan
    return found.goal or 0.0


def _slices(table: pd.DataFrame) -> pd.Series:
    """Name the slice of a row: the twin's step, or nothing."""
    twins = {name: f"+{board.twin}" for name, board in BOARDS.items() if board.twin}
    twin = table["board"].map(twins).fillna("").astype(str)
    is_twin = [bool(step) and str(name).endswith(step) for name, step in zip(table["method"], twin, strict=True)]
    return twin.where(pd.Series(is_twin, index=table.index), "")
