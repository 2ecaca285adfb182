"""A long table of scores made ready to be ranked: absent columns filled in, values turned into badness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bench.core.nouns import Array, BenchError
from bench.core.tables import drop_unnamed, is_ranked, is_test, name_tasks
from bench.methods import metrics
from bench.methods.boards import BOARDS, ORACLE

BLOCK = ["task_id", "learner", "repeat", "fold"]
"""What one comparison of all methods belongs to; rows that differ in nothing else are averaged."""
NAMES = {"board": "", "panel": "", "task_id": "", "learner": "", "sample": "test", "status": ""}
"""Columns of names, and what an empty field stands for; they become categories, as `method` and `metric` do."""
COUNTERS = ("repeat", "fold", "reseed")
PLAIN_NUMBERS = ("n_rows", "learners_used", "gap")
DIRECTIONS = {"min", "max", "target", "none"}


def prepare_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the ranked scores of test rows with every column that boards need, and those of the oracle.

    Added are `badness` (lower is better), `slice` (the step of a thresholded variant), `is_oracle`, `known` (whether
    the cell ran), and `test_share`, the share n_test / (n_train + n_test) of a split where the table holds both. Names
    are categories in their order: what is asked of texts is asked once a name, not once a row.

    Raises:
        BenchError: a metric's direction is not known, or differs; a value is a text, or has no method or metric; a
            method has several scores and no column has their tasks; `ranked` or `sample` mean something else.
    """
    table = _fill_columns(drop_unnamed(name_tasks(scores)))
    # where nothing counts rows, a cell ran if its metric is not empty in the whole table
    scored = table["metric"].isin(table["metric"][table["value"].notna()].unique())
    table = table.assign(
        known=table["n_rows"].notna() if "n_rows" in scores else scored,
        test_share=_test_shares(table),
        is_oracle=table["method"] == ORACLE if "ranked" in table else False,
    )
    if "ranked" in table:
        table = table[is_ranked(table["ranked"]) | table["is_oracle"]]
    tested = is_test(table["sample"])
    if len(table) and not tested.any():
        raise BenchError("no row has sample 'test', and boards rank no other: give the column 'sample' another name")
    table = table[tested]
    directions = _directions(table)
    table = table[table["metric"].isin([name for name, direction in directions.items() if direction != "none"])]
    taskless = table[table["task_id"] == NAMES["task_id"]]
    if taskless.duplicated(["board", "panel", "metric", "method", *BLOCK]).any():
        raise BenchError("a method has several scores, and nothing says of which task each is: add a column 'task'")
    value = _read_values(table)
    metrics.refuse_impossible(table["metric"], value)
    return table.assign(
        direction=table["metric"].map(directions),
        value=value,
        badness=_badness(table["metric"], value, directions),
        slice=_variant_steps(table),
    )


def _fill_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Add the columns that are absent, and fill in what is empty in the others; seeds alone are repeats."""
    if "repeat" not in table and "reseed" in table:
        table = table.assign(repeat=table["reseed"])
    defaults: dict[str, Any] = {**NAMES, **dict.fromkeys(COUNTERS, 0), **dict.fromkeys(PLAIN_NUMBERS, np.nan)}
    table = table.assign(**{name: value for name, value in defaults.items() if name not in table})
    for name in (name for name in COUNTERS if table[name].isna().any()):
        table[name] = table[name].astype(object).where(table[name].notna(), 0)
    # columns of one's own may have these names: what is no number is unknown
    return table.assign(
        **{name: _numbers(table[name]) for name in PLAIN_NUMBERS},
        **{name: _categories(table[name], missing) for name, missing in NAMES.items()},
        **{name: _categories(table[name], "", str) for name in ("method", "metric")},
    )


def _numbers(column: pd.Series) -> pd.Series:
    plain = column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column
    return pd.to_numeric(plain, errors="coerce").astype(float)


def _categories(column: pd.Series, missing: str, read: Callable[[Any], Any] = lambda name: name) -> pd.Categorical:
    """Return a column as categories in their order, numbers before texts, with a category for what is empty."""
    codes, found = pd.factorize(column)
    names = [*map(read, found), missing]
    ordered = sorted(set(names), key=lambda name: (isinstance(name, str), name))
    place = {name: at for at, name in enumerate(ordered)}
    # the code -1 of what is empty takes the last, `missing`
    return pd.Categorical.from_codes(np.array([place[name] for name in names])[codes], pd.Index(ordered, dtype=object))


def _test_shares(table: pd.DataFrame) -> Array:
    """Return the share of a split's rows that are tested; rows of the samples `test` and `train` have the numbers."""
    of_split = [table[name] for name in ("task_id", "repeat", "fold")]
    n_train = table["n_rows"].where(table["sample"] == "train").groupby(of_split, observed=True).transform("max")
    return np.asarray(table["n_rows"] / (table["n_rows"] + n_train), dtype=float)


def _directions(table: pd.DataFrame) -> dict[str, str]:
    """Return the direction of each metric: what the table says of it, else what is known of a metric of that name."""
    written = table[["metric", "direction"]] if "direction" in table else table[["metric"]].assign(direction=np.nan)
    found: dict[str, str] = {}
    for name, given in written.drop_duplicates().itertuples(index=False):
        known = metrics.metric_info(name)
        if pd.notna(given):
            direction = str(given).strip().lower()
        elif known is not None:
            direction = known.direction
        else:
            raise BenchError(f"nothing says whether metric {name!r} is better high or low: add a column 'direction'")
        if direction not in DIRECTIONS:
            raise BenchError(f"direction {direction!r} is not known: write min, max, target or none")
        if found.setdefault(name, direction) != direction:
            raise BenchError(f"metric {name!r} has more than one direction: give each metric one")
    return found


def _read_values(table: pd.DataFrame) -> Array:
    try:
        return pd.to_numeric(table["value"]).to_numpy(dtype=float, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise BenchError(f"column 'value' holds a text ({error}): scores are numbers, empty where missing") from error


def _badness(metric: pd.Series, value: Array, directions: Mapping[str, str]) -> Array:
    """Return what is better when lower: the value, its negative, or its distance from the goal."""
    aims = {name: goal(name) for name, direction in directions.items() if direction == "target"}
    for name, aim in aims.items():
        if np.isnan(aim):
            raise BenchError(
                f"bench does not know the goal of metric {name!r}: give the distance from it, with direction min"
            )
    names, code = metric.cat.categories, metric.cat.codes
    signs = np.array([-1.0 if directions.get(name) == "max" else 1.0 for name in names])[code]
    goals = np.array([aims.get(name, np.nan) for name in names], dtype=float)[code]
    return np.where(np.isnan(goals), signs * value, np.abs(value - goals))


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


def _variant_steps(table: pd.DataFrame) -> pd.Categorical:
    """Name the slice of a row: the step of a thresholded variant, or nothing."""
    steps = sorted({f"+{board.variant_step}" for board in BOARDS.values() if board.variant_step})
    code = np.zeros(len(table), dtype=np.int64)
    for name, board in BOARDS.items():
        step = f"+{board.variant_step}"
        if step in steps:
            variants = [method for method in table["method"].cat.categories if method.endswith(step)]
            code[(table["board"] == name) & table["method"].isin(variants)] = 1 + steps.index(step)
    return pd.Categorical.from_codes(code, pd.Index(["", *steps], dtype=object))
