"""Any long table of scores in one form: text keys, numeric values, a direction for every metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.core.exit_codes import CANNOT_COMPARE
from bench.core.nouns import BenchError
from bench.core.tables import drop_unnamed, is_ranked, is_test, name_tasks, texts
from bench.methods import metrics
from bench.report.comparison.report import RefusedError

GROUP = ["board", "metric", "panel", "method"]
KEY = [*GROUP, "learner", "task_id", "repeat", "fold"]
"""What two rows must share to be a pair."""
DIRECTIONS = {"min", "max", "target", "none"}


@dataclass(frozen=True)
class ScoreTable:
    """Scores that can be compared: `rows` with KEY, seed, value and n_rows.

    `direction` is that of every metric of the file, also of those that only describe and have no rows here; empty where
    it is not known. `absent` are the parts of KEY that the file has no column for, `repeated` the rows dropped because
    they stood there twice.
    """

    rows: pd.DataFrame
    direction: Mapping[str, str]
    absent: tuple[str, ...] = ()
    repeated: int = 0


def tidy(raw: pd.DataFrame, name: str) -> ScoreTable:
    """Return the ranked test rows of a table of scores, keys as text, each cell once.

    Raises:
        BenchError: a value is no number, or a direction is unknown.
        RefusedError: one cell has two different values.
    """
    raw = drop_unnamed(name_tasks(raw))
    table = raw
    if "sample" in table:
        table = table[is_test(table["sample"])]
    if "ranked" in table:
        table = table[is_ranked(table["ranked"])]
    table = _with_seeds(table)
    keys = {key: texts(table[key]) if key in table else "" for key in (*KEY, "seed")}
    number = {column: table[column].to_numpy() if column in table else np.nan for column in ("value", "n_rows")}
    rows = pd.DataFrame({**keys, **number}, index=pd.RangeIndex(len(table)))
    direction = _directions(raw, name)
    ranked = {metric for metric, way in direction.items() if way != "none"}
    once, repeated = _drop_repeats(rows[rows["metric"].isin(ranked)], name)
    return ScoreTable(once, direction, tuple(key for key in KEY if key not in table), repeated)


def _with_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of bench with the seeds of its learners told apart: they are further repeats of its splits."""
    if not {"reseed", "repeat", "task_id"} <= set(table.columns):
        return table
    numbered = table.assign(repeat=pd.to_numeric(table["repeat"], errors="coerce"))
    place = numbered.groupby(["task_id", "reseed"])["repeat"].rank(method="dense")
    known = place.notna().all() and (texts(table["reseed"]) != "0").any()
    return table.assign(seed=table["reseed"], repeat=(place - 1).astype(int).astype(str)) if known else table


def _directions(raw: pd.DataFrame, name: str) -> dict[str, str]:
    """Return the direction of every metric: that of the table, else the one that bench knows, else none."""
    metric = texts(raw["metric"])
    written = texts(raw["direction"]) if "direction" in raw else np.full(len(raw), "", dtype=object)
    pairs = pd.DataFrame({"metric": metric, "direction": written}).drop_duplicates()
    pairs["direction"] = pairs["direction"].str.strip().str.lower()
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
