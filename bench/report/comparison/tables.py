"""Any long table of scores in one form: text keys, numeric values, a direction for every metric."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bench.core.exit_codes import CANNOT_COMPARE
from bench.core.nouns import Array, BenchError
from bench.methods import metrics
from bench.report.comparison.report import RefusedError

GROUP = ["board", "metric", "panel", "method"]
KEY = [*GROUP, "learner", "task_id", "repeat", "fold"]
"""What two rows must share to be a pair."""
NO_VALUE = {"", "na", "n/a", "nan", "none", "null"}
DIRECTIONS = {"min", "max", "target", "none"}
HUGE = 1e300
"""Above this size the sum of a million values could be infinite."""


@dataclass(frozen=True)
class ScoreTable:
    """Scores that can be compared: `rows` with KEY, seed, value, n_rows and test_share.

    `test_share` is n_test / (n_train + n_test) of the row's split, NaN where the file does not hold both. `unit` is
    what a column of this name says of a task and metric. `direction` is that of every metric of the file, also of those
    that only describe and have no rows here; empty where it is not known. `absent` are the parts of KEY that the file
    has no column for, `repeated` the rows dropped because they stood there twice.
    """

    rows: pd.DataFrame
    direction: Mapping[str, str]
    unit: Mapping[tuple[str, str], str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    repeated: int = 0


def decode_table(content: bytes, name: str) -> pd.DataFrame:
    """Return a CSV or Parquet file as a table; every column of a CSV file is text.

    Raises:
        BenchError: it is no such file, or lacks a column.
    """
    parquet = content[:4] == b"PAR1"  # every Parquet file starts with these bytes
    try:
        raw = pd.read_parquet(io.BytesIO(content)) if parquet else _csv(content)
    except (ValueError, OSError) as error:
        raise BenchError(
            f"{name} cannot be read as a table ({_one_line(error)}): give a CSV or Parquet file"
        ) from error
    raw = raw.rename(columns={column: str(column).strip() for column in raw.columns})
    raw = raw if "task_id" in raw else raw.rename(columns={"task": "task_id"})
    missing = sorted({"method", "metric", "value"} - set(raw.columns))
    if missing:
        raise BenchError(f"{name} has no column {', '.join(missing)}: a score table has method, metric, value")
    return raw


def _csv(content: bytes) -> pd.DataFrame:
    if content.startswith(b"version https://git-lfs"):
        raise ValueError("a pointer of Git LFS: run `git lfs pull`")
    return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8-sig")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]  # a part of a sentence, not all that a reader reports


def tidy(raw: pd.DataFrame, name: str) -> ScoreTable:
    """Return the ranked test rows of a table of scores, keys as text, each cell once.

    Raises:
        BenchError: a value is no number, or a direction is unknown.
        RefusedError: one cell has two different values.
    """
    table = raw.assign(test_share=_test_shares(raw, name))
    if "sample" in table:
        table = table[texts(table["sample"]) == "test"]
    if "ranked" in table:
        table = table[np.char.lower(texts(table["ranked"]).astype(str)) == "true"]
    table = _with_seeds(table)
    keys = {key: texts(table[key]) if key in table else "" for key in (*KEY, "seed")}
    number = {column: number_column(table, column, name) for column in ("value", "n_rows", "test_share")}
    rows = pd.DataFrame({**keys, **number}, index=pd.RangeIndex(len(table)))
    direction = _directions(raw, name)
    ranked = {metric for metric, way in direction.items() if way != "none"}
    once, repeated = _drop_repeats(rows[rows["metric"].isin(ranked)], name)
    absent = tuple(key for key in KEY if key not in table)
    return ScoreTable(once, direction, unit=_units(table, rows), absent=absent, repeated=repeated)


def _units(table: pd.DataFrame, rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return what the column `unit` says of every task and metric."""
    if "unit" not in table:
        return {}
    said = rows[["task_id", "metric"]].assign(unit=texts(table["unit"])).drop_duplicates()
    return {(task, metric): unit for task, metric, unit in said.itertuples(index=False, name=None) if unit}


