"""Any long table of scores in one form: text keys, numeric values, a direction for every metric."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bench.core.exit_codes import CANNOT_COMPARE
from bench.core.nouns import Array, BenchError
from bench.core.tables import categories, drop_unnamed, is_ranked, is_test, name_tasks, texts
from bench.methods import metrics
from bench.report.comparison.report import RefusedError

GROUP = ["board", "metric", "panel", "method"]
KEY = [*GROUP, "learner", "task_id", "repeat", "fold"]
"""What two rows must share to be a pair."""
DIRECTIONS = {"min", "max", "target", "none"}
HUGE = 1e300
"""Above this size the sum of a million values could be infinite."""


@dataclass(frozen=True)
class ScoreTable:
    """Scores that can be compared: `rows` with KEY, seed, value, n_rows and test_share; names may be categories.

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


def tidy(raw: pd.DataFrame, name: str) -> ScoreTable:
    """Return the ranked test rows of a table of scores, keys as categories, each cell once.

    Raises:
        BenchError: a value is no number, or a direction is unknown.
        RefusedError: one cell has two different values.
    """
    raw = drop_unnamed(name_tasks(raw))
    table = raw.assign(test_share=_test_shares(raw))
    if "sample" in table:
        table = table[is_test(table["sample"])]
    if "ranked" in table:
        table = table[is_ranked(table["ranked"])]
    table = _with_seeds(table)
    nothing = pd.Categorical.from_codes(np.zeros(len(table), dtype=np.int8), pd.Index([""], dtype=object))
    keys = {key: categories(table[key]) if key in table else nothing for key in (*KEY, "seed")}
    number = {
        column: table[column].to_numpy() if column in table else np.nan for column in ("value", "n_rows", "test_share")
    }
    rows = pd.DataFrame({**keys, **number}, index=pd.RangeIndex(len(table)))
    direction = _directions(raw, name)
    ranked = {metric for metric, way in direction.items() if way != "none"}
    once, repeated = _drop_repeats(rows[rows["metric"].isin(ranked)], name)
    absent = tuple(key for key in KEY if key not in table)
    return ScoreTable(once, direction, unit=_units(table, rows, name), absent=absent, repeated=repeated)


def _units(table: pd.DataFrame, rows: pd.DataFrame, name: str) -> dict[tuple[str, str], str]:
    """Return what the column `unit` says of every task and metric.

    Raises:
        BenchError: it says two things of one.
    """
    if "unit" not in table:
        return {}
    said = rows[["task_id", "metric"]].assign(unit=categories(table["unit"])).drop_duplicates()
    units: dict[tuple[str, str], str] = {}
    for task, metric, unit in said[said["unit"] != ""].itertuples(index=False, name=None):
        if units.setdefault((task, metric), unit) != unit:
            where = f"{metric} of {task}" if task else metric
            raise BenchError(f"{where} has two units in {name}, {units[task, metric]} and {unit}: convert one of them")
    return units


def _test_shares(raw: pd.DataFrame) -> Array:
    """Return the share of a split's rows that are tested; rows of the samples `test` and `train` have the numbers."""
    of_split = ["task_id", "repeat", "fold"]
    if not {"sample", "n_rows", *of_split} <= set(raw.columns):
        return np.full(len(raw), np.nan)
    n_rows = pd.Series(raw["n_rows"].to_numpy(dtype=float, na_value=np.nan))
    n_train = n_rows.where((raw["sample"] == "train").to_numpy())
    by = n_train.groupby([pd.Series(categories(raw[key])) for key in of_split], observed=True)
    return (n_rows / (n_rows + by.transform("max"))).to_numpy()


def _with_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of bench with the seeds of its learners told apart: they are further repeats of its splits."""
    if not {"reseed", "repeat", "task_id"} <= set(table.columns) or (texts(table["reseed"]) == "0").all():
        return table
    numbered = table.assign(repeat=pd.to_numeric(pd.Series(texts(table["repeat"]), table.index), errors="coerce"))
    place = numbered.groupby(["task_id", "reseed"], observed=True)["repeat"].rank(method="dense")
    known = place.notna().all()
    return table.assign(seed=table["reseed"], repeat=(place - 1).astype(int).astype(str)) if known else table


def mean_by(rows: pd.DataFrame, keys: list[str], means: list[str], **others: tuple[str, str]) -> pd.DataFrame:
    """Return the means of some columns by group, and what else is asked of a group.

    Numbers are divided before they are summed where their sum could overflow: errors near the largest float are finite.
    """
    by = rows.groupby(keys, sort=False)
    with np.errstate(over="ignore", invalid="ignore"):  # such a mean is taken again below
        found = by.agg(**{name: (name, "mean") for name in means}, **others)
    for name in means:
        if np.abs(rows[name].to_numpy(dtype=float)).max(initial=0.0) > HUGE:
            share = rows[name] / by[name].transform("count")
            with np.errstate(invalid="ignore"):  # infinite both ways is no number
                found[name] = share.groupby([rows[key] for key in keys], sort=False).sum(min_count=1)
    return found.reset_index()


def is_any_pair(pairs: pd.DataFrame, wanted: Collection[tuple[str, str]]) -> Array:
    """Mark the rows of two columns of names (n, 2) that are one of some pairs; asked once a pair, not once a row."""
    pair = pairs.groupby(list(pairs), sort=False, observed=True).ngroup().to_numpy()
    firsts = pairs.iloc[np.unique(pair, return_index=True)[1]]
    return np.array([each in wanted for each in firsts.itertuples(index=False, name=None)], dtype=bool)[pair]


def _directions(raw: pd.DataFrame, name: str) -> dict[str, str]:
    """Return the direction of every metric: that of the table, else the one that bench knows, else none."""
    written = categories(raw["direction"]) if "direction" in raw else ""
    pairs = pd.DataFrame({"metric": categories(raw["metric"]), "direction": written}).drop_duplicates()
    found: dict[str, str] = {}
    for one, direction in pairs.itertuples(index=False):
        known = metrics.metric_info(one)
        way = direction.strip().lower() or (known.direction if known else "")
        if way not in DIRECTIONS | {""}:
            raise BenchError(f"direction {way!r} in {name} is not known: write min, max, target or none")
        if found.setdefault(one, way) != way:
            raise BenchError(f"metric {one!r} has two directions in {name}, {found[one]} and {way}: write one")
    return found


def _drop_repeats(rows: pd.DataFrame, name: str) -> tuple[pd.DataFrame, int]:
    """Drop rows that stand there twice, and count them."""
    if not rows.duplicated([*KEY, "seed"]).any():
        return rows, 0
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
