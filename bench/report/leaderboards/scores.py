"""A long table of scores made ready to be ranked: absent columns filled in, values turned into badness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError
from bench.core.tables import drop_unnamed, is_ranked, is_test, name_tasks
from bench.methods import metrics
from bench.methods.boards import BOARDS, ORACLE

BLOCK = ["task_id", "learner", "repeat", "fold"]
"""What one comparison of all methods belongs to; rows that differ in nothing else are averaged."""
DEFAULTS = {
    "board": "", "panel": "", "task_id": "", "learner": "", "repeat": 0, "fold": 0, "sample": "test", "n_rows": np.nan,
    "learners_used": np.nan, "reseed": 0, "status": "", "gap": np.nan,
}  # fmt: skip
PLAIN_NUMBERS = ("n_rows", "learners_used", "gap")
DIRECTIONS = {"min", "max", "target", "none"}


def prepare_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the ranked scores of test rows with every column that boards need, and those of the oracle.

    Added are `badness` (lower is better), `slice` (the step of a thresholded variant), `is_oracle`, `known` (whether
    the cell ran), and `test_share`, the share n_test / (n_train + n_test) of a split where the table holds both.

    Raises:
        BenchError: a metric's direction is not known, or differs; a value is a text, or has no method or metric; a
            method has several scores and no column has their tasks; `ranked` or `sample` mean something else.
    """
    table = drop_unnamed(_name_plainly(scores))
    # where nothing counts rows, a cell ran if its metric is not empty in the whole table
    scored = table["metric"].isin(table["metric"][table["value"].notna()].unique())
    table = _fill_columns(table).assign(known=table["n_rows"].notna() if "n_rows" in table else scored)
    table = table.assign(test_share=_test_shares(table))
    table = table.assign(is_oracle=table["method"] == ORACLE if "ranked" in table else False)
    if "ranked" in table:
        table = table[is_ranked(table["ranked"]) | table["is_oracle"]]
    tested = is_test(table["sample"])
    if len(table) and not tested.any():
        raise BenchError("no row has sample 'test', and boards rank no other: give the column 'sample' another name")
    table = _add_direction(table[tested])
    taskless = table[table["task_id"] == DEFAULTS["task_id"]]
    if taskless.duplicated(["board", "panel", "metric", "method", *BLOCK]).any():
        raise BenchError("a method has several scores, and nothing says of which task each is: add a column 'task'")
    value = _read_values(table)
    metrics.refuse_impossible(table["metric"], value)
    return table.assign(value=value, badness=_badness(table, value), slice=_variant_steps(table))


def _name_plainly(scores: pd.DataFrame) -> pd.DataFrame:
    """Name the task as tables of bench do, and make categories what they stand for."""
    table = name_tasks(scores).copy()
    for name in table.columns[[isinstance(kind, pd.CategoricalDtype) for kind in table.dtypes]]:
        table[name] = table[name].astype(object)
    return table


def _fill_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Add the columns that are absent, and fill in what is empty in the others; seeds alone are repeats."""
    if "repeat" not in table and "reseed" in table:
        table = table.assign(repeat=table["reseed"])
    absent: dict[str, Any] = {name: value for name, value in DEFAULTS.items() if name not in table}
    table = table.assign(**absent)
    for name in (name for name in DEFAULTS if name not in PLAIN_NUMBERS and table[name].isna().any()):
        table[name] = table[name].astype(object).where(table[name].notna(), DEFAULTS[name])
    # columns of one's own may have these names: what is no number is unknown
    return table.assign(**{name: pd.to_numeric(table[name], errors="coerce") for name in PLAIN_NUMBERS})


def _test_shares(table: pd.DataFrame) -> Array:
    """Return the share of a split's rows that are tested; rows of the samples `test` and `train` have the numbers."""
    of_split = ["task_id", "repeat", "fold"]
    trained = table[(table["sample"] == "train") & table["n_rows"].notna()]
    if trained.empty:
        return np.full(len(table), np.nan)
    n_train = trained.groupby(of_split)["n_rows"].max()
    tested = table["n_rows"].to_numpy(dtype=float, na_value=np.nan)
    return tested / (tested + n_train.reindex(pd.MultiIndex.from_frame(table[of_split])).to_numpy(dtype=float))


def _add_direction(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of metrics that are better high, low or at a goal; an empty direction is looked up."""
    found = {name: metrics.metric_info(name) for name in table["metric"].unique()}
    direction = table["metric"].map({name: known.direction for name, known in found.items() if known}).astype(object)
    if "direction" in table:
        written = table["direction"].astype(object).map(lambda way: str(way).strip().lower(), na_action="ignore")
        direction = written.where(written.notna(), direction)
    table = table.assign(direction=direction)
    if direction.isna().any():
        name = min(table["metric"][direction.isna()])
        raise BenchError(f"nothing says whether metric {name!r} is better high or low: add a column 'direction'")
    unknown = sorted(set(direction.map(str)) - DIRECTIONS)
    if unknown:
        raise BenchError(f"direction {unknown[0]!r} is not known: write min, max, target or none")
    pairs = table[["metric", "direction"]].drop_duplicates()
    several = sorted(pairs["metric"][pairs["metric"].duplicated()])
    if several:
        raise BenchError(f"metric {several[0]!r} has more than one direction: give each metric one")
    return table[direction != "none"]


def _read_values(table: pd.DataFrame) -> Array:
    try:
        return pd.to_numeric(table["value"]).to_numpy(dtype=float, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise BenchError(f"column 'value' holds a text ({error}): scores are numbers, empty where missing") from error


def _badness(table: pd.DataFrame, value: Array) -> Array:
    """Return what is better when lower: the value, its negative, or its distance from the goal."""
    direction = table["direction"].to_numpy()
    goals = {name: goal(name) for name in table["metric"].unique()}
    aim = table["metric"].map(goals).to_numpy(dtype=float)
    aimless = (direction == "target") & np.isnan(aim)
    if aimless.any():
        name = table["metric"].to_numpy()[aimless].min()
        raise BenchError(
            f"bench does not know the goal of metric {name!r}: give the distance from it, with direction min"
        )
    return np.select([direction == "max", direction == "target"], [-value, np.abs(value - aim)], value)


def has_unit(metric: str) -> bool:
    """Return whether a metric has the unit of the target; one that bench does not know has none."""
    known = metrics.metric_info(metric)
    return known is not None and known.unit


def goal(metric: str) -> float:
    """Return the value that a metric should have, NaN for one that is best high or low."""
    found = metrics.metric_info(metric)
    if found is None or found.direction != "target":
        return np.nan
    return found.goal or 0.0


def _variant_steps(table: pd.DataFrame) -> pd.Series:
    """Name the slice of a row: the step of a thresholded variant, or nothing."""
    slices = pd.Series("", index=table.index, dtype=object)
    for name, board in BOARDS.items():
        step = f"+{board.variant_step}"
        if board.variant_step:
            slices = slices.mask((table["board"] == name) & table["method"].str.endswith(step), step)
    return slices