def _test_shares(raw: pd.DataFrame, name: str) -> Array:
    """Return the share of a split's rows that are tested; rows of the samples `test` and `train` have the numbers."""
    of_split = ["task_id", "repeat", "fold"]
    n_rows = number_column(raw, "n_rows", name)
    if not {"sample", *of_split} <= set(raw.columns):
        return np.full(len(raw), np.nan)
    is_train = texts(raw["sample"]) == "train"
    n_train = (
        pd.Series(n_rows)
        .groupby([texts(raw[key]) for key in of_split])
        .transform(lambda rows: rows[is_train[rows.index]].max())
    )
    return n_rows / (n_rows + n_train.to_numpy(dtype=float))


def _with_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of bench with the seeds of its learners told apart: they are further repeats of its splits."""
    if not {"reseed", "repeat", "task_id"} <= set(table.columns):
        return table
    numbered = table.assign(repeat=pd.to_numeric(table["repeat"], errors="coerce"))
    place = numbered.groupby(["task_id", "reseed"])["repeat"].rank(method="dense")
    known = place.notna().all() and (texts(table["reseed"]) != "0").any()
    return table.assign(seed=table["reseed"], repeat=(place - 1).astype(int).astype(str)) if known else table


def mean_by(rows: pd.DataFrame, keys: list[str], means: list[str], **others: tuple[str, str]) -> pd.DataFrame:
    """Return the means of some columns by group, and what else is asked of a group.

    Numbers are divided before they are summed where their sum could overflow: errors near the largest float are finite.
    """
    by = rows.groupby(keys, sort=False)
    with np.errstate(over="ignore"):  # such a mean is taken again below
        found = by.agg(**{name: (name, "mean") for name in means}, **others)
    for name in means:
        if np.abs(rows[name].to_numpy(dtype=float)).max(initial=0.0) > HUGE:
            share = rows[name] / by[name].transform("count")
            found[name] = share.groupby([rows[key] for key in keys], sort=False).sum(min_count=1)
    return found.reset_index()


def texts(column: pd.Series[Any]) -> Array:
    """Return a column as text: empty for missing, 1 for 1.0."""
    codes, names = pd.factorize(column)
    plain = [re.sub(r"^(-?\d+)\.0+$", r"\1", str(name)) for name in names]
    return np.array([*plain, ""], dtype=object)[codes]


def number_column(table: pd.DataFrame, column: str, name: str) -> Array:
    """Return a column as numbers, NaN where it is empty or not there.

    Raises:
        BenchError: it holds a text.
    """
    if column not in table:
        return np.full(len(table), np.nan)
    values = table[column]
    if not pd.api.types.is_numeric_dtype(values):
        plain = values.astype(str).str.strip()
        values = plain.mask(plain.str.lower().isin(NO_VALUE) | values.isna())
    found = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = np.isnan(found) & values.notna().to_numpy()
    if bad.any():
        raise BenchError(
            f"column {column!r} of {name} holds {str(values[bad].iloc[0])!r}: scores are numbers, empty where missing"
        )
    return found


def _directions(raw: pd.DataFrame, name: str) -> dict[str, str]:
    """Return the direction of every metric: that of the table, else the one that bench knows, else none."""
    metric = texts(raw["metric"])
    written = texts(raw["direction"]) if "direction" in raw else np.full(len(raw), "", dtype=object)
    pairs = pd.DataFrame({"metric": metric, "direction": written}).drop_duplicates()
    pairs["direction"] = pairs["direction"].str.lower()
    found: dict[str, str] = {}
    for one, direction in pairs.itertuples(index=False):
        known = metrics.metric_info(one)
        way = direction or (known.direction if known else "")
        if way not in DIRECTIONS | {""}:
            raise BenchError(f"direction {way!r} in {name} is not known: write min, max, target or none")
        if found.setdefault(one, way) != way:
            raise BenchError(f"metric {one!r} has two directions in {name}, {found[one]} and {way}: write one")
    return found


def _drop_repeats(rows: pd.DataFrame, name: str) -> tuple[pd.DataFrame, int]:
    """Drop rows that stand there twice, and count them."""
    once = rows.drop_duplicates([*KEY, "seed", "value"])
    again = once.duplicated([*KEY, "seed"])
    if again.any():
        cell = once[again].iloc[0]
        where = " ".join(cell[key] for key in KEY if cell[key])
        raise RefusedError(
            CANNOT_COMPARE,
            f"{name} has two values for one cell ({where}), as for {int(again.sum()) - 1} others: "
            "tell its rows apart by a column repeat, fold, learner or seed",
        )
    return once, len(rows) - len(once)
