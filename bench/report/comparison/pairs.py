"""Pairs: what BASE and NEW both have, task by task, and what only one of them has."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.report.comparison.baseline_file import means_of_tasks, round_stored
from bench.report.comparison.report import LOST_COLUMNS
from bench.report.comparison.side import ComparedSide, Splits
from bench.report.comparison.tables import GROUP, KEY, ScoreTable, mean_by

ANSWER = [*GROUP, "task_id"]
RAN = ["board", "metric", "task_id"]


class Pairs(NamedTuple):
    """`cells` has KEY, base, new, rows_base and rows_new of every pair, `lost` KEY and `missing_in` of the others."""

    cells: pd.DataFrame
    lost: pd.DataFrame


def fill_absent_keys(left: ScoreTable, right: ScoreTable) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Return the rows of both, a key that one file has no column for taken from the other where that has one value.

    The notes name the columns for which this was done.
    """
    rows = [left.rows, right.rows]
    notes = []
    for here, table, other in ((0, left, right), (1, right, left)):
        for key in (key for key in table.absent if key not in other.absent):
            values = other.rows[key].unique()
            if len(values) == 1 and values[0]:
                rows[here] = rows[here].assign(**{key: values[0]})
                side = ("BASE", "NEW")[here]
                notes.append(f"{side} has no column {key}: taken as {values[0]}, the only one of the other side")
    return rows[0], rows[1], notes


def match_cells(base: pd.DataFrame, new: pd.DataFrame, splits: Splits | None) -> Pairs:
    """Match the cells of two tables on identical KEY; a number that is missing on one side makes no pair.

    With `splits`, those of a baseline, both sides are reduced to means over exactly these.
    """
    both = [average_seeds(side) for side in (base, new)]
    if splits is not None:
        reduced = [(side["repeat"] == "").all() and (side["fold"] == "").all() for side in both]
        both = [side if is_mean else means_of_tasks(side, splits) for side, is_mean in zip(both, reduced, strict=True)]
        both = [side.assign(value=round_stored(side["value"].to_numpy(dtype=float))) for side in both]
    left, right = (side[[*KEY, "value", "n_rows", "test_share"]] for side in both)
    left = left.rename(columns={"value": "base", "n_rows": "rows_base"})
    right = right.drop(columns="test_share")
    right = right.rename(columns={"value": "new", "n_rows": "rows_new"})
    joined = left.merge(right, on=KEY, how="outer", sort=False)
    has_base, has_new = joined["base"].notna(), joined["new"].notna()
    lost = joined[has_base ^ has_new]
    lost = lost[KEY].assign(missing_in=np.where(lost["base"].isna(), "BASE", "NEW"))
    return Pairs(joined[has_base & has_new].reset_index(drop=True), lost.reset_index(drop=True))


def find_unanswered(found: Pairs, new: pd.DataFrame) -> pd.DataFrame:
    """Return GROUP and task_id of what BASE scores and NEW ran without a score.

    NEW ran a cell if it has a row of it without a value, and a task if it has a row of it by any method. A task that
    NEW never ran is no such thing: a run may take some tasks or folds of a suite.
    """
    lost = found.lost[found.lost["missing_in"] == "NEW"]
    empty = lost.merge(new[KEY].drop_duplicates(), on=KEY)
    answered = found.cells[ANSWER].drop_duplicates().assign(answered=True)
    silent = lost[ANSWER].merge(answered, on=ANSWER, how="left")
    silent = silent[silent["answered"].isna()].merge(new[RAN].drop_duplicates(), on=RAN)
    return pd.concat([empty[ANSWER], silent[ANSWER]]).drop_duplicates(ignore_index=True)


def average_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of every cell over its seeds, NaN where one of them has no value."""
    if not rows.duplicated(KEY).any():
        return rows
    found = mean_by(
        rows, KEY, ["value"], known=("value", "count"), n=("value", "size"), n_rows=("n_rows", "max"),
        test_share=("test_share", "max"),
    )  # fmt: skip
    return found.assign(value=found["value"].where(found["known"] == found["n"]))


def task_values(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the means of each task, and learner where rows belong to one, over its paired folds; `blocks` counts."""
    return mean_by(cells, [*GROUP, "learner", "task_id"], ["base", "new"], blocks=("base", "size"))


def summarise_lost(found: Pairs, base: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return what has no partner: whole metrics, tasks, methods, then single cells of a method; the largest first."""
    known = {"BASE": base[base["value"].notna()], "NEW": new[new["value"].notna()]}
    rows = []
    for (side, board, panel), lost in found.lost.groupby(["missing_in", "board", "panel"], sort=False):
        here = known[str(side)]
        here = here[(here["board"] == board) & (here["panel"] == panel)]
        left = lost
        for key, noun in (("metric", "metric"), ("task_id", "task"), ("method", "method")):
            gone = left[~left[key].isin(here[key])]
            rows += [(side, board, panel, noun, name, len(part), part["task_id"].nunique())
                     for name, part in gone.groupby(key, sort=False)]  # fmt: skip
            left = left.drop(gone.index)
        rows += [(side, board, panel, "cells of", name, len(part), part["task_id"].nunique())
                 for name, part in left.groupby("method", sort=False)]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(LOST_COLUMNS))
    return table.sort_values(["missing_in", "cells"], ascending=False, kind="stable", ignore_index=True)


def baseline_splits(base: ComparedSide, new: ComparedSide) -> Splits | None:
    """Return the splits to which both sides are reduced: those of the baseline, if one side is."""
    return base.splits if base.splits is not None else new.splits
